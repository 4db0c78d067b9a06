"""Replays recorded traces of phones at ``chan_sip`` to a server, and compares what the server sends.

A section of the record is what some phones sent and received. What they sent is sent again, with the tags, Call-IDs and
nonces of this server in place of the recorded ones; what the server sends must be what is recorded, header by header
and in the same order. Only numbers that differ each time are left out of the comparison.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

RECORD = Path(__file__).parents[2] / "data" / "record" / "sip_wire_chan_sip.txt"
SERVER_PORT = 15060
PORTS = {"alice": 15091, "bob": 15092, "carol": 15093, "dave": 15094}
PASSWORDS = {"alice": "alicepw", "bob": "bobpw", "carol": "carolpw", "dave": "davepw", "trunk1": "none"}
PATIENCE = 4.0
_HEAD = re.compile(r"---- \[(SEND|RECV)\] (\w+) \(\S+\) (?:-->|<--) \S+ ----\n")
_ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
ANSWER_SDP = (
    "v=0\r\no=ua 1000 1 IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
)


@dataclass(frozen=True)
class Step:
    """One message of the record."""

    sent: bool
    phone: str
    text: str


def sections() -> dict[str, list[Step]]:
    """The record, by title."""
    found = {}
    for section in RECORD.read_text().split("==== ")[1:]:
        title, _, body = section.partition("\n")
        parts = _HEAD.split(body)[1:]
        found[title] = [
            Step(kind == "SEND", phone, text.strip("\n"))
            for kind, phone, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        ]
    return found


def head_and_body(text: str) -> tuple[list[str], str]:
    """Lines of the header and the body, with line feeds only."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    return head.strip("\n").split("\n"), body.strip("\n")


def header(text: str, name: str) -> str:
    """The first value of a header, empty without one."""
    for line in head_and_body(text)[0][1:]:
        found, _, value = line.partition(":")
        if found.lower() == name.lower():
            return value.strip()
    return ""


def tag(value: str) -> str:
    """The tag of From or To."""
    found = re.search(r";tag=([^;\s]+)", value)
    return found[1] if found else ""


def is_request(text: str) -> bool:
    return not text.startswith("SIP/2.0")


def method(text: str) -> str:
    """The method, of a response that of its CSeq."""
    return header(text, "CSeq").split()[-1]


NOT_COPIED: tuple[Callable[[list[str]], list[str]], ...] = (
    # Digests that answer our own challenge; qop, opaque and long nonces; see docs/compatibility.md.
    lambda lines: [line for line in lines if not line.startswith("Proxy-Authorization:")],
    lambda lines: ["WWW-Authenticate: Digest" if line.startswith("WWW-Authenticate:") else line for line in lines],
    lambda lines: (
        [line for line in lines if not line.startswith(("Contact:", "Session-Expires:"))]
        if lines[0] == "SIP/2.0 100 Trying"
        else lines
    ),
    lambda lines: [
        "Subscription-State" + line[18:] if line.startswith("Subscription-state") else line for line in lines
    ],
    lambda lines: [re.sub(r"^(SIP/2.0 \d+ [^(]+) \(.*\)$", r"\1", line) for line in lines],
    lambda lines: [re.sub(r"^(SIP/2.0 404) Not found", r"\1 Not Found", line) for line in lines],
    lambda lines: [line for line in lines if not line.startswith("Route:")],
    lambda lines: [*lines[:9], *sorted(lines[9:])] if lines[0].startswith("NOTIFY") else lines,
    lambda lines: (
        [line for line in lines if not line.startswith(("Allow:", "Supported:"))]
        if any(line.startswith("Event: refer") for line in lines)
        else lines
    ),
    lambda lines: (
        [line for line in lines if not line.startswith("Contact:")]
        if re.match(r"SIP/2.0 [3-6]", lines[0]) and any(line.endswith(" REFER") for line in lines)
        else lines
    ),
    lambda lines: (
        [line for line in lines if not line.startswith(("Server:", "Allow:", "Supported:"))]
        if any(re.match(r"CSeq: \d+ CANCEL", line) for line in lines) and lines[0].startswith("SIP/2.0")
        else lines
    ),
    lambda lines: [line for line in lines if lines[0][:11] != "SIP/2.0 501" or not line.startswith("Accept:")],
    lambda lines: [
        line for line in lines if not (lines[0].startswith("ACK") and line.startswith(("Contact:", "User-Agent:")))
    ],
    lambda lines: [re.sub(r"(Expires: |expires=)60[89]$", r"\g<1>610", line) for line in lines],
    lambda lines: [line.replace(": 69", ": 70") if line.startswith("Max-Forwards") else line for line in lines],
    lambda lines: (
        [line for line in lines if not line.startswith("Date:")] if re.match(r"SIP/2.0 [3-6]", lines[0]) else lines
    ),
)
"""What is known and listed to differ, taken out of both sides."""


