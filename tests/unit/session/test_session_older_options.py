"""Options of endpoints that chan_sip had and chan_pjsip has not, each with what it changes in a call."""

from __future__ import annotations

from typing import Any

import pytest
from call_steps import answered, dialing
from session_bench import Bench, on_bench, sdp
from test_session_options import caller_channel, change, statuses

from asterism.media.tones import tone_frames
from asterism.pbx.channels.playing import Playing
from asterism.sip.objects.codecs import CodecList
from asterism.stack.message import Response

VIDEO = sdp() + "m=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"


@pytest.mark.parametrize(("hops", "expected"), [(0, "70"), (20, "20")])
def test_max_forwards(tmp_path, hops, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", max_forwards=hops)
        _, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 486)
        assert invite.get("Max-Forwards") == str(min(int(expected), 69))  # a hop less than the caller's

    test(tmp_path)


@pytest.mark.parametrize(("refused", "sent"), [((), True), (("message",), False)])
def test_disallowed_methods(tmp_path, refused, sent) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", disallowed_methods=refused)
        _, _, alice, _ = await answered(bench)
        assert caller_channel(bench).driver.send_text("hello") is sent
        if sent:
            alice.respond(await alice.next("MESSAGE"), 200)

    test(tmp_path)


@pytest.mark.parametrize(("wanted", "expected"), [(False, []), (True, [183])])
def test_progress_on_audio(tmp_path, wanted, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", progress_on_audio=wanted)
        heard: list[bool] = []

        @bench.server.pbx.extension("internal", "770")
        async def play(channel: Any) -> None:
            playing = Playing(channel, tone_frames("440/100"))
            heard.append(playing.active)
            playing.stop()
            await channel.hangup(17)

        alice = bench.phone(5071)
        alice.call("770")
        before = alice.messages
        await bench.until(lambda: any(isinstance(one, Response) and one.status >= 300 for one in before()))
        assert statuses(before()) == expected
        assert heard == [wanted]

    test(tmp_path)


@pytest.mark.parametrize(("taken", "status", "code"), [(True, 200, "4711"), (False, 415, "acct-alice")])
def test_client_codes(tmp_path, taken, status, code) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", client_codes=taken)
        ok, _, alice, _ = await answered(bench)
        alice.in_dialog("INFO", ok, 2, "x", extra="X-ClientCode: 4711\r\n", content_type="text/x")
        await alice.next(status)
        assert caller_channel(bench).accountcode == code

    test(tmp_path)


@pytest.mark.parametrize(("number", "pressed", "reached"), [("7", "70", "770"), ("7", "9", "i")])
def test_overlap_by_tones(tmp_path, number, pressed, reached) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", allow_overlap=False, overlap_by_tones=True)
        came: list[str] = []
        for extension in ("770", "i"):

            @bench.server.pbx.extension("internal", extension)
            async def arrive(channel: Any) -> None:
                came.append(channel.exten)
                await channel.hangup(17)

        alice = bench.phone(5071)
        alice.call(number)
        await alice.next(183)
        for digit in pressed:
            caller_channel(bench).queue_digit(digit, 100)
        await bench.until(lambda: came)
        assert came == [reached]

    test(tmp_path)


def test_a_number_that_is_no_start_is_refused(tmp_path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", allow_overlap=False, overlap_by_tones=True)
        alice = bench.phone(5071)
        alice.call("88")
        await alice.next(404)

    test(tmp_path)


@pytest.mark.parametrize(("rate", "expected"), [(0, False), (384, True)])
def test_max_video_bitrate(tmp_path, rate, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", max_video_bitrate=rate, allow=CodecList(("ulaw", "h264")))

        @bench.server.pbx.extension("internal", "770")
        async def answer(channel: Any) -> None:
            await channel.answer()
            await channel.wait(99)

        for port, body, told in ((5071, VIDEO, expected), (5074, sdp(), False)):
            alice = bench.phone(port)
            alice.call("770", body=body)
            ok = await alice.next(200)
            assert (b"\r\nb=CT:384\r\nt=0 0" in ok.body) is told
            alice.in_dialog("ACK", ok, 1)
            alice.in_dialog("BYE", ok, 2)
            await alice.next(200)

    test(tmp_path)


@pytest.mark.parametrize(
    ("via", "expected"), [("127.0.0.1:5071", False), ("192.168.1.5:5071", True), ("127.0.0.1:5999", True)]
)
def test_media_of_who_is_behind_nat(tmp_path, via, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", rtp_symmetric=True, detect_nat=("media",))

        @bench.server.pbx.extension("internal", "770")
        async def answer(channel: Any) -> None:
            await channel.answer()
            await channel.wait(99)

        alice = bench.phone(5071)
        real = alice.receive
        alice.receive = lambda text: real(text.replace("127.0.0.1:5071;rport;branch", f"{via};rport;branch"))
        alice.call("770")
        ok = await alice.next(200)
        session = next(iter(bench.server.media.sessions))
        assert session.symmetric is expected
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 2)

    test(tmp_path)
