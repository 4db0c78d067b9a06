"""What parking refuses."""

from __future__ import annotations

from asterism.core.errors import AsterismError


class ParkingError(AsterismError):
    """A call cannot be parked, or there is none to retrieve; the text says why."""


class LotFullError(ParkingError):
    """Every space of the lot is taken, or the one that was asked for."""
