"""The console's socket, ``<astrundir>/asterism.ctl``, and the commands about commands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from pathlib import Path
from typing import cast

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ModuleError
from asterism.core.log import VERBOSE
from asterism.core.module import CoreServer, Module
from asterism.interfaces.console import protocol, sockets
from asterism.interfaces.console.runner import CommandRunner, usage_of

_MAX_BACKLOG = 4 * 1024 * 1024  # bytes a client may leave unread before it is dropped


class _FollowHandler(logging.Handler):
    """Sends log records to one connected console, at that console's own verbosity."""

    def __init__(self, connection: _Connection, verbose: int) -> None:
        super().__init__()
        self._connection = connection
        self.verbose_level = verbose

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == VERBOSE and getattr(record, "verbose", 0) > self.verbose_level:
            return
        if record.levelno < VERBOSE:
            return
        prefix = "    -- " if record.levelno == VERBOSE else f"[{record.levelname}]: "
        self._connection.send(protocol.LOG, (prefix + record.getMessage() + "\n").encode("utf-8", "replace"))


class _Connection(asyncio.Protocol):
    """One client of the console."""

    def __init__(self, console: ConsoleModule) -> None:
        self._console = console
        self._decoder = protocol.Decoder()
        self._transport: asyncio.Transport | None = None
        self._queue: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue(maxsize=256)
        self._task: asyncio.Task[None] | None = None
        self._follower: _FollowHandler | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods, not by its class
        self._console.connections.add(self)
        hello = {"version": self._console.server.version, "host": socket.gethostname(), "pid": os.getpid()}
        self.send(protocol.HELLO, json.dumps(hello).encode())
        self._task = self._console.server.spawn(self._serve(), "console client")

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._queue.put_nowait(frame)
        except (protocol.ProtocolError, asyncio.QueueFull):
            self.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._console.connections.discard(self)
        if self._follower is not None:
            self._console.server.log.removeHandler(self._follower)
        if self._task is not None:
            self._task.cancel()

    def send(self, kind: bytes, payload: bytes) -> None:
        """Send one frame, or drop a client that does not read."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _MAX_BACKLOG:
            transport.abort()
            return
        transport.write(protocol.encode(kind, payload))

    def close(self) -> None:
        """Hang up once what was written is sent."""
        if self._transport is not None:
            self._transport.close()

    async def _serve(self) -> None:
        while True:
            kind, payload = await self._queue.get()
            try:
                await self._handle(kind, payload)
            except (ValueError, TypeError, KeyError):
                self.close()
                return

    async def _handle(self, kind: bytes, payload: bytes) -> None:
        runner = self._console.runner
        if kind == protocol.RUN:
            request = json.loads(payload)
            status = await runner.run(
                str(request["command"]),
                lambda text: self.send(protocol.OUTPUT, text.encode("utf-8", "replace")),
                columns=int(request.get("columns", 0)),
                color=bool(request.get("color", False)),
            )
            self.send(protocol.DONE, str(status).encode())
        elif kind == protocol.COMPLETE:
            words = runner.complete(payload.decode("utf-8", "replace"))
            self.send(protocol.WORDS, json.dumps(words).encode())
        elif kind == protocol.FOLLOW:
            log = self._console.server.log
            if self._follower is None:
                self._follower = _FollowHandler(self, 0)
                log.addHandler(self._follower)
            self._follower.verbose_level = int(json.loads(payload).get("verbose", 0))
            log.verbose_level = max(log.verbose_level, self._follower.verbose_level)


class ConsoleModule(Module):
    """Listens on the control socket."""

    name = "console"
    core = True
    description = "Console socket and help"

    server: CoreServer
    runner: CommandRunner

    def __init__(self) -> None:
        self.connections: set[_Connection] = set()
        self._listener: asyncio.Server | None = None
        self._path = Path()

    def load(self, server: CoreServer) -> None:
        """Register the help commands."""
        self.server = server
        self.runner = CommandRunner(server)
        self._path = server.paths.run / protocol.SOCKET_NAME
        server.register_marked(self)

    async def start(self) -> None:
        """Open the socket; refuses when a live server answers there."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            listener = sockets.listen(str(self._path), 0o600)
        except OSError as error:
            raise ModuleError(f"the console socket {self._path} cannot be opened: {error.strerror}") from error
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_unix_server(lambda: _Connection(self), sock=listener)

    async def unload(self) -> None:
        """Close the socket and every client."""
        if self._listener is not None:
            self._listener.close()
            with contextlib.suppress(OSError):
                self._path.unlink()
        for connection in list(self.connections):
            connection.close()

    @command(
        "core show help",
        Documentation(
            "Show the commands, or how one is used",
            "core show help [command]",
            "Without a command, every command with one line about it. With the first words of commands,\n"
            "those that start with them; with a whole command, its usage.",
            (Argument("command", "The command, or how it starts"),),
        ),
    )
    def show_help(self, call: CommandCall) -> str:
        """``core show help``."""
        words = " ".join(call.args)
        entry = self.server.commands.entry(words)
        if entry is not None:
            return usage_of(entry)
        found = sorted(
            (each for each in self.server.commands if not words or f"{each.name} ".startswith(f"{words} ")),
            key=lambda each: each.name,
        )
        if not found:
            return f"No such command '{words}'.\n"
        return "".join(f"{each.name:<30} -- {each.documentation.synopsis}\n" for each in found)
