"""The numeric functions that expressions know by bare name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

Compute = Callable[[Sequence[Decimal]], Decimal]


def _real(compute: Callable[..., float]) -> Compute:
    def run(numbers: Sequence[Decimal]) -> Decimal:
        try:
            value = compute(*(float(one) for one in numbers))
        except (ValueError, OverflowError, ZeroDivisionError):
            return Decimal(0)
        # repr carries what a double knows; more digits would be noise.
        return Decimal(repr(value)) if math.isfinite(value) else Decimal(0)

    return run


def _rounding(mode: str) -> Compute:
    return lambda numbers: numbers[0].to_integral_value(rounding=mode)


def _power(numbers: Sequence[Decimal]) -> Decimal:
    base, exponent = numbers
    if exponent == exponent.to_integral_value() and abs(exponent) <= 1000:
        return base**exponent if base or exponent >= 0 else Decimal(0)
    return _real(math.pow)(numbers)


def _square_root(numbers: Sequence[Decimal]) -> Decimal:
    return numbers[0].sqrt() if numbers[0] >= 0 else Decimal(0)


def _remainder(numbers: Sequence[Decimal]) -> Decimal:
    return numbers[0].remainder_near(numbers[1]) if numbers[1] else Decimal(0)


NUMERIC_FUNCTIONS: dict[str, tuple[int, Compute]] = {
    "COS": (1, _real(math.cos)),
    "SIN": (1, _real(math.sin)),
    "TAN": (1, _real(math.tan)),
    "ACOS": (1, _real(math.acos)),
    "ASIN": (1, _real(math.asin)),
    "ATAN": (1, _real(math.atan)),
    "ATAN2": (2, _real(math.atan2)),
    "POW": (2, _power),
    "SQRT": (1, _square_root),
    "ROUND": (1, _rounding(ROUND_HALF_UP)),
    "RINT": (1, _rounding(ROUND_HALF_EVEN)),
    "CEIL": (1, _rounding(ROUND_CEILING)),
    "FLOOR": (1, _rounding(ROUND_FLOOR)),
    "TRUNC": (1, _rounding(ROUND_DOWN)),
    "EXP": (1, _real(math.exp)),
    "EXP2": (1, lambda numbers: _power((Decimal(2), numbers[0]))),
    "EXP10": (1, lambda numbers: _power((Decimal(10), numbers[0]))),
    "LOG": (1, _real(math.log)),
    "LOG2": (1, _real(math.log2)),
    "LOG10": (1, _real(math.log10)),
    "REMAINDER": (2, _remainder),
    "ABS": (1, lambda numbers: abs(numbers[0])),
}
"""Name to number of arguments and what computes it; a result that is not finite is 0."""
