"""Music of a class for one channel: file after file, without end."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.media.soundfiles import SoundError
from asterism.media.soundfiles.search import choose_file

if TYPE_CHECKING:
    import logging

    from asterism.media.formats import Format
    from asterism.media.soundfiles import Sounds
    from asterism.media.stream import Frame
    from asterism.pbx.channels.music.classes import MusicClass


def tracks(
    music: MusicClass, fmt: Format, sounds: Sounds, log: logging.Logger, choose: random.Random | None = None
) -> Iterator[Frame]:
    """The frames of the class's files in ``fmt``, ``announcement`` before each; ends when none of them can be read.

    A file that cannot be read, or has no sound in it, is passed over, with a warning once.
    """
    broken: set[str] = set()
    for name in _order(music, choose or random.Random()):
        if name in broken:
            if broken.issuperset(music.files):
                return
            continue
        for each in (music.announcement, name):
            if each:
                try:
                    yield from _file(each, fmt, sounds)
                except SoundError as error:
                    if each not in broken:
                        log.warning("music class '%s': %s", music.name, error)
                    broken.add(each)


def _file(name: str, fmt: Format, sounds: Sounds) -> Iterator[Frame]:
    path = choose_file(Path(name), (fmt,))
    if path is None:
        raise SoundError(f"there is no sound file {name}")
    silent = True
    for frame in sounds.open(path, fmt).frames():
        silent = False
        yield frame
    if silent:
        raise SoundError(f"{path}: has no sound in it")


def _order(music: MusicClass, choose: random.Random) -> Iterator[str]:
    files = list(music.files)
    if music.sort == "alpha":
        files.sort()
    start = choose.randrange(len(files)) if music.sort == "randstart" and files else 0
    files = files[start:] + files[:start]
    while files:
        if music.sort == "random":
            choose.shuffle(files)
        yield from files
        if music.loop_last:
            files = files[-1:]
