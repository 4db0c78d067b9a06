"""Memory: what stays resident after bursts of calls, and whether every table is back at its idle count."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from bench import servers
from bench.load import measure
from bench.process import resident_mib

SETTLE_SECONDS = 40.0
"""Finished transactions are kept for 32 s (timer J), so a count before that is no idle count."""

CALL_RATE = 150


def counts(conf: Path) -> dict[str, int]:
    """The server's own counters, from ``core show counts``."""
    command = [sys.executable, "-m", "asterism.command.main", "-C", str(conf), "-rx", "core show counts"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name.strip(): int(number) for name, number in re.findall(r"^([a-z ]+): +(\d+)$", text, re.MULTILINE)}


def run(folder: Path, burst: int) -> bool:
    """Five bursts of ``burst`` calls; prints memory after each and judges the second against the fourth."""
    good = True
    conf = folder / "etc/asterisk.conf"
    with servers.asterism(folder) as process:
        servers.wait_ready(process)
        idle = counts(conf)
        sizes = []
        print(f"\nMemory, bursts of {burst} calls: {resident_mib(process.pid):.1f} MiB at start")
        for number in range(5):
            result = measure("call", process.pid, CALL_RATE, burst)
            sizes.append(resident_mib(process.pid))
            name = "warm-up" if number == 0 else f"burst {number}"
            notes = "".join(f"; NOT VALID: {complaint}" for complaint in result.complaints)
            print(f"  after {name}: {sizes[-1]:.1f} MiB{notes}", flush=True)
            good = good and result.valid
        time.sleep(SETTLE_SECONDS)
        left = {name: number for name, number in counts(conf).items() if number > idle.get(name, 0)}
        growth = abs(sizes[4] / sizes[2] - 1) * 100
        print(f"  second to fourth burst: {growth:.1f}% (target: at most 5%)")
        print(f"  counts above idle: {left or 'none'}")
        good = good and growth <= 5 and not left
    with servers.asterism(folder) as process:
        servers.wait_ready(process)
        measure("register", process.pid, 1000, burst * 4)
        measure("call", process.pid, CALL_RATE, burst * 2 // 5)
        size = resident_mib(process.pid)
        print(f"  after {burst * 4} REGISTERs and {burst * 2 // 5} calls: {size:.1f} MiB (target: under 150)")
        return good and size < 150
