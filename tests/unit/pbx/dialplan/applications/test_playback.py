"""Playback: files, and texts that are said."""

from __future__ import annotations

import pytest
from say_kit import Speaking, speaking

from asterism.pbx.dialplan.applications.playback import PlaybackModule


@pytest.mark.parametrize(
    ("args", "names", "status"),
    [
        ("hello-world&beep", "hello-world beep", "SUCCESS"),
        ("num:21&digits:5,say", "digits/20 digits/1 digits/5", "SUCCESS"),
        ("enum:3,say,noanswer", "digits/h-3", "SUCCESS"),
        ("datetime:Y:1700000000,say", "digits/2 digits/thousand digits/20 digits/3", "SUCCESS"),
        ("hello-world&num:2,mix", "hello-world digits/2", "SUCCESS"),
        ("hello-world&num:2,say", "digits/2", "FAILED"),
        ("num:x&num:2,say", "digits/2", "FAILED"),
        ("gone&beep", "gone beep", "FAILED"),
        ("", "", "FAILED"),
    ],
)
def test_files_and_texts_are_played_in_order(args: str, names: str, status: str) -> None:
    async def scenario(world: Speaking) -> None:
        assert await world.run("Playback", args) == names.split()
        assert world.channel.get_variable("PLAYBACKSTATUS") == status
        assert bool(world.log.lines) == (status == "FAILED")

    speaking(scenario, PlaybackModule(), absent={"gone"})