def _via(line: str, ports: dict[int, int]) -> str:
    """Its parameters in alphabetical order, the branch left out."""
    address, *params = line.split(";")
    found = dict(one.partition("=")[::2] for one in params)
    found["branch"] = "B"
    if found.get("rport", "").isdigit():
        found["rport"] = str(ports.get(int(found["rport"]), found["rport"]))
    return ";".join([address, *(f"{name}={value}" for name, value in sorted(found.items()))])


def comparable(text: str, ports: dict[int, int]) -> str:
    """A message without what differs each time; ``ports`` are the recorded numbers for those in use."""
    for real, recorded in ports.items():
        text = re.sub(rf"127\.0\.0\.1:{real}\b", f"127.0.0.1:{recorded}", text)
    lines, body = head_and_body(text)
    ours = is_request(text)
    for change in NOT_COPIED:
        lines = change(lines)
    kept = []
    for line in lines:
        name = line.partition(":")[0]
        if name == "Content-Length":
            continue
        if name == "Via":
            line = _via(line, ports)
        elif name in ("From", "To"):
            line = re.sub(r"tag=[^;\s]+", "tag=T", line)
        elif name == "Call-ID" and ours:
            line = "Call-ID: C"
        elif name == "CSeq" and ours:
            line = f"CSeq: N {line.split()[-1]}"
        elif name == "Date":
            line = "Date: D"
        elif name == "Event" and ours:
            line = re.sub(r"id=\d+", "id=N", line)
        kept.append(line)
    body = re.sub(r"^(o=\S+) \d+ \d+", r"\1 N N", body, flags=re.MULTILINE)
    body = re.sub(r"^(m=audio) [1-9]\d*", r"\1 N", body, flags=re.MULTILINE)
    body = body.replace("SIP/2.0 404 Not found", "SIP/2.0 404 Not Found")
    body = body.replace("a=maxptime:140", "a=maxptime:150")  # whole packets only
    body = re.sub(r' version="\d+" state', ' version="N" state', body)
    body = re.sub(r' call-id="[^"]*" local-tag="[^"]*" remote-tag="[^"]*"', "", body)
    return "\n".join((*kept, "", body)).strip("\n")


