"""Functions about lists in variables: CUT, FIELDQTY, PUSH, POP, SORT, ARRAY, HASH, ..."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions.common import assign, ranges, unescape, value_of
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.dialplan.language.expression import to_number
from asterism.pbx.dialplan.language.foreign import is_foreign, joined, pick, shadow
from asterism.pbx.dialplan.language.state import DialplanState
from asterism.pbx.dialplan.language.substitution import MAX_RESULT
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

FIELDS = "~ODBCFIELDS~"
"""Variable with the names of the fields that were read last for a hash; the name is Asterisk's."""
_DIVIDING = re.compile(r'[\\,"()\[\]]')
_VARNAME = Argument("name", "A variable's name, without ${}.", True)
_DELIMITER = Argument("delimiter", "One character, a comma by default.")
_LIST = (_VARNAME, _DELIMITER)


class ListFunctions(PbxModule):
    """Lists and hashes."""

    name = "func_cut"
    covers = ("func_lists", "func_hash")
    description = "List functions of the dialplan"

    @function(
        "CUT",
        Documentation(
            "Some fields of a variable's text.",
            "CUT(name,delimiter,fields)",
            arguments=(
                _VARNAME,
                Argument("delimiter", "One character, - by default.", True),
                Argument("fields", "2, 2-, -2, 1-3 or these joined by &.", True),
            ),
            see_also=("FIELDQTY",),
        ),
    )
    def cut(self, channel: Channel | None, args: str) -> str:
        """``name,delimiter,range``."""
        name, delimiter, fields = ([*_split(args, 3), "", ""])[:3]
        delimiter = unescape(delimiter)[:1] or "-"
        parts = value_of(self.pbx, channel, name).split(delimiter)
        return delimiter.join(parts[position - 1] for position in ranges(fields, len(parts)))

    @function(
        "FIELDQTY",
        Documentation("How many fields a variable's text has.", "FIELDQTY(name,delimiter)", arguments=_LIST),
    )
    def count(self, channel: Channel | None, args: str) -> str:
        """0 for an empty text."""
        value, delimiter, _ = self._list(channel, args)
        return str(value.count(delimiter) + 1 if value else 0)

    @function(
        "FIELDNUM",
        Documentation(
            "Which field of a variable's text is a value; 0 when none.",
            "FIELDNUM(name,delimiter,value)",
            arguments=(*_LIST, Argument("value", "", True)),
        ),
    )
    def index(self, channel: Channel | None, args: str) -> str:
        """From 1."""
        value, delimiter, wanted = self._list(channel, args)
        parts = value.split(delimiter)
        return str(parts.index(wanted) + 1 if wanted in parts else 0)

    @function(
        "LISTFILTER",
        Documentation(
            "A variable's list without one value.",
            "LISTFILTER(name,delimiter,value)",
            arguments=(*_LIST, Argument("value", "", True)),
        ),
    )
    def without(self, channel: Channel | None, args: str) -> str:
        """``name,delimiter,value``."""
        value, delimiter, unwanted = self._list(channel, args)
        return delimiter.join(one for one in value.split(delimiter) if one != unwanted)

    @function(
        "SHIFT",
        Documentation("Take the first value off a list.", "SHIFT(name[,delimiter])", arguments=_LIST),
        effects=True,
    )
    def shift(self, channel: Channel | None, args: str) -> str:
        """From the front."""
        return self._take(channel, args, first=True)

    @function(
        "POP", Documentation("Take the last value off a list.", "POP(name[,delimiter])", arguments=_LIST), effects=True
    )
    def pop(self, channel: Channel | None, args: str) -> str:
        """From the end."""
        return self._take(channel, args, first=False)

    @function_writer(
        "PUSH",
        Documentation("Append values to a list.", "PUSH(name[,delimiter])=values", arguments=_LIST, see_also=("POP",)),
    )
    def push(self, channel: Channel | None, args: str, value: str) -> None:
        """At the end."""
        old, delimiter, _ = self._list(channel, args)
        name = _split(args, 2)[0]
        self._append(channel, name, (self._marked(channel, name, old), delimiter, value) if old else (value,))

    @function_writer(
        "UNSHIFT",
        Documentation("Put values before a list.", "UNSHIFT(name[,delimiter])=values", arguments=_LIST),
    )
    def unshift(self, channel: Channel | None, args: str, value: str) -> None:
        """At the front."""
        old, delimiter, _ = self._list(channel, args)
        name = _split(args, 2)[0]
        self._append(channel, name, (value, delimiter, self._marked(channel, name, old)) if old else (value,))

    @function(
        "SORT",
        Documentation("Keys in the order of their numbers.", "SORT(key1:value1[,key2:value2[,...]])"),
    )
    def sort(self, channel: Channel | None, args: str) -> str:
        """Smallest value first."""
        pairs = [one.partition(":") for one in args.split(",") if one]
        if not pairs or not all(colon for _, colon, _ in pairs):
            raise FunctionError("it takes key:value pairs")
        return ",".join(key for key, _, value in sorted(pairs, key=lambda pair: to_number(pair[2])))

    @function_writer(
        "ARRAY",
        Documentation("Set several variables at once.", "ARRAY(name1[,name2[,...]])=value1[,value2[,...]]"),
    )
    def array(self, channel: Channel | None, args: str, value: str) -> None:
        """Names without a value become empty."""
        values = split_arguments(value)
        for position, name in enumerate(args.split(",")):
            if name.strip():
                assign(self.pbx, channel, name, values[position] if position < len(values) else "")

    @function(
        "HASH",
        Documentation(
            "A field of a hash, or with one argument all its values.",
            "HASH(hashname[,key])",
            "Written without a key, the values go to the fields that CURL or REALTIME_HASH told last, else to the keys "
            "it has, in order.",
            (Argument("hashname", "", True), Argument("key")),
            ("HASHKEYS",),
        ),
        marks=True,
    )
    def hash(self, channel: Channel | None, args: str) -> str:
        """``name,key``."""
        name, _, key = args.partition(",")
        table = hash_of(needs_channel(channel), name)
        return table.get(key.strip(), "") if key else joined(separated(table.values()))

    @function_writer("HASH")
    def write_hash(self, channel: Channel | None, args: str, value: str) -> None:
        """``name,key``."""
        name, _, key = args.partition(",")
        table = hash_of(needs_channel(channel), name)
        if key.strip():
            if len(table) >= 10_000 and key.strip() not in table:
                raise FunctionError("the hash is full")
            table[key.strip()] = value
        else:
            fields = needs_channel(channel).variables.get(FIELDS)
            keys = split_arguments(fields) if fields else list(table)
            if len(table.keys() | keys) > 10_000:
                raise FunctionError("the hash is full")
            table.update(zip(map(str, keys), split_arguments(value), strict=False))

    @function("HASHKEYS", Documentation("The keys of a hash.", "HASHKEYS(hashname)", see_also=("HASH",)))
    def hash_keys(self, channel: Channel | None, args: str) -> str:
        """Joined by commas."""
        return ",".join(hash_of(needs_channel(channel), args))

    def _list(self, channel: Channel | None, args: str) -> tuple[str, str, str]:
        name, delimiter, rest = ([*_split(args, 3), "", ""])[:3]
        return value_of(self.pbx, channel, name), unescape(delimiter)[:1] or ",", rest

    def _append(self, channel: Channel | None, name: str, parts: tuple[str, ...]) -> None:
        if sum(map(len, parts)) > MAX_RESULT:
            raise FunctionError("the list is full")
        assign(self.pbx, channel, name, joined(parts))

    def _marked(self, channel: Channel | None, name: str, text: str) -> str:
        """Mark ``text``, derived from the value of variable ``name``, as text from outside if that value was."""
        environment = self.pbx.dialplan.environment
        return environment.foreign(text) if is_foreign(environment.variable(channel, name.strip()) or "") else text

    def _take(self, channel: Channel | None, args: str, first: bool) -> str:
        value, delimiter, _ = self._list(channel, args)
        name = _split(args, 3)[0]
        if first:
            taken, _, left = value.partition(delimiter)
        else:
            left, _, taken = value.rpartition(delimiter)
        if value:
            assign(self.pbx, channel, name, self._marked(channel, name, left))
        return taken


