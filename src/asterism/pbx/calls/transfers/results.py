"""What a transfer comes to: at once, and once it is known what has become of the transferred party."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class TransferResult(Enum):
    """Whether a transfer was begun; the values are the words of the events' ``Result``."""

    SUCCESS = "Success"
    FAIL = "Fail"
    """It cannot be done now: another transfer of the same call is on its way, a party is gone, there were too many."""
    INVALID = "Invalid"
    """There is nobody to transfer, or no such extension; the call goes on."""
    NOT_PERMITTED = "Not Permitted"
    """The bridge does not allow it."""


class Outcome(Protocol):
    """Whoever asked for a transfer, and wants to know what becomes of it. Statuses are those of SIP responses."""

    def progress(self, status: int) -> None:
        """The transferred party was told that the call goes on: 180 it rings, 183 there is early audio."""

    def done(self, status: int) -> None:
        """The outcome, exactly once: 200 the transferred party talks, otherwise why it does not."""
