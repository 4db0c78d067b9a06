"""What parking refuses is one family of errors."""

from __future__ import annotations

from asterism.core.errors import AsterismError
from asterism.pbx.calls.parking.errors import LotFullError, ParkingError


def test_a_lot_that_is_full_is_a_reason_not_to_park() -> None:
    assert issubclass(LotFullError, ParkingError)
    assert issubclass(ParkingError, AsterismError)
