"""Digits that a far end sends as tones: what becomes of one when the tap is taken off in the middle of it."""

from __future__ import annotations

from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, run

from asterism.media.formats import SLIN
from asterism.media.tones import dtmf_frames
from asterism.pbx.channels.inband_digits import detect_digits


@pytest.mark.parametrize("heard", [1, 5])
def test_a_digit_that_has_begun_ends_with_the_tap(heard: int) -> None:
    async def scenario(server: FakeServer) -> None:
        stream: Any = FakeStream(SLIN)
        server.sip.stream = lambda: stream
        alice = server.sip.incoming("alice", "1")
        detect_digits(alice, True)
        frames = list(dtmf_frames("7", 200))
        passed = [stream.hear_in(frame) for frame in frames[:heard]]
        assert passed[-1].payload == bytes(320)
        assert len(server.fields("DTMFBegin")) == (heard > 1)
        detect_digits(alice, False)
        ended = server.fields("DTMFEnd")
        assert [one["Digit"] for one in ended] == ["7"] * (heard > 1)
        assert all(80 <= int(one["DurationMs"]) <= 110 for one in ended)
        assert stream.taps_in is None
        assert await alice.read_digit(0) == ("7" if heard > 1 else None)
        alice.soft_hangup()

    run(scenario)
