"""ABS, MIN, MAX, DIGIT_SUM, UUID."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_TWO = (Argument("num1", "", True), Argument("num2", "", True))


class ArithmeticFunctions(PbxModule):
    """Numbers in the dialplan."""

    name: ClassVar[str] = "func_arithmetic"
    part_of: ClassVar[tuple[str, ...]] = ("func_math",)
    covers: ClassVar[tuple[str, ...]] = ("func_uuid",)
    description: ClassVar[str] = "Numbers in the dialplan"

    @function("ABS", Documentation("A number without its sign.", "ABS(num)", arguments=(Argument("num", "", True),)))
    def absolute(self, channel: Channel | None, args: str) -> str:
        """The absolute value."""
        return _text(abs(_number(args)))

    @function("MIN", Documentation("The smaller of two numbers.", "MIN(num1,num2)", arguments=_TWO, see_also=("MAX",)))
    def smaller(self, channel: Channel | None, args: str) -> str:
        """Of two."""
        return _text(min(_numbers(args)))

    @function("MAX", Documentation("The larger of two numbers.", "MAX(num1,num2)", arguments=_TWO, see_also=("MIN",)))
    def larger(self, channel: Channel | None, args: str) -> str:
        """Of two."""
        return _text(max(_numbers(args)))

    @function(
        "DIGIT_SUM",
        Documentation("The sum of the digits of a text.", "DIGIT_SUM(num)", arguments=(Argument("num", "", True),)),
    )
    def digit_sum(self, channel: Channel | None, args: str) -> str:
        """Of 123 it is 6."""
        return str(sum(int(one) for one in args if one in "0123456789"))

    @function("UUID", Documentation("A new random UUID.", "UUID()"))
    def uuid(self, channel: Channel | None, args: str) -> str:
        """Version 4 of RFC 9562."""
        return str(uuid.uuid4())


def _number(text: str) -> float:
    try:
        value = float(text.strip()[:40])
    except ValueError:
        raise FunctionError(f"'{text}' is no number") from None
    if not abs(value) < 1e18:
        raise FunctionError(f"'{text}' is too large")
    return value


def _numbers(args: str) -> tuple[float, float]:
    first, comma, second = args.partition(",")
    if not comma:
        raise FunctionError("it takes two numbers")
    return _number(first), _number(second)


def _text(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0")
