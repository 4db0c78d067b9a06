"""REDIRECTING: how a call was diverted on its way (RFC 5806)."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions.callerid import read_party, write_party
from asterism.pbx.dialplan.functions.common import integer
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.party import NOBODY, PartyId, Redirecting

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

REASONS = MappingProxyType(
    {
        "unknown": "unknown", "cfb": "user-busy", "cfnr": "no-answer", "unavailable": "unavailable",
        "time_of_day": "time-of-day", "dnd": "do-not-disturb", "deflection": "deflection", "follow_me": "follow-me",
        "out_of_order": "out-of-service", "away": "away", "cf_dte": "cf_dte", "cfu": "unconditional",
        "send_to_vm": "send_to_vm",
    }
)  # fmt: skip
"""The dialplan's words of why a call is diverted, and what a channel keeps: RFC 5806's, where it has one."""
_WORDS = MappingProxyType({kept: word for word, kept in REASONS.items()})
_PARTIES = {"orig": "original", "from": "from_", "to": "to"}
_PARTY_ITEMS = "all name num pres name-pres num-pres name-valid num-valid tag subaddr"
_ITEM = Argument(
    "item",
    "",
    True,
    (
        ("orig-*", f"the party that was dialled first: {_PARTY_ITEMS}"),
        ("from-*", "the party that diverted the call last"),
        ("to-*", "where it is diverted to"),
        ("priv-orig-*, priv-from-*, priv-to-*", "the same for use here, never told"),
        ("orig-reason", "why it was diverted first"),
        ("reason", f"why it was diverted last: {', '.join(REASONS)}"),
        ("count", "how often"),
    ),
)
_MOST = 255
"""The highest ``count``."""
_NEVER = Redirecting()


class RedirectingFunction(PbxModule):
    """The function REDIRECTING."""

    name = "func_redirecting"
    part_of = ("func_callerid",)
    description = "Diversion in the dialplan"

    @function(
        "REDIRECTING",
        Documentation(
            "How the call was diverted.",
            "REDIRECTING(item[,i])",
            "A change is told to a caller that has not been answered (181), and goes out with the calls that are made "
            "for it where the endpoint has send_diversion.",
            (_ITEM, Argument("i", "When written: do not tell the far end yet.")),
            ("CALLERID", "CONNECTEDLINE"),
        ),
        foreign=True,
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """One item."""
        told = needs_channel(channel).redirecting or _NEVER
        item = _item(args)
        if item == "count":
            return str(told.count)
        if item == "reason":
            return _WORDS.get(told.reason, told.reason)
        if item == "orig-reason":
            return _WORDS.get(told.original_reason, told.original_reason)
        which, kept, rest = _party_item(item)
        found = read_party(_kept(told, which) if kept else _party(told, which), rest)
        if found is None:
            raise FunctionError(f"unknown item '{item}'")
        return found

    @function_writer("REDIRECTING")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """One item; a caller is told unless ``i`` is given."""
        channel = needs_channel(channel)
        told = channel.redirecting or _NEVER
        item = _item(args)
        if item == "count":
            count = integer(value)
            if not 0 <= count <= _MOST:
                raise FunctionError(f"the count is a number from 0 to {_MOST}")
            told = replace(told, count=count)
        elif item in ("reason", "orig-reason"):
            word = _word(value)
            told = replace(told, reason=word) if item == "reason" else replace(told, original_reason=word)
        else:
            told = _with_party(told, item, value)
        channel.redirecting = told
        shown = item.startswith("priv-") or "i" in args.partition(",")[2]
        if not shown and channel.state is not ChannelState.UP:
            channel.indicate(Control.REDIRECTING, told)


def _item(args: str) -> str:
    return args.partition(",")[0].strip().lower()


def _word(value: str) -> str:
    word = value.strip().lower()
    if not word or not all(one.isalnum() or one in "-_" for one in word) or not word.isascii() or len(word) > 32:
        raise FunctionError(f"'{value}' is no reason; known: {', '.join(REASONS)}")
    return REASONS.get(word, word)


def _party_item(item: str) -> tuple[str, bool, str]:
    """``priv-from-num`` as the party, whether it is the one that is kept here, and the item of it."""
    rest = item.removeprefix("priv-")
    word, _, inner = rest.partition("-")
    if word not in _PARTIES or not inner:
        raise FunctionError(f"unknown item '{item}'")
    return word, rest != item, inner


def _party(told: Redirecting, which: str) -> PartyId:
    party: PartyId = getattr(told, _PARTIES[which])
    return party


def _kept(told: Redirecting, which: str) -> PartyId:
    return told.private.get(which, NOBODY)


def _with_party(told: Redirecting, item: str, value: str) -> Redirecting:
    which, kept, rest = _party_item(item)
    if kept:
        return replace(told, private={**told.private, which: write_party(_kept(told, which), rest, value)})
    party = write_party(_party(told, which), rest, value)
    if which == "orig":
        return replace(told, original=party)
    return replace(told, from_=party) if which == "from" else replace(told, to=party)
