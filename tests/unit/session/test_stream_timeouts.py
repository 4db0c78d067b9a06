"""Each stream of audio is watched by itself; video may be silent, as on a phone that shows nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from session_bench import Bench, on_bench
from stream_phone import Port, audio, describe, h264
from test_session_streams import ENDPOINTS, Call, change

from asterism.media.rtp import RtpSession


def watched(bench: Bench, name: str) -> list[tuple[str, float]]:
    """The type of each stream of a channel, and after how many seconds its silence ends the call."""
    channel = next(one for one in bench.server.pbx.channels if one.name.startswith(f"PJSIP/{name}-"))
    ports = [(one.type, one.port) for one in channel.streams]
    return [
        (kind, 0 if port._inactivity is None else port._inactivity._seconds)
        for kind, port in ports
        if isinstance(port, RtpSession)
    ]


@pytest.mark.parametrize("silent", [0, 1])
def test_any_stream_of_audio_that_is_silent_ends_the_call(silent: int, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", **ENDPOINTS["multi"], rtp_timeout=30, rtp_timeout_hold=300)
        change(bench, "bob", **ENDPOINTS["multi"])
        call = Call(bench)
        more = [Port() for _ in range(2)]
        call.ports += more
        offer = describe(audio(call.a_audio), audio(more[0]), h264(call.a_video))
        answer = describe(audio(call.b_audio), audio(more[1]), h264(call.b_video))
        await call.begin(offer, answer)
        assert watched(bench, "alice") == [("audio", 30), ("audio", 30), ("video", 0)]
        assert watched(bench, "bob") == [("audio", 0), ("audio", 0), ("video", 0)]
        await call.reinvite(describe(audio(call.a_audio), audio(more[0], "inactive"), h264(call.a_video)))
        assert watched(bench, "alice")[:2] == [("audio", 30), ("audio", 300)]
        port = next(one for one in bench.server.pbx.channels if "alice" in one.name).streams[silent].port
        assert isinstance(port, RtpSession)
        assert port._inactivity is not None
        port._inactivity._expired()
        call.alice.respond(await call.alice.next("BYE"), 200)
        call.bob.respond(await call.bob.next("BYE"), 200)
        for one in call.ports:
            one.close()

    test(tmp_path)
