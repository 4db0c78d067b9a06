"""The interactive console: line editing, history, completion from the live server, its log lines as they come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.patch_stdout import patch_stdout

from asterism.interfaces.console import protocol, sockets

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from asterism.command.main import Arguments

_RECONNECT_SECONDS = 1.0


class Console:
    """An asynchronous connection to a server's console: replies go to the caller, log lines to the screen."""

    def __init__(self, path: str, verbose: int) -> None:
        self._path = path
        self._verbose = verbose
        self._writer: asyncio.StreamWriter | None = None
        self._replies: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self.hello: dict[str, object] = {}

    async def connect(self) -> None:
        """Connect and ask for log lines; raises ``OSError`` when no server answers."""
        reader, self._writer = await asyncio.open_unix_connection(sock=_nonblocking(self._path))
        self._replies = asyncio.Queue()
        self._reading = asyncio.create_task(self._read(reader))
        _, payload = await self._replies.get()
        self.hello = json.loads(payload)
        self._send(protocol.FOLLOW, json.dumps({"verbose": self._verbose}).encode())

    async def run(self, command: str) -> None:
        """Run one command, printing as its text arrives; raises ``ConnectionError`` when the server goes."""
        async with self._turn:
            request = {"command": command, "columns": shutil.get_terminal_size().columns, "color": True}
            self._send(protocol.RUN, json.dumps(request).encode())
            while True:
                kind, payload = await self._reply()
                if kind == protocol.DONE:
                    return
                sys.stdout.write(payload.decode("utf-8", "replace"))

    async def complete(self, line: str) -> list[str]:
        """The words that may stand at the end of ``line``."""
        async with self._turn:
            self._send(protocol.COMPLETE, line.encode())
            kind, payload = await self._reply()
            return list(json.loads(payload)) if kind == protocol.WORDS else []

    def close(self) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()

    def _send(self, kind: bytes, payload: bytes) -> None:
        if self._writer is None or self._writer.is_closing():
            raise ConnectionError("not connected")
        self._writer.write(protocol.encode(kind, payload))

    async def _reply(self) -> tuple[bytes, bytes]:
        kind, payload = await self._replies.get()
        if not kind:
            raise ConnectionError("the server has gone")
        return kind, payload

    async def _read(self, reader: asyncio.StreamReader) -> None:
        decoder = protocol.Decoder()
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for kind, payload in decoder.feed(data):
                    if kind == protocol.LOG:
                        sys.stdout.write(payload.decode("utf-8", "replace"))
                    else:
                        self._replies.put_nowait((kind, payload))
        self._replies.put_nowait((b"", b""))


class _LiveCompleter(Completer):
    """Completion answered by the server, so that names of endpoints and channels are the live ones."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        line = document.text_before_cursor
        last = "" if not line or line[-1].isspace() else line.split()[-1]
        with contextlib.suppress(ConnectionError):
            for word in await self._console.complete(line):
                yield Completion(word, start_position=-len(last))


def run_interactive(path: str, *, reconnect: bool, arguments: Arguments) -> int:
    """Talk to the server at ``path`` until the user leaves; returns the exit status."""
    return asyncio.run(_interact(path, reconnect, arguments.switches.get("v", 0)))


async def _interact(path: str, reconnect: bool, verbose: int) -> int:
    console = Console(path, verbose)
    try:
        await console.connect()
    except OSError:
        print(f"Unable to connect to remote asterisk (does {path} exist?)", file=sys.stderr)
        return 1
    history = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "asterism_history"
    with contextlib.suppress(OSError):
        history.parent.mkdir(parents=True, exist_ok=True)
    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(history)) if os.access(history.parent, os.W_OK) else None,
        completer=_LiveCompleter(console),
        complete_while_typing=False,
    )
    print(f"Asterism {console.hello.get('version')} ⁂  'core show help' lists the commands, 'exit' leaves.")
    with patch_stdout(raw=True):
        while True:
            try:
                line = (await session.prompt_async(f"{console.hello.get('host')}*CLI> ")).strip()
            except KeyboardInterrupt:
                continue
            except EOFError:
                break
            if line in ("exit", "quit"):
                break
            if line.startswith("!"):
                process = await asyncio.create_subprocess_shell(line[1:] or os.environ.get("SHELL", "/bin/sh"))
                await process.wait()
                continue
            try:
                await console.run(line)
            except ConnectionError:
                print("The server has gone.")
                if not reconnect or not await _reconnect(console):
                    return 1
    console.close()
    return 0


async def _reconnect(console: Console) -> bool:
    print("Waiting for it to come back; Ctrl-C leaves.")
    while True:
        try:
            await console.connect()
        except OSError:
            try:
                await asyncio.sleep(_RECONNECT_SECONDS)
            except asyncio.CancelledError:
                return False
        else:
            print("Connected again.")
            return True


def _nonblocking(path: str) -> object:
    connection = sockets.connect(path)
    connection.setblocking(False)
    return connection
