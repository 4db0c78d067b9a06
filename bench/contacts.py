"""``python -m bench.contacts``: checking 10,000 contacts, and starting with 100,000 stored ones.

It prints both figures and fails above the limits: a tenth of a core, five seconds.
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
from bench import servers
from bench.configuration import SERVER
from bench.process import cpu_seconds

CORE_LIMIT = 0.10
START_LIMIT = 5.0
INTERVAL = 60
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


def main() -> int:
    """Measure both; 1 when a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qualified", type=int, default=10_000, help="contacts that are checked")
    parser.add_argument("--stored", type=int, default=100_000, help="contacts that are stored")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the checks are measured")
    arguments = parser.parse_args()
    slow = start(arguments.stored) > START_LIMIT
    busy = qualify(arguments.qualified, arguments.seconds) > CORE_LIMIT
    return 1 if slow or busy else 0


if __name__ == "__main__":
    sys.exit(main())
