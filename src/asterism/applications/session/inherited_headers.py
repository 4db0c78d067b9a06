"""``PJSIP_INHERITABLE_HEADER``: headers that a channel of any kind gives to the SIP calls it makes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.stack.grammar import is_token
from asterism.stack.headers import canonical
from asterism.stack.headers.names import OWN

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.stack.message import Request

PREFIX = "PJSIP_INHERITED_HEADER_"
"""Begins the names of the variables that called channels inherit: one header each, ``Name: value``."""
MOST = 100
"""Headers that one channel gives."""
_NAME = re.compile(rf"{PREFIX}\d+\Z")


def inherited(channel: Channel) -> list[tuple[str, str, str]]:
    """The variables with the headers that they hold, in order: variable, name, value."""
    found: list[tuple[str, str, str]] = []
    for variable in channel.inheritance or ():
        if _NAME.match(variable):
            name, _, value = (channel.get_variable(variable) or "").partition(":")
            found.append((variable, name, value.strip()))
    return found


def add_inherited(request: Request, channel: Channel) -> None:
    """Put the headers that a called channel has inherited on its INVITE."""
    for _, name, value in inherited(channel):
        if is_token(name) and value.isprintable() and canonical(name) not in OWN:  # a variable may be set by anybody
            request.add_header(name, str(value))


class InheritedHeaders:
    """The function."""

    @function("PJSIP_INHERITABLE_HEADER", Documentation(
        "Give headers to the SIP calls that a channel makes", "PJSIP_INHERITABLE_HEADER(action,name[,number])",
        "On the channel that calls, of whatever kind it is: the INVITEs of PJSIP channels that it calls from now on "
        "carry the headers, through Local channels too. It can only be written.",
        (Argument("action", "What to do.", True, (
            ("add", "append a header"), ("update", "replace the value of an added header"),
            ("remove", "remove added headers"))),
         Argument("name", "The header; a trailing * stands for any ending where headers are removed.", True),
         Argument("number", "Which one is updated, where there are several; 1 is the first.")),
        ("PJSIP_HEADER",),
    ), effects=True)  # fmt: skip
    def read(self, channel: Channel | None, args: str) -> str:
        """Refuse reading."""
        raise FunctionError("it can only be written")

    @function_writer("PJSIP_INHERITABLE_HEADER")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Add, update or remove a header."""
        action, name, number = [*(part.strip() for part in args.split(",")), "", ""][:3]
        if channel is None or not name:
            raise FunctionError("a channel, an action and the name of a header are needed")
        present = inherited(channel)
        action = action.lower()
        if action == "remove":
            for variable, other, _ in present:
                if _fits(other, name):
                    channel.set_variable(variable, None)
            return
        if not is_token(name) or any(char in value for char in "\r\n\0"):
            raise FunctionError(f"no header: '{name}'")
        name = canonical(name)
        if name in OWN:
            raise FunctionError(f"{name} is written by the server")
        if action == "add":
            if len(present) >= MOST:
                raise FunctionError(f"a channel gives at most {MOST} headers")
            numbers = [int(variable.removeprefix(PREFIX)) for variable, _, _ in present]
            _set(channel, f"{PREFIX}{max(numbers, default=0) + 1}", name, value)
        elif action == "update":
            same = [variable for variable, other, _ in present if other.lower() == name.lower()]
            index = int(number) if number.isdecimal() and len(number) < 6 else 1
            if not 0 < index <= len(same):
                raise FunctionError(f"no header '{name}' was added")
            _set(channel, same[index - 1], name, value)
        else:
            raise FunctionError("add, update or remove expected")


def _fits(name: str, wanted: str) -> bool:
    if wanted.endswith("*"):
        return name.lower().startswith(wanted[:-1].lower())
    return name.lower() == canonical(wanted).lower()


def _set(channel: Channel, variable: str, name: str, value: str) -> None:
    channel.set_variable(f"__{variable}", f"{name}: {value}")
