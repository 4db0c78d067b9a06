"""``python -m bench realtime``: what a request costs with 10 and with 10,000 endpoints in PostgreSQL.

The target holds where tables are in memory as a whole, and where, as by default, each object is read as it is used,
once each has been. Beside it stands what the first request of an endpoint costs.
"""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path
from typing import Any

from bench import accounts, servers
from bench.memory import verdict
from bench.phones import Job, Phones
from bench.process import cpu_seconds

FEW, MANY, COUNT = 10, 10_000, 10_000
LIMIT = 1.2
"""How much dearer a request may be with many endpoints; a fifth is what one machine's figures differ by."""
WINDOW = 4
"""Requests at once: fewer than endpoints, or REGISTERs of one phone overtake each other."""
_SERVERS = Path(__file__).resolve().parents[1] / "tests/integration/realtime/database_servers.py"


def _postgres() -> Any:
    """A PostgreSQL server, started as the tests start theirs."""
    spec = importlib.util.spec_from_file_location("database_servers", _SERVERS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Postgres()


def measure(folder: Path, url: str, endpoints: int, count: int, *, whole: bool) -> dict[str, float]:
    """Microseconds of CPU per OPTIONS and per challenged REGISTER: at first sight of an endpoint, and then."""
    files = accounts.make(folder / "tables", url, endpoints, whole=whole)
    users = [accounts.account(number) for number in range(endpoints)]
    found: dict[str, float] = {}
    with servers.asterism(folder, files) as process, contextlib.closing(Phones()) as phones:
        servers.wait_ready(process, 120.0)

        def step(name: str, method: str, number: int) -> None:
            jobs = []
            for index in range(number):
                user = users[index % len(users)]
                jobs.append(Job(user, method, phones.contact(user) if method == "REGISTER" else ""))
            before = cpu_seconds(process.pid)
            phones.run(jobs, window=WINDOW)
            found[name] = (cpu_seconds(process.pid) - before) / number * 1e6
            refused = [job for job in jobs if job.status != 200]
            if refused:
                raise SystemExit(f"{len(refused)} requests refused, the first: {refused[0].answer!r}")

        step("first OPTIONS", "OPTIONS", endpoints)
        step("OPTIONS", "OPTIONS", count)
        step("first REGISTER", "REGISTER", endpoints)
        step("REGISTER", "REGISTER", count)
    figures = ", ".join(f"{name} {found[name]:.0f} us" for name in found if not (whole and name.startswith("first")))
    how = "whole in memory" if whole else "read as used"
    print(f"{endpoints} endpoints in PostgreSQL, {how}: {figures}", flush=True)
    return found


def run(folder: Path, share: int = 1) -> bool:
    """Measure both, with a ``share``-th of the sizes; whether the targets are met."""
    good = True
    with contextlib.closing(_postgres()) as database:
        for whole, how in ((True, "whole in memory"), (False, "read as used")):
            few = measure(folder / f"few-{whole}", database.url, FEW, COUNT // share, whole=whole)
            many = measure(folder / f"many-{whole}", database.url, MANY // share, COUNT // share, whole=whole)
            for name in ("OPTIONS", "REGISTER"):
                ratio = many[name] / few[name]
                figure = f"{name} with {MANY // share} endpoints, {how}: {ratio:.2f} of the cost with {FEW}"
                good = verdict(ratio <= LIMIT, figure, f"at most {LIMIT}") and good
    return good
