"""The console's socket, ``<astrundir>/asterism.ctl``, and the commands about commands."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import json
import logging
import os
import pwd
import socket
from pathlib import Path
from typing import cast

from asterism.config.file import ConfigFile
from asterism.config.values import is_true
from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import AlreadyRunningError, ConfigError
from asterism.core.log import DEBUG, DTMF, NOTICE, VERBOSE
from asterism.core.module import CoreServer, Module
from asterism.interfaces.console import protocol, sockets
from asterism.interfaces.console.runner import CommandRunner
from asterism.interfaces.logger.formats import ConsoleFormat

_MAX_BACKLOG = 4 * 1024 * 1024  # bytes a client may leave unread before it is dropped
_MAX_CLIENTS = 256
_MODE = 0o600


class _Follower(logging.Handler):
    """Sends log records to one connected console, at that console's own verbosity."""

    def __init__(self, connection: _Connection, verbose: int, formatter: logging.Formatter) -> None:
        super().__init__(DEBUG)
        self._connection = connection
        self.verbose_level = verbose
        self.muted = False
        self.setFormatter(formatter)

    def verbosity(self, _server_level: int) -> int:
        """The console's own level."""
        return 0 if self.muted else self.verbose_level

    def _debug(self) -> bool:
        return self._connection.debugging

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelno
        if self.muted:
            return
        if level == VERBOSE:
            if getattr(record, "verbose", 0) > self.verbose_level:
                return
        elif level < NOTICE and level != DTMF and not (level == DEBUG and self._debug()):
            return
        self._connection.send(protocol.LOG, (self.format(record) + "\n").encode("utf-8", "replace"))


