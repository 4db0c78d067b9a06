"""Record: what the caller says, into a file, until a digit, silence, the time, or the hang-up ends it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.loudness import Loudness
from asterism.media.recording.mixdown import Output, Source
from asterism.media.soundfiles import SoundError
from asterism.media.taps import Direction, Tap
from asterism.pbx.calls.recording.settings import RecordingError, RecordingSettings, as_named, file_path
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.hearing import LOUD
from asterism.pbx.channels.playing import play
from asterism.pbx.dialplan.language.arguments import number, option_letters, split_fields, split_names
from asterism.pbx.dialplan.language.foreign import joined, shadow
from asterism.pbx.vocabulary.controls import WAKE_DIGIT, ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.calls.recording.recording import Recording
    from asterism.pbx.channels.channel import Channel

_KEPT_SILENCE = 1.0
"""Seconds of the silence that ended it which stay in the file."""
_CLOSING = 5.0
_NUMBERS = 100_000


class _End:
    """What ends a recording beside digits and time; wakes the one who waits."""

    __slots__ = ("future", "status")

    def __init__(self) -> None:
        self.status = ""
        self.future: asyncio.Future[bool] | None = None

    def comes(self, status: str) -> None:
        """It has come."""
        self.status = self.status or status
        if self.future is not None and not self.future.done():
            self.future.set_result(True)


class _Quiet(Tap):
    """Tells when the far end has been silent for so long; what sends nothing is silent."""

    shows_simple: ClassVar[bool] = False

    def __init__(self, channel: Channel, seconds: float, end: _End) -> None:
        self._loop = channel.pbx.loop
        self._seconds = seconds
        self._end = end
        self._spoke = self._loop.time()
        self._loudness = Loudness()
        self._timer = self._loop.call_later(seconds, self._check)

    def take(self, frame: Frame) -> None:
        """Hear one frame."""
        heard = self._loudness.take(frame)
        if heard is not None and heard[0] >= LOUD:
            self._spoke = self._loop.time()

    def _check(self) -> None:
        due = self._spoke + self._seconds
        if due <= self._loop.time():
            self._end.comes("SILENCE")
        else:
            self._timer = self._loop.call_at(due, self._check)

    def stop(self) -> None:
        """Listen no more."""
        self._timer.cancel()


class _Name:
    """The files that Record's first argument names."""

    def __init__(self, file: str, folder: Path) -> None:
        """Read it; ``folder`` is that of relative names. Raises ``RecordingError``."""
        name, colon, kinds = file.rpartition(":")
        if not colon or "/" in kinds:
            name, dot, kinds = file.rpartition(".")
            if not dot or "/" in kinds:
                raise RecordingError(f"'{file}' has no format")
        if not name:
            raise RecordingError("it needs the name of a file")
        self._name, self._folder = name, folder
        self._extensions = split_names(kinds)
        if not self._extensions:
            raise RecordingError(f"'{file}' has no format")
        self._place = shadow(name).find("%d")
        paths = self.paths()
        if len(set(paths)) < len(paths):
            raise RecordingError(f"two of its files are the same: {paths[0]}")

    @property
    def numbered(self) -> bool:
        """Whether it has a place for a number."""
        return self._place >= 0

    def paths(self, count: int = 0) -> list[Path]:
        """The files with a number, where there is a place for one; raises ``RecordingError``."""
        name = self._name
        if self.numbered:
            name = joined([name[: self._place], str(count), name[self._place + 2 :]])
        return [file_path(joined([name, ".", extension]), self._folder) for extension in self._extensions]

    def claim(self) -> list[Path]:
        """Create the files of the first number for which there is none. It blocks; raises ``RecordingError``."""
        for count in range(_NUMBERS):
            paths = self.paths(count)
            claimed: list[Path] = []
            try:
                for path in paths:
                    path.parent.mkdir(parents=True, exist_ok=True)
                for path in paths:
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
                    claimed.append(path)
            except OSError as error:
                _delete(claimed)
                if not isinstance(error, FileExistsError) or not path.parent.is_dir():
                    raise RecordingError(f"{path} cannot be written: {error.strerror}") from error
            else:
                return paths
        raise RecordingError(f"there are {_NUMBERS} files of the name {self._name}")


