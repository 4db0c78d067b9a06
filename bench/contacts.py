"""``python -m bench.contacts``: what many contacts cost.

Starting with 100,000 stored ones, registering beside 100, 10,000 and 100,000 of them, checking 10,000 a minute. It
prints the figures and fails above the limits: five seconds, a fifth more CPU per REGISTER, a tenth of a core.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import multiprocessing
import socket
import sys
import tempfile
import time
from pathlib import Path

from asterism.core.registry import Owner
from asterism.data.data import Data
from asterism.data.store import Store
from asterism.sip.objects import register_types
from asterism.sip.objects.contact import Contact, contact_id
from asterism.stack.digest import Challenge, ClientSession, ha1
from asterism.stack.message import Response
from asterism.stack.parser import parse_message
from bench import servers
from bench.configuration import SERVER
from bench.process import cpu_seconds

CORE_LIMIT = 0.10
START_LIMIT = 5.0
GROWTH_LIMIT = 1.2
"""How much dearer a REGISTER may be with many bindings than with few."""
INTERVAL = 60
ACCOUNTS = 100
PHONES = ("127.0.0.1", 5090)
"""Where all contacts lead: their addresses differ, the socket is the same."""

_TRANSPORT = f"[udp]\ntype=transport\nprotocol=udp\nbind={SERVER[0]}:{SERVER[1]}\n"
_PROBED = "[ping]\ntype=endpoint\nallow_unauthenticated_options=yes\n[probe]\ntype=endpoint\nallow=ulaw\n"


def answer_options(port: int, counter: object) -> None:
    """Answer every request with 200, as ten thousand phones would."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phones:
        phones.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        phones.bind(("0.0.0.0", port))
        while True:
            data, address = phones.recvfrom(65536)
            lines = data.split(b"\r\n\r\n", 1)[0].split(b"\r\n")[1:]
            kept = [line for line in lines if line.startswith((b"Via", b"From", b"Call-ID", b"CSeq"))]
            kept += [line + b";tag=p" for line in lines if line.startswith(b"To:")]
            phones.sendto(b"\r\n".join([b"SIP/2.0 200 OK", *kept, b"Content-Length: 0\r\n\r\n"]), address)
            counter.value += 1  # type: ignore[attr-defined]


def qualify(count: int, seconds: float) -> float:
    """The share of a core that checking ``count`` contacts each minute takes."""
    sections = [_TRANSPORT, _PROBED]
    for number in range(count):
        host = f"127.{1 + number // 62_500}.{number // 250 % 250}.{number % 250 + 2}"
        sections.append(
            f"[c{number}]\ntype=aor\nqualify_frequency={INTERVAL}\ncontact=sip:c{number}@{host}:{PHONES[1]}\n"
            f"[c{number}]\ntype=endpoint\naors=c{number}\n"
        )
    answered = multiprocessing.Value("q", 0)
    phones = multiprocessing.Process(target=answer_options, args=(PHONES[1], answered), daemon=True)
    phones.start()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            servers.asterism(Path(folder), {"pjsip.conf": "".join(sections)}) as process,
        ):
            servers.wait_ready(process, 120.0)
            # The first round changes every state; what counts is how it goes on.
            _wait(lambda: answered.value >= count, 2 * INTERVAL + 60)
            before, began, seen = cpu_seconds(process.pid), time.monotonic(), answered.value
            time.sleep(seconds)
            used = cpu_seconds(process.pid) - before
            elapsed = time.monotonic() - began
            rate = (answered.value - seen) / elapsed
    finally:
        phones.terminate()
    share = used / elapsed
    print(f"qualify: {count} contacts each {INTERVAL} s: {rate:.0f} answers a second, {100 * share:.1f}% of a core")
    if rate < 0.9 * count / INTERVAL:
        raise SystemExit("fewer contacts were checked than should have been")
    return share


