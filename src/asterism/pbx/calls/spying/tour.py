"""Spying on one channel after the other, as the digits of the one who spies say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from asterism.media.recording.mixdown import Output, Source
from asterism.pbx.calls.recording.settings import RecordingError, RecordingSettings, file_path
from asterism.pbx.calls.spying.announcing import announce
from asterism.pbx.calls.spying.choice import Choice, mark_spying
from asterism.pbx.calls.spying.keys import Doing, Keys, next_volume
from asterism.pbx.calls.spying.spying import Mode, Spying
from asterism.pbx.channels.answering import answer
from asterism.pbx.dialplan.language.foreign import joined
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import Goto

if TYPE_CHECKING:
    from asterism.pbx.calls.recording.recording import Recording
    from asterism.pbx.channels.channel import Channel

IDLE = 1.0
"""Seconds between two looks for a channel, while there is none."""
EXIT_CONTEXT = "SPY_EXIT_CONTEXT"
LAST = "SPY_CHANNEL"


ROUND = 0.1
"""Seconds between two rounds."""


class Tour:
    """What one who spies does, from channel to channel."""

    def __init__(self, spy: Channel, choice: Choice) -> None:
        self._spy = spy
        self._pbx = spy.pbx
        self._choice = choice
        self._settings = choice.settings
        self._mode, self._volume = choice.settings.mode, choice.settings.volume
        self._last = ""
        """The name of the channel that was spied on last."""
        self._path = ""

    async def run(self) -> None:
        """Spy until a digit or an option ends it.

        Raises:
            ChannelHangup: The spy has hung up.
            Goto: It was sent elsewhere, or dialled an extension.
        """
        spy = self._spy
        if spy.state is not ChannelState.UP:
            await answer(spy)
        recording = self._record()
        mark_spying(spy, True)
        try:
            await self._go()
        finally:
            mark_spying(spy, False)
            if recording is not None:
                recording.stop()

    async def _go(self) -> None:
        spy, settings = self._spy, self._settings
        seen: set[Channel] = set()
        chosen: Channel | None = None
        while True:
            target = chosen or next((one for one in self._choice.all(spy) if one not in seen), None)
            chosen = None
            if target is None and seen:
                seen.clear()
                await spy.wait(ROUND)  # a visit may be over at once, and be so each time
            elif target is None:
                if settings.ends_without_channel:
                    return
                self._exit_to(await spy.read_digit(IDLE) or "")
            else:
                seen.add(target)
                over, chosen = await self._visit(target)
                if over:
                    return

    async def _visit(self, target: Channel) -> tuple[bool, Channel | None]:
        """Spy on one channel; whether that was all, and which is to follow, where that was chosen."""
        spy, settings, log = self._spy, self._settings, self._pbx.log
        if not settings.quiet:
            await announce(spy, target, settings)
        if not target.alive:
            return False, None
        log.verbose(2, "Spying on channel %s", target.name)
        self._last = target.name
        self._tell_attached(target)
        spying = Spying(spy, target, self._mode, only_says=settings.only_says, volume=self._volume)
        recording = self._record_apart(target)
        try:
            spying.begin()
            found = await self._keys(spying)
        finally:
            spying.stop()
            if recording is not None:
                recording.stop()
            log.verbose(2, "Done Spying on channel %s", target.name)
        return found

    def _tell_attached(self, target: Channel) -> None:
        """One line for each way in which they are connected."""
        peers = [target]
        if self._mode is not Mode.LISTEN:
            peers.append(target)
        other = None if target.bridge is None else target.bridge.peer(target)
        if self._mode is Mode.BARGE and other is not None:
            peers.append(other)
        for peer in peers:
            self._pbx.log.verbose(2, "Attaching spy channel %s to %s", self._spy.name, peer.name)

    async def _keys(self, spying: Spying) -> tuple[bool, Channel | None]:
        """Do what the digits say until they, or the end of the channel, end the spying."""
        spy, log = self._spy, self._pbx.log
        keys = Keys(self._settings, names=self._choice.place is None)
        while digit := await spying.next_digit():
            self._exit_to(digit)
            key = keys.take(digit)
            if key.doing is Doing.EXIT:
                return True, None
            if key.doing is Doing.NEXT:
                return False, None
            if key.doing is Doing.VOLUME:
                self._volume = spying.volume = next_volume(spying.volume)
                log.verbose(3, "Setting spy volume on %s to %d", spy.name, self._volume)
            elif key.doing is Doing.MODE:
                self._mode = spying.mode = key.mode
                log.verbose(3, "%s spies on %s: %s", spy.name, spying.target.name, key.mode.value)
            elif key.doing is Doing.CHANNEL:
                chosen = self._choice.find(spy, key.digits)
                if chosen is not None and chosen is not spying.target:
                    return False, chosen
                log.verbose(3, "%s dialled %s: there is no such channel to spy on", spy.name, key.digits)
        return self._settings.ends_with_channel, None

    def _exit_to(self, digit: str) -> None:
        """Go to the extension with that digit, where that is asked for and there is one."""
        if not digit or not self._settings.exits_to_extension:
            return
        spy = self._spy
        context = spy.get_variable(EXIT_CONTEXT) or spy.context
        if self._pbx.dialplan.exists(context, digit, 1, spy.caller.number):
            spy.set_variable(LAST, self._last)
            raise Goto(context, digit, 1)

    # -- recording --------------------------------------------------------------------------------------------

    def _record(self) -> Recording | None:
        """Record what the spy hears, where that is asked for."""
        base = self._settings.record
        if base is None:
            return None
        self._path = joined([base, f".{int(time.time())}.raw"])
        return None if self._settings.stereo else self._start(self._spy, Source.SENT)

    def _record_apart(self, target: Channel) -> Recording | None:
        """Record a channel that is spied on, what it says and what it hears apart; one behind the other."""
        return self._start(target, Source.STEREO) if self._path and self._settings.stereo else None

    def _start(self, channel: Channel, source: Source) -> Recording | None:
        recordings = self._pbx.recordings
        try:
            output = Output(file_path(self._path, recordings.folder), source, append=True)
            return recordings.start(channel, RecordingSettings((output,)), announced=False)
        except RecordingError as error:
            self._pbx.log.warning("What %s spies on is not recorded: %s", self._spy.name, error)
            return None
