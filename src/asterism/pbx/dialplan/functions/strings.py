"""Functions about texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions.common import integer, unescape, value_of
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.dialplan.language.expression import compile_regex
from asterism.pbx.dialplan.language.foreign import is_foreign, shadow
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function, waiting_function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_KEYPAD = {
    letter: digit
    for digit, letters in {
        "2": "ABC",
        "3": "DEF",
        "4": "GHI",
        "5": "JKL",
        "6": "MNO",
        "7": "PQRS",
        "8": "TUV",
        "9": "WXYZ",
    }.items()
    for letter in letters
}
_FORMAT = re.compile(r"%([-+ #0]*)(\d{0,4})(?:\.(\d{0,4}))?([diouxXeEfFgGcs%])")
MAX_TEXT = 65536
"""Characters of what a function makes."""
_TEXT = (Argument("text", "", True),)
_VARNAME = Argument("name", "A variable's name, without ${}.", True)


class StringFunctions(PbxModule):
    """Texts."""

    name = "func_strings"
    covers = ("func_sprintf",)
    description = "String functions of the dialplan"

    @function("LEN", Documentation("Length of a text.", "LEN(text)", arguments=_TEXT))
    def length(self, channel: Channel | None, args: str) -> str:
        """Characters, commas included."""
        return str(len(args))

    @function("TOUPPER", Documentation("A text in upper case.", "TOUPPER(text)", arguments=_TEXT))
    def upper(self, channel: Channel | None, args: str) -> str:
        """Upper case."""
        return args.upper()

    @function("TOLOWER", Documentation("A text in lower case.", "TOLOWER(text)", arguments=_TEXT))
    def lower(self, channel: Channel | None, args: str) -> str:
        """Lower case."""
        return args.lower()

    @function("TRIM", Documentation("A text without blanks at its ends.", "TRIM(text)", arguments=_TEXT))
    def trim(self, channel: Channel | None, args: str) -> str:
        """Both ends."""
        return args.strip()

    @function("LTRIM", Documentation("A text without blanks at its beginning.", "LTRIM(text)", arguments=_TEXT))
    def trim_left(self, channel: Channel | None, args: str) -> str:
        """Beginning."""
        return args.lstrip()

    @function("RTRIM", Documentation("A text without blanks at its end.", "RTRIM(text)", arguments=_TEXT))
    def trim_right(self, channel: Channel | None, args: str) -> str:
        """End."""
        return args.rstrip()

    @function("PASSTHRU", Documentation("The text itself.", "PASSTHRU(text)", arguments=_TEXT), marks=True)
    def pass_through(self, channel: Channel | None, args: str) -> str:
        """For functions that take a variable's name."""
        return args

    @function("QUOTE", Documentation("A text in quotes, its own quotes escaped.", "QUOTE(text)", arguments=_TEXT))
    def quote(self, channel: Channel | None, args: str) -> str:
        r"""``"`` and ``\`` get a ``\``."""
        return '"' + args.replace("\\", "\\\\").replace('"', '\\"') + '"'

    @function("CSV_QUOTE", Documentation("A text quoted for a CSV file.", "CSV_QUOTE(text)", arguments=_TEXT))
    def csv_quote(self, channel: Channel | None, args: str) -> str:
        """Quotes are doubled."""
        return '"' + args.replace('"', '""') + '"'

    @function(
        "KEYPADHASH", Documentation("The digits of a word on a phone's keypad.", "KEYPADHASH(text)", arguments=_TEXT)
    )
    def keypad(self, channel: Channel | None, args: str) -> str:
        """Other characters than letters and digits are left out."""
        return "".join(_KEYPAD.get(one, one if one in "0123456789" else "") for one in args.upper())

    @function(
        "FILTER",
        Documentation(
            "The characters of a text that are allowed.",
            "FILTER(allowed,text)",
            arguments=(Argument("allowed", "Characters and ranges (a-z); \\ before a literal one.", True), *_TEXT),
            see_also=("REPLACE",),
        ),
        marks=True,
    )
    def filter(self, channel: Channel | None, args: str) -> str:
        """``allowed,text``."""
        allowed, comma, text = _split_escaped(args)
        if not comma:
            raise FunctionError("it takes allowed characters and a text")
        members = _character_set(allowed)
        # What is left are characters that the dialplan asked for: they may be syntax again.
        return "".join(one for one in text if one in members)

    @function(
        "REPLACE",
        Documentation(
            "A variable's text with every character of a set replaced.",
            "REPLACE(name,find[,replacement])",
            "Without a replacement the characters are removed.",
            (_VARNAME, Argument("find", "Characters.", True), Argument("replacement", "One character.")),
            ("STRREPLACE",),
        ),
    )
    def replace(self, channel: Channel | None, args: str) -> str:
        """``name,characters,character``."""
        name, _, rest = args.partition(",")
        find, _, replacement = _split_escaped(rest)
        members = _character_set(find)
        new = unescape(replacement)[:1]
        return "".join(new if one in members else one for one in value_of(self.pbx, channel, name))

    @function(
        "STRREPLACE",
        Documentation(
            "A variable's text with a text in it replaced.",
            "STRREPLACE(name,find[,replacement[,count]])",
            arguments=(
                _VARNAME,
                Argument("find", "", True),
                Argument("replacement"),
                Argument("count", "All by default."),
            ),
            see_also=("REPLACE",),
        ),
    )
    def replace_text(self, channel: Channel | None, args: str) -> str:
        """``name,find,with,count``."""
        name, find, replacement, count = ([*split_arguments(args, limit=0), "", "", ""])[:4]
        if not find:
            raise FunctionError("what to find is missing")
        times = integer(count, "the count") if count.strip() else -1
        # No more than fill the longest text: the rest would be cut off again.
        most = MAX_TEXT // len(replacement) + 1 if replacement else -1
        times = most if times < 0 else min(times, most) if most >= 0 else times
        return value_of(self.pbx, channel, name).replace(find, replacement, times)[:MAX_TEXT]

    @function(
        "REGEX",
        Documentation(
            "Whether a regular expression finds something in a text.",
            'REGEX("expression" text)',
            arguments=(Argument("expression", "POSIX extended, in quotes.", True), *_TEXT),
        ),
    )
    def regex(self, channel: Channel | None, args: str) -> str:
        """1 or 0."""
        text = args.lstrip()
        end = 1
        scan = shadow(text)
        while end < len(scan) and scan[end] != '"':
            end += 2 if scan[end] == "\\" and scan[end + 1 : end + 2] == '"' else 1
        if scan[:1] != '"' or end >= len(scan):
            raise FunctionError("the expression must be in quotes")
        quoted = text[1:end]
        compiled = compile_regex(quoted if is_foreign(quoted) else quoted.replace('\\"', '"'))
        if compiled is None:
            raise FunctionError("the regular expression is wrong")
        subject = text[end + 1 :]
        return "1" if compiled.search(subject[1:] if subject[:1] == " " else subject) else "0"

    @function(
        "SPRINTF",
        Documentation(
            "Values formatted as printf does.",
            "SPRINTF(format,arg1[,...argN])",
            arguments=(Argument("format", "%d %i %u %o %x %X %c %s %e %f %g with flags, width and precision.", True),),
        ),
    )
    def sprintf(self, channel: Channel | None, args: str) -> str:
        """``format,values``."""
        form, *values = split_arguments(args)
        remaining = iter(values)
        left = MAX_TEXT

        def convert(found: re.Match[str]) -> str:
            nonlocal left
            text = write(found)
            left -= len(text)
            if left < 0:
                raise FunctionError("the text is too long")
            return text

        def write(found: re.Match[str]) -> str:
            flags, width, precision, kind = found.groups()
            if kind == "%":
                return "%"
            value = next(remaining, "")
            spec = f"%{flags}{width}{'' if precision is None else '.' + precision}"
            try:
                if kind in "diu":
                    return (spec + "d") % int(float(value or 0))
                if kind in "oxX":
                    return (spec + kind) % int(float(value or 0))
                if kind in "eEfFgG":
                    return (spec + kind) % float(value or 0)
                if kind == "c":
                    return (spec + "s") % value[:1]
                return (spec + "s") % value
            except (ValueError, OverflowError):
                raise FunctionError(f"'{value}' does not fit %{kind}") from None

        return _FORMAT.sub(convert, form)[:MAX_TEXT]

    @function(
        "EVAL",
        Documentation(
            "A text with variables, functions and expressions in it replaced.", "EVAL(text)", arguments=_TEXT
        ),
        effects=True,
        marks=True,
    )
    def eval(self, channel: Channel | None, args: str) -> str:
        """A second expansion."""
        found: str = self.pbx.dialplan.environment.evaluate(channel, args)
        return found

    @waiting_function("EVAL")
    async def eval_later(self, channel: Channel | None, args: str) -> str:
        """A second expansion, of functions too that take their time."""
        return await self.pbx.dialplan.environment.evaluate_later(channel, args)


def _split_escaped(text: str) -> tuple[str, str, str]:
    """Split at the first comma that no backslash escapes."""
    position = 0
    scan = shadow(text)
    while position < len(scan):
        if scan[position] == "\\":
            position += 2
            continue
        if scan[position] == ",":
            return text[:position], ",", text[position + 1 :]
        position += 1
    return text, "", ""


def _character_set(text: str) -> set[str]:
    members: set[str] = set()
    work = 0
    position = 0
    while position < len(text):
        size = 1
        if text[position] == "\\":
            size = 4 if re.match(r"\\(x[0-9A-Fa-f]{2}|[0-7]{3})", text[position : position + 4]) else 2
        first = unescape(text[position : position + size])
        position += size
        if text[position : position + 1] == "-" and position + 1 < len(text) and size == 1:
            last = text[position + 1]
            codes = range(ord(first), min(ord(last), ord(first) + 65535) + 1)
            work += len(codes)
            if work > 4 * MAX_TEXT:
                raise FunctionError("there are too many ranges of characters")
            members.update(map(chr, codes))
            position += 2
        else:
            members.add(first)
    return members
