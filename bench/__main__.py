"""``make bench``: CPU per operation and memory, of Asterism and of the peers that are installed.

Figures are ratios only to peers measured in the same run. ``make bench ARGS="options call"`` runs some;
``--quick`` runs a tenth; ``--no-peers`` leaves the peers out.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from asterism.core.compiled import compiled_modules
from bench import (
    calls,
    contacts,
    converted,
    durability,
    handshakes,
    idle,
    idle_calls,
    lateness,
    manager,
    memory,
    micro,
    parties,
    realtime,
    servers,
    subscriptions,
    transfers,
    transports,
)
from bench.load import MEDIA, measure
from bench.measurement import Measurement
from bench.process import peak_resident_mib

LOADS = {
    "options": (2000, 12000),
    "register": (1000, 6000),
    "call": (100, 800),
    "slow-call": (40, 400),
    "rtp": (50, 60),
    "conference": (50, 50),
    "recorded-calls": (50, 50),
    "g722-calls": (50, 20),
    "opus-calls": (50, 20),
    "srtp": (50, 50),
    "srtp-to-rtp": (50, 50),
}
"""Rate a second and number of operations; calls at two rates, as on a slow machine peers cannot keep up with 100."""

UNITS = {
    "options": "OPTIONS",
    "register": "REGISTER with challenge",
    "call": "two-leg call",
    "slow-call": "two-leg call, 40 a second",
    "rtp": "relayed packet",
    "conference": "20 ms of one of 50 in a mix",
    "recorded-calls": "relayed packet, recorded",
    "g722-calls": "packet, u-law and G.722",
    "opus-calls": "packet, u-law and Opus",
    "srtp": "relayed SRTP packet",
    "srtp-to-rtp": "packet, SRTP to RTP or back",
}

TARGETS = {
    "options": 1 / 3, "register": 1 / 3, "call": 1 / 3, "slow-call": 1 / 3, "rtp": 1 / 2, "conference": 1.0,
    "recorded-calls": 1.0, "g722-calls": 1.0, "opus-calls": 1.0, "srtp": 1.0, "srtp-to-rtp": 1.0,
}  # fmt: skip
"""The most that Asterism may use of Asterisk's CPU, measured in the same run."""

READY_SECONDS = 1.0
"""How soon Asterism is to answer after its start."""

OTHERS = (
    "micro",
    "calls",
    "transports",
    "idle",
    "idle-calls",
    "lateness",
    "recorded-lateness",
    "converted-lateness",
    "handshakes",
    "transfers",
    "parties",
    "manager",
    "memory",
    "contacts",
    "realtime",
    "durability",
    "qualify",
    "subscriptions",
)
"""Measured without peers, but for the last."""

Results = dict[str, dict[str, list[Measurement]]]
"""By server and operation, one measurement for each round."""


