"""Commands of the operating system, run by ``/bin/sh`` for System and SHELL.

Text from outside is data there too: it reaches the shell as the value of a variable in the command's environment, and
is quoted where it stands, so that nothing in it is syntax.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from asterism.pbx.dialplan.language.foreign import Foreign

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host

MAX_OUTPUT = 65536
"""Octets of output that are kept; a command that writes more is ended."""
_VARIABLE = "ASTERISM_TEXT_"
_ENDING = 5.0
"""Seconds that are waited for a command that was killed."""
_UNUSABLE = 127
"""Exit status of a shell that cannot run the command."""


OFF = "commands are off; 'dialplan_commands = yes' in asterisk.conf allows them"
"""Why a command is not run."""


def allowed(pbx: Host) -> bool:
    """Whether the dialplan may run commands: ``dialplan_commands`` of ``asterisk.conf``."""
    return bool(getattr(pbx.server.options, "dialplan_commands", False))


class Outcome(NamedTuple):
    """How a command ended: ``status`` is its exit status, ``None`` where it was ended for its time or its output."""

    status: int | None
    output: bytes = b""

    @property
    def could_run(self) -> bool:
        """Whether there was such a command."""
        return self.status != _UNUSABLE


def quoted(command: str) -> tuple[str, dict[str, str]]:
    """A command in which text from outside is replaced by variables, and the values of these."""
    if not isinstance(command, Foreign):
        return command, {}
    values: dict[str, str] = {}
    parts: list[str] = []
    position, quote = 0, ""
    for start, end in command.spans:
        plain = str.__getitem__(command, slice(position, start))
        quote = _quote_after(plain, quote)
        name = f"{_VARIABLE}{len(values)}"
        values[name] = str.__getitem__(command, slice(start, end)).replace("\0", "")
        reference = f"${{{name}}}"
        parts += (plain, reference if quote == '"' else f"'\"{reference}\"'" if quote else f'"{reference}"')
        position = end
    parts.append(str.__getitem__(command, slice(position, None)))
    return "".join(parts), values


def _quote_after(text: str, quote: str) -> str:
    """The quotation mark that is open behind ``text``, where ``quote`` was open before it."""
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and quote != "'":
            position += 1
        elif quote:
            if character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        position += 1
    return quote


async def run(command: str, timeout: float | None = None, *, output: bool = False) -> Outcome:
    """Run a command to its end; what it writes is read where ``output`` is wanted, else thrown away.

    After ``timeout`` seconds it is killed, and so it is when the task is cancelled. Raises :class:`OSError` where it
    cannot be started, and :class:`ValueError` for a NUL in it.
    """
    text, values = quoted(command)
    if "\0" in text:
        raise ValueError("a command has no NUL in it")
    process = await asyncio.create_subprocess_shell(
        text,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE if output else asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **values} if values else None,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout):
            found = await _read(process)
            if len(found) > MAX_OUTPUT:
                return Outcome(None, found[:MAX_OUTPUT])
            return Outcome(await process.wait(), found)
    except TimeoutError:
        return Outcome(None)
    finally:
        if process.returncode is None:
            await _end(process)


async def _read(process: asyncio.subprocess.Process) -> bytes:
    found = bytearray()
    while process.stdout is not None and len(found) <= MAX_OUTPUT:
        piece = await process.stdout.read(MAX_OUTPUT + 1 - len(found))
        if not piece:
            break
        found += piece
    return bytes(found)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command with all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, 9)
    # asyncio knows of its end only once all that it wrote has been read; a child that got away may keep the pipe open.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ENDING):
            while process.stdout is not None and await process.stdout.read(MAX_OUTPUT):
                pass
            await process.wait()
