"""Subroutines that change what a far end is told of the other parties, before it is told.

``CONNECTED_LINE_SEND_SUB`` and ``REDIRECTING_SEND_SUB`` of a channel name them; they read and write ``CONNECTEDLINE()``
and ``REDIRECTING()``. The far end is told when the subroutine has returned, so it may not wait for anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.core.containment import FAILURES, report_failure
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.flow import EndDialplan

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from asterism.pbx.channels.channel import Channel

CONNECTED = "CONNECTED_LINE_SEND_SUB"
"""Variable: ``[[context,]exten,]priority`` of the subroutine before a connected line update; its arguments, divided by
commas, are in ``..._ARGS``."""
REDIRECTING = "REDIRECTING_SEND_SUB"
"""The same before a redirecting update."""
_TURNS = 16
"""Times that a subroutine may let others run; it does so every 64 priorities."""
_RUNS = "intercepting"
"""Mark of a channel whose subroutine runs: what it sets starts no other and is not told by itself."""


def intercepts(channel: Channel) -> bool:
    """Whether a subroutine of the channel runs now."""
    return _RUNS in channel.data


def intercept(channel: Channel, variable: str) -> None:
    """Run the channel's subroutine of that kind, if it has one; it cannot fail."""
    place = channel.get_variable(variable)
    if not place or _RUNS in channel.data or channel.leaving:
        return
    parts = [part.strip() for part in place.split(",")]
    if len(parts) > 3 or not parts[-1]:
        channel.pbx.log.warning("%s of %s: '%s' is no place of the dialplan", variable, channel.name, place)
        return
    context, exten, priority = [*[""] * (3 - len(parts)), *parts]
    args = channel.get_variable(f"{variable}_ARGS") or ""
    channel.data[_RUNS] = True
    shown = channel.application, channel.appdata
    coroutine = channel.pbx.dialplan.gosub(
        channel, context or channel.context, exten or channel.exten, _number(priority), args.split(",") if args else ()
    )
    try:
        _finish(channel, variable, coroutine)
    finally:
        del channel.data[_RUNS]
        channel.application, channel.appdata = shown


def _number(priority: str) -> int | str:
    return int(priority) if priority.isascii() and priority.isdigit() and len(priority) < 10 else priority


def _finish(channel: Channel, variable: str, coroutine: Coroutine[Any, None, str]) -> None:
    """Run a subroutine to its end, or to where it would wait: the call does not wait for it."""
    try:
        for _ in range(_TURNS):
            if coroutine.send(None) is not None:
                break
    except (StopIteration, ChannelHangup, EndDialplan):
        return
    except FAILURES:
        report_failure(channel.pbx.log, f"{variable} of {channel.name}")
        return
    channel.pbx.log.warning("%s of %s is ended: it must not wait, and must come to an end", variable, channel.name)
    try:
        coroutine.close()
    except FAILURES:
        report_failure(channel.pbx.log, f"the end of {variable} of {channel.name}")
