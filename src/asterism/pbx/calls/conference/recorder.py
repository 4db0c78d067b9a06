"""Recording of a conference: a channel in its bridge that hears all, with a recording on it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.media.formats import LINEAR
from asterism.media.memory import memory_pair
from asterism.media.soundfiles.contents import SoundError
from asterism.media.soundfiles.table import kind_of
from asterism.pbx.calls.conference import events
from asterism.pbx.calls.conference.announcer import MemoryEnd
from asterism.pbx.calls.recording.module import with_command
from asterism.pbx.calls.recording.settings import RecordingError, file_path, parse_mixmonitor
from asterism.pbx.channels.technology import Uncallable
from asterism.pbx.dialplan.language.foreign import foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.media.stream import Frame
    from asterism.pbx.calls.conference.conference import Conference
    from asterism.pbx.calls.conference.profiles import BridgeProfile
    from asterism.pbx.calls.recording.recording import Recording
    from asterism.pbx.calls.recording.settings import RecordingSettings
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host


class RecorderTechnology(Uncallable):
    """Cannot be dialled: a conference makes its own."""

    name = "CBRec"
    description = "Conference Bridge Recording Channel"


def file_for(profile: BridgeProfile, conference: str, asked: str, folder: Path, now: int) -> Path:
    """The file of a recording.

    Args:
        profile: of the conference; its ``record_file`` counts where no other is asked for.
        conference: its name, which is part of the file's where there is none.
        asked: a name that was asked for, or empty.
        folder: of relative names.
        now: seconds since 1970, which are put into the name.

    Raises:
        RecordingError: the name is not possible.
    """
    name = asked if asked.strip() else profile.record_file
    if not name.strip():
        return file_path("confbridge-" + conference.replace("/", "_").replace("\0", "_") + f"-{now}.wav", folder)
    path = file_path(name, folder, "wav")
    return path.with_name(f"{path.stem}-{now}{path.suffix}") if profile.record_file_timestamp else path


class Recorder:
    """One recording of a conference; its channel is ``member``."""

    def __init__(self, pbx: Host, name: str, settings: RecordingSettings, ended: Callable[[], None]) -> None:
        """Begin to record as soon as ``member`` hears something; ``ended`` is called once when it is over.

        Raises:
            RecordingError: it cannot begin.
        """
        fmt = LINEAR[_rate_of(settings)]
        technology = RecorderTechnology()
        self._pbx = pbx
        self._over = False
        self._told = ended
        self.member: Channel = pbx.create_quiet_channel(technology, f"{technology.name}/{name}")
        stream, other = memory_pair((fmt,))
        other.sink = _nowhere  # or nothing would pass the taps
        self.member.driver = MemoryEnd(stream)
        pbx.channels.add(self.member)
        try:
            settings = with_command(settings, settings.command, self.member)
            self.recording: Recording = pbx.recordings.start(self.member, settings, announced=False)
        except BaseException:
            self._remove()
            raise
        self.recording.on_over = self._ended

    @property
    def path(self) -> Path:
        """The file."""
        return self.recording.path

    def stop(self) -> None:
        """End it."""
        self.recording.stop()
        self._ended()

    def _ended(self) -> None:
        if self._over:
            return
        self._over = True
        self._told()
        self._remove()

    def _remove(self) -> None:
        self.member.hang_up()
        self._pbx.channels.remove(self.member)


class RoomRecordings:
    """The recordings of one conference, of which one runs at a time."""

    def __init__(self, conference: Conference) -> None:
        self._conference = conference
        self._recorder: Recorder | None = None
        self._last: Path | None = None

    @property
    def path(self) -> Path | None:
        """The file of the one that runs."""
        return None if self._recorder is None else self._recorder.path

    def start(self, asked: str) -> Path:
        """Begin one, to a file of that name or as the profile says; returns the file, raises ``RecordingError``."""
        if self._recorder is not None:
            raise RecordingError(f"it is recorded to {self._recorder.path} already")
        conference = self._conference
        pbx = conference.pbx
        settings, problems = self._settings(asked)
        for problem in problems:
            pbx.log.warning("The recording of conference %s: %s", conference.name, problem)
        try:
            conference.bridge.check_room()
        except RuntimeError as error:
            raise RecordingError(str(error)) from error
        number = pbx.conferences.next_recording()
        recorder = self._recorder = Recorder(pbx, f"{conference.name}-{number:08x}", settings, self._over)
        self._last = recorder.path
        conference.bridge.enter(recorder.member)
        conference.tester.recording(True)
        conference.publish(events.CONFBRIDGE_RECORD)
        return recorder.path

    def stop(self) -> bool:
        """End it; whether there was one."""
        if self._recorder is None:
            return False
        self._recorder.stop()
        return True

    def _over(self) -> None:
        self._recorder = None
        self._conference.tester.recording(False)
        self._conference.publish(events.CONFBRIDGE_STOP_RECORD)

    def _settings(self, asked: str) -> tuple[RecordingSettings, list[str]]:
        conference, profile = self._conference, self._conference.profile
        folder = conference.pbx.recordings.folder
        if self._last is not None and profile.record_file_append and not asked.strip():
            path = self._last
        else:
            path = file_for(profile, conference.name, asked, folder, int(time.time()))
        options = profile.record_options + ("a" if profile.record_file_append else "")
        settings, problems = parse_mixmonitor(str(path), options, profile.record_command, folder)
        # It hears nothing but its bridge, and no event tells a recording that it is in one. To its command the file is
        # text from outside: a caller may have chosen the conference's name.
        return replace(settings, bridged_only=False, filename=foreign(str(path))), problems


def _rate_of(settings: RecordingSettings) -> int:
    try:
        rates = {kind_of(one.path).format.sample_rate for one in settings.outputs}
    except SoundError as error:
        raise RecordingError(str(error)) from error
    return max(rates & LINEAR.keys(), default=8000)


def _nowhere(_: Frame) -> None:
    """The far end of the recorder hears nothing of what it is sent."""
