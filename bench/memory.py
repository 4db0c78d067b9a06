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

WHOLE_BURST = 5000

SETTLE_SECONDS = 40.0
"""Finished transactions are kept for 32 s (timer J), so a count before that is no idle count."""

CALL_RATE = 100
REGISTER_RATE = 1000


def console(conf: Path, command: str) -> str:
    """Run one console command of the server; returns its text."""
    words = [sys.executable, "-m", "asterism.command.main", "-C", str(conf), "-rx", command]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def counts(conf: Path) -> dict[str, int]:
    """The server's own counters, from ``core show counts``."""
    text = console(conf, "core show counts")
    return {name.strip(): int(number) for name, number in re.findall(r"^([a-z ]+): +(\d+)$", text, re.MULTILINE)}


def descriptors(pid: int) -> int:
    """How many sockets and files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def verdict(met: bool, figure: str, target: str) -> bool:
    """Print one figure with its target and whether it is met; returns that."""
    print(f"  {figure} (target: {target}): {'met' if met else 'MISSED'}", flush=True)
    return met


def loaded(operation: str, pid: int, rate: int, count: int, name: str) -> bool:
    """Put a load on the server and say what memory it has then; returns whether every operation succeeded."""
    result = measure(operation, pid, rate, count)
    notes = "".join(f"; NOT VALID: {complaint}" for complaint in result.complaints)
    print(f"  after {name}: {resident_mib(pid):.1f} MiB{notes}", flush=True)
    return result.valid


def run(folder: Path, burst: int) -> bool:
    """Five bursts of calls, then a server with many registrations; returns whether all counts and targets are met."""
    good = True
    conf = folder / "etc/asterisk.conf"
    with servers.asterism(folder) as process:
        servers.wait_ready(process)
        idle = counts(conf) | {"sockets and files": descriptors(process.pid)}
        sizes = []
        print(f"\nMemory, bursts of {burst} calls: {resident_mib(process.pid):.1f} MiB at start")
        for number in range(5):
            name = f"burst {number}" if number else "the warm-up burst"
            good = loaded("call", process.pid, CALL_RATE, burst, name) and good
            sizes.append(resident_mib(process.pid))
        growth = abs(sizes[4] / sizes[2] - 1) * 100
        if burst >= WHOLE_BURST:
            good = verdict(growth <= 5, f"second to fourth burst: {growth:.1f}%", "at most 5%") and good
        else:
            # Short bursts end before the first finished transactions are dropped: memory still grows then.
            print(f"  second to fourth burst: {growth:.1f}% (judged for bursts of {WHOLE_BURST} only)")
        time.sleep(SETTLE_SECONDS)
        now = counts(conf) | {"sockets and files": descriptors(process.pid)}
        left = {name: number - idle.get(name, 0) for name, number in now.items()}
        left = {name: more for name, more in left.items() if more > 0}
        good = verdict(not left, f"counts above idle: {left or 'none'}", "none") and good
    with servers.asterism(folder) as process:
        servers.wait_ready(process)
        registers, calls = burst * 4, burst * 2 // 5
        print(f"\nMemory, {registers} REGISTERs and {calls} calls: {resident_mib(process.pid):.1f} MiB at start")
        good = loaded("register", process.pid, REGISTER_RATE, registers, "the REGISTERs") and good
        good = loaded("call", process.pid, CALL_RATE, calls, "the calls") and good
        size = resident_mib(process.pid)
        return verdict(size < 150, f"resident: {size:.1f} MiB", "under 150 MiB") and good
