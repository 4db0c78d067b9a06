"""State that the dialplan keeps for one channel between priorities."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Frame:
    """A subroutine's frame: where ``Return`` goes, and what its local variables hid.

    ``boundary`` marks a frame that was not called by a priority: ``Return`` ends that run.
    """

    context: str
    exten: str
    priority: int
    arguments: int = 0
    hidden: dict[str, str | None] = field(default_factory=dict)
    boundary: bool = False


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception: its reason, and where the channel was."""

    reason: str
    context: str
    exten: str
    priority: int


@dataclass(slots=True)
class DialplanState:
    """Subroutine frames, loops and time limits of one channel; times in seconds."""

    frames: list[Frame] = field(default_factory=list)
    loops: dict[str, tuple[int, int]] = field(default_factory=dict)
    digit_timeout: float = 5.0
    response_timeout: float = 10.0
    absolute: asyncio.TimerHandle | None = None
    exception: Raised | None = None
    """What led to the extension ``e`` last."""
    data: dict[str, Any] = field(default_factory=dict)
    """Data that functions keep for the channel (``HASH``, ``SHARED``, ...), by their own keys."""
