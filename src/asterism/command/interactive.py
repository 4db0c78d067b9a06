"""The interactive console: line editing, history, completion from the live server, its log lines as they come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.shortcuts import CompleteStyle

from asterism.command.colors import Painter
from asterism.command.remote import Connection
from asterism.interfaces.console import protocol, sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asterism.command.main import Arguments

_COMPLETION_SECONDS = 2.0
_RECONNECT_SECONDS = 0.5
_RESTART_SECONDS = 60.0
"""How long ``-r`` waits for a server that said it would come back; ``-R`` waits for any, without limit."""


class Console:
    """An asynchronous connection to a server's console: replies go to the caller, log lines to the screen.

    ``on_lost`` is called when the server has gone; ``farewell`` is then what it said last ("restart", "stop"
    or nothing).
    """

    def __init__(self, path: str, follow: dict[str, object], show: Callable[[str], None]) -> None:
        self._path = path
        self._follow = follow
        self._show = show
        self._writer: asyncio.StreamWriter | None = None
        self._replies: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self.on_lost: Callable[[], None] = lambda: None
        self.hello: dict[str, object] = {}
        self.farewell = ""

    @property
    def connected(self) -> bool:
        """Whether the server is there."""
        return self._reading is not None and not self._reading.done()

    async def connect(self) -> None:
        """Connect and ask for log lines; raises ``OSError`` when no server answers."""
        connection = sockets.connect(self._path)
        connection.setblocking(False)
        reader, self._writer = await asyncio.open_unix_connection(sock=connection)
        self._replies, self.farewell = asyncio.Queue(), ""
        self._reading = asyncio.create_task(self._read(reader))
        _, payload = await self._reply()
        self.hello = json.loads(payload)
        self._send(protocol.FOLLOW, json.dumps(self._follow).encode())

    async def run(self, command: str) -> int:
        """Run one command, showing its text as it comes; raises ``ConnectionError`` when the server goes."""
        async with self._turn:
            request = {"command": command, "columns": shutil.get_terminal_size().columns, "color": True}
            self._send(protocol.RUN, json.dumps(request).encode())
            while True:
                kind, payload = await self._reply()
                if kind == protocol.DONE:
                    return int(payload)
                self._show(payload.decode("utf-8", "replace"))

    def close(self) -> None:
        """Hang up."""
        self.on_lost = lambda: None
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()

    def _send(self, kind: bytes, payload: bytes) -> None:
        if self._writer is None or self._writer.is_closing() or not self.connected:
            raise ConnectionError("not connected")
        self._writer.write(protocol.encode(kind, payload))

    async def _reply(self) -> tuple[bytes, bytes]:
        kind, payload = await self._replies.get()
        if not kind:
            self._replies.put_nowait((b"", b""))
            raise ConnectionError("the server has gone")
        return kind, payload

    async def _read(self, reader: asyncio.StreamReader) -> None:
        decoder = protocol.Decoder()
        with contextlib.suppress(OSError, protocol.ProtocolError):
            while data := await reader.read(65536):
                for kind, payload in decoder.feed(data):
                    if kind == protocol.LOG:
                        sys.stdout.write(payload.decode("utf-8", "replace"))
                    elif kind == protocol.GOODBYE:
                        self.farewell = payload.decode("utf-8", "replace")
                    else:
                        self._replies.put_nowait((kind, payload))
        self._replies.put_nowait((b"", b""))
        if self._writer is not None:
            self._writer.close()
        asyncio.get_running_loop().call_soon(self.on_lost)


class _LiveCompleter(Completer):
    """Completion answered by the server, so that names of endpoints and channels are the live ones.

    The tab key waits for its answer, as in every shell, so this has a blocking connection of its own.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: Connection | None = None

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """The words that fit where the cursor is."""
        line = document.text_before_cursor
        last = "" if not line or line[-1].isspace() else line.split()[-1]
        for word in self._ask(line):
            yield Completion(word, start_position=-len(last))

    def _ask(self, line: str) -> list[str]:
        for _ in range(2):
            try:
                if self._connection is None:
                    self._connection = Connection(self._path, timeout=_COMPLETION_SECONDS)
                return self._connection.complete(line)
            except (OSError, ValueError):
                # The server has gone, or came back as another one since the last time.
                self.close()
        return []

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _LostError(Exception):
    """The server went while the prompt waited for a line."""


