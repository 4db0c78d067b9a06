"""Sounds that are added to what channels hear and say."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fake_technology import audio_of, settle
from recording_kit import Call, in_a_call

from asterism.media.taps import Direction
from asterism.pbx.calls.recording.announcing import announce


def test_the_sound_is_there_for_its_time_and_nothing_is_left(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        (playback,) = announce((call.alice,), "beep", (Direction.IN, Direction.OUT))
        assert call.alice.taps is not None
        assert len(call.alice.taps.taps) == 2
        assert await playback.wait()
        assert call.alice.taps.taps == ()
        heard = [frame for frame in audio_of(call.alice).written if not isinstance(frame, str)]
        assert len(heard) == playback.played
        assert len(audio_of(call.bob).written) >= playback.played  # what alice "says"

    in_a_call(tmp_path, scenario)


def test_it_ends_with_the_channel_and_a_dead_one_hears_nothing(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        (playback,) = announce((call.alice,), "beep")
        call.alice.soft_hangup()
        await settle()
        await asyncio.sleep(0.03)
        assert not playback.active
        assert announce((call.alice,), "beep") == []

    in_a_call(tmp_path, scenario)
