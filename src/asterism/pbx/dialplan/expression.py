"""Expressions: what stands in ``$[...]``, once its variables have been replaced.

Values are texts. An unquoted decimal number is a number; quoted text keeps its quotes until it is
compared or searched. Numbers have 18 significant digits. No input raises: what cannot be read gives
the text that Asterisk 22 gives (an empty one when nothing could be read at all).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException, localcontext
from functools import lru_cache

from asterism.pbx.dialplan.numeric import NUMERIC_FUNCTIONS

FunctionCall = Callable[[str, str], "str | None"]
"""Reads a dialplan function by name and argument text; ``None`` when there is none of that name."""

Node = tuple[str, ...] | tuple[object, ...]

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
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)\Z")
_BINARY: tuple[frozenset[str], ...] = (
    frozenset(("|",)),
    frozenset(("&",)),
    frozenset(("=", "==", ">", ">=", "<", "<=", "!=")),
    frozenset(("+", "-")),
    frozenset(("*", "/", "%")),
)


class _IncompleteError(Exception):
    """The text ended, or an operator came, where an operand was expected; ``after`` an operator or not."""


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int, int]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:  # a lone character that no rule takes
                position += 1
                continue
            kind = found.lastgroup or ""
            self.tokens.append((kind, found.group(kind), found.start(kind), found.end(kind)))
            position = found.end()
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        """The operator at hand, or an empty text."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "op":
            return self.tokens[self.at][1]
        return ""

    def binary(self, level: int) -> Node:
        if level == len(_BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while (operator := self.peek()) in _BINARY[level] and operator:
            self.at += 1
            left = ("binary", operator, left, self.binary(level + 1))
        return left

    def unary(self) -> Node:
        operator = self.peek()
        if operator in ("-", "!"):
            self.at += 1
            self.enter()
            operand = self.unary()
            self.depth -= 1
            return ("unary", operator, operand)
        return self.match()

    def match(self) -> Node:
        left = self.conditional()
        while (operator := self.peek()) in (":", "=~"):
            self.at += 1
            left = ("binary", operator, left, self.conditional())
        return left

    def conditional(self) -> Node:
        condition = self.concatenation()
        if self.peek() != "?":
            return condition
        self.at += 1
        self.enter()
        yes = self.conditional()
        if self.peek() != "::":
            raise _IncompleteError
        self.at += 1
        no = self.conditional()
        self.depth -= 1
        return ("conditional", condition, yes, no)

    def concatenation(self) -> Node:
        left = self.primary()
        while self.peek() in ("~~", "~~~"):
            self.at += 1
            left = ("binary", "~~", left, self.primary())
        return left

    def primary(self) -> Node:
        if self.at >= len(self.tokens):
            raise _IncompleteError
        kind, text, _, end = self.tokens[self.at]
        if kind == "op":
            if text == "(":
                self.at += 1
                self.enter()
                inside = self.binary(0)
                self.depth -= 1
                if self.peek() != ")":
                    raise _IncompleteError
                self.at += 1
                return inside
            if text == "-":  # a sign behind an operator that binds closer: POW(2,8) : -1
                self.enter()
                operand = self.unary()
                self.depth -= 1
                return operand
            raise _IncompleteError
        self.at += 1
        if kind == "word" and self.peek() == "(" and self.tokens[self.at][2] == end:
            return self.call(text)
        return ("text", text)

    def call(self, name: str) -> Node:
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
            raise _IncompleteError
        after = self.at
        arguments: list[Node] = []
        if name.upper() in NUMERIC_FUNCTIONS:
            self.at = first
            try:
                arguments.append(self.binary(0))
                while self.peek() == ",":
                    self.at += 1
                    arguments.append(self.binary(0))
            except _IncompleteError:
                pass
        self.at = after
        self.depth -= 1
        return ("call", name, self.text[start:begin], tuple(arguments))

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _IncompleteError


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[Node | None, str]:
    """The tree of an expression and a complaint: ``(tree, "")``, or ``(None or part of it, why)``.

    Trailing text that does not belong to the expression is left out; a missing operand makes the whole
    expression 0.
    """
    if len(text) > MAX_LENGTH:
        return None, "the expression is too long"
    parser = _Parser(text)
    if not parser.tokens:
        return None, ""
    try:
        tree = parser.binary(0)
    except _IncompleteError:
        readable = parser.tokens[0][0] != "op" or parser.tokens[0][1] in ("(", "-", "!")
        return (("text", "0") if readable else None), "an operand is missing"
    if parser.at < len(parser.tokens):
        return tree, f"'{parser.tokens[parser.at][1]}' does not belong to the expression"
    return tree, ""


def evaluate(text: str, call: FunctionCall | None = None, warn: Callable[[str], None] | None = None) -> str:
    """The value of an expression; ``call`` reads dialplan functions, ``warn`` is told what was wrong."""
    tree, complaint = parse(text)
    if complaint and warn is not None:
        warn(complaint)
    if tree is None:
        return ""
    with localcontext(_CONTEXT):
        try:
            return _value(tree, call)
        except (DecimalException, ArithmeticError, ValueError):
            return "0"


def is_true(text: str) -> bool:
    """Truth as ``GotoIf``, ``IF``, ``ExecIf`` and ``While`` see it.

    False are the empty text, blanks, any way to write zero, and these in quotes.
    """
    text = text.strip()
    if text in ("", "0"):
        return False
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    return not (not text or (_NUMBER.match(text) and not text.strip("+-.0")))


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
    return Decimal(text) if _NUMBER.match(text) and text.isascii() else Decimal(0)


def strip_quotes(text: str) -> str:
    """The text without the double quotes around it."""
    return text.strip('"') if text[:1] == '"' else text


def _value(node: Node, call: FunctionCall | None) -> str:
    kind = node[0]
    if kind == "text":
        return str(node[1])
    if kind == "binary":
        _, operator, left, right = node
        return _binary(str(operator), _value(left, call), _value(right, call))  # type: ignore[arg-type]
    if kind == "unary":
        operand = _value(node[2], call)  # type: ignore[arg-type]
        number = to_number(operand)
        if node[1] == "-":
            return format_number(-number)
        return "0" if number else "1"
    if kind == "conditional":
        _, condition, yes, no = node
        return _value(yes if is_true(_value(condition, call)) else no, call)  # type: ignore[arg-type]
    _, name, raw, arguments = node
    return _call(str(name), str(raw), [_value(one, call) for one in arguments], call)  # type: ignore[attr-defined]


def _call(name: str, raw: str, arguments: list[str], call: FunctionCall | None) -> str:
    numeric = NUMERIC_FUNCTIONS.get(name.upper())
    if numeric is not None:
        count, compute = numeric
        numbers = [to_number(one) for one in arguments[:count]]
        numbers += [Decimal(0)] * (count - len(numbers))
        return format_number(compute(numbers))
    if call is not None:
        found = call(name, raw)
        if found is not None:
            return found
    return "0"


def _is_zero_or_empty(text: str) -> bool:
    return not text or (bool(_NUMBER.match(text)) and not text.strip("+-.0"))


def _binary(operator: str, left: str, right: str) -> str:
    if operator == "|":
        return right if _is_zero_or_empty(left) else left
    if operator == "&":
        return "0" if _is_zero_or_empty(left) or _is_zero_or_empty(right) else left
    if operator == "~~":
        return strip_quotes(left) + strip_quotes(right)
    if operator in (":", "=~"):
        return _search(strip_quotes(left), strip_quotes(right), anchored=operator == ":")
    if operator in _BINARY[2]:
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
    if _NUMBER.match(left) and _NUMBER.match(right):
        one, other = to_number(left), to_number(right)
    else:
        one, other = strip_quotes(left), strip_quotes(right)
    if operator in ("=", "=="):
        return one == other
    if operator == "!=":
        return one != other
    less, equal = one < other, one == other  # type: ignore[operator]
    return {"<": less, "<=": less or equal, ">": not (less or equal), ">=": not less}[operator]


@lru_cache(maxsize=512)
def compile_regex(pattern: str) -> re.Pattern[str] | None:
    """A POSIX extended regular expression compiled for Python, or ``None`` when it is wrong."""
    for name, characters in _CLASSES:
        pattern = pattern.replace(name, characters)
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None


_CLASSES = (
    ("[:alpha:]", "a-zA-Z"),
    ("[:digit:]", "0-9"),
    ("[:alnum:]", "a-zA-Z0-9"),
    ("[:upper:]", "A-Z"),
    ("[:lower:]", "a-z"),
    ("[:space:]", r"\s"),
    ("[:blank:]", r" \t"),
    ("[:punct:]", r"!-/:-@\[-`{-~"),
    ("[:xdigit:]", "0-9A-Fa-f"),
    ("[:print:]", " -~"),
    ("[:graph:]", "!-~"),
    ("[:cntrl:]", r"\x00-\x1f\x7f"),
)


def _search(text: str, pattern: str, anchored: bool) -> str:
    regex = compile_regex(pattern)
    if regex is None:
        return "0"
    found = regex.match(text) if anchored else regex.search(text)
    if found is None:
        return "" if regex.groups else "0"
    if regex.groups:
        return found.group(1) or ""
    return str(found.end() - found.start())
