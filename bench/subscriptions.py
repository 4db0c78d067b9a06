"""``make bench ARGS=subscriptions``: CPU per NOTIFY with 10,000 subscriptions to 1,000 extensions, and their memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple

from bench import servers
from bench.configuration import SERVER, pjsip
from bench.memory import verdict
from bench.process import cpu_seconds, resident_mib
from bench.watchers import MANAGER, Changer, WatchError, Watchers, hints, pairs, watching_endpoints

MANAGER_PORT = 5049
WATCHERS = 10
LAMPS = 1000
CHANGES = 600
RATE = 60
"""Changes a second; each is sent to all watchers of that extension."""
MEMORY_LIMIT = 12.0
"""KiB that a subscription may take, its row included."""

EVENTLIST = "Supported: eventlist\r\n"
LISTED = 5
"""Extensions of the list that is measured: more would not fit into what Asterisk sends as one datagram."""
LIST_PAIRS = [(f"w{n}", "wall") for n in range(1, WATCHERS + 1)]
"""Each watcher with the list of all extensions."""

Start = Callable[..., AbstractContextManager[Popen[bytes]]]


class Cost(NamedTuple):
    """The measured costs."""

    microseconds: float
    """CPU per NOTIFY."""
    kib: float
    """Resident memory per subscription."""
    bytes: int
    """Size of one NOTIFY."""
    repeated: int


def files(lamps: int = LAMPS, manager_port: int = MANAGER_PORT) -> dict[str, str]:
    """The configuration, for Asterism and Asterisk alike."""
    items = ",".join(f"lamp{n}" for n in range(1, lamps + 1))
    wall = f"[wall]\ntype=resource_list\nevent=presence\nlist_item={items}\n"
    return {
        "pjsip.conf": pjsip() + watching_endpoints(WATCHERS) + wall,
        "extensions.conf": hints(lamps),
        "manager.conf": MANAGER.format(port=manager_port),
    }


def measure(process: Popen[bytes], lamps: int, changes: int, *, lists: bool = False) -> Cost:
    """Subscribe to each extension, or to a list of them; then change states. Raises WatchError, OSError."""
    watchers = Watchers(SERVER)
    changer = Changer(MANAGER_PORT)
    try:
        for lamp in range(1, lamps + 1):
            changer.change(f"lamp{lamp}", "NOT_INUSE")
        before = resident_mib(process.pid)
        if lists:
            count = watchers.subscribe(LIST_PAIRS, headers=EVENTLIST)
        else:
            count = watchers.subscribe(pairs(WATCHERS, lamps))
        kib = (resident_mib(process.pid) - before) * 1024 / count
        change(watchers, changer, lamps, max(changes // 5, 1), RATE, "RINGING", merged=lists)
        began, told = cpu_seconds(process.pid), watchers.notifies
        change(watchers, changer, lamps, changes, RATE, "INUSE", merged=lists)
        spent = cpu_seconds(process.pid) - began
        return Cost(spent / (watchers.notifies - told) * 1e6, kib, watchers.size, watchers.repeated)
    finally:
        watchers.close()
        changer.close()


def change(
    watchers: Watchers,
    changer: Changer,
    lamps: int,
    changes: int,
    rate: int,
    state: str,
    *,
    merged: bool = False,
    one_by_one: bool = False,
) -> None:
    """Change one extension after the other, ``rate`` a second, until all is told. Raises WatchError.

    With ``merged`` some changes may be told together: those of a list while a NOTIFY of it is on its way. With
    ``one_by_one`` the next change waits until everybody was told of the one before, so that none are.
    """
    goal = watchers.notifies
    began = time.monotonic()
    for number in range(changes):
        while (left := began + number / rate - time.monotonic()) > 0:
            watchers.serve(left)
        changer.change(f"lamp{number % lamps + 1}", state if number // lamps % 2 == 0 else "NOT_INUSE")
        goal += WATCHERS
        if one_by_one:
            watchers.wait(goal)
        watchers.serve(0)
    if merged:
        while watchers.serve(1.0):
            pass
    else:
        watchers.wait(goal)


def run(folder: Path, share: int = 1, *, peers: bool = True) -> bool:
    """Print the figures, those of Asterisk beside them where it is installed; returns whether all targets are met."""
    lamps, changes = LAMPS // share, max(CHANGES // share, 50)
    starts: dict[str, Start] = {"Asterism": servers.asterism}
    if peers and servers.has_asterisk():
        starts["Asterisk"] = servers.asterisk
    print(f"\nSubscriptions: {WATCHERS * lamps} to {lamps} extensions, {RATE * WATCHERS} NOTIFYs a second")
    found = _costs(starts, folder, lamps, changes)
    ours = found.get("Asterism")
    good = ours is not None and not ours.repeated
    if ours is not None and lamps == LAMPS:
        good = verdict(ours.kib < MEMORY_LIMIT, f"{ours.kib:.1f} KiB", f"under {MEMORY_LIMIT:.0f} KiB") and good
    good = _compared(found) and good
    print(f"\nSubscriptions: {WATCHERS} to a list of {LISTED} extensions, one of which changed")
    return _compared(_costs(starts, folder, LISTED, changes, lists=True)) and good


def _costs(starts: dict[str, Start], folder: Path, lamps: int, changes: int, *, lists: bool = False) -> dict[str, Cost]:
    found: dict[str, Cost] = {}
    for name, start in starts.items():
        try:
            with start(folder / f"{name}{lamps}", files(lamps)) as process:
                servers.wait_ready(process)
                found[name] = cost = measure(process, lamps, changes, lists=lists)
        except (WatchError, OSError) as error:
            print(f"  {name}: NOT VALID: {error}")
            continue
        kib = "" if lists else f", {cost.kib:.1f} KiB per subscription"
        figure = f"{cost.microseconds:.0f} us CPU per NOTIFY of {cost.bytes} bytes"
        print(f"  {name}: {figure}, {cost.repeated} sent again{kib}", flush=True)
    return found


def _compared(found: dict[str, Cost]) -> bool:
    ours, theirs = found.get("Asterism"), found.get("Asterisk")
    if ours is None or theirs is None:
        return ours is not None
    ratio = ours.microseconds / theirs.microseconds
    return verdict(ratio <= 1, f"{ratio:.2f} of Asterisk's CPU", "at most 1")
