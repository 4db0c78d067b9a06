"""The hold of those who wait for a transferer."""

from __future__ import annotations

from features_kit import Phones, run

from asterism.pbx.calls.features.holding import hold, release
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.vocabulary.controls import Control


def test_music_begins_and_ends_with_it() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        held = hold(phones.alice.bridge, phones.alice)  # type: ignore[arg-type]
        assert [member.channel for member in held] == [phones.bob]
        assert music_of(phones.bob) is not None
        release(held)
        release(held)
        assert music_of(phones.bob) is None

    run(scenario)


def test_a_hold_of_the_other_phone_outlasts_it() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.alice.queue_control(Control.HOLD)
        release(hold(phones.alice.bridge, phones.alice))  # type: ignore[arg-type]
        assert music_of(phones.bob) is not None
        phones.alice.queue_control(Control.UNHOLD)
        assert music_of(phones.bob) is None

    run(scenario)
