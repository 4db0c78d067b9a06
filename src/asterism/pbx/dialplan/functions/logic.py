"""IF, IFTIME, ISNULL, EXISTS, SET, and MATH, INC, DEC, RAND, ABS, MIN, MAX."""

from __future__ import annotations

import math
import random
import re
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions.common import assign, integer, value_of
from asterism.pbx.dialplan.language.arguments import divide, split_assignment, split_condition
from asterism.pbx.dialplan.language.expression import is_true, strip_quotes
from asterism.pbx.dialplan.language.timing import parse_time_spec
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_MATH = re.compile(
    r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(>=|<=|==|<<|>>|[-+/*%^<>=]|[Aa][Nn][Dd]|[Xx][Oo][Rr]|[Oo][Rr])\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*\Z"
)
_COMPARISONS = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
}
_WHOLE = {
    "<<": lambda a, b: a << min(max(b, 0), 63),
    ">>": lambda a, b: a >> min(max(b, 0), 63),
    "AND": lambda a, b: a & b,
    "OR": lambda a, b: a | b,
    "XOR": lambda a, b: a ^ b,
}


class LogicFunctions(PbxModule):
    """Conditions and arithmetic."""

    name = "func_logic"
    covers = ("func_math", "func_rand")
    description = "Conditions and arithmetic in the dialplan"

    @function(
        "IF",
        Documentation(
            "One of two texts, as a condition says.",
            "IF(condition?true:false)",
            arguments=(Argument("condition", "False are empty text and zero.", True),),
            see_also=("GotoIf", "IFTIME"),
        ),
        marks=True,
    )
    def if_(self, channel: Channel | None, args: str) -> str:
        """Quotes around the texts are removed."""
        found = split_condition(args)
        if found is None:
            raise FunctionError("it takes condition?true:false")
        condition, yes, no = found
        if not condition:
            return ""
        return strip_quotes(yes if is_true(condition) else no)

    @function(
        "IFTIME",
        Documentation(
            "One of two texts, as the time says.", "IFTIME(times,weekdays,mdays,months[,timezone]?true:false)"
        ),
        marks=True,
    )
    def if_time(self, channel: Channel | None, args: str) -> str:
        """A time specification."""
        spec, mark, branches = args.partition("?")
        if not mark:
            raise FunctionError("it takes timespec?true:false")
        yes, _, no = divide(branches, ":")
        try:
            now = parse_time_spec(spec.strip()).matches_for(channel)
        except ValueError as error:
            raise FunctionError(str(error)) from None
        return strip_quotes((yes if now else no).strip())

    @function("ISNULL", Documentation("1 for an empty text, else 0.", "ISNULL(text)"))
    def is_null(self, channel: Channel | None, args: str) -> str:
        """Whether it is empty."""
        return "0" if args else "1"

    @function("EXISTS", Documentation("0 for an empty text, else 1.", "EXISTS(text)"))
    def exists(self, channel: Channel | None, args: str) -> str:
        """Whether it is not empty."""
        return "1" if args else "0"

    @function(
        "SET", Documentation("Set a variable and give its new value.", "SET(name=value)"), effects=True, marks=True
    )
    def set(self, channel: Channel | None, args: str) -> str:
        """``name=value``."""
        found = split_assignment(args)
        if found is None or not found[0]:
            raise FunctionError("it takes name=value")
        assign(self.pbx, channel, *found)
        return found[1]

    @function(
        "MATH",
        Documentation(
            "Two numbers and an operator.",
            "MATH(expression[,type])",
            arguments=(
                Argument("expression", "Operators: + - / * % << >> ^ AND OR XOR < > >= <= ==.", True),
                Argument(
                    "type",
                    "How the result is written.",
                    values=(
                        ("f, float", "six decimals, the default"),
                        ("i, int", "whole number"),
                        ("h, hex", "hexadecimal"),
                        ("o, octal", "octal"),
                        ("c, char", "the character of that code"),
                    ),
                ),
            ),
        ),
    )
    def math(self, channel: Channel | None, args: str) -> str:
        """``7/2`` and a type."""
        expression, _, kind = args.partition(",")
        found = _MATH.match(expression)
        if found is None:
            raise FunctionError(f"'{expression}' is not number, operator, number")
        left, right = float(found.group(1)), float(found.group(3))
        operator = found.group(2).upper()
        if operator in _COMPARISONS:
            return "TRUE" if _COMPARISONS[operator](left, right) else "FALSE"
        try:
            result = _compute(operator, left, right)
        except (ValueError, OverflowError):
            result = 0.0
        return _write(result, kind.strip().lower()[:1] or "f")

    @function(
        "INC",
        Documentation("Add 1 to a variable and give its new value.", "INC(name)", see_also=("DEC",)),
        effects=True,
    )
    def increment(self, channel: Channel | None, args: str) -> str:
        """A variable that is no number counts from 0."""
        return self._step(channel, args, 1)

    @function(
        "DEC",
        Documentation("Take 1 off a variable and give its new value.", "DEC(name)", see_also=("INC",)),
        effects=True,
    )
    def decrement(self, channel: Channel | None, args: str) -> str:
        """A variable that is no number counts from 0."""
        return self._step(channel, args, -1)

    @function(
        "RAND",
        Documentation(
            "A random whole number.",
            "RAND([min][,max])",
            arguments=(Argument("min", "0 by default."), Argument("max", "2147483647 by default.")),
        ),
    )
    def random(self, channel: Channel | None, args: str) -> str:
        """Both ends are included."""
        low_text, _, high_text = args.partition(",")
        low = integer(low_text) if low_text.strip() else 0
        high = integer(high_text) if high_text.strip() else 2147483647
        return str(random.randint(min(low, high), max(low, high)))

    def _step(self, channel: Channel | None, args: str, by: int) -> str:
        name = args.strip()
        value = value_of(self.pbx, channel, name).strip()
        try:
            number = int(float(value)) if value else 0
        except (ValueError, OverflowError):
            number = 0
        assign(self.pbx, channel, name, str(number + by))
        return str(number + by)


def _compute(operator: str, left: float, right: float) -> float:
    if operator in _WHOLE:
        return float(_WHOLE[operator](int(left), int(right)))
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if operator == "/":
        return left / right if right else 0.0
    if operator == "%":
        return math.fmod(int(left), int(right)) if int(right) else 0.0
    return math.pow(left, right)


def _write(value: float, kind: str) -> str:
    if not math.isfinite(value):
        value = 0.0
    if kind == "i":
        return str(int(value))
    if kind == "h":
        return f"{int(value) & 0xFFFFFFFFFFFFFFFF:x}"
    if kind == "o":
        return f"{int(value) & 0xFFFFFFFFFFFFFFFF:o}"
    if kind == "c":
        return chr(int(value) & 0xFF)
    return f"{value:.6f}"
