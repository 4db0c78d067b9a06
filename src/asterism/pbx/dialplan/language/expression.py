"""Expressions: what stands in ``$[...]``, once its variables have been replaced.

Values are texts. An unquoted decimal number is a number; quoted text keeps its quotes until it is
compared or searched. Numbers have 18 significant digits. No input raises: what cannot be read gives
the text that Asterisk 22 gives (an empty one when nothing could be read at all).

What was put in for a variable is told from what the dialplan's author wrote: inside quotes it cannot end them, it
calls no function, and where it came from outside (:mod:`~asterism.pbx.dialplan.language.foreign`) it is one operand.
The time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException, localcontext
from functools import lru_cache

from asterism.core.regex import Regex, RegexError
from asterism.core.regex import compile_regex as compile_linear
from asterism.pbx.dialplan.language.foreign import NEUTRAL, Foreign, foreign, joined, shadow
from asterism.pbx.dialplan.language.numeric import NUMERIC_FUNCTIONS

FunctionCall = Callable[[str, str], "str | None"]
"""Reads a dialplan function by name and argument text; ``None`` when there is none of that name."""

MAX_LENGTH = 8192
MAX_DEPTH = 60
_INFINITE = Decimal(2147483647)
_CONTEXT = Context(prec=30, rounding=ROUND_HALF_EVEN, Emax=5000, Emin=-5000)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"[^"]*"?)
      | (?P<op>~~~?|=~|==|!=|<=|>=|::|[|&=<>+*/%():?,!-])
      | (?P<word>(?:[^\s"|&=<>+*/%():?,!~-]|~(?!~))+)
    )""",
    re.VERBOSE,
)
_is_number = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)").fullmatch
_LEVEL = {
    "|": 0,
    "&": 1,
    **dict.fromkeys(("=", "==", ">", ">=", "<", "<=", "!="), 2),
    **dict.fromkeys("+-", 3),
    **dict.fromkeys("*/%", 4),
}
"""Precedence of the binary operators."""


class _IncompleteError(Exception):
    """An operand is missing, or there are too many levels; the message says which."""


class _Source:
    """The text of an expression, and which of it may be syntax."""

    __slots__ = ("put_in", "scan", "text")

    def __init__(self, pieces: Iterable[tuple[str, bool]]) -> None:
        """``pieces`` are texts, each with whether it was written in the expression itself."""
        texts: list[str] = []
        scans: list[str] = []
        spans: list[tuple[int, int]] = []
        position, quoted = 0, False
        for piece, written in pieces:
            scan = piece
            if not written and piece:
                spans.append((position, position + len(piece)))
                if quoted:
                    scan = NEUTRAL * len(piece)
                elif isinstance(piece, Foreign):
                    scan = shadow(piece)
                    blanks = len(piece) - len(str.lstrip(piece))
                    end = len(str.rstrip(piece))
                    scan = (
                        " " * len(piece)
                        if blanks >= end
                        else f"{' ' * blanks}{scan[blanks:end]}{' ' * (len(piece) - end)}"
                    )
            if scan.count('"') & 1:
                quoted = not quoted
            position += len(piece)
            texts.append(piece)
            scans.append(scan)
        self.text = joined(texts)
        self.scan = "".join(scans)
        self.put_in: bytearray | None = None
        if spans:
            self.put_in = bytearray(position)
            for start, end in spans:
                self.put_in[start:end] = b"\1" * (end - start)

    def written(self, start: int, end: int) -> bool:
        """Whether the author of the dialplan wrote all of it."""
        return self.put_in is None or not any(self.put_in[start:end])