class WirePhone(asyncio.DatagramProtocol):
    """A phone of which only the socket is real: it says what the record says, and 200 to all else."""

    def __init__(self, name: str, replay: Replay) -> None:
        self.name = name
        self.replay = replay
        self.transport: asyncio.DatagramTransport | None = None
        self.port = 0
        self.answers = False
        """Answer calls: of a phone that is not in the record."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode()
        self.replay.received(self, text)
        if not is_request(text) or method(text) == "ACK":
            return
        if method(text) != "INVITE":
            self.respond(text, "200 OK")
        elif self.answers:
            self.respond(text, "180 Ringing", contact=True)
            self.respond(text, "200 OK", ANSWER_SDP.format(port=31000 + self.port % 1000 * 2), contact=True)

    def respond(self, request: str, status: str, body: str = "", contact: bool = False, to_tag: str = "") -> None:
        """Answer a request of the server."""
        lines = [f"SIP/2.0 {status}"]
        for line in head_and_body(request)[0][1:]:
            name = line.partition(":")[0]
            if name == "To" and ";tag=" not in line:
                line += f";tag={to_tag or self.name}"
            if name in ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route"):
                lines.append(line)
        if contact:
            lines.append(f"Contact: <sip:{self.name}@127.0.0.1:{self.port}>")
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join((*lines, "", body)))

    def send(self, text: str) -> None:
        assert self.transport is not None
        self.transport.sendto(text.encode(), ("127.0.0.1", self.replay.port))


def _same(phone: WirePhone) -> WirePhone:
    return phone


@dataclass
class Replay:
    """The phones, what they have received, and what stands for what was recorded."""

    port: int
    phones: dict[str, WirePhone] = field(default_factory=dict)
    inbox: list[tuple[str, str]] = field(default_factory=list)
    """Who received what, and nobody has asked for yet."""
    last_invites: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    wrong_passwords: bool = False
    nonces: dict[str, str] = field(default_factory=dict)
    """The last challenge's nonce, by phone."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def add(self, *names: str) -> None:
        """Give these phones their sockets."""
        for name in names:
            phone = WirePhone(name, self)
            await asyncio.get_running_loop().create_datagram_endpoint(partial(_same, phone), ("127.0.0.1", 0))
            self.phones[name] = phone

    def close(self) -> None:
        for phone in self.phones.values():
            if phone.transport is not None:
                phone.transport.close()

    @property
    def ports(self) -> dict[int, int]:
        return {self.port: SERVER_PORT, **{phone.port: PORTS[name] for name, phone in self.phones.items()}}

    def received(self, phone: WirePhone, text: str) -> None:
        if is_request(text) and method(text) == "INVITE":
            self.last_invites[phone.name] = text
        challenge = re.search(r'nonce="([^"]+)"', header(text, "WWW-Authenticate"))
        if challenge:
            self.nonces[phone.name] = challenge[1]
        self.news.set()
        if phone.answers:
            return
        self.inbox.append((phone.name, text))

    async def register(self, name: str, expires: int = 600) -> None:
        """Register a phone; what comes of it is nobody's concern."""
        phone = self.phones[name]
        for number in (1, 2) if expires else (3, 4):
            lines = [
                f"REGISTER sip:127.0.0.1:{self.port} SIP/2.0",
                f"Via: SIP/2.0/UDP 127.0.0.1:{phone.port};branch=z9hG4bK{name}{number};rport",
                "Max-Forwards: 70",
                f"From: <sip:{name}@127.0.0.1:{self.port}>;tag={name}",
                f"To: <sip:{name}@127.0.0.1:{self.port}>",
                f"Call-ID: register-{name}",
                f"CSeq: {number} REGISTER",
                f"Contact: <sip:{name}@127.0.0.1:{phone.port}>",
                f"Expires: {expires}",
                "Content-Length: 0",
            ]
            if number % 2 == 0:
                lines.insert(-1, 'Authorization: Digest username="' + name + '"')
            self.send(name, "\n".join(lines) + "\n")
            await self.expect_status(name, 401 if number % 2 else 200)
        if expires:
            await self.quiet()
            self.inbox.clear()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for what comes to fulfil a condition."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.news.clear()
                await self.news.wait()

    async def invite(self, name: str, extension: str) -> None:
        """Have a phone call an extension, in the words of the record."""
        steps = next(steps for title, steps in sections().items() if title.startswith("REFER from dave"))
        before = self.nonces.get(name)
        for text in [step.text for step in steps if step.sent][:3]:
            if text.startswith("ACK"):
                await self.until(lambda: self.nonces.get(name) != before)
            self.send(name, text.replace("770", extension).replace("dave", name).replace("15094", str(PORTS[name])))

    async def expect_status(self, name: str, status: int) -> str:
        """Wait for a response."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for item in self.inbox:
                    if item[0] == name and item[1].startswith(f"SIP/2.0 {status} "):
                        self.inbox.remove(item)
                        return item[1]
                self.news.clear()
                await self.news.wait()

    async def quiet(self) -> None:
        """Wait until nothing has come for a moment."""
        while True:
            self.news.clear()
            try:
                async with asyncio.timeout(0.15):
                    await self.news.wait()
            except TimeoutError:
                return

    def send(self, name: str, text: str) -> None:
        """Send a recorded message, as it must be now."""
        head, body = head_and_body(text)
        for recorded, real in self.tokens.items():
            head = [line.replace(recorded, real) for line in head]
        back = {recorded: real for real, recorded in self.ports.items()}
        head = [
            re.sub(r"127\.0\.0\.1:(\d+)", lambda m: f"127.0.0.1:{back.get(int(m[1]), int(m[1]))}", one) for one in head
        ]
        head = [self._authorized(name, head, line) if line.startswith("Authorization:") else line for line in head]
        body = body.replace("\n", "\r\n")
        if body and "Content-Type: application/sdp" in head:
            body += "\r\n"
        head = [f"Content-Length: {len(body)}" if line.startswith("Content-Length") else line for line in head]
        self.phones[name].send("\r\n".join((*head, "", body)))

    def _authorized(self, name: str, head: list[str], line: str) -> str:
        """Credentials for the challenge of this server; recorded wrong ones stay wrong."""
        user = (re.search(r'username="([^"]*)"', line) or ["", name])[1]
        verb, uri = head[0].split()[:2]
        password = "made up" if self.wrong_passwords else PASSWORDS.get(user, "made up")
        nonce = self.nonces.get(name, "")

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        first = md5(f"{user}:pbx.example.test:{password}")
        answer = md5(f"{first}:{nonce}:00000001:c:auth:{md5(f'{verb}:{uri}')}")
        return (
            f'Authorization: Digest username="{user}", realm="pbx.example.test", nonce="{nonce}", uri="{uri}", '
            f'response="{answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"'
        )

    async def play(self, steps: list[Step], leave_out: Callable[[str], bool] = lambda text: False) -> None:
        """Replay a section; messages of the server that ``leave_out`` names are not compared."""
        expected: list[Step] = []
        names = {step.phone for step in steps}
        for name, phone in self.phones.items():
            phone.answers = name not in names
        for step in steps:
            if not step.sent:
                if not leave_out(step.text):
                    expected.append(step)
                continue
            if not is_request(step.text) and method(step.text) != "INVITE":
                continue
            await self.meet(expected)
            if is_request(step.text):
                self.send(step.phone, step.text)
            else:
                self._answer(step)
        await self.meet(expected)
        await self.quiet()
        left = [comparable(text, self.ports) for _, text in self.inbox if not leave_out(text)]
        assert not left, "sent and not recorded:\n" + "\n\n".join(left)

    def _answer(self, step: Step) -> None:
        lines, body = head_and_body(step.text)
        status = lines[0].removeprefix("SIP/2.0 ")
        contact = bool(header(step.text, "Contact"))
        invite = self.last_invites[step.phone]
        mark = tag(header(step.text, "To"))
        self.phones[step.phone].respond(invite, status, body and body.replace("\n", "\r\n") + "\r\n", contact, mark)

    async def meet(self, expected: list[Step]) -> None:
        """Wait until all that is expected has come; it may come in another order than recorded."""
        try:
            async with asyncio.timeout(PATIENCE):
                while expected:
                    if not self._meet_one(expected):
                        self.news.clear()
                        await self.news.wait()
        except TimeoutError:
            came = "\n\n".join(
                f"{name}: {comparable(self._as_recorded(text), self.ports)}" for name, text in self.inbox
            )
            missing = "\n\n".join(f"{step.phone}: {comparable(step.text, {})}" for step in expected)
            raise AssertionError(f"recorded and not sent:\n{missing}\n\n---- came instead:\n{came}") from None

    def _as_recorded(self, text: str) -> str:
        """What was learnt to stand for recorded words, as these."""
        for recorded, real in self.tokens.items():
            if "@" in recorded:
                text = text.replace(real, recorded)
        return text

    def _meet_one(self, expected: list[Step]) -> bool:
        for step in expected:
            wanted = comparable(step.text, {})
            for item in self.inbox:
                if item[0] == step.phone and comparable(self._as_recorded(item[1]), self.ports) == wanted:
                    expected.remove(step)
                    self.inbox.remove(item)
                    self._learn(step.text, item[1])
                    return True
        return False

    def _learn(self, recorded: str, real: str) -> None:
        """What of this server stands for what of the recorded one."""
        for name in ("From", "To"):
            before, now = tag(header(recorded, name)), tag(header(real, name))
            if before and now and before != now:
                self.tokens[before] = now
        if is_request(recorded):
            before, now = header(recorded, "Call-ID"), header(real, "Call-ID")
            if before != now:
                self.tokens[before] = now
