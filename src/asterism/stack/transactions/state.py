"""The states of the four machines (RFC 3261 figures 5 to 8, with the Accepted states of RFC 6026)."""

from __future__ import annotations

from enum import Enum


class TransactionState(Enum):
    """The state of a transaction; each machine uses some of these."""

    CALLING = "Calling"
    TRYING = "Trying"
    PROCEEDING = "Proceeding"
    ACCEPTED = "Accepted"
    COMPLETED = "Completed"
    CONFIRMED = "Confirmed"
    TERMINATED = "Terminated"
