"""What is done when a recording is over: its command is run, and its files are deleted where that was asked."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from asterism.core.log import log_subject
from asterism.pbx.dialplan.language import commands
from asterism.pbx.dialplan.language.foreign import Foreign

if TYPE_CHECKING:
    import logging

    from asterism.pbx.calls.recording.recording import Recording

TIME_LIMIT = 600.0
"""Seconds after which a command is killed."""
GRACE = 5.0
"""Seconds that commands have when the server stops, before they are killed."""
AT_ONCE = 8
"""Commands that run at a time; the others wait."""
_MOST_WAITING = 1000
_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
"""Characters that a shell takes as they are."""


def harmful(command: str) -> bool:
    """Whether text from outside in a command would be more than a word to a shell."""
    if not isinstance(command, Foreign):
        return False
    return any(not _HARMLESS.issuperset(str(command)[begin:end]) for begin, end in command.spans)


class Commands:
    """The commands of recordings that are over."""

    def __init__(self, log: logging.Logger, allowed: bool) -> None:
        """Run commands only if they are ``allowed``."""
        self._log = log
        self.allowed = allowed
        self.time_limit = TIME_LIMIT
        self._running: set[asyncio.Task[None]] = set()
        self._waiting: deque[Recording] = deque()
        self._deleting: set[asyncio.Future[None]] = set()

    def after(self, recording: Recording) -> None:
        """A recording is over and its files are closed."""
        command = recording.settings.command
        why = ""
        if command and not self.allowed:
            why = "recording_commands is off in asterisk.conf"
        elif command and (harmful(command) or "\0" in command):
            why = "it holds text from outside that a shell would take for more than a word; see FILTER"
        elif command and len(self._waiting) >= _MOST_WAITING:
            why = "too many wait"
        if why:
            token = log_subject.set(recording.channel)
            self._log.warning("The command of %s is not run: %s", recording.path, why)
            log_subject.reset(token)
        if not command or why:
            if recording.settings.delete:
                deleting = asyncio.get_running_loop().run_in_executor(None, _delete, recording)
                self._deleting.add(deleting)
                deleting.add_done_callback(self._deleting.discard)
            return
        self._waiting.append(recording)
        self._next()

    def _next(self) -> None:
        while self._waiting and len(self._running) < AT_ONCE:
            task = asyncio.get_running_loop().create_task(self._run(self._waiting.popleft()))
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            self._next()

    async def _run(self, recording: Recording) -> None:
        command = recording.settings.command
        try:
            outcome = await commands.run(command, self.time_limit)
            if outcome.status is None:
                self._log.warning("The command of %s took more than %g s and is killed: %s", recording.path,
                                  self.time_limit, command)  # fmt: skip
            elif outcome.status:
                self._log.warning("The command of %s ended with %d: %s", recording.path, outcome.status, command)
        except OSError as error:
            self._log.warning("The command of %s cannot be run: %s", recording.path, error)
        # Not where the server has ended the command: its work is not done.
        await asyncio.get_running_loop().run_in_executor(None, _delete, recording)

    async def finish(self) -> None:
        """Let what runs and waits come to its end for :data:`GRACE` seconds, then kill it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                while self._running:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.sleep(0)  # the next begins
        if self._running or self._waiting:
            self._log.warning(
                "%d commands of recordings have not ended and are killed", len(self._running) + len(self._waiting)
            )
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE)
        if self._deleting:
            await asyncio.wait(self._deleting, timeout=GRACE)


def _delete(recording: Recording) -> None:
    """Delete the files, where that was asked. It blocks."""
    if recording.settings.delete:
        for output in recording.settings.outputs:
            with suppress(OSError):
                output.path.unlink()
