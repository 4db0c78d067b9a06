"""Sending and receiving a fax on a channel, from the answer to the variables that tell what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from asterism.media.fax.library import MissingFaxLibraryError, why_missing
from asterism.media.fax.terminal import RATE, AudioTerminal, Happened, T38Terminal, Terminal
from asterism.pbx.calls.fax import events
from asterism.pbx.calls.fax.files import Incoming, Outgoing, fax_path
from asterism.pbx.calls.fax.modem import ModemOnChannel
from asterism.pbx.calls.fax.packets import PacketsOnChannel, agree_on
from asterism.pbx.calls.fax.result import FaxResult, result_of, tell_result
from asterism.pbx.calls.fax.session import (
    AUDIO,
    SWITCHED,
    T38,
    FaxError,
    FaxSession,
    Operation,
    SessionState,
    outcome_of,
)
from asterism.pbx.calls.fax.settings import FaxDetails, details_of, shortened
from asterism.pbx.calls.recording.settings import as_named
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.playing import start_tone
from asterism.pbx.channels.t38 import USUAL, T38State, t38_of
from asterism.pbx.dialplan.language.foreign import foreign, is_foreign
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.t38 import ChannelT38, T38Parameters

LONGEST_PAGE = 1800.0
"""Seconds that may pass without a page, or another step: then the fax is ended."""
LONGEST_SILENCE = 60.0
"""Seconds for which a machine that sends may say nothing over audio: T.30 waits 35 for its first word."""
MOST_PAGES = 1000
"""Pages that are received at most."""
LETTERS = "dfFsz"
_CALLING, _CALLED = "1100/500,0/3000", "!2100/2600"
"""What a fax machine says until the far end has changed to T.38 (T.30 4)."""
_BEFORE_ASKING = 1.0
"""Seconds that a called machine leaves the calling one to begin, and to ask."""
_TAKES_AWAY = (ChannelHangup, Goto, asyncio.CancelledError)
"""What a task is taken away from its fax by: it goes on to the caller once the fax has come to its end."""
_OUTCOMES = MappingProxyType({"FILE_ERROR": "File Error", "T38_NEG_ERROR": "Negotiation Failed"})
"""What a fax that has not begun counts as."""
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class FaxOptions:
    """The options of SendFAX and ReceiveFAX."""

    debug: bool = False
    """``d``."""
    fallback: bool = False
    """``f``: where the far end could T.38 and does not change to it, the fax goes over audio."""
    audio: bool = False
    """``F``: over audio, whatever the far end can."""
    events: bool = False
    """``s``: the manager is told of each step."""
    ask: bool = False
    """``z``: the far end is asked for T.38 where it does not ask itself."""


async def send_fax(channel: Channel, names: Sequence[str], options: FaxOptions) -> FaxResult:
    """Send TIFF files, all of them as one fax.

    Raises:
        ChannelHangup: the far end has hung up before the end; the variables tell the result all the same.
        Goto: the channel was redirected, likewise.
    """
    return await _Course(channel, Operation.SEND, names, options).run()


async def receive_fax(channel: Channel, name: str, options: FaxOptions) -> FaxResult:
    """Receive a fax into a TIFF file; see :func:`send_fax`."""
    return await _Course(channel, Operation.RECEIVE, (name,), options).run()


class _Course:
    """One fax from its beginning to its end."""

    def __init__(self, channel: Channel, operation: Operation, names: Sequence[str], options: FaxOptions) -> None:
        self._channel, self._names, self._options = channel, names, options
        self._operation = operation
        self._pbx = channel.pbx
        self._faxes = channel.pbx.faxes
        self._details: FaxDetails = details_of(channel, self._faxes.settings)
        self._session: FaxSession | None = None
        self._paths: list[Path] = []
        self._left: BaseException | None = None
        """What has taken the task away in the middle."""
        self._waiting: asyncio.Future[bool] | None = None
        self._since = 0.0
        self._too_long = False
        self._unwritten = 0
        """Pages that have come and are not in the file: the fax is ended before the far end hears that they have."""
        self._t38 = t38_of(channel)
        self._has_page = False
        """Whether both sides know of each other by modem: it is too late to change to T.38."""

    async def run(self) -> FaxResult:
        """All of it."""
        self._forget()
        try:
            result = await self._run()
        except FaxError as error:
            self._pbx.log.warning("%s on %s: %s", self._name, self._channel.name, error)
            result = FaxResult(False, str(error), error.code)
        except MissingFaxLibraryError as error:
            self._pbx.log.error("%s on %s: %s", self._name, self._channel.name, error)
            result = FaxResult(False, str(error), "INIT_ERROR")
        except _TAKES_AWAY as error:
            self._left = error
            result = FaxResult(False, "The call dropped prematurely", "HANGUP")
        self._tell(result)
        if self._left is not None:
            raise self._left
        return result

    @property
    def _name(self) -> str:
        return "SendFAX" if self._operation is Operation.SEND else "ReceiveFAX"

    def _forget(self) -> None:
        """The last fax of the channel is forgotten."""
        details = self._details
        details.status = details.statusstr = details.error = details.resolution = details.remote = ""
        details.pages = details.rate = 0
        details.session = None
        details.files = []
        details.station = details.station or shortened(self._channel.get_variable("LOCALSTATIONID") or "")
        details.header = details.header or shortened(self._channel.get_variable("LOCALHEADERINFO") or "", header=True)

    async def _run(self) -> FaxResult:
        channel, details = self._channel, self._details
        spool = Path(self._pbx.server.paths.spool)
        self._paths = [fax_path(name, spool) for name in self._names]
        if not self._paths:
            raise FaxError("INVALID_ARGUMENTS", "it needs the name of a file")
        details.files = [as_named(path, name) for path, name in zip(self._paths, self._names, strict=True)]
        session = self._session = self._faxes.begin(channel, self._operation, tuple(details.files))
        session.debug = session.debug or self._options.debug
        details.session = session.number
        success = False
        try:
            # Before anything that takes time: the far end may ask for T.38 as soon as it has answered.
            self._t38.use(self)
            result = await self._with_files(session)
            success = result.success
            return result
        except FaxError as error:
            session.outcome = _OUTCOMES.get(error.code, session.outcome)
            raise
        except _TAKES_AWAY:
            session.outcome = "Call Dropped"
            raise
        except MemoryError as error:
            raise FaxError("MEMORY_ERROR", str(error)) from error
        except RuntimeError as error:
            raise FaxError("CHANNEL PROBLEMS", str(error)) from error
        finally:
            self._t38.release(self)
            self._faxes.end(session, success)

    async def _with_files(self, session: FaxSession) -> FaxResult:
        self._status(session, "Allocating Resources")
        if missing := why_missing():
            raise MissingFaxLibraryError(missing)  # before the call is answered
        if session.operation is Operation.SEND:
            outgoing = Outgoing(self._paths)
            try:
                await self._blocking(outgoing.prepare)
                return await self._transfer(session, outgoing.path)
            finally:
                await self._blocking(outgoing.finish)
        incoming = Incoming(self._paths[0])
        try:
            for path in await self._blocking(incoming.prepare):
                self._pbx.log.notice("%s has pages of a fax that was cut off by the end of the server", path)
            result = await self._transfer(session, incoming.part)
            return await self._keep(session, incoming, result) if result.pages else replace(result, files=())
        finally:
            await self._blocking(incoming.abandon)

    async def _keep(self, session: FaxSession, incoming: Incoming, result: FaxResult) -> FaxResult:
        """Put what has come into its place: the far end was told that it has."""
        try:
            await self._blocking(incoming.keep, result.success, result.pages if self._unwritten else 0)
        except FaxError as error:
            self._pbx.log.warning("%s on %s: %s", self._name, self._channel.name, error)
            session.outcome = _OUTCOMES[error.code]
            result = replace(result, success=False, text=str(error), error=error.code)
        if incoming.kept is None:
            return replace(result, files=())
        self._details.files = [as_named(incoming.kept, self._names[0])]
        return replace(result, files=(incoming.kept,))

    async def _blocking(self, function: Callable[..., _Found], *args: object) -> _Found:
        """Run what blocks in a thread, to its end: who cancels the task meanwhile has it once the fax is over."""
        work = asyncio.ensure_future(asyncio.to_thread(function, *args))
        while not work.done():
            try:
                await asyncio.wait((work,))
            except asyncio.CancelledError as error:
                self._left = error
        return work.result()

    async def _transfer(self, session: FaxSession, path: Path) -> FaxResult:
        channel = self._channel
        if self._left is not None:
            raise self._left
        if channel.state is not ChannelState.UP:
            await answer(channel)
        channel.stop_tone()
        return await self._by_either(session, path)

    async def _by_either(self, session: FaxSession, path: Path) -> FaxResult:
        t38, options = self._t38, self._options
        possible = not options.audio and t38.state is not T38State.UNAVAILABLE
        if possible:
            agreed = await self._change_to_t38()
            if agreed is not None:
                return await self._over_t38(session, path, agreed)
            if not options.fallback:
                raise FaxError("T38_NEG_ERROR", "The far end has not changed to T.38, and audio was not allowed (f)")
        result = await self._over_audio(session, path)
        if t38.parameters is not None and self._left is None:
            self._faxes.counts.count(AUDIO, SWITCHED)
            return await self._over_t38(session, path, t38.parameters)
        return result

    # -- over T.38 ------------------------------------------------------------------------------------------

    @property
    def _parameters(self) -> T38Parameters:
        return USUAL._replace(max_bit_rate=self._details.maxrate)

    async def _change_to_t38(self) -> T38Parameters | None:
        """Have T.38 agreed on: the far end asks, or is asked; its terms, ``None`` where it does not want to."""
        channel, t38, seconds = self._channel, self._t38, self._details.t38timeout / 1000
        sending = self._operation is Operation.SEND
        if t38.state is not T38State.NEGOTIATED:
            start_tone(channel, _CALLING if sending else _CALLED)
        try:
            if t38.asked is None and t38.state is not T38State.NEGOTIATED:
                # The called machine asks, as a rule: it is the one that hears first that there is a fax.
                self._waiting = self._pbx.loop.create_future()
                await channel.park(seconds if sending else _BEFORE_ASKING, 0, self._waiting)
                if t38.state is T38State.NEGOTIATING:  # it has asked, and does not know our answer yet
                    self._waiting = self._pbx.loop.create_future()
                    await channel.park(seconds, 0, self._waiting)
                if t38.parameters is None and sending and not self._options.ask:
                    return None
            return await t38.request(self._parameters, seconds)
        finally:
            self._waiting = None
            channel.stop_tone()

    async def _over_t38(self, session: FaxSession, path: Path, agreed: T38Parameters) -> FaxResult:
        port = self._t38.port
        if port is None:
            raise FaxError("T38_NEG_ERROR", "T.38 is over before it has begun")
        session.type = T38
        self._status(session, "T.38 Negotiated")
        terms = self._details.terms()
        terminal = T38Terminal(sending=session.operation is Operation.SEND, terms=terms, send=port.write)
        try:
            agree_on(terminal, agreed)
            self._begin(session, terminal, path)
            packets = PacketsOnChannel(self._channel, terminal, port, lambda: self._look(session, terminal))
            try:
                await self._until_over(terminal)
            finally:
                packets.stop()
            return await self._result(session, terminal)
        finally:
            terminal.close()

    def t38_requested(self, t38: ChannelT38) -> None:
        """The far end asks for T.38."""
        if self._options.audio or self._has_page:
            t38.refuse()
        else:
            t38.accept(self._parameters)

    def t38_changed(self, t38: ChannelT38) -> None:
        """T.38 was agreed on, or is over: whoever waits for that goes on."""
        session = self._session
        begun = session is not None and session.state in (SessionState.OPEN, SessionState.ACTIVE)
        has_it = session is not None and session.type == T38
        if self._waiting is None or self._waiting.done():
            return
        agreed = t38.state is T38State.NEGOTIATED
        if (agreed and not (begun and has_it)) or (begun and has_it and not agreed):
            self._waiting.set_result(True)

    # -- over audio ---------------------------------------------------------------------------------------

    async def _over_audio(self, session: FaxSession, path: Path) -> FaxResult:
        channel = self._channel
        stream = channel.stream
        if stream is None:
            raise FaxError("CHANNEL PROBLEMS", f"{channel.name} has no audio")
        if stream.format.name not in ("ulaw", "alaw", "slin"):
            self._pbx.log.warning(
                "%s on %s: a fax hardly passes %s; allow ulaw or alaw only", self._name, channel.name,
                stream.format.name,
            )  # fmt: skip
        session.type = AUDIO
        terminal = AudioTerminal(sending=session.operation is Operation.SEND, terms=self._details.terms())
        try:
            self._begin(session, terminal, path)
            modem = ModemOnChannel(channel, terminal, lambda: self._look(session, terminal))
            try:
                await self._until_over(terminal)
            finally:
                modem.stop()
            return await self._result(session, terminal)
        finally:
            terminal.close()

    # -- for both ways ------------------------------------------------------------------------------------

    def _begin(self, session: FaxSession, terminal: Terminal, path: Path) -> None:
        if session.debug:
            terminal.debug()
        terminal.use_file(path)
        session.state = SessionState.OPEN
        self._since, self._too_long = self._pbx.loop.time(), False
        self._status(session, "FAX Transmission In Progress")

    def _look(self, session: FaxSession, terminal: Terminal) -> None:
        """Something was done: see what has come of it."""
        loop = self._pbx.loop
        for line in terminal.log_lines():
            self._pbx.log.fax("Fax session %d: %s", session.number, line)
        for event in terminal.events():
            self._since = loop.time()
            session.transfer = terminal.transfer()
            if event.kind is Happened.NEGOTIATED:
                session.state = SessionState.ACTIVE
                self._has_page = True
                self._status(session, f"Negotiated {session.transfer.rate} bit/s")
            elif event.kind is Happened.PAGE:
                self._unwritten = terminal.unwritten
                self._status(session, f"Page {session.transfer.pages}")
                self._too_long = self._too_long or session.transfer.pages > MOST_PAGES
        if loop.time() - self._since > LONGEST_PAGE or _silent(terminal) > LONGEST_SILENCE or terminal.too_much:
            self._too_long = True
        over = not terminal.active or self._too_long or self._unwritten or terminal.unreadable
        if over and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(True)

    async def _until_over(self, terminal: Terminal) -> None:
        """Wait until the terminal is done, or the channel has hung up."""
        self._waiting = self._pbx.loop.create_future()
        try:
            await self._channel.park(None, 0, self._waiting)
        except _TAKES_AWAY as error:
            self._left = error
        finally:
            self._waiting = None

    async def _result(self, session: FaxSession, terminal: Terminal) -> FaxResult:
        """The terminal is done, or has to be: what has become of the fax."""
        if terminal.active:
            await self._blocking(terminal.hang_up)
        session.transfer = terminal.transfer()
        mode = "T38" if session.type == T38 else "audio"
        left = self._left is not None
        result = result_of(terminal, mode, tuple(self._paths), too_long=self._too_long, left=left)
        session.outcome = "No FAX" if terminal.result == 0 and not result.success else outcome_of(terminal.result)
        why = ""
        if self._unwritten:
            why = f"{self._paths[0]} cannot be written: is the disk full?"
        elif terminal.unreadable:
            why = f"page {result.pages} of what is sent is damaged"
        if not why:
            return result
        session.outcome = _OUTCOMES["FILE_ERROR"]
        pages = result.pages - (1 if terminal.unreadable else self._unwritten)
        return replace(result, success=False, text=why, error="FILE_ERROR", pages=max(pages, 0))

    def _status(self, session: FaxSession, text: str) -> None:
        bus = self._pbx.bus
        if (self._options.events or self._faxes.settings.statusevents) and bus.listeners[events.FAX_STATUS]:
            files = "&".join(session.files)
            bus.publish(
                events.FAX_STATUS, self._channel, str(session.operation), text, self._details.station, files
            )  # fmt: skip
        if self._pbx.log.verbosity >= 3:
            self._pbx.log.verbose(3, "Channel '%s' fax session %d: %s", self._channel.name, session.number, text)

    def _tell(self, result: FaxResult) -> None:
        """Put the result into details, variables and events."""
        channel, details = self._channel, self._details
        if any(map(is_foreign, self._names)):
            result = replace(result, text=foreign(result.text))  # which may have one of them
        tell_result(channel, details, result)
        if self._session is not None:
            self._status(self._session, f"FAX Transmission Complete: {details.status}")
        if result.success:
            kind = events.SEND_FAX if self._operation is Operation.SEND else events.RECEIVE_FAX
            self._pbx.bus.publish(kind, channel, details)


def _silent(terminal: Terminal) -> float:
    """Seconds for which the far end has said nothing although it is its turn."""
    if isinstance(terminal, AudioTerminal) and not terminal.sending:
        return terminal.silent / RATE
    return 0.0