class _Parser:
    """Computes the value while it reads."""

    def __init__(self, source: _Source, call: FunctionCall | None) -> None:
        self.source = source
        self.function = call
        self.tokens: list[tuple[str, str, int, int]] = []
        self.complaint = ""
        scan = source.scan.rstrip()
        position = 0
        plain = source.put_in is None
        while position < len(scan):
            found = _TOKEN.match(scan, position)
            if found is None:  # a lone character that no rule takes
                position += 1
                continue
            kind = found.lastgroup or ""
            start, end = found.span(kind)
            self.tokens.append(
                (kind, found.group(kind) if plain or kind == "op" else source.text[start:end], start, end)
            )
            position = end
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        """The operator at hand, or an empty text."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "op":
            return self.tokens[self.at][1]
        return ""

    def binary(self, level: int = 0) -> str:
        left = self.unary()
        while (found := _LEVEL.get(operator := self.peek(), -1)) >= level:
            self.at += 1
            left = _binary(operator, left, self.binary(found + 1))
        return left

    def unary(self) -> str:
        operator = self.peek()
        if operator in ("-", "!"):
            self.at += 1
            self.enter()
            number = to_number(self.unary())
            self.depth -= 1
            if operator == "-":
                return format_number(-number)
            return "0" if number else "1"
        return self.match()

    def match(self) -> str:
        left = self.conditional()
        while (operator := self.peek()) in (":", "=~"):
            self.at += 1
            right = self.conditional()
            left = _search(strip_quotes(left), strip_quotes(right), anchored=operator == ":")
        return left

    def conditional(self) -> str:
        condition = self.concatenation()
        if self.peek() != "?":
            return condition
        self.at += 1
        self.enter()
        yes = self.conditional()
        if self.peek() != "::":
            raise _IncompleteError("an operand is missing")
        self.at += 1
        no = self.conditional()
        self.depth -= 1
        return yes if is_true(condition) else no

    def concatenation(self) -> str:
        found = self.primary()
        if self.peek() in ("~~", "~~~"):
            parts = [strip_quotes(found)]
            while self.peek() in ("~~", "~~~"):
                self.at += 1
                parts.append(strip_quotes(self.primary()))
            return joined(parts)
        return found

    def primary(self) -> str:
        if self.at >= len(self.tokens):
            raise _IncompleteError("an operand is missing")
        kind, text, start, end = self.tokens[self.at]
        if kind == "op":
            if text == "(":
                self.at += 1
                self.enter()
                inside = self.binary()
                self.depth -= 1
                if self.peek() != ")":
                    raise _IncompleteError("an operand is missing")
                self.at += 1
                return inside
            if text == "-":  # a sign behind an operator that binds closer: POW(2,8) : -1
                self.enter()
                operand = self.unary()
                self.depth -= 1
                return operand
            raise _IncompleteError("an operand is missing")
        self.at += 1
        if kind == "word" and self.peek() == "(" and self.tokens[self.at][2] == end:
            if self.source.written(start, end + 1):
                return self.call(text)
            self.complaint = f"'{text}(' was put in for a variable and calls no function"
        return text

    def call(self, name: str) -> str:
        start = self.tokens[self.at][3]
        self.at += 1
        self.enter()
        first = self.at
        level = 1
        while self.at < len(self.tokens):
            kind, text, begin, _ = self.tokens[self.at]
            self.at += 1
            if kind == "op" and text == "(":
                level += 1
            elif kind == "op" and text == ")":
                level -= 1
                if not level:
                    break
        else:
            raise _IncompleteError("an operand is missing")
        after = self.at
        numeric = NUMERIC_FUNCTIONS.get(name.upper())
        value = "0"
        if numeric is not None:
            count, compute = numeric
            numbers: list[Decimal] = []
            self.at = first
            try:
                numbers.append(to_number(self.binary()))
                while self.peek() == ",":
                    self.at += 1
                    numbers.append(to_number(self.binary()))
            except _IncompleteError:
                pass
            value = format_number(compute((numbers + [Decimal(0)] * count)[:count]))
        elif self.function is not None:
            found = self.function(name, self.source.text[start:begin])
            if found is not None:
                value = found
        self.at = after
        self.depth -= 1
        return value

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _IncompleteError("it is nested too deep")


def evaluate(text: str, call: FunctionCall | None = None, warn: Callable[[str], None] | None = None) -> str:
    """The value of an expression; ``call`` reads dialplan functions, ``warn`` is told what was wrong."""
    return evaluate_pieces(((text, True),), call, warn)


def evaluate_pieces(
    pieces: Iterable[tuple[str, bool]],
    call: FunctionCall | None = None,
    warn: Callable[[str], None] | None = None,
) -> str:
    """Like :func:`evaluate`, of a text in pieces: each with whether it was written there, or put in for a variable.

    Trailing text that does not belong to the expression is left out; a missing operand makes the whole
    expression 0.
    """
    source = _Source(pieces)
    if len(source.text) > MAX_LENGTH:
        if warn is not None:
            warn("the expression is too long")
        return ""
    parser = _Parser(source, call)
    if not parser.tokens:
        return ""
    complaint = ""
    with localcontext(_CONTEXT):
        try:
            value = parser.binary()
            complaint = parser.complaint
            if parser.at < len(parser.tokens) and not complaint:
                complaint = f"'{parser.tokens[parser.at][1]}' does not belong to the expression"
        except _IncompleteError as error:
            readable = parser.tokens[0][0] != "op" or parser.tokens[0][1] in ("(", "-", "!")
            value, complaint = "0" if readable else "", str(error)
        except (DecimalException, ArithmeticError, ValueError):
            value = "0"
    if complaint and warn is not None:
        warn(complaint)
    return value


def is_true(text: str) -> bool:
    """Truth as ``GotoIf``, ``IF``, ``ExecIf`` and ``While`` see it.

    False are the empty text, blanks, any way to write zero, and these in quotes.
    """
    text = text.strip()
    if text in ("", "0"):
        return False
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    return not (not text or (_is_number(text) and not text.strip("+-.0")))


def format_number(number: Decimal) -> str:
    """A number with up to 18 significant digits, without trailing zeros."""
    if not number.is_finite():
        return "0"
    if not number:
        return "0"
    number = number.normalize(Context(prec=18, rounding=ROUND_HALF_EVEN, Emax=5000, Emin=-5000))
    exponent = number.adjusted()
    if exponent < -4 or exponent >= 18:
        digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
        mantissa = digits[0] + ("." + digits[1:] if digits[1:] else "")
        return f"{'-' if number.is_signed() else ''}{mantissa}e{exponent:+03d}"
    return f"{number:f}"


def to_number(text: str) -> Decimal:
    """The number that a text stands for; anything that is not a plain decimal number is 0."""
    text = strip_quotes(text).strip()
    return Decimal(text) if _is_number(text) and text.isascii() else Decimal(0)


def strip_quotes(text: str) -> str:
    """The text without the double quotes around it."""
    if text[:1] != '"':
        return text
    return text[1:-1] if len(text) > 1 and text[-1] == '"' else text[1:]


def _is_zero_or_empty(text: str) -> bool:
    return not text or (bool(_is_number(text)) and not text.strip("+-.0"))


def _binary(operator: str, left: str, right: str) -> str:
    if operator == "|":
        return right if _is_zero_or_empty(left) else left
    if operator == "&":
        return "0" if _is_zero_or_empty(left) or _is_zero_or_empty(right) else left
    if _LEVEL[operator] == 2:
        return "1" if _compare(operator, left, right) else "0"
    one, other = to_number(left), to_number(right)
    if operator == "+":
        return format_number(one + other)
    if operator == "-":
        return format_number(one - other)
    if operator == "*":
        return format_number(one * other)
    if operator == "/":
        return format_number(one / other if other else _INFINITE)
    return format_number(one % other if other else Decimal(0))


def _compare(operator: str, left: str, right: str) -> bool:
    one: Decimal | str
    other: Decimal | str
    if _is_number(left) and _is_number(right):
        one, other = to_number(left), to_number(right)
    else:
        one, other = strip_quotes(left), strip_quotes(right)
    if operator in ("=", "=="):
        return one == other
    if operator == "!=":
        return one != other
    less, equal = one < other, one == other  # type: ignore[operator]
    return {"<": less, "<=": less or equal, ">": not (less or equal), ">=": not less}[operator]


def compile_regex(pattern: str) -> Regex | None:
    """A POSIX extended regular expression, or ``None`` when it is wrong. Foreign text in it means itself."""
    if isinstance(pattern, Foreign):
        pattern = _literal(pattern)
    return _compile_regex(pattern) if len(pattern) <= 256 else _compile_regex.__wrapped__(pattern)


@lru_cache(maxsize=64)
def _compile_regex(pattern: str) -> Regex | None:
    try:
        return compile_linear(pattern, longest=True)
    except RegexError:
        return None


def _literal(pattern: Foreign) -> str:
    """The pattern with what is foreign in it made literal."""
    plain = shadow(pattern)
    return "".join(
        re.sub(r"([^\w\s])", r"\\\1", str.__getitem__(pattern, index)) if found == NEUTRAL else found
        for index, found in enumerate(plain)
    )


def _search(text: str, pattern: str, anchored: bool) -> str:
    regex = compile_regex(pattern)
    if regex is None:
        return "0"
    found = regex.match(text) if anchored else regex.search(text)
    if found is None:
        return "" if regex.groups else "0"
    if regex.groups:
        value = found.group(1) or ""
        return foreign(value) if isinstance(text, Foreign) else value
    start, end = found.span()
    return str(end - start)
