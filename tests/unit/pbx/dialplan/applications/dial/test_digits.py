"""Option D."""

from __future__ import annotations

import pytest
from dial_kit import dialling, log_of, run
from fake_technology import FakeServer, FakeStream, audio_of, settle

from asterism.media.formats import ULAW
from asterism.media.tones import tone_frames
from asterism.pbx.dialplan.applications.dial.digits import mf_tones, sf_tones
from asterism.pbx.vocabulary.controls import Control


def digits_of(channel: object) -> str:
    return "".join(entry[1] for entry in log_of(channel) if entry[0] == "digit")  # type: ignore[arg-type]


def test_each_party_gets_its_digits_before_they_talk() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,D(1:2)")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        assert (digits_of(bob), digits_of(alice), alice.bridge) == ("1", "", None)
        await alice.park(0.25, 0)
        assert digits_of(alice) == "2"
        await alice.park(0.25, 0)
        assert alice.bridge is not None

    run(scenario)


def test_digits_for_early_media_are_sent_when_there_is_some() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = await dialling(server, "PJSIP/bob,20,D(::7:5:::)E")
        (bob,) = server.sip.made
        bob.queue_control(Control.RINGING)
        await settle()
        assert digits_of(bob) == ""
        bob.queue_control(Control.PROGRESS)
        await settle()
        assert digits_of(bob) == "7"
        await alice.park(0.5, 0)
        written = [audio_of(channel).written for channel in (alice, bob)]
        assert all(len(frames) > 4 for frames in written), "the caller hears MF as the called one"

    run(scenario)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (mf_tones("*1#"), "!1100+1700/120,!0/68,!700+900/68,!0/68,!1500+1700/68,!0/68"),
        (mf_tones("x"), "!0/20"),
        (sf_tones("2"), "!2600/67,!0/33,!2600/67,!0/33,!0/600"),
        (sf_tones("0")[:13], "!2600/67,!0/3"),
        (sf_tones(""), "!0/20"),
    ],
)
def test_tones_of_trunk_lines(made: str, text: str) -> None:
    assert made == text


def test_zero_is_ten_pulses_and_the_tones_end() -> None:
    assert sf_tones("0").count("2600") == 10
    assert 40 < len(list(tone_frames(sf_tones("0")))) < 100
