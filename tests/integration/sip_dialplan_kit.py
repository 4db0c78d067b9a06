"""The recorded runs of the dialplan of chan_sip: what was executed and sent, on the recorded configuration."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sip_console_kit import RECORD, configuration

from asterism.pbx.vocabulary.events import NEWEXTEN
from asterism.server.server import Server
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri
from asterism.testing import Phone, free_port, running_server

DOMAIN = "domain=127.0.0.1\n"


@dataclass
class Run:
    """One recorded run: what was executed and warned of, in order, and the messages that phones got."""

    executed: list[str] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    """Whose phone got them, and their text."""

    def sent(self, phone: str, begins: str) -> list[str]:
        """The messages of one phone whose first line begins so."""
        return [text for who, text in self.messages if who == phone and text.startswith(begins)]


def recorded(title: str) -> Run:
    """A run of the record, by its title."""
    text = (RECORD / "chan_sip_dialplan.txt").read_text()
    begin = text.index(f"# Asterisk 16.28 -- {title}  [exten ")
    block = text[begin:].split("\n", 2)[2].partition("#" * 64)[0]
    console, *messages = re.split(r"^---- (\w+)\n", block, flags=re.MULTILINE)
    run = Run([line for line in console.splitlines() if line])
    run.messages = list(zip(messages[::2], (one.rstrip("\n") for one in messages[1::2]), strict=True))
    return run


_VARYING = (
    (re.compile(r"SIP/(\w+)-[0-9a-f]{8}"), r"SIP/\1-N"),
    (re.compile(r"(ssrc=|rxcount=|txcount=|lp=)\d+"), r"\1N"),
    (re.compile(r"\d+\.\d{6}"), "F"),
    (re.compile(r"(_ssrc\)=)\[\d+\]"), r"\1[N]"),
    (re.compile(r"(xcount\)=)\[\d+\]"), r"\1[N]"),
    (re.compile(r"((?:unique|linked)id\)=)\[\d+\.\d+\]"), r"\1[U]"),
    (re.compile(r"\[C-[0-9a-f]{8}\]"), "[C-N]"),
    (re.compile(r"(expire\)=)\[\d+\]"), r"\1[E]"),
    (re.compile(r"OK \(\d+ ms\)"), "OK (N ms)"),
    (re.compile(r"[0-9a-f]{16}@(?:ua\.example\.test|phone)"), "CALL-ID"),
    (re.compile(r"tag=[\w.-]+"), "tag=T"),
    (re.compile(r"^(From: .*@[\w.]+):\d+>"), r"\1>"),
    (re.compile(r"branch=z9hG4bK[\w.-]+"), "branch=B"),
    (re.compile(r"(rtpsource(?:,audio)?\)=)\[127\.0\.0\.1:\d+\]"), r"\1[R]"),
    (re.compile(r"(rtpdest(?:,audio)?\)=)\[127\.0\.0\.1:\d+\]"), r"\1[R]"),
    (re.compile(r'(nonce|response)="[0-9a-f]+"'), r'\1="H"'),
)


def plain(line: str) -> str:
    """A line without what differs from run to run."""
    for pattern, instead in _VARYING:
        line = pattern.sub(instead, line)
    return line


class RecordedPhone(Phone):
    """A phone that writes its requests as the recorded ones did."""

    agent = ""

    def create_request(self, method: str, target: Uri, to: Uri | None = None, call_id: str = "") -> Request:
        """With its User-Agent, and without Allow."""
        request = super().create_request(method, target, to, call_id)
        request.set_header("User-Agent", self.agent)
        request.remove_header("Allow")
        return request


class _Warnings(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.levelname} {record.getMessage()}")


@dataclass
class World:
    """The server of the record with the phones that are there, and what was executed since :meth:`begin`."""

    server: Server
    phones: Mapping[str, RecordedPhone]
    ports: Mapping[int, int]
    lines: list[str]

    def begin(self) -> None:
        """Forget what was executed."""
        self.lines.clear()

    @property
    def executed(self) -> list[str]:
        """What was executed and warned of, with the recorded ports."""
        return [plain(self.recorded_ports(line)) for line in self.lines]

    def recorded_ports(self, text: str) -> str:
        """A text with the recorded ports in place of those of the moment."""
        for was, now in self.ports.items():
            text = text.replace(str(now), str(was))
        return text


_AT = {"alice": 15091, "bob": 15092, "carol": 15093, "trunk1": 15081, "trunk2": 15082}
_AGENTS = {"alice": "AlicePhone/2.1", "bob": "BobPhone/9", "carol": "CarolPhone/3"}
_SECRETS = {"alice": "alicepw", "bob": "bobpw", "carol": "carolpw"}


@asynccontextmanager
async def recorded_world(folder: Path, *names: str, extra: str = "", sip: str = "") -> AsyncIterator[World]:
    """The recorded server, and phones by the names of its peers; those that register have registered.

    ``extra`` is put behind the dialplan, ``sip`` behind the peers.
    """
    server_port = free_port()
    phones: dict[str, RecordedPhone] = {}
    try:
        for name in names:
            transport = "tcp" if name == "carol" else "udp"
            phones[name] = RecordedPhone(name, ("127.0.0.1", server_port), _SECRETS.get(name, ""), transport=transport)
            phones[name].agent = _AGENTS.get(name, "Trunk")
        ports = {15060: server_port, 15061: free_port(), 15089: free_port()}
        for name, port in _AT.items():
            ports[port] = (phones[name].port or 0) if name in phones else free_port()
        files = configuration(ports)
        files["sip.conf"] = files["sip.conf"].replace("domain=example.org\n", f"domain=example.org\n{DOMAIN}") + sip
        files["sip.conf"] = re.sub(r"^(register|mwi) => .*\n", "", files["sip.conf"], flags=re.MULTILINE)
        extensions = files["extensions.conf"]
        for was, now in ports.items():
            extensions = extensions.replace(f":{was}", f":{now}")
        files["extensions.conf"] = extensions + extra
        async with running_server(files, folder) as server:
            lines: list[str] = []

            def executed(_type: object, published: tuple[Any, ...]) -> None:
                fields = dict(NEWEXTEN.render(*published))
                if fields["Application"] == "AppDial":
                    return  # that a called channel shows; no line of the record
                place = f"[{fields['Extension']}@{fields['Context']}:{fields['Priority']}]"
                lines.append(f"{place} {fields['Application']}({fields['AppData']})")

            server.subscribe(NEWEXTEN, executed)
            handler = _Warnings(lines)
            server.log.addHandler(handler)
            for name in names:
                if name in _SECRETS:
                    await phones[name].register(600)
            yield World(server, phones, {was: now for was, now in ports.items() if now}, lines)
            server.log.removeHandler(handler)
    finally:
        for phone in phones.values():
            phone.close()


def header_lines(message: Request | Response | str, *, without: Iterable[str] = ()) -> list[str]:
    """The header lines of a message behind the first one, without what differs from run to run."""
    if isinstance(message, str):
        found = [tuple(line.split(": ", 1)) for line in message.partition("\n\n")[0].splitlines()[1:]]
    else:
        found = [(name, value) for name, value in message.headers if name != "Content-Length"]
    left = {"Content-Length", *without}
    return [plain(f"{name}: {value}") for name, value in found if name not in left]


def differences(ours: list[str], theirs: list[str]) -> Iterator[str]:
    """What is different, line by line, for a test's failure."""
    for number in range(max(len(ours), len(theirs))):
        mine = ours[number] if number < len(ours) else "(nothing)"
        other = theirs[number] if number < len(theirs) else "(nothing)"
        if mine != other:
            yield f"  ours:     {mine}\n  recorded: {other}"
