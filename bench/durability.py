"""``python -m bench durability``: 1,000 REGISTERs a second, ``kill -9`` at a random moment, and what is left.

The phones are in a process of their own. Each registers another contact every time, so that every acknowledged
REGISTER can be told from the one before; after the new start each asks for its bindings.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import random
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from bench import accounts, servers
from bench.memory import verdict
from bench.phones import Job, Phones

RATE = 1000
USERS = 2000
WINDOW = 200
ROUNDS = 3
SECONDS = (4.0, 8.0)
"""When the server is killed."""
REACHED = 0.9
"""The share of the offered rate below which a run does not count."""
PATIENCE = 60.0

_CONTACT = re.compile(r"\r\nContact: *<([^>]+)>")


@dataclass(slots=True)
class Outcome:
    """Registrations confirmed to the phones, and those left unanswered."""

    promised: dict[str, str] = field(default_factory=dict)
    """The last contact that a 200 confirmed, by user."""
    open: dict[str, list[str]] = field(default_factory=dict)
    """Contacts that were sent later and not answered: they may have been stored or not."""
    acknowledged: int = 0
    refused: int = 0
    seconds: float = 0.0


def load(pipe: Connection) -> None:
    """Register at the given rate until the pipe says that the server is dead; then send the outcome."""
    phones = Phones()
    busy: dict[str, Job] = {}
    done: list[Job] = []

    def jobs() -> Iterator[Job]:
        users = itertools.cycle(map(accounts.account, range(USERS)))
        for number in itertools.count():
            # A phone whose last REGISTER is still on its way waits for its next turn.
            user = next(user for user in users if user not in busy or busy[user].status)
            busy[user] = job = Job(user, contact=phones.contact(user, number))
            done.append(job)
            yield job

    began = time.monotonic()
    phones.run(jobs(), window=WINDOW, rate=RATE, stop=pipe.poll)
    died = pipe.recv()
    phones.drain()
    outcome = Outcome(seconds=died - began)
    for job in done:
        if job.status == 200:
            outcome.promised[job.user] = job.contact
            outcome.open[job.user] = []
            outcome.acknowledged += 1
        elif job.status == 0:
            outcome.open.setdefault(job.user, []).append(job.contact)
        else:
            outcome.refused += 1
    pipe.send(outcome)
    phones.close()


def lost(outcome: Outcome) -> list[str]:
    """The users whose bindings are not what they were promised, asked of the server that started again."""
    with contextlib.closing(Phones()) as phones:
        jobs = [Job(user) for user in sorted(outcome.promised)]
        phones.run(jobs)
    wrong = []
    for job in jobs:
        found = _CONTACT.findall(job.answer.decode())
        allowed = [outcome.promised[job.user], *outcome.open[job.user]]
        if job.status != 200 or len(found) != 1 or found[0] not in allowed:
            wrong.append(f"{job.user}: {job.status} {found}, expected one of {allowed}")
    return wrong


def once(folder: Path) -> bool:
    """One load, one kill, one comparison; whether nothing was lost at the rate that counts."""
    files = accounts.make(folder / "tables", f"sqlite:///{folder / 'realtime.sqlite3'}", USERS)
    own, other = multiprocessing.Pipe()
    phones = multiprocessing.Process(target=load, args=(other,), daemon=True)
    moment = random.uniform(*SECONDS)
    try:
        with servers.asterism(folder, files) as process:
            servers.wait_ready(process)
            phones.start()
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
            process.wait()
            # The clock is the machine's: both processes read the same.
            own.send(time.monotonic())
        if not own.poll(PATIENCE):
            raise SystemExit("the phones gave no answer")
        outcome: Outcome = own.recv()
    finally:
        if phones.pid is not None:
            phones.terminate()
            phones.join()
    with servers.asterism(folder, files) as process:
        servers.wait_ready(process)
        wrong = lost(outcome)
    rate = outcome.acknowledged / max(outcome.seconds, 0.001)
    print(
        f"killed after {outcome.seconds:.2f} s: {outcome.acknowledged} REGISTERs acknowledged, {rate:.0f} of {RATE} a "
        f"second; {sum(map(len, outcome.open.values()))} on their way, {outcome.refused} refused; "
        f"{len(outcome.promised)} bindings compared"
    )
    for line in wrong[:5]:
        print(f"  {line}")
    reached = verdict(rate >= REACHED * RATE, f"{rate:.0f} a second", f"at least {REACHED * RATE:.0f}")
    return verdict(not wrong, f"{len(wrong)} acknowledged bindings lost", "none") and reached


def run(folder: Path, share: int = 1) -> bool:
    """Several kills; whether all targets are met."""
    verdicts = [once(folder / str(number)) for number in range(ROUNDS if share == 1 else 1)]
    return all(verdicts)