def run_interactive(path: str, arguments: Arguments, *, attached: bool = False) -> int:
    """Talk to the server at ``path`` until the user leaves; returns the exit status.

    ``attached`` is the console of ``-c``: leaving it stops the server.
    """
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_Interaction(path, arguments, attached).run())
    return 130


class _Interaction:
    """One user at one terminal, with one server that may come and go."""

    def __init__(self, path: str, arguments: Arguments, attached: bool) -> None:
        self._path = path
        self._attached = attached
        self._patient = "R" in arguments
        colors = "n" not in arguments and not os.environ.get("NO_COLOR")
        painter = Painter(light="W" in arguments) if colors else None
        follow: dict[str, object] = {
            "verbose": arguments.switches.get("v", 0),
            "mute": "m" in arguments,
            "timestamp": "T" in arguments,
            "color": colors,
        }

        def show(text: str) -> None:
            sys.stdout.write(painter.paint(text) if painter else text)

        self._console = Console(path, follow, show)
        self._completer = _LiveCompleter(path)
        self._session: PromptSession[str] = PromptSession(
            history=_history(),
            completer=self._completer,
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
        )

    async def run(self) -> int:
        """Read and run lines until the user leaves or the server ends."""
        try:
            await self._console.connect()
        except OSError:
            print(f"Unable to connect to remote asterisk (does {self._path} exist?)", file=sys.stderr)
            return 1
        hello = self._console.hello
        print(f"Asterism {hello.get('version')} ⁂  'core show help' lists the commands, 'exit' leaves.")
        print(f"Connected to Asterisk {hello.get('version')} currently running on {hello.get('host')} ", end="")
        print(f"(pid = {hello.get('pid')})")
        with contextlib.closing(self._completer), patch_stdout(raw=True):
            while True:
                try:
                    if not await self._one_line():
                        return 0
                except (_LostError, ConnectionError):
                    if not await self._come_back():
                        return 0 if self._console.farewell == "stop" else 1

    async def _one_line(self) -> bool:
        """Read and run one line; return whether to go on."""
        self._console.on_lost = self._interrupt
        try:
            line = (await self._session.prompt_async(f"{self._console.hello.get('host')}*CLI> ")).strip()
        except KeyboardInterrupt:
            return True
        except EOFError:
            line = "exit"
        finally:
            self._console.on_lost = lambda: None
        if line in ("exit", "quit"):
            if self._attached:
                await self._console.run("core stop now")
                return True
            self._console.close()
            return False
        if line.startswith("!"):
            await self._run_shell(line[1:])
        elif line:
            # What everybody types first; an alias that the server has for it does the same.
            await self._console.run("core show help" if line in ("help", "?") else line)
        elif not self._console.connected:
            raise ConnectionError
        return True

    def _interrupt(self) -> None:
        if self._session.app.is_running:
            self._session.app.exit(exception=_LostError())

    async def _run_shell(self, line: str) -> None:
        if not self._console.hello.get("shell", True):
            print("The shell is switched off for remote consoles.")
            return
        process = await asyncio.create_subprocess_shell(line or os.environ.get("SHELL", "/bin/sh"))
        await process.wait()

    async def _come_back(self) -> bool:
        """Wait for the server that has gone, if it is to be expected again; whether it is back."""
        farewell = self._console.farewell
        self._console.close()
        print("Disconnected from Asterisk server" + (": it stopped." if farewell == "stop" else "."))
        if not (self._patient or farewell == "restart") or self._attached:
            return False
        print("Waiting for it to come back; Ctrl-C leaves.")
        loop = asyncio.get_running_loop()
        waiting = asyncio.current_task()
        assert waiting is not None
        loop.add_signal_handler(signal.SIGINT, waiting.cancel)
        deadline = None if self._patient else loop.time() + _RESTART_SECONDS
        try:
            while deadline is None or loop.time() < deadline:
                try:
                    await self._console.connect()
                except OSError:
                    await asyncio.sleep(_RECONNECT_SECONDS)
                else:
                    print("Reconnected.")
                    return True
        except asyncio.CancelledError:
            waiting.uncancel()
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        return False


def _history() -> FileHistory | None:
    path = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "asterism_history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
    except OSError:
        return None
    return FileHistory(str(path))
