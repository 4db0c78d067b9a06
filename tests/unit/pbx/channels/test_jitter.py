"""JITTERBUFFER: what waits in it is not lost when it is taken off."""

from __future__ import annotations

from typing import Any

from fake_technology import FakeServer, FakeStream, run

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.pbx.channels.jitter import JitterFunction


def test_taken_off_it_gives_all_that_waits_in_order() -> None:
    async def scenario(server: FakeServer) -> None:
        stream: Any = FakeStream(ULAW)
        server.sip.stream = lambda: stream
        alice = server.sip.incoming("alice", "1")
        frames: list[Frame] = []
        stream.sink = frames.append
        function = JitterFunction()
        function.write(alice, "fixed", "default")
        for number in (0, 2, 1, 3):  # the timestamps wrap in between
            timestamp = 0xFFFFFF00 + 160 * number & 0xFFFFFFFF
            assert stream.hear_in(Frame(ULAW, bytes([number]) * 160, timestamp)) is None
        assert frames == []
        function.write(alice, "disabled", "")
        assert [frame.payload[0] for frame in frames] == [0, 1, 2, 3]
        assert {frame.timestamp for frame in frames} == {None}  # not to be kept once more
        assert stream.taps_in is None

    run(scenario)
