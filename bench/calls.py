"""How many Python functions the server calls for an operation: the part of its cost that is the same on every machine.

CPU time is measured to 10 % at best, and differs by a half between a machine's good and bad hours. The functions called
are counted exactly; a budget keeps them from growing unnoticed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from asterism.core.compiled import compiled_modules
from bench import subscriptions
from bench.configuration import ACCOUNTS, CALLEE_PORT, SERVER, write_asterisk
from bench.load import SCENARIOS, media_scenario
from bench.watchers import Changer, Watchers, pairs

BUDGETS = {
    "options": 46,
    "register": 160,
    "call": 860,
    "call-record": 1050,
    "notify": 88,
    "list-notify": 122,
    "conference": 2.8,
}
"""The most Python functions that may be called for an operation, its share of timers and turns of the loop included.

The call was 750 before what extensions raise was contained, offers and answers went by one table, and descriptions were
composed from the model: about 30, 20 and 15 calls more; and 820 before bridges had members of their own and chose
their technology, and channels had taps and several waiters: about 20 and 10 more; and 840 before a call
had streams of every type, each with its handler, that are counted and paired: about 14 more.

A call with a record costs about 75 more: its events are heard, and two channels and their pair are kept.

Of a conference of twenty it is 20 ms of one party: one call for what it says, and its share of those for a turn of all.
"""

_NAMES = {
    "options": "OPTIONS",
    "register": "REGISTER with challenge",
    "call": "two-leg call",
    "call-record": "two-leg call with a call detail record",
    "notify": "NOTIFY of presence",
    "list-notify": "NOTIFY of a list of 50, one of which changed",
    "conference": "20 ms of one party of a conference",
}
NOTIFIES = ("notify", "list-notify")
_PARTIES = 20
_SECONDS = 3
_RATE = 20
_WARM_UP = {"options": 40, "register": ACCOUNTS, "call": 40, "call-record": 40}
_WATCHERS = 10
"""Watchers of each extension."""
_SLACK = 1.02
"""How much a count may exceed its budget: timers and turns of the loop do not come in fixed numbers."""


@dataclass(slots=True)
class Count:
    """Calls of Python functions per operation: altogether, and per function in ``file:line name`` form."""

    calls: float
    functions: dict[str, float]

    def within(self, budget: float) -> bool:
        """Whether the count is within ``budget``, allowing for the scatter of counts."""
        return self.calls <= budget * _SLACK

    def by_folder(self) -> list[tuple[str, float]]:
        """The calls of each sub-package, most first."""
        found: Counter[str] = Counter()
        for name, calls in self.functions.items():
            found["/".join(name.partition(":")[0].split("/")[:2])] += calls  # type: ignore[assignment]
        return [(name, float(calls)) for name, calls in found.most_common()]


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait for something outside this process. Raises RuntimeError when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} within {seconds:.0f} s")
        time.sleep(0.02)


def count(operation: str, folder: Path, port: int, callee_port: int, client_port: int, operations: int = 50) -> Count:
    """Count on a server of its own, in ``folder`` and on ``port``, with SIPp (or a manager) on the other ports.

    Raises:
        RuntimeError: the server did not start, or an operation failed.
    """
    if operation in NOTIFIES:
        lists = operation == "list-notify"
        return count_notify(folder, port, callee_port, 50 if lists else 100, operations, lists)
    conf = write_asterisk(folder / "etc", folder)
    pjsip = folder / "etc/pjsip.conf"
    own = pjsip.read_text().replace(f"{SERVER[0]}:{SERVER[1]}", f"{SERVER[0]}:{port}")
    pjsip.write_text(own.replace(f"callee@127.0.0.1:{CALLEE_PORT}", f"callee@127.0.0.1:{callee_port}"))
    (folder / "users.csv").write_text(
        "SEQUENTIAL\n"
        + "".join(f"u{n};[authentication username=u{n} password=pw{n}]\n" for n in range(1, ACCOUNTS + 1))
    )
    if operation == "call-record":
        (folder / "etc/cdr.conf").write_text("[general]\n[csv]\n")
    result = folder / "calls.json"
    command = [sys.executable, "-m", "bench.profiled", str(result), "-f", "-q", "-C", str(conf)]
    processes = [subprocess.Popen(command, cwd=Path(__file__).parents[1])]
    try:
        _wait_booted(conf)
        if operation.startswith("call"):
            processes.append(_sipp(folder, "uas", ["-sn", "uas"], callee_port))
        if operation == "conference":
            processes.append(
                _sipp(folder, "uac", [*media_scenario(folder, operation, client_port), *_parties(port)], 0)
            )
            time.sleep(_PARTIES / _RATE + 3)  # all are in, and a moment more
            operations = 50 * _SECONDS * _PARTIES
        else:
            _load(operation, folder, port, client_port, _WARM_UP[operation])
        processes[0].send_signal(signal.SIGUSR2)
        if operation == "conference":
            time.sleep(_SECONDS)
        else:
            _load(operation, folder, port, client_port, operations)
        processes[0].send_signal(signal.SIGUSR2)
        wait_for(result.exists, "the server wrote no counts")
    finally:
        for process in processes:
            process.terminate()
            process.wait()
    return _read(result, operations)


def count_notify(
    folder: Path, port: int, manager_port: int, lamps: int = 100, operations: int = 50, lists: bool = False
) -> Count:
    """Count for a NOTIFY: ``lamps`` extensions, each with ten watchers, and so many changes of their states.

    With ``lists`` the ten watch one list of all extensions.

    Raises:
        RuntimeError: the server did not start, or a NOTIFY did not come.
    """
    conf = write_asterisk(folder / "etc", folder)
    files = subscriptions.files(lamps, manager_port)
    files["pjsip.conf"] = files["pjsip.conf"].replace(f"{SERVER[0]}:{SERVER[1]}", f"{SERVER[0]}:{port}")
    for name, text in files.items():
        (folder / "etc" / name).write_text(text)
    result = folder / "calls.json"
    command = [sys.executable, "-m", "bench.profiled", str(result), "-f", "-q", "-C", str(conf)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1])
    watchers = Watchers((SERVER[0], port))
    try:
        _wait_booted(conf)
        changer = Changer(manager_port)
        if lists:
            watchers.subscribe(subscriptions.LIST_PAIRS, headers=subscriptions.EVENTLIST)
        else:
            watchers.subscribe(pairs(_WATCHERS, lamps))
        subscriptions.change(watchers, changer, lamps, operations, _RATE, "RINGING", one_by_one=True)
        process.send_signal(signal.SIGUSR2)
        subscriptions.change(watchers, changer, lamps, operations, _RATE, "INUSE", one_by_one=True)
        process.send_signal(signal.SIGUSR2)
        wait_for(result.exists, "the server wrote no counts")
        changer.close()
    finally:
        watchers.close()
        process.terminate()
        process.wait()
    return _read(result, operations * _WATCHERS)


def _read(result: Path, operations: int) -> Count:
    rows: list[tuple[str, int, str, int]] = json.loads(result.read_text())
    functions = {
        f"{file.rpartition('asterism/')[2]}:{line} {name}": calls / operations for file, line, name, calls in rows
    }
    return Count(sum(functions.values()), functions)


def _wait_booted(conf: Path) -> None:
    words = [sys.executable, "-m", "asterism.command.main", "-C", str(conf), "-rx", "core waitfullybooted"]
    wait_for(lambda: subprocess.run(words, capture_output=True).returncode == 0, "the server did not boot")


def _parties(port: int) -> list[str]:
    return [f"{SERVER[0]}:{port}", "-r", str(_RATE), "-m", str(_PARTIES), "-l", str(_PARTIES)]


def _sipp(folder: Path, name: str, scenario: list[str], port: int) -> subprocess.Popen[bytes]:
    words = ["sipp", *scenario, "-i", "127.0.0.1", *(["-p", str(port)] if port else []), "-nostdin"]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=(folder / f"{name}.err").open("wb"))


def _load(operation: str, folder: Path, port: int, client_port: int, operations: int) -> None:
    scenario = {
        "options": ["-sf", str(SCENARIOS / "options.xml"), "-s", "ping"],
        "register": ["-sf", str(SCENARIOS / "register.xml"), "-inf", str(folder / "users.csv")],
        "call": ["-sn", "uac", "-s", "callee"],
        "call-record": ["-sn", "uac", "-s", "callee"],
    }[operation]
    target = [f"{SERVER[0]}:{port}", "-r", str(_RATE), "-m", str(operations)]
    client = _sipp(folder, "uac", [*scenario, *target], client_port)
    try:
        if client.wait(timeout=operations / _RATE + 30):
            raise RuntimeError(f"not every {_NAMES[operation]} succeeded")
    finally:
        client.terminate()
        client.wait()


def run(folder: Path) -> bool:
    """Print the counts with their budgets; returns whether all are met."""
    print("\nPython functions called per operation")
    if compiled_modules():
        print("  not counted: compiled functions cannot be seen")
        return True
    good = True
    for number, (operation, budget) in enumerate(BUDGETS.items()):
        found = count(operation, folder / operation, SERVER[1], CALLEE_PORT, CALLEE_PORT + 1 + number)
        met = found.within(budget)
        good = good and met
        most = ", ".join(f"{name} {calls:.0f}" for name, calls in found.by_folder()[:5])
        print(f"  {_NAMES[operation]}: {found.calls:.3g} (budget {budget}: {'met' if met else 'MISSED'}); {most}")
    return good
