"""TALK_DETECT: what the bus is told of."""

from __future__ import annotations

import asyncio

from fake_technology import FakeServer, FakeStream, audio_of, run

from asterism.media.formats import SLIN, ULAW
from asterism.media.stream import Frame
from asterism.pbx.channels.talk import TalkDetection
from asterism.pbx.vocabulary import events

TALK, QUIET = Frame(SLIN, b"\x00\x04" * 160), Frame(SLIN, bytes(320))


def test_two_bursts_are_told_and_the_second_is_not_over_when_the_channel_ends() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        function = TalkDetection()
        function.write(alice, "set", "300,300")
        stream = audio_of(alice)
        for frame, count in ((QUIET, 20), (TALK, 50), (QUIET, 20), (TALK, 5), (QUIET, 14)):
            for _ in range(count):
                assert stream.hear_in(frame) is frame
        await asyncio.sleep(0)
        start, stop = events.CHANNEL_TALKING_START, events.CHANNEL_TALKING_STOP
        told = [event for event in server.recorded if event[0] in (start, stop)]
        assert [kind for kind, _ in told] == [start, stop, start]
        assert dict(told[1][1])["Duration"] == 0  # no time has passed but that of the audio
        function.write(alice, "remove", "")
        assert stream.taps_in is None

    run(scenario)
