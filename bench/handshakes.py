"""``python -m bench handshakes``: what the handshakes of DTLS-SRTP delay signalling, and fifty legs of it.

Twenty calls a second are made, answered and ended by a process of ours, with DTLS and in the clear in turns. Meanwhile
requests are sent, and the time to their answers taken; what the calls themselves delay is in both figures.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import re
import socket
import struct
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from pylibsrtp import Error, Policy, Session

from asterism.core.log import ServerLogger
from asterism.media.transports.dtls import DtlsAgent
from asterism.media.transports.dtls_server import DtlsServer, DtlsSettings
from asterism.media.transports.parameters import Address, SrtpKey
from bench import servers
from bench.configuration import SERVER, pjsip
from bench.memory import verdict

RATE, ROUND_SECONDS, ROUNDS = 20, 10.0, 3
"""Calls a second; DTLS and none in turns, as the machine's good and bad seconds would else decide."""
MARGIN = 0.020
"""How much later the 99th percentile of the answers may be with handshakes than without, in seconds."""
PROBES = 100
"""Requests a second whose answers are waited for."""
LEGS, TALK_SECONDS = 50, 4.0
HEARD = 0.97
"""The share of the packets that must come back, and be right."""
_HOLD = 0.3
"""Seconds from the keys, or from the answer where there are none, to the end of a call."""
_PATIENCE = 15.0

_ENDPOINT = """
[{name}]
type=endpoint
transport=udp
context=default
disallow=all
allow=ulaw
direct_media=no
rtcp_mux=yes
{options}
"""
_DTLS = "media_encryption=dtls\ndtls_verify=fingerprint\ndtls_setup=actpass\n{more}"
_ENDPOINTS = {
    "clear": "",
    "dtls": _DTLS.format(more=""),
    "dtls-made": _DTLS.format(more="dtls_auto_generate_cert=yes\n"),
}
_DIALPLAN = "[default]\nexten => ping,1,NoOp()\nexten => echo,1,Answer()\n same => n,Echo()\n"

_REQUEST = (
    "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{id}\r\n"
    "From: <sip:{user}@127.0.0.1>;tag=h{id}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {number} {method}\r\n"
    "Contact: <sip:{user}@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\n{rest}"
)
_ECHO = "sip:echo@127.0.0.1:5070"


