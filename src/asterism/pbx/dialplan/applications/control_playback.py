"""ControlPlayback: a sound that its listener, or a manager, winds, pauses and stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.media.soundfiles import SoundError
from asterism.pbx.channels.playing import SKIP_MS, Playing, start_play
from asterism.pbx.dialplan.language.arguments import split_fields, split_letters, split_names
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_WITH_ARGUMENT = frozenset("o")
_LONGEST_MS = 86_400_000
_CONTROLS = (
    ("stop", "stop it"),
    ("forward", f"wind it forward, by skipms of the application or {SKIP_MS} ms"),
    ("reverse", "wind it back as much"),
    ("pause", "pause it, or go on"),
    ("restart", "begin anew"),
)


def _milliseconds(text: str | None, default: int) -> int:
    word = (text or "").strip()
    return min(int(word[:9]), _LONGEST_MS) if word.isascii() and word.isdigit() and int(word[:9]) else default


class ControlPlaybackModule(PbxModule):
    """The application ControlPlayback, and the manager action of this name."""

    name: ClassVar[str] = "app_controlplayback"
    description: ClassVar[str] = "Control Playback Application"

    @application(
        "ControlPlayback",
        Documentation(
            "Play sound files that the caller may wind",
            "ControlPlayback(filename[&filename2[&...]][,skipms[,ff[,rew[,stop[,pause[,restart[,options]]]]]]])",
            "The keys do something as long as the file plays; each argument may name several. The channel is not "
            "answered.\n"
            "CPLAYBACKSTATUS is SUCCESS, USERSTOPPED, REMOTESTOPPED (by the manager) or ERROR; CPLAYBACKOFFSET is "
            "where the file was stopped, in milliseconds, -1 at its end; CPLAYBACKSTOPKEY the key that stopped it.",
            (
                Argument("filenames", "Names without extension, joined by '&'.", True),
                Argument("skipms", f"Milliseconds that it is wound by one key; {SKIP_MS}."),
                Argument("ff", "Keys that wind forward; '#'."),
                Argument("rew", "Keys that wind back; '*'."),
                Argument("stop", "Keys that stop."),
                Argument("pause", "Keys that pause, and go on."),
                Argument("restart", "Keys that begin anew."),
                Argument("options", "Letters.", values=(("o(ms)", "Begin so many milliseconds after the beginning."),)),
            ),
            ("Playback", "BackGround"),
        ),
    )
    async def control_playback(self, channel: Channel, args: str) -> None:
        """Run ControlPlayback."""
        files, skip, forward, back, stop, pause, restart, letters = split_fields(args, 8, rest=True)
        skip_ms = _milliseconds(skip, SKIP_MS)
        offset = _milliseconds(dict(split_letters(letters, _WITH_ARGUMENT)).get("o"), 0)
        keys = _Keys(skip_ms, forward or "#", back or "*", stop, pause, restart)
        status, position, key = "ERROR", 0, ""
        try:
            for name in split_names(files):
                playing = start_play(channel, name, offset_ms=offset)
                playing.skip_ms, playing.controlled, offset = skip_ms, True, 0
                try:
                    key = await keys.watch(channel, playing)
                finally:
                    playing.stop()
                position = -1 if playing.finished else playing.position
                status = "REMOTESTOPPED" if playing.remote else "USERSTOPPED" if key else "SUCCESS"
                if status != "SUCCESS":
                    break
        except SoundError as error:
            channel.pbx.log.warning("ControlPlayback on %s: %s", channel.name, error)
            status = "ERROR"
        except BaseException:
            self._tell(channel, "ERROR", position, "")
            raise
        if not files:
            channel.pbx.log.warning("ControlPlayback needs a file name")
        self._tell(channel, status, position, key)

    @staticmethod
    def _tell(channel: Channel, status: str, position: int, key: str) -> None:
        channel.set_variable("CPLAYBACKSTATUS", status)
        channel.set_variable("CPLAYBACKOFFSET", str(position))
        if key:
            channel.set_variable("CPLAYBACKSTOPKEY", channel.pbx.dialplan.environment.foreign(key))

    @action(
        "ControlPlayback",
        "call",
        Documentation(
            "Control the playback of a file being played to a channel.",
            description="Winds, pauses or stops the sound that plays to a channel, whatever plays it. One that was not "
            "started by the application ControlPlayback is stopped by pause and restart.",
            arguments=(
                Argument("Channel", "Name of the channel, or its uniqueid.", True),
                Argument("Control", "What to do.", True, _CONTROLS),
            ),
            see_also=("ControlPlayback", "Playback"),
        ),
    )
    def control(self, call: ActionCall) -> None:
        """Run the action."""
        name, what = call.get("Channel"), call.get("Control").strip().lower()
        if not name:
            call.error("Channel not specified")
            return
        if not what:
            call.error("Control not specified")
            return
        channel = self.pbx.channels.get(name)
        if channel is None or channel.dead:
            call.error("No such channel")
            return
        if what not in dict(_CONTROLS):
            call.error("Unknown control type")
            return
        playing = channel.speaks
        if isinstance(playing, Playing) and playing.active:
            _control(playing, what)
        call.success()


def _control(playing: Playing, what: str) -> None:
    if what == "stop" or (not playing.controlled and what in ("pause", "restart")):
        playing.remote = True
        playing.stop()
    elif what == "pause":
        (playing.resume if playing.paused else playing.pause)()
    elif playing.winds:
        playing.seek(
            0 if what == "restart" else playing.position + (playing.skip_ms if what == "forward" else -playing.skip_ms)
        )


class _Keys:
    """What the keys of a listener do."""

    def __init__(self, skip_ms: int, forward: str, back: str, stop: str, pause: str, restart: str) -> None:
        self._skip_ms = skip_ms
        self._forward, self._back, self._stop, self._pause, self._restart = forward, back, stop, pause, restart

    async def watch(self, channel: Channel, playing: Playing) -> str:
        """Have the keys do what they do until the sound has ended (``""``) or one has stopped it."""
        while digit := await playing.next_digit():
            if digit in self._stop:
                playing.stop()
                self._note(channel, "Stop")
                return digit
            if digit in self._pause:
                self._note(channel, "Break")
                self._note(channel, "Unpause" if playing.paused else "Pause")
                (playing.resume if playing.paused else playing.pause)()
            elif not playing.winds:
                continue
            elif digit in self._restart:
                playing.seek(0)
                self._note(channel, "Restart")
            elif digit in self._forward:
                playing.skip(self._skip_ms)
                self._note(channel, "FastForward", self._skip_ms)
            elif digit in self._back:
                playing.skip(-self._skip_ms)
                self._note(channel, "Rewind", self._skip_ms)
        return ""

    def _note(self, channel: Channel, control: str, skip_ms: int = 0) -> None:
        """Tell who tests a dialplan from outside."""
        tests = channel.pbx.test_events
        if tests.wanted:
            headers = [("Channel", channel.name), ("Control", control)]
            if skip_ms:
                headers.append(("SkipMs", str(skip_ms)))
            tests.send("PLAYBACK", tuple(headers), blank=True)
