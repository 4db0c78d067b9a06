"""``pbx_spool``: looks at the folder of call files once a second and makes the calls that are due.

What happens is written to the file itself, so that a server that is started again knows of it: a line ``StartRetry``
before each attempt, ``EndRetry`` after one that failed, ``AbortRetry`` after one that a server did not live to see the
end of, ``DelayedRetry`` where the time of the next attempt comes while a call is still there.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from asterism.core.module import Module
from asterism.pbx.calls.originate import OriginateRequest, named_formats, originate, start
from asterism.pbx.calls.spool.callfile import CallFile, CallFileError, parse
from asterism.pbx.calls.spool.folder import MAX_FILES, EmptyError, Entry, Folder, UnusableError
from asterism.pbx.calls.spool.watching import Watcher
from asterism.pbx.vocabulary.party import parse_caller_id

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host, HostServer

T = TypeVar("T")

INTERVAL = 1.0
"""Seconds between two looks at the folder."""
SETTLED = 1.0
"""Seconds for which a file must not have changed: whoever writes it where it is may not be done."""
INCOMPLETE = 10.0
"""Seconds for which one must not have changed that is empty, or in which something is missing."""
MAX_CALLS = 1000
"""Calls by call files that may be there at a time; other files wait."""
_ATTEMPT = "AST_OUTGOING_ATTEMPT"


class Attempt:
    """One call by a call file."""

    __slots__ = ("delayed", "entry", "file", "task")

    def __init__(self, file: CallFile, entry: Entry) -> None:
        self.file = file
        self.entry = entry
        """The file as it was left last."""
        self.delayed = False
        self.task: asyncio.Task[None] | None = None


class Spool(Module):
    """The calls that the folder asks for."""

    name: ClassVar[str] = "pbx_spool"
    description: ClassVar[str] = "Outgoing Spool Support"

    def load(self, server: HostServer) -> None:
        """Take the folder."""
        self._server = server
        self._pbx: Host = server.pbx
        self._log = server.log
        self._folder = Folder(server.paths.spool)
        self._calls: dict[str, Attempt] = {}
        self._left: dict[str, tuple[int, int, int, int]] = {}
        """Files that cannot be used, as they were when that was told."""
        self._full = False
        self._watcher: Watcher | None = None
        self._looking: asyncio.Task[None] | None = None
        self._clock: Callable[[], float] = time.time

    def start(self) -> None:
        """Begin to look at the folder."""
        loop = self._pbx.loop

        def tell(entries: list[Entry], more: bool, problem: str) -> None:
            loop.call_soon_threadsafe(self._found, entries, more, problem)

        self._watcher = Watcher(self._folder, tell, INTERVAL)
        self._watcher.start()

    def unload(self) -> None:
        """Look no more. Calls that are answered go on; those that are not are made again by who starts next."""
        if self._watcher is not None:
            self._watcher.stop()
        if self._looking is not None:
            self._looking.cancel()
        for attempt in list(self._calls.values()):
            if attempt.task is not None:
                attempt.task.cancel()

    def use_count(self) -> int:
        """Number of calls by call files."""
        return len(self._calls)

    def _found(self, entries: list[Entry], more: bool, problem: str) -> None:
        if problem:
            self._log.warning("Call files are not read: %s", problem)
        elif self._looking is None or self._looking.done():
            self._looking = self._server.spawn(self.look(entries, more), "call files")

    async def _thread(self, work: Callable[[], T]) -> T:
        return await self._pbx.loop.run_in_executor(None, work)

    # -- what is due -------------------------------------------------------------------------------------------

    async def look(self, entries: list[Entry], full: bool) -> None:
        """Begin the calls that are due; ``full``: there are more files than these."""
        if full and not self._full:
            self._log.warning("%s has more than %d files: some wait", self._folder.path, MAX_FILES)
        self._full = full
        if self._left:
            there = {entry.name: entry.identity for entry in entries}
            self._left = {name: what for name, what in self._left.items() if there.get(name) == what}
        now = self._clock()
        for entry in entries:
            if entry.due > now:
                break  # the others are due later
            attempt = self._calls.get(entry.name)
            if attempt is not None:
                await self._delay(attempt, now)
            elif entry.name in self._left:
                continue
            elif abs(now - entry.changed) >= SETTLED:  # also after a clock was set back
                if len(self._calls) >= MAX_CALLS or self._pbx.refusal():
                    break
                await self._begin(entry)

    async def _delay(self, attempt: Attempt, now: float) -> None:
        """The time of the next attempt has come, and the call is still there: it is told once."""
        if attempt.delayed:
            return
        attempt.delayed = True
        file = attempt.file
        await self._note(attempt, _line("DelayedRetry", file.attempts, now), now + file.retry_time)

    async def _begin(self, entry: Entry) -> None:
        """Read a file that is due, and call or be done with it."""
        path = self._folder.path / entry.name
        try:
            file = parse(await self._thread(lambda: self._folder.read(entry.name, entry.identity)))
        except FileNotFoundError:
            return  # it has gone, or was written to since it was seen: by us, when a call ended
        except (UnusableError, CallFileError) as error:
            if isinstance(error, EmptyError) and self._may_grow(entry):
                return
            self._left[entry.name] = entry.identity
            self._log.warning("%s is no call file, and is left where it is: %s", path, error)
            return
        incomplete = file.missing()
        if incomplete and self._may_grow(entry):
            return
        for problem in file.problems:
            self._log.warning("%s, %s", path, problem)
        attempt = Attempt(file, entry)
        missing = incomplete or self._unknown(file)
        if missing:
            self._log.warning("%s calls nobody: %s", path, missing)
            await self._finish(attempt, "Failed")
        elif file.attempts > file.max_retries:
            await self._expire(attempt)
        else:
            now = self._clock()
            lines = ""
            if file.unfinished:
                lines = _line("AbortRetry", file.attempts + 1, now)
                file.attempts += 1
            lines += _line("StartRetry", file.attempts + 1, now + file.retry_time)
            if await self._note(attempt, lines, now + file.retry_time):
                self._calls[entry.name] = attempt
                attempt.task = self._server.spawn(self._call(attempt), f"call file {entry.name}")
            else:
                # Not called: nothing would say so, and it would be called again and again.
                self._left[entry.name] = attempt.entry.identity

    def _may_grow(self, entry: Entry) -> bool:
        """Whether somebody may still be writing the file."""
        return abs(self._clock() - entry.changed) < INCOMPLETE

    def _unknown(self, file: CallFile) -> str:
        """What is named and not there."""
        if file.application:
            known = self._pbx.applications.get(file.application) is not None
            return "" if known else f"there is no application '{file.application}'"
        if self._pbx.dialplan.resolve_priority(file.context, file.exten, file.priority):
            return ""
        return f"{file.exten}@{file.context} has no priority '{file.priority}'"

    # -- a call ------------------------------------------------------------------------------------------------

    async def _call(self, attempt: Attempt) -> None:
        file, name = attempt.file, attempt.entry.name
        try:
            number = file.attempts + 1
            request = self._request(file, number)
            self._log.verbose(3, "Call file %s: calling %s (attempt %d)", name, file.channel, number)
            result = await originate(self._pbx, request)
            if result.channel is not None:
                await asyncio.wait({start(self._pbx, result.channel, request)})
                await self._finish(attempt, "Completed")
                return
            file.attempts = number
            if file.attempts > file.max_retries:
                await self._expire(attempt)
            else:
                now = self._clock()
                self._log.notice(
                    "Call file %s: %s was not answered (reason %d, cause %d); again in %d seconds",
                    name, file.channel, result.reason, result.cause, file.retry_time,
                )  # fmt: skip
                await self._note(attempt, _line("EndRetry", number, now), now + file.retry_time)
        finally:
            self._calls.pop(name, None)

    def _request(self, file: CallFile, number: int) -> OriginateRequest:
        priority = 1
        if not file.application:
            priority = self._pbx.dialplan.resolve_priority(file.context, file.exten, file.priority) or 1
        return OriginateRequest(
            file.channel,
            context=file.context,
            exten=file.exten,
            priority=priority,
            application=file.application,
            data=file.data,
            timeout=file.wait_time,
            caller=parse_caller_id(file.caller_id) if file.caller_id else None,
            account=file.account,
            formats=named_formats(file.codecs),
            early_media=file.early_media,
            # Set from the last to the first: in the order of the file, and the number of the attempt after them.
            variables=[(_ATTEMPT, str(number)), *reversed(file.variables)],
        )

    async def _expire(self, attempt: Attempt) -> None:
        file = attempt.file
        self._log.warning(
            "Call file %s: %s was not answered in %d attempt%s",
            attempt.entry.name, file.channel, file.attempts, "" if file.attempts == 1 else "s",
        )  # fmt: skip
        await self._finish(attempt, "Expired")

    # -- the file ----------------------------------------------------------------------------------------------

    async def _note(self, attempt: Attempt, lines: str, due: float) -> bool:
        """Write lines to the file; whether that was possible."""
        try:
            attempt.entry = await self._thread(lambda: self._folder.append(attempt.entry.name, lines, due))
        except FileNotFoundError:
            return False  # whoever deleted it wants no more of it
        except OSError as error:
            self._log.warning("%s: %s", self._folder.path / attempt.entry.name, error.strerror)
            return False
        return True

    async def _finish(self, attempt: Attempt, status: str) -> None:
        file, entry, now = attempt.file, attempt.entry, self._clock()

        def finish() -> bool:
            return self._folder.finish(entry, status, now, archive=file.archive, always=file.always_delete)

        try:
            if not await self._thread(finish):
                self._log.notice("Call file %s was changed meanwhile, and is kept", entry.name)
        except OSError as error:
            self._log.error("Call file %s cannot be removed, and is not called again: %s", entry.name, error.strerror)
            entries, _ = await self._thread(self._folder.scan)
            self._left.update((each.name, each.identity) for each in entries if each.name == entry.name)


def _line(what: str, attempt: int, when: float) -> str:
    return f"\n{what}: {os.getpid()} {attempt} ({int(when)})\n"