class _Connection(asyncio.Protocol):
    """One client of the console."""

    def __init__(self, console: ConsoleModule) -> None:
        self._console = console
        self._decoder = protocol.Decoder()
        self._transport: asyncio.Transport | None = None
        self._queue: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue(maxsize=256)
        self._task: asyncio.Task[None] | None = None
        self._follower: _Follower | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods, not by its class
        server = self._console.server
        if len(self._console.connections) >= _MAX_CLIENTS:
            server.log.warning("more than %d consoles: one is refused", _MAX_CLIENTS)
            self._transport.abort()
            return
        self._console.connections.add(self)
        hello = {
            "version": server.version,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "shell": not getattr(server.options, "disable_remote_console_shell", False),
        }
        self.send(protocol.HELLO, json.dumps(hello).encode())
        self._task = server.spawn(self._serve(), "console client")

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._queue.put_nowait(frame)
        except (protocol.ProtocolError, asyncio.QueueFull):
            self.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._console.connections.discard(self)
        if self._follower is not None:
            log = self._console.server.log
            log.removeHandler(self._follower)
            if not getattr(self._console.server.options, "hideconnect", False):
                log.verbose(3, "Remote UNIX connection disconnected")
        if self._task is not None:
            self._task.cancel()

    @property
    def debugging(self) -> bool:
        """Whether debug messages are wanted (``core set debug``)."""
        return self._console.server.log.debug_level > 0

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
            except (ValueError, TypeError, KeyError, AttributeError):
                self.close()
                return

    async def _wait_for_stop(self) -> None:
        """Where the server was asked to stop, wait: until that was taken back, else until the connection ends."""
        status = getattr(self._console.server, "status", None)
        if status is None:
            return
        if status.waiting is not None:
            await asyncio.wait({status.waiting})
        if status.stop_requested.is_set():
            await asyncio.get_running_loop().create_future()

    async def _handle(self, kind: bytes, payload: bytes) -> None:
        runner = self._console.runner
        if kind == protocol.RUN:
            request = json.loads(payload)
            status = await runner.run(
                str(request["command"]),
                lambda text: self.send(protocol.OUTPUT, text.encode("utf-8", "replace")),
                columns=int(request.get("columns", 0)),
                color=bool(request.get("color", False)),
                console=self._follower,
            )
            if request.get("wait"):
                await self._wait_for_stop()
            self.send(protocol.DONE, str(status).encode())
            if self._follower is not None:
                self._console.server.log.update_verbosity()
        elif kind == protocol.COMPLETE:
            words = runner.complete(payload.decode("utf-8", "replace"))
            self.send(protocol.WORDS, json.dumps(words).encode())
        elif kind == protocol.FOLLOW:
            self._follow(json.loads(payload))

    def _follow(self, request: dict[str, object]) -> None:
        log = self._console.server.log
        level = int(str(request.get("verbose", 0)))
        if self._follower is None:
            timestamp = bool(request.get("timestamp", False))
            self._follower = _Follower(self, level, ConsoleFormat(bool(request.get("color", False)), timestamp))
            log.addHandler(self._follower)
            if not getattr(self._console.server.options, "hideconnect", False):
                log.verbose(3, "Remote UNIX connection")
        self._follower.verbose_level = level
        self._follower.muted = bool(request.get("mute", False))
        log.update_verbosity()


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
        """Register the help command."""
        self.server = server
        self.runner = CommandRunner(server)
        self._path = server.paths.run / protocol.SOCKET_NAME
        server.register_marked(self)

    async def start(self) -> None:
        """Open the socket. Where that fails the server goes on without a console.

        Raises:
            AlreadyRunningError: A live server answers there: the same server must not run twice.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            listener = sockets.listen(str(self._path), _MODE)
            self._set_owner()
        except OSError as error:
            text = f"the console socket {self._path} cannot be opened: {error.strerror}"
            if error.errno == errno.EADDRINUSE:
                raise AlreadyRunningError(text) from error
            self.server.log.error("%s", text)
        else:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_unix_server(lambda: _Connection(self), sock=listener)
        self.server.spawn(self._run_startup_commands(), "startup commands of cli.conf")

    def _set_owner(self) -> None:
        """Give the socket the permissions and the owner of ``asterisk.conf`` ``[files]``."""
        options, log = self.server.options, self.server.log
        permissions = getattr(options, "astctlpermissions", "")
        owner, group = getattr(options, "astctlowner", ""), getattr(options, "astctlgroup", "")
        try:
            mode = int(permissions, 8) if permissions else _MODE
            user_id = pwd.getpwnam(owner).pw_uid if owner else -1
            group_id = grp.getgrnam(group).gr_gid if group else -1
        except (ValueError, KeyError) as error:
            log.error("asterisk.conf: astctlpermissions, astctlowner or astctlgroup is wrong: %s", error)
            return
        try:
            if user_id != -1 or group_id != -1:
                os.chown(self._path, user_id, group_id)
            os.chmod(self._path, mode & 0o777)
        except OSError as error:
            log.error("the console socket %s keeps its owner and permissions: %s", self._path, error.strerror)

    async def _run_startup_commands(self) -> None:
        """Run the commands of ``cli.conf`` ``[startup_commands]`` once the server has booted."""
        log = self.server.log
        try:
            config = ConfigFile.load(self.server.paths.etc / "cli.conf", missing_ok=True)
        except ConfigError as error:
            log.error("%s", error)
            return
        wanted = [each.name for each in config.options("startup_commands") if is_true(each.value)]
        if not wanted:
            return
        await self.runner.run("core waitfullybooted", lambda _text: None)
        for line in wanted:
            written: list[str] = []
            status = await self.runner.run(line, written.append)
            log.log(logging.ERROR if status else NOTICE, "cli.conf: '%s': %s", line, "".join(written).strip())

    async def unload(self) -> None:
        """Close the socket and every client."""
        if self._listener is not None:
            self._listener.close()
            with contextlib.suppress(OSError):
                self._path.unlink()
        status = getattr(self.server, "status", None)
        word = b"restart" if getattr(status, "restart", False) else b"stop"
        for connection in list(self.connections):
            connection.send(protocol.GOODBYE, word)
            connection.close()

    def complete_command(self, words: list[str]) -> list[str]:
        """The words that commands have in this place."""
        return self.runner.complete(" ".join(words))

    @command(
        "core show help",
        Documentation(
            "Show the commands, or how one is used",
            "core show help [command]",
            "Without a command, every command with one line about it. With the first words of commands,\n"
            "those that start with them; with a whole command, its usage.",
            (Argument("command", "The command, or how it starts"),),
        ),
        "complete_command",
    )
    def show_help(self, call: CommandCall) -> str:
        """``core show help``."""
        return self.runner.help(call.args)
