"""Tones in the background."""

from __future__ import annotations

from fake_technology import FakeServer, FakeStream, run

from asterism.media.formats import ULAW
from asterism.pbx.channels.playing import start_tone


def test_a_hang_up_ends_the_tone_in_the_background() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        start_tone(alice, "dial")
        tone = alice.tone
        assert tone is not None
        assert tone.active
        alice.hang_up()
        assert alice.tone is None
        assert not tone.active

    run(scenario)