def main() -> int:
    """Measure and print; returns 1 when a figure does not count or misses its target."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "operations",
        nargs="*",
        help=f"what to measure: {', '.join((*LOADS, *OTHERS))} (default: all)",
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the operations")
    parser.add_argument("--no-peers", action="store_true", help="Asterism only")
    parser.add_argument("--rounds", type=int, default=1, help="measure the servers so often in turns, and take medians")
    options = parser.parse_args()
    # Ended from outside, the servers and databases that were started are still to be ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A load's process that was forked has nothing to end, and shall not say so.
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    wanted = options.operations or [*LOADS, *OTHERS]
    share = 10 if options.quick else 1
    number = compiled_modules()
    build = f"the build with {number} compiled modules" if number else "the pure Python build"
    print(f"measured: {build}, on Python {platform.python_version()} ({sys.base_prefix})")
    results: Results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loads = [operation for operation in LOADS if operation in wanted]
        soon = True
        for _ in range(options.rounds if loads else 0):
            seconds = run_loads("Asterism", servers.asterism, folder, loads, share, results)
            soon = soon and seconds <= READY_SECONDS
            if options.no_peers:
                continue
            if servers.has_asterisk():
                run_loads("Asterisk", servers.asterisk, folder, loads, share, results)
            simple = [operation for operation in loads if operation in ("options", "register")]
            if simple and servers.has_kamailio():
                run_loads("Kamailio", servers.kamailio, folder, simple, share, results)
        good = (report(results, loads) if loads else True) and soon
        own = run_others(folder, wanted, share, peers=not options.no_peers)
    return 0 if good and own else 1


def run_others(folder: Path, wanted: list[str], share: int, *, peers: bool) -> bool:
    """Measure what needs no SIPp; returns whether all figures count and meet their targets."""
    measurements: dict[str, Callable[[], bool]] = {
        "micro": micro.run,
        "calls": lambda: calls.run(folder / "calls"),
        "transports": lambda: transports.run(folder / "transports", transports.COUNT // share),
        "idle": lambda: idle.run(folder / "idle", share),
        "idle-calls": lambda: idle_calls.run(folder / "idle-calls", share),
        "lateness": lambda: lateness.run(folder / "lateness", share),
        "recorded-lateness": lambda: lateness.run(folder / "recorded-lateness", share, recorded=True),
        "converted-lateness": lambda: converted.run(folder / "converted-lateness", share),
        "handshakes": lambda: handshakes.run(folder / "handshakes", share),
        "transfers": lambda: transfers.run(folder / "transfers", share),
        "parties": lambda: parties.run(folder / "parties", share),
        "manager": lambda: manager.run(folder / "manager", 2000 // share),
        "memory": lambda: memory.run(folder / "memory", 5000 // share),
        "contacts": lambda: contacts.run(share),
        "realtime": lambda: realtime.run(folder / "realtime", share),
        "durability": lambda: durability.run(folder / "durability", share),
        "qualify": lambda: contacts.run_qualify(share),
        "subscriptions": lambda: subscriptions.run(folder / "subscriptions", share, peers=peers),
    }
    verdicts = [measurements[name]() for name in OTHERS if name in wanted]
    return all(verdicts)


def run_loads(name: str, start: object, folder: Path, loads: list[str], share: int, results: Results) -> float:
    """Measure one server, after a warm-up of each load; returns how many seconds it took to be ready."""
    with start(folder) as process:  # type: ignore[operator]
        seconds = servers.wait_ready(process)
        goal = ""
        if name == "Asterism":
            goal = f" (target: {READY_SECONDS:.0f} s: {'met' if seconds <= READY_SECONDS else 'MISSED'})"
        print(f"{name}: ready after {seconds:.2f} s{goal}", flush=True)
        for operation in loads:
            rate, count = LOADS[operation]
            count = max(count // share, 20)
            if operation not in MEDIA:
                measure(operation, process.pid, rate, max(count // 10, 20))
            result = measure(operation, process.pid, rate, count)
            results.setdefault(name, {}).setdefault(operation, []).append(result)
            print(f"  {describe(result)}", flush=True)
        print(f"  peak resident memory {peak_resident_mib(process.pid):.0f} MiB", flush=True)
    return seconds


def median(results: Results, server: str, operation: str) -> float | None:
    """The median of the rounds that count, in microseconds; ``None`` if none does."""
    counting = [each.microseconds for each in results.get(server, {}).get(operation, ()) if each.valid]
    return statistics.median(counting) if counting else None


def describe(result: Measurement) -> str:
    """One line about a measurement."""
    line = f"{UNITS[result.operation]}: {result.microseconds:.1f} us CPU, {result.good} done"
    if result.operation not in MEDIA:
        line += f", {result.achieved:.0f} a second"
    return line + "".join(f"; NOT VALID: {complaint}" for complaint in result.complaints)


def report(results: Results, loads: list[str]) -> bool:
    """Print the comparison; returns whether all figures count and meet their targets."""
    good = True
    print(f"\n{'CPU per operation':<26}{'Asterism':>12}{'Asterisk':>12}{'Kamailio':>12}   against Asterisk")
    for operation in loads:
        cells, verdict = "", "peer not measured"
        for server in ("Asterism", "Asterisk", "Kamailio"):
            figure = median(results, server, operation)
            cells += f"{figure:>9.1f} us" if figure is not None else f"{'-':>12}"
        own, peer = median(results, "Asterism", operation), median(results, "Asterisk", operation)
        if own is None:
            good, verdict = False, "not valid"
        elif peer is not None:
            ratio = own / peer
            met = ratio <= TARGETS[operation]
            good = good and met
            verdict = f"{ratio:.2f} (target {TARGETS[operation]:.2f}: {'met' if met else 'MISSED'})"
        print(f"{UNITS[operation]:<26}{cells}   {verdict}")
    return good


if __name__ == "__main__":
    sys.exit(main())
