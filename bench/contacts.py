"""``python -m bench contacts qualify``: what many contacts cost.

Starting with 100,000 stored ones; registering beside 100, 10,000 and 100,000 of them; checking 10,000 a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import random
import socket
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from asterism.core.registry import Owner
from asterism.data.data import Data
from asterism.data.store import Store
from asterism.sip.objects import register_types
from asterism.sip.objects.contact import Contact, contact_id
from bench import accounts, servers
from bench.configuration import SERVER
from bench.memory import verdict
from bench.phones import LIFETIME, Job, Phones
from bench.process import cpu_seconds

CORE_LIMIT = 0.10
START_LIMIT = 5.0
GROWTH_LIMIT = 1.2
"""How much dearer a REGISTER may be with many bindings than with few."""
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


def store_contacts(folder: Path, numbers: Iterable[int]) -> None:
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
        for number in numbers:
            aor, uri = accounts.account(number), f"sip:phone{number}@192.0.2.{number % 250}:5060"
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
        store_contacts(folder, range(count))
        with servers.asterism(folder, {"pjsip.conf": _TRANSPORT + _PROBED}) as process:
            took = servers.wait_ready(process, 120.0)
    print(f"start: {took:.1f} s with {count} stored contacts")
    return took


def register(bindings: int, count: int) -> tuple[float, float]:
    """Microseconds of CPU per challenged REGISTER beside so many bindings: a new one, a refresh.

    The accounts come from a SQLite table and are read as they are used, as the cache does by default; those that
    register are spread over all of them and have registered before.
    """
    active = sorted(random.sample(range(bindings), min(bindings, count)))
    users = [accounts.account(number) for number in active]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = accounts.make(folder / "tables", f"sqlite:///{folder / 'realtime.sqlite3'}", bindings)
        store_contacts(folder, sorted(set(range(bindings)) - set(active)))
        with servers.asterism(folder, files) as process, contextlib.closing(Phones()) as phones:
            servers.wait_ready(process, 120.0)
            # Their first requests wait for the database, some so long that they are refused as overload.
            settled = [Job(user) for user in users]
            for _ in range(10):
                phones.run([job for job in settled if job.status != 200])
                if all(job.status == 200 for job in settled):
                    break
                time.sleep(1)

            def step(expires: int = LIFETIME) -> float:
                """All users register once."""
                jobs = [Job(user, contact=phones.contact(user), expires=expires) for user in users]
                before = cpu_seconds(process.pid)
                phones.run(jobs)
                refused = [job for job in jobs if job.status != 200]
                if refused:
                    raise SystemExit(f"{len(refused)} REGISTERs refused, the first: {refused[0].answer!r}")
                return cpu_seconds(process.pid) - before

            new, again, rounds = 0.0, 0.0, max(count // len(users), 1)
            step()
            for _ in range(rounds):
                step(expires=0)
                new += step()
                again += step()
    each = 1e6 / (rounds * len(users))
    print(
        f"challenged REGISTER beside {bindings} bindings: new {new * each:.0f} us CPU, refresh {again * each:.0f} us; "
        f"{len(users)} accounts active",
        flush=True,
    )
    if phones.resent:
        print(f"  {phones.resent} requests were sent again")
    return new * each, again * each


def run(share: int = 1) -> bool:
    """Start and register, with a ``share``-th of the sizes; whether all targets are met."""
    stored, count = 100_000 // share, 3000 // share
    took = start(stored)
    good = verdict(took < START_LIMIT, f"start with {stored} contacts: {took:.1f} s", f"under {START_LIMIT:.0f} s")
    few = register(100, count)
    for bindings in (10_000 // share, stored):
        many = register(bindings, count)
        for kind, one, other in zip(("new", "refresh"), few, many, strict=True):
            growth = other / one
            figure = f"{kind} beside {bindings} bindings: {growth:.2f} of the cost beside 100"
            good = verdict(growth <= GROWTH_LIMIT, figure, f"at most {GROWTH_LIMIT}") and good
    return good


def run_qualify(share: int = 1) -> bool:
    """Check 10,000 contacts a minute, or a ``share``-th; whether the target is met."""
    used = qualify(10_000 // share, 60.0 if share == 1 else 20.0)
    limit = CORE_LIMIT / share
    return verdict(used <= limit, f"{100 * used:.1f}% of a core", f"at most {100 * limit:.0f}%")
