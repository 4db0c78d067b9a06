"""Resources of a process: CPU seconds and resident memory of it and its children, from /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """``root`` and all processes below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
            except OSError:
                continue
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue.extend(children.get(pid, ()))
    return found


def cpu_seconds(root: int) -> float:
    """User and system seconds of the tree, with those of the root's children that have ended."""
    ticks = 0
    for pid in tree(root):
        try:
            fields = _stat(pid)
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
        if pid == root:
            ticks += int(fields[13]) + int(fields[14])
    return ticks / _TICK


def _status_mib(root: int, name: str) -> float:
    total = 0
    for pid in tree(root):
        try:
            found = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        except OSError:
            continue
        total += int(found.group(1)) if found else 0
    return total / 1024


def resident_mib(root: int) -> float:
    """Resident memory of the tree now."""
    return _status_mib(root, "VmRSS")


def peak_resident_mib(root: int) -> float:
    """The most resident memory each process of the tree has had, added up."""
    return _status_mib(root, "VmHWM")


def datagrams_sent() -> int:
    """UDP datagrams that this machine has sent."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")]
    return int(lines[1][lines[0].index("OutDatagrams")])
