"""``asterism -r``: the console of a running server, and ``-rx``: one command of it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.interfaces.console import protocol, sockets

if TYPE_CHECKING:
    from asterism.command.main import Arguments

DEFAULT_CONFIG = "/etc/asterisk/asterisk.conf"

_STOP = "core stop"
_END_SECONDS = 30.0
"""How long a server that has closed its console may take until its process ends."""


class Connection:
    """A blocking connection to a server's console."""

    def __init__(self, path: str, timeout: float | None = None, *, wait: bool = False) -> None:
        """Connect; raises ``OSError`` when no server answers at ``path``, later also for one silent too long.

        ``wait`` must be set to call :meth:`wait_ended` later.
        """
        self._socket = sockets.connect(path)
        self._socket.settimeout(timeout)
        self._decoder = protocol.Decoder()
        self._frames: list[tuple[bytes, bytes]] = []
        kind, payload = self.receive()
        self.hello: dict[str, object] = json.loads(payload) if kind == protocol.HELLO else {}
        self._process: int | None = None
        if wait:
            # Not by its number later: that may be another process's by then. A server in another container has none.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                self._process = os.pidfd_open(int(str(self.hello.get("pid"))))

    def send(self, kind: bytes, payload: bytes) -> None:
        """Send one frame."""
        self._socket.sendall(protocol.encode(kind, payload))

    def receive(self) -> tuple[bytes, bytes]:
        """The next frame; raises ``ConnectionError`` when the server has gone."""
        while not self._frames:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._frames = self._decoder.feed(data)
        return self._frames.pop(0)

    def run(self, command: str, columns: int = 0, color: bool = False) -> int:
        """Run one command, printing as its text arrives; returns its status.

        One that stops the server ends with the connection (``ConnectionError``), or when the stop is taken back.
        """
        request = {"command": command, "columns": columns, "color": color, "wait": command.startswith(_STOP)}
        self.send(protocol.RUN, json.dumps(request).encode())
        while True:
            kind, payload = self.receive()
            if kind == protocol.OUTPUT:
                sys.stdout.write(payload.decode("utf-8", "replace"))
                sys.stdout.flush()
            elif kind == protocol.DONE:
                return int(payload)

    def complete(self, line: str) -> list[str]:
        """The words that may stand at the end of ``line``."""
        self.send(protocol.COMPLETE, line.encode("utf-8", "replace"))
        kind, payload = self.receive()
        return [str(word) for word in json.loads(payload)] if kind == protocol.WORDS else []

    def wait_ended(self) -> None:
        """Wait until the process of the server is gone, at most :data:`_END_SECONDS`."""
        if self._process is not None:
            select.select([self._process], [], [], _END_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        if self._process is not None:
            os.close(self._process)
            self._process = None


def socket_path(arguments: Arguments) -> str:
    """Where the server's control socket is: ``-s``, or ``<astrundir>`` of the configuration file."""
    if "s" in arguments.values:
        return arguments.values["s"]
    from asterism.config.asterisk_conf import AsteriskConf

    return str(
        AsteriskConf.load(Path(arguments.values.get("C", DEFAULT_CONFIG))).directories.run / protocol.SOCKET_NAME
    )


def run_remote(arguments: Arguments) -> int:
    """Run ``-r``, ``-R`` or ``-rx``; returns the exit status: 1 when no server answers, else 0 as Asterisk's."""
    try:
        path = socket_path(arguments)
    except Exception as error:
        print(f"asterism: {error}", file=sys.stderr)
        if not Path(arguments.values.get("C", DEFAULT_CONFIG)).exists():
            print("-C FILE names the asterisk.conf of the server that is meant, -s its socket.", file=sys.stderr)
        return 1
    command = arguments.values.get("x")
    if command is None and sys.stdin.isatty() and sys.stdout.isatty():
        from asterism.command.interactive import run_interactive

        return run_interactive(path, arguments, attached="c" in arguments)
    try:
        connection = Connection(path, wait=True)
    except OSError:
        print(f"Unable to connect to remote asterisk (does {path} exist?)", file=sys.stderr)
        return 1
    columns = shutil.get_terminal_size((0, 0)).columns if sys.stdout.isatty() else 0
    last = ""
    try:
        # Without a terminal, -r runs the lines of its input.
        for line in sys.stdin if command is None else (command,):
            last = line.strip()
            if last in ("exit", "quit"):
                break
            connection.run(last, columns)
    except BrokenPipeError:
        # Whoever read our output has gone (a pipe to head): that is no failure, and nothing more can be printed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except ConnectionError:
        # A server that stops because of this very command closes the connection: the command was run.
        if not last.startswith((_STOP, "core restart")):
            print("asterism: the server closed the connection", file=sys.stderr)
            return 1
        if last.startswith(_STOP):
            connection.wait_ended()
    finally:
        connection.close()
    return 0
