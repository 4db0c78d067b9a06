"""Headers that ``SIPAddHeader`` queues: channel variables ``SIPADDHEADERnn`` that called channels inherit.

They are text that the dialplan wrote, perhaps with text of callers in it. What is sent of them is one header line each:
a name that is a token, and a value without control characters; none that frames the message or says whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.stack.headers import canonical
from asterism.stack.headers.names import OWN

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

PREFIX = "SIPADDHEADER"
SLOTS = 50
"""Headers that ``SIPAddHeader`` queues on one channel at most."""
_MOST_SENT = 100
"""Headers that one message carries of these, however the variables were set."""
_LONGEST = 8192
"""Characters of one header."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OWN = OWN | {"Contact", "Content-Type"}
"""Headers that a message has once, and has already."""


def refusal(text: str) -> str:
    """Why a queued text would not be sent as it is; empty: it would, or it has no colon and is passed over."""
    name, colon, value = _divided(text)
    if len(text) > _LONGEST:
        return "the header is too long"
    if not colon:
        return "it has control characters" if _CONTROL.search(text) else ""
    if not _TOKEN.match(name):
        return "its name is no header name"
    if canonical(name) in _OWN:
        return f"{canonical(name)} is written by the server"
    return "it has control characters" if _CONTROL.search(value) else ""


def _divided(text: str) -> tuple[str, str, str]:
    """Name and value, with the quotes that may be around the whole taken off, as ``chan_sip`` does it."""
    name, colon, value = text.removeprefix('"').partition(":")
    return name.rstrip(" \t"), colon, value.lstrip(" \t").removesuffix('"')


def header(text: str) -> tuple[str, str] | None:
    """The header line of a queued text; ``None`` where there is none to be made of it."""
    name, colon, value = _divided(text)
    return (name, value) if colon and not refusal(text) else None


def queued(channel: Channel) -> list[tuple[str, str]]:
    """The variables of a channel that hold headers, the oldest first."""
    return [(name, value) for name, value in channel.variables.items() if name.startswith(PREFIX)]


def lines(channel: Channel) -> list[tuple[str, str]]:
    """The headers to be sent, the one that was added last in front."""
    found = (header(str(value)) for _, value in reversed(queued(channel)))
    return [one for one in found if one is not None][:_MOST_SENT]


def add(channel: Channel, text: str) -> bool:
    """Queue a header in the first free slot; ``False``: there is none."""
    for number in range(1, SLOTS + 1):
        name = f"{PREFIX}{number:02d}"
        if channel.get_variable(name) is None:
            channel.set_variable(f"__{name}", text)
            return True
    return False


def remove(channel: Channel, prefix: str) -> None:
    """Forget the headers whose text begins so, in any case; with an empty prefix all of them."""
    wanted = prefix.lower()
    names: Iterable[str] = [name for name, value in queued(channel) if value.lower().startswith(wanted)]
    for name in names:
        channel.set_variable(name, None)
