"""Whether the machine takes one more call: ``maxcalls``, ``maxload`` and ``minmemfree`` of ``asterisk.conf``."""

from __future__ import annotations

import os
from typing import Any

_MIB = 1024 * 1024


def refusal(options: Any, active_calls: int) -> str:
    """Why a new call is refused now, empty when it is not. Options that are 0 set no limit."""
    maximum = getattr(options, "maxcalls", 0)
    if maximum and active_calls >= maximum:
        return f"the maximum of {maximum} calls is reached"
    load_limit = getattr(options, "maxload", 0.0)
    if load_limit and (load := os.getloadavg()[0]) > load_limit:
        return f"the load average {load:.2f} is above {load_limit:.2f}"
    memory_limit = getattr(options, "minmemfree", 0)
    if memory_limit:
        free = free_memory() // _MIB
        if free < memory_limit:
            return f"{free} MiB of free memory are less than {memory_limit}"
    return ""


def free_memory() -> int:
    """Bytes of memory that are free now, without what caches could give back."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
