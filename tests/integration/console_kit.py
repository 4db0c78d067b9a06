"""A console connected to a server in process, and recorded lines to compare its lines with."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from asterism.interfaces.console import protocol
from asterism.server.server import Server
from asterism.testing import until

RECORD = Path(__file__).resolve().parents[1] / "data" / "record" / "console_lines.txt"

_PREFIX = re.compile(r"^(?:    -- |  == |       > )")
_LEVEL = re.compile(r"^\[[^]]*\] ([A-Z]+)\[\d+\](?:\[C-[0-9a-f]+\])?: (\S+) ")
_CHANNEL = re.compile(r"\b((?:PJSIP|SIP|Local)/[\w.@-]+?)-([0-9a-f]{8})(?=\W|$)")
_BRIDGE = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_RTP = re.compile(r"^\S+ -- Strict RTP")
_ADDRESS = re.compile(r"127\.0\.0\.1(?::\d+)?")


class Console:
    """A client of the control socket: what its terminal would show, line by line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = protocol.Decoder()
        self.lines: list[str] = []
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._output = ""
        self._task = asyncio.ensure_future(self._receive())

    async def _receive(self) -> None:
        while data := await self._reader.read(65536):
            for kind, payload in self._decoder.feed(data):
                if kind == protocol.LOG:
                    self.lines += payload.decode().splitlines()
                elif kind == protocol.OUTPUT:
                    self._output += payload.decode()
                elif kind == protocol.DONE:
                    self._answers.put_nowait(self._output)
                    self._output = ""

    async def run(self, command: str) -> str:
        """Type a command; what it prints."""
        self._writer.write(protocol.encode(protocol.RUN, json.dumps({"command": command}).encode()))
        return await asyncio.wait_for(self._answers.get(), 5)

    async def follow(self, verbose: int, *, mute: bool = False) -> None:
        """Have log lines shown from now on."""
        request = {"verbose": verbose, "mute": mute}
        self._writer.write(protocol.encode(protocol.FOLLOW, json.dumps(request).encode()))
        await self.run("core show uptime seconds")

    async def shows(self, *texts: str, timeout: float = 5) -> None:
        """Wait until each of some lines is there, in whatever order."""

        def missing() -> list[str]:
            return [text for text in texts if not any(text in line for line in self.lines)]

        await until(lambda: not missing(), timeout, lambda: f"the console shows no {missing()}: {self.lines}")

    def take(self) -> list[str]:
        """The lines so far; the next begin anew."""
        found, self.lines = self.lines, []
        return found

    async def close(self) -> None:
        """Leave."""
        self._writer.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def console(server: Server, verbose: int = 5) -> AsyncIterator[Console]:
    """A console that shows verbose lines up to a level."""
    path = server.paths.run / protocol.SOCKET_NAME
    reader, writer = await asyncio.open_unix_connection(str(path))
    made = Console(reader, writer)
    try:
        await made.follow(verbose)
        made.take()
        yield made
    finally:
        await made.close()


def recorded(title: str) -> list[str]:
    """The lines of one section of the record, as :func:`comparable` makes them."""
    sections = RECORD.read_text().split("\n### ")
    [found] = [part for part in sections if part.partition("\n")[0].endswith(f" verbose log: {title}")]
    lines = []
    for line in found.strip().split("\n")[1:]:
        level, _, rest = line.partition(" ")
        if level not in ("NOTICE", "WARNING", "ERROR"):
            level, rest = "", line
        lines.append(f"{level} {rest.partition(' ')[2]}".strip())
    return comparable(lines)


def comparable(lines: Sequence[str], wanted: Callable[[str], bool] = lambda line: True) -> list[str]:
    """Lines without what differs from run to run: numbers of channels, ids of bridges, ports."""
    channels: dict[str, str] = {}
    bridges: dict[str, str] = {}

    def channel(found: re.Match[str]) -> str:
        key = found[1] + found[2]
        number = channels.setdefault(key, str(sum(each.startswith(found[1]) for each in channels) + 1))
        return f"{found[1]}-{number}"

    made = []
    for line in lines:
        level = _LEVEL.match(line)
        line = f"{level[1]} {line[level.end() :]}" if level else _PREFIX.sub("", line)
        line = _RTP.sub("X -- Strict RTP", line)
        line = _CHANNEL.sub(channel, line)
        line = _BRIDGE.sub(lambda found: bridges.setdefault(found[0], f"bridge{len(bridges) + 1}"), line)
        line = _ADDRESS.sub("ADDRESS", line)
        if wanted(line):
            made.append(line)
    return made