class RecordApplication(PbxModule):
    """The application Record."""

    name: ClassVar[str] = "app_record"
    description: ClassVar[str] = "Trivial Record Application"

    @application(
        "Record",
        Documentation(
            "Record what the caller says to a file",
            "Record(file.format[,silence[,maxduration[,options]]])",
            "Answers, plays a beep, and records until '#'. The format is the extension, or follows a colon: a kind "
            "that MixMonitor can write; several are joined by '&'. The first %d in the name is replaced by the first "
            "number for which there is no file. A relative name is below the folder of sounds, and cannot leave it.\n"
            "RECORDED_FILE is the name without the extension. RECORD_STATUS is DTMF, SILENCE, TIMEOUT, OPERATOR, "
            "HANGUP (the file is deleted then), SKIP, or ERROR when the file cannot be written.",
            (
                Argument("file", "Its name and kind.", True),
                Argument("silence", "Seconds of silence that end it; 0 or nothing: none does."),
                Argument("maxduration", "The longest it may be, in seconds; 0 or nothing: no limit."),
                Argument(
                    "options",
                    "Letters.",
                    values=(
                        ("a", "append to a file that is there"),
                        ("k", "keep the file after a hang-up"),
                        ("n", "do not answer"),
                        ("o", "the digit 0 ends it, with the status OPERATOR"),
                        ("q", "play no beep"),
                        ("s", "do nothing on a channel that has not been answered"),
                        ("t", "'*' ends it instead of '#'"),
                        ("u", "keep all of the silence at the end; else a second of it stays"),
                        ("x", "no digit ends it"),
                        ("y", "any digit ends it"),
                    ),
                ),
            ),
            ("MixMonitor", "Playback"),
        ),
    )
    async def record(self, channel: Channel, args: str) -> None:
        """Run Record."""
        file, silence, longest, options = split_fields(args, 4)
        letters = option_letters(options)
        try:
            status = await self._record(channel, file, number(silence) or 0.0, number(longest) or 0.0, letters)
        except RecordingError as error:
            channel.pbx.log.warning("Record on %s: %s", channel.name, error)
            status = "ERROR"
        except ChannelHangup:
            channel.set_variable("RECORD_STATUS", "HANGUP")
            raise
        channel.set_variable("RECORD_STATUS", status)

    async def _record(self, channel: Channel, file: str, silence: float, longest: float, options: set[str]) -> str:
        name = _Name(file, Path(self.pbx.server.paths.data) / "sounds")
        if channel.state is not ChannelState.UP:
            if "s" in options:
                return "SKIP"
            if "n" not in options:
                await answer(channel)
        if "q" not in options:
            with suppress(SoundError):
                await play(channel, "beep")
        paths = await asyncio.to_thread(name.claim) if name.numbered else name.paths()
        channel.set_variable("RECORDED_FILE", as_named(paths[0].with_suffix(""), file))
        outputs = tuple(Output(path, Source.RECEIVED, "a" in options) for path in paths)
        try:
            recording = self.pbx.recordings.start(channel, RecordingSettings(outputs), announced=False)
        except RecordingError:
            if name.numbered:
                await asyncio.to_thread(_delete, paths)
            raise
        status = "HANGUP"
        try:
            status = await self._until(channel, recording, silence, longest, options)
        finally:
            cut = silence - _KEPT_SILENCE if status == "SILENCE" and "u" not in options else 0.0
            if status == "HANGUP" and "k" not in options:
                # Before it ends: then nobody else can have begun to write there.
                self.pbx.recordings.thread.submit(partial(_delete, paths))
            recording.stop(cut)
            with suppress(TimeoutError):
                await recording.wait(_CLOSING)
        return "ERROR" if recording.error else status

    async def _until(
        self, channel: Channel, recording: Recording, silence: float, longest: float, options: set[str]
    ) -> str:
        """Wait for what ends it; its status."""
        loop, end = self.pbx.loop, _End()
        over = loop.create_task(recording.wait())
        over.add_done_callback(lambda _: end.comes("ERROR"))
        quiet = _Quiet(channel, silence, end) if silence else None
        if quiet is not None:
            channel.attach(quiet, Direction.IN)
        until = loop.time() + longest if longest else None
        try:
            while True:
                while (digit := await channel.read_digit(0)) is not None:
                    if status := _ends(digit, options):
                        return status
                if end.status:
                    return end.status
                left = None if until is None else until - loop.time()
                if left is not None and left <= 0:
                    return "TIMEOUT"
                end.future = loop.create_future()
                await channel.park(left, WAKE_DIGIT, end.future)
        finally:
            over.cancel()
            if quiet is not None:
                quiet.stop()
                channel.detach(quiet)


def _ends(digit: str, options: set[str]) -> str:
    """The status with which a digit ends the recording; empty where it does not."""
    if digit == "0" and "o" in options:
        return "OPERATOR"
    if "x" in options:
        return ""
    return "DTMF" if "y" in options or digit == ("*" if "t" in options else "#") else ""


def _delete(paths: Sequence[Path]) -> None:
    """Delete files. It blocks."""
    for path in paths:
        with suppress(OSError):
            path.unlink()
