"""The states of a device."""

from __future__ import annotations

from enum import IntEnum


class DeviceState(IntEnum):
    """State of a device; names and numbers are those of ``DEVICE_STATE()`` and ``DeviceStateChange``."""

    UNKNOWN = 0
    NOT_INUSE = 1
    INUSE = 2
    BUSY = 3
    INVALID = 4
    UNAVAILABLE = 5
    RINGING = 6
    RINGINUSE = 7
    ONHOLD = 8


def parse_device_state(text: str) -> DeviceState | None:
    """The state of that name in any case, ``None`` if there is none."""
    try:
        return DeviceState[text.strip().upper()]
    except KeyError:
        return None