def as_hash(pbx: Host, channel: Channel, pairs: Sequence[tuple[str, str]], *, foreign: bool = True) -> str:
    """The values of ``pairs``, for HASH, once their names are in the channel's variable :data:`FIELDS`.

    They are text from outside if they are ``foreign``; in none of them a comma divides anything.
    """

    def row(texts: list[str]) -> str:
        marked = pbx.dialplan.environment.foreign
        made = (marked(text) if foreign else text for text in texts)
        return joined(separated(one if is_foreign(one) else _DIVIDING.sub(r"\\\g<0>", one) for one in made))

    channel.set_variable(FIELDS, row([name for name, _ in pairs]))
    return row([value for _, value in pairs])


def hash_of(channel: Channel, name: str) -> dict[str, str]:
    """A channel's hash, made where there is none: the values by key."""
    state = channel.dialplan_state
    if state is None:
        state = channel.dialplan_state = DialplanState()
    found: dict[str, str] = state.data.setdefault("HASH", {}).setdefault(name.strip(), {})
    return found


def forget_hash(channel: Channel, name: str) -> None:
    """Forget a channel's hash."""
    state = channel.dialplan_state
    if state is not None:
        state.data.get("HASH", {}).pop(name.strip(), None)


def separated(values: Iterable[str]) -> list[str]:
    """The values with commas between them."""
    found: list[str] = []
    for value in values:
        found += (",", value)
    return found[1:]


def _split(args: str, limit: int) -> list[str]:
    r"""``name,delimiter,rest``; a comma as delimiter is written ``\\,``, and so is one in quotes."""
    parts: list[list[int]] = [[]]
    quoted = False
    depth = position = 0
    scan = shadow(args)
    while position < len(scan):
        character = scan[position]
        if character == "\\" and position + 1 < len(scan):
            # A comma and a quote lose their backslash, other characters are read by whoever uses the part.
            if scan[position + 1] not in ',"':
                parts[-1].append(position)
            position += 1
            parts[-1].append(position)
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted and not depth and len(parts) < limit:
            parts.append([])
        else:
            if len(parts) == 1:
                depth += (character == "(") - (character == ")" and depth > 0)
            parts[-1].append(position)
        position += 1
    return [pick(args, part) for part in parts]