def _wait(condition: object, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > end:
            raise SystemExit("the contacts were not all checked in time")
        time.sleep(0.2)


def store_contacts(folder: Path, count: int) -> None:
    """Put registered contacts into the store that a server of ``folder`` reads."""
    (folder / "lib").mkdir(parents=True, exist_ok=True)
    log = logging.getLogger("bench")

    async def fill() -> None:
        loop = asyncio.get_running_loop()
        store = Store(folder / "lib" / "asterism.sqlite3", log=log, call_soon=loop.call_soon)
        data = Data(Owner("bench"), log, folder, store)
        register_types(data)
        data.load()
        expires = int(time.time()) + 7200
        for number in range(count):
            aor, uri = f"phone{number}", f"sip:phone{number}@192.0.2.{number % 250}:5060"
            data.create_now(
                Contact(
                    contact_id(aor, uri), uri=uri, expiration_time=expires, user_agent="Bench phone 1.0", endpoint=aor,
                    via_addr="192.0.2.1", via_port=5060, call_id=f"call-{number}@bench", cseq=number,
                )
            )  # fmt: skip
            if number % 10_000 == 0:
                await asyncio.sleep(0)
        store.commit()
        store.close()

    asyncio.run(fill())


def start(count: int) -> float:
    """The seconds from the start of a server to its first answer, with ``count`` contacts stored."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store_contacts(folder, count)
        with servers.asterism(folder, {"pjsip.conf": _TRANSPORT + _PROBED}) as process:
            took = servers.wait_ready(process, 120.0)
    print(f"start: {took:.1f} s with {count} stored contacts")
    return took


def _register(phone: socket.socket, user: str, number: int) -> None:
    """One REGISTER with its challenge."""
    port = phone.getsockname()[1]
    uri = f"sip:{SERVER[0]}"
    authorization = ""
    for step in (1, 2):
        phone.sendto(
            f"REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{number}x{step};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@{SERVER[0]}>;tag=f\r\nTo: <sip:{user}@{SERVER[0]}>\r\n"
            f"Call-ID: {user}\r\nCSeq: {2 * number + step} REGISTER\r\nContact: <sip:{user}@127.0.0.1:{port}>\r\n"
            f"Expires: 3600\r\n{authorization}Content-Length: 0\r\n\r\n".encode(),
            SERVER,
        )
        answer = parse_message(phone.recv(65536))
        assert isinstance(answer, Response)
        if answer.status == 200:
            return
        challenge = Challenge.parse(answer.get("WWW-Authenticate") or "")
        session = ClientSession(challenge, user, ha1(user, challenge.realm, "secret"), "cnonce")
        authorization = f"Authorization: {session.authorize('REGISTER', uri)}\r\n"
    raise SystemExit("a REGISTER was refused")


def register(bindings: int, count: int) -> float:
    """Milliseconds of CPU per challenged REGISTER (a refresh) with so many bindings."""
    accounts = "".join(
        f"[u{number}]\ntype=endpoint\nauth=u{number}\naors=u{number}\n[u{number}]\ntype=auth\nusername=u{number}\n"
        f"password=secret\n[u{number}]\ntype=aor\nmax_contacts=1\n"
        for number in range(ACCOUNTS)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store_contacts(folder, bindings)
        with (
            servers.asterism(folder, {"pjsip.conf": _TRANSPORT + _PROBED + accounts}) as process,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
        ):
            servers.wait_ready(process, 120.0)
            phone.settimeout(10)
            phone.bind(("127.0.0.1", 0))
            for number in range(ACCOUNTS):
                _register(phone, f"u{number}", number)
            before = cpu_seconds(process.pid)
            for number in range(ACCOUNTS, ACCOUNTS + count):
                _register(phone, f"u{number % ACCOUNTS}", number)
            each = 1000 * (cpu_seconds(process.pid) - before) / count
    print(f"register: {each:.3f} ms of CPU per challenged refresh with {bindings} bindings", flush=True)
    return each


def main() -> int:
    """Measure all; 1 when a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qualified", type=int, default=10_000, help="contacts that are checked")
    parser.add_argument("--stored", type=int, default=100_000, help="contacts that are stored")
    parser.add_argument("--registers", type=int, default=5_000, help="REGISTERs measured at each number of bindings")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the checks are measured")
    arguments = parser.parse_args()
    slow = start(arguments.stored) > START_LIMIT
    few, *more = (register(bindings, arguments.registers) for bindings in (100, 10_000, arguments.stored))
    slow = slow or max(more) > GROWTH_LIMIT * few
    busy = qualify(arguments.qualified, arguments.seconds) > CORE_LIMIT
    return 1 if slow or busy else 0


if __name__ == "__main__":
    sys.exit(main())