class _Media(asyncio.DatagramProtocol):
    """One leg: its socket, its DTLS, and what came back of what it said."""

    transport: asyncio.DatagramTransport

    def __init__(self, server: DtlsServer) -> None:
        self.remote: Address = ("127.0.0.1", 9)
        self.agent = DtlsAgent(server, DtlsSettings(), self._send, self._keyed, self._failed)
        self.done = asyncio.Event()
        self.failure = ""
        self.sent = self.heard = 0
        self._outbound: Session | None = None
        self._inbound: Session | None = None

    def _send(self, datagram: bytes, address: Address) -> None:
        self.transport.sendto(datagram, address)

    def _keyed(self, sent: SrtpKey, received: SrtpKey) -> None:
        self._outbound = Session(Policy(key=sent.key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
        self._inbound = Session(Policy(key=received.key, ssrc_type=Policy.SSRC_ANY_INBOUND))
        self.done.set()

    def _failed(self, reason: str) -> None:
        self.failure = reason
        self.done.set()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if 20 <= data[0] < 64:
            self.agent.receive(data, addr)
        elif self._inbound is not None and not 192 <= data[1] < 224:
            try:
                plain = self._inbound.unprotect(data)
            except Error:
                return
            self.heard += len(plain) == 172 and len(set(plain[12:])) == 1

    def say(self) -> None:
        """Send the next packet."""
        if self._outbound is not None:
            head = struct.pack("!BBHII", 0x80, 0, self.sent & 0xFFFF, self.sent * 160, 1)
            self.transport.sendto(self._outbound.protect(head + bytes([self.sent & 0x7F]) * 160), self.remote)
            self.sent += 1

    def close(self) -> None:
        self.agent.close()
        self.transport.close()


class _Line(asyncio.DatagramProtocol):
    """The phones of all calls, at one port."""

    transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._numbers = itertools.count()
        self._server = DtlsServer(ServerLogger("bench"))
        self.prefix = f"h{time.time_ns():x}"

    def datagram_received(self, data: bytes, addr: Address) -> None:
        text = data.decode()
        found = re.search(r"^(?:Call-ID|i): *(\S+)", text, re.M | re.I)
        waiting = self._waiting.get(found[1]) if found else None
        if waiting is not None and not waiting.done() and not text.startswith("SIP/2.0 1"):
            waiting.set_result(text)

    async def ask(self, method: str, user: str, name: str, rest: str, **fields: object) -> str:
        """Send a request and give its final response."""
        port = self.transport.get_extra_info("sockname")[1]
        fields = {"target": _ECHO, "to": f"<{_ECHO}>", "number": 1} | fields
        request = _REQUEST.format(method=method, user=user, id=name, port=port, rest=rest, **fields)
        waiting = self._waiting[name] = asyncio.get_running_loop().create_future()
        self.transport.sendto(request.encode(), SERVER)
        if method == "ACK":
            return ""
        return await asyncio.wait_for(waiting, _PATIENCE)

    async def call(self, user: str, then: Callable[[_Media], object] | None = None) -> _Media:
        """Make a call, have its keys agreed on, and end it after a moment or what ``then`` waits for."""
        number = next(self._numbers)
        name = f"{self.prefix}-{number}"
        loop = asyncio.get_running_loop()
        media = _Media(self._server)
        media.transport, _ = await loop.create_datagram_endpoint(lambda: media, ("127.0.0.1", 0))
        try:
            await self._converse(user, name, media, then, active=bool(number % 2))
        finally:
            self._waiting.pop(name, None)
            media.close()
        return media

    async def _converse(
        self, user: str, name: str, media: _Media, then: Callable[[_Media], object] | None, *, active: bool
    ) -> None:
        secure = user != "clear"
        answer = await self.ask("INVITE", user, name, _with_body(_offer(media, secure=secure, active=active)))
        to = re.search(r"^(?:To|t): *(.*?)\r?$", answer, re.M | re.I)
        target = re.search(r"^(?:Contact|m): *<?([^>\r\n]+)", answer, re.M | re.I)
        if not answer.startswith("SIP/2.0 200") or to is None or target is None:
            raise RuntimeError(f"the call was answered {answer[:200]!r}")
        within = {"to": to[1], "target": target[1]}
        await self.ask("ACK", user, name, "Content-Length: 0\r\n\r\n", **within)
        try:
            if secure:
                _answered(media, answer)
                await media.done.wait()
            if then is not None:
                await then(media)  # type: ignore[misc]
            else:
                await asyncio.sleep(_HOLD)
        finally:
            await self.ask("BYE", user, name, "Content-Length: 0\r\n\r\n", number=2, **within)
        if media.failure:
            raise RuntimeError(f"a handshake failed: {media.failure}")


def _offer(media: _Media, *, secure: bool, active: bool) -> str:
    port, profile, lines = media.transport.get_extra_info("sockname")[1], "RTP/AVP", ""
    if secure:
        profile = "UDP/TLS/RTP/SAVP"
        lines = (
            f"a=connection:new\r\na=setup:{'active' if active else 'actpass'}\r\n"
            "a=fingerprint:{} {}\r\na=rtcp-mux\r\n".format(*media.agent.fingerprint())
        )
    return (
        "v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} {profile} 0\r\na=rtpmap:0 PCMU/8000\r\n{lines}"
    )


def _with_body(sdp: str) -> str:
    return f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"


def _answered(media: _Media, answer: str) -> None:
    port = re.search(r"^m=audio (\d+) UDP/TLS/RTP/SAVP ", answer, re.M)
    setup = re.search(r"^a=setup:(\w+)", answer, re.M)
    shown = re.search(r"^a=fingerprint:(\S+) (\S+)", answer, re.M)
    if port is None or setup is None or shown is None:
        raise RuntimeError(f"no DTLS in {answer!r}")
    media.remote = ("127.0.0.1", int(port[1]))
    role = "active" if setup[1] == "passive" else "passive"
    media.agent.start(role, [(shown[1].lower(), shown[2])], address=media.remote)


async def _line() -> _Line:
    line = _Line()
    line.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: line, ("127.0.0.1", 0))
    return line


def calls(user: str, seconds: float, pipe: Connection) -> None:
    """Make the calls; tells ``pipe`` how many, and what went wrong with some."""

    async def main() -> None:
        line = await _line()
        made = [asyncio.ensure_future(line.call(user))]
        await asyncio.wait(made)  # what is loaded for the first call is not measured
        pipe.send("begins")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            made.append(asyncio.ensure_future(line.call(user)))
            await asyncio.sleep(1 / RATE)
        outcomes = await asyncio.gather(*made, return_exceptions=True)
        pipe.send((len(made), [repr(each) for each in outcomes if isinstance(each, BaseException)]))

    asyncio.run(main())


def legs(count: int, seconds: float, pipe: Connection) -> None:
    """Have so many legs talk to an echo; tells ``pipe`` packets sent, heard, and what went wrong."""

    async def talk(media: _Media) -> None:
        await asyncio.sleep(1.0)
        due = asyncio.get_running_loop().time()
        for _ in range(int(seconds * 50)):
            media.say()
            due += 0.02
            await asyncio.sleep(max(due - asyncio.get_running_loop().time(), 0))
        await asyncio.sleep(0.5)

    async def main() -> None:
        line = await _line()
        made = []
        for number in range(count):
            made.append(asyncio.ensure_future(line.call(("dtls", "dtls-made")[number % 2], talk)))
            await asyncio.sleep(1 / RATE)
        outcomes = await asyncio.gather(*made, return_exceptions=True)
        good = [each for each in outcomes if isinstance(each, _Media)]
        wrong = [repr(each) for each in outcomes if not isinstance(each, _Media)]
        pipe.send((sum(each.sent for each in good), sum(each.heard for each in good), len(good), wrong))

    asyncio.run(main())


def probe(seconds: float) -> list[float]:
    """Send requests, and give the seconds to each answer; one that does not come counts as a second."""
    taken: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(1.0)
        port, due = sock.getsockname()[1], time.monotonic()
        for number in range(int(seconds * PROBES)):
            name = f"o{time.time_ns():x}-{number}"
            request = _REQUEST.format(
                method="OPTIONS", target="sip:ping@127.0.0.1:5070", port=port, user="clear", id=name, number=1,
                to="<sip:ping@127.0.0.1>", rest="Content-Length: 0\r\n\r\n",
            )  # fmt: skip
            due += 1 / PROBES
            time.sleep(max(due - time.monotonic(), 0))
            begun = time.monotonic()
            sock.sendto(request.encode(), SERVER)
            try:
                while name.encode() not in sock.recv(65536):
                    pass
            except TimeoutError:
                pass
            taken.append(time.monotonic() - begun)
    return taken


def _round(user: str, seconds: float, taken: list[float], wrong: list[str]) -> int:
    pipe, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=calls, args=(user, seconds + 1, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not pipe.poll(_PATIENCE) or pipe.recv() != "begins":
            wrong.append("the calls did not begin")
            return 0
        taken += probe(seconds)
        made, complaints = pipe.recv() if pipe.poll(2 * _PATIENCE) else (0, ["the calls did not end"])
        wrong += complaints
        return int(made)
    except EOFError:
        wrong.append("the generator of the calls ended")
        return 0
    finally:
        process.terminate()
        process.join()


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values) or [0.0]
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def run(folder: Path, share: int = 1) -> bool:
    """Measure and print; whether every target is met."""
    seconds = max(ROUND_SECONDS / share, 2.0)
    endpoints = "".join(_ENDPOINT.format(name=name, options=options) for name, options in _ENDPOINTS.items())
    taken: dict[str, list[float]] = {name: [] for name in _ENDPOINTS}
    wrong: list[str] = []
    made = dict.fromkeys(_ENDPOINTS, 0)
    with servers.asterism(folder, {"pjsip.conf": pjsip() + endpoints, "extensions.conf": _DIALPLAN}) as process:
        servers.wait_ready(process)
        for _ in range(ROUNDS):
            for name in _ENDPOINTS:
                made[name] += _round(name, seconds, taken[name], wrong)
        pipe, theirs = multiprocessing.Pipe()
        generator = multiprocessing.Process(target=legs, args=(LEGS, TALK_SECONDS, theirs), daemon=True)
        generator.start()
        theirs.close()
        try:
            sent, heard, good, complaints = pipe.recv() if pipe.poll(4 * _PATIENCE) else (0, 0, 0, ["no end"])
        except EOFError:
            sent, heard, good, complaints = 0, 0, 0, ["the generator of the legs ended"]
        generator.terminate()
        generator.join()
    print(f"\nAnswers to requests while {RATE} calls a second are made")
    for name, values in taken.items():
        p50, p99 = (_percentile(values, each) * 1000 for each in (0.5, 0.99))
        print(f"  {name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {made[name]} calls")
    clear = _percentile(taken["clear"], 0.99)
    met = [
        verdict(
            _percentile(taken[name], 0.99) - clear <= MARGIN,
            f"{name}: p99 {(_percentile(taken[name], 0.99) - clear) * 1000:+.2f} ms of that without",
            f"at most +{MARGIN * 1000:.0f} ms",
        )
        for name in _ENDPOINTS
        if name != "clear"
    ]
    met.append(verdict(not wrong, f"calls that failed: {wrong[:3] or 'none'}", "none"))
    share_heard = heard / max(sent, 1)
    met.append(verdict(good == LEGS and not complaints, f"{good} DTLS-SRTP legs {complaints[:3] or ''}", str(LEGS)))
    met.append(verdict(share_heard >= HEARD, f"{share_heard:.1%} of {sent} packets came back", f"{HEARD:.0%}"))
    return all(met)
