"""CALLERID and CONNECTEDLINE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions.common import integer
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.party import PRESENTATIONS, PartyId, parse_caller_id, parse_presentation, presentation_word

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_PRESENTATION = tuple((word, "") for word in PRESENTATIONS)
_ITEM = Argument(
    "item",
    "",
    True,
    (
        ("all", '"name" <number>'),
        ("name", ""),
        ("num", ""),
        ("pres", "presentation of both"),
        ("name-pres", ""),
        ("num-pres", ""),
        ("name-valid", "1 or 0"),
        ("num-valid", "1 or 0"),
        ("tag", ""),
        ("subaddr", ""),
    ),
)

_CALLERS = (
    ("name-charset", "always unknown"),
    ("num-plan", "always 0"),
    ("ani", "who pays, as name and number; also ani-all, ani-name, ani-num"),
    ("ani2", "the kind of line, a number"),
    ("dnid", "the number that was dialled"),
    ("rdnis", "the number of who has redirected"),
)
"""What only CALLERID has."""


def read_party(party: PartyId, item: str) -> str | None:
    """One item of a party; ``None`` for an unknown one."""
    if item == "all":
        return str(party)
    if item in ("num", "number"):
        return party.number
    if item == "name":
        return party.name
    if item == "tag":
        return party.tag
    if item in ("subaddr", "subaddr-valid"):
        return party.subaddress if item == "subaddr" else ("1" if party.subaddress else "0")
    if item in ("pres", "presentation"):
        return presentation_word(party.presentation)
    if item == "num-pres":
        return presentation_word(party.number_presentation)
    if item == "name-pres":
        return presentation_word(party.name_presentation)
    if item == "num-valid":
        return "1" if party.number else "0"
    if item == "name-valid":
        return "1" if party.name else "0"
    if item == "name-charset":
        return "unknown"
    if item in ("num-plan", "ton"):
        return "0"
    return None


def write_party(party: PartyId, item: str, value: str) -> PartyId:
    """The party with one item changed; raises :class:`FunctionError` for an unknown item or wrong value."""
    value = "".join(one for one in value if one.isprintable())
    if item == "all":
        found = parse_caller_id(value)
        return party.with_(number=found.number, name=found.name)
    if item in ("num", "number"):
        return party.with_(number=value.strip())
    if item == "name":
        return party.with_(name=value)
    if item == "tag":
        return party.with_(tag=value)
    if item == "subaddr":
        return party.with_(subaddress=value)
    if item in ("pres", "presentation", "num-pres", "name-pres"):
        presentation = parse_presentation(value)
        if presentation is None:
            raise FunctionError(f"'{value}' is not a presentation")
        if item == "num-pres":
            return party.with_(number_presentation=presentation)
        if item == "name-pres":
            return party.with_(name_presentation=presentation)
        return party.with_(number_presentation=presentation, name_presentation=presentation)
    if item == "num-valid":
        return party if _on(value) else party.with_(number="")
    if item == "name-valid":
        return party if _on(value) else party.with_(name="")
    raise FunctionError(f"'{item}' cannot be written")


def _on(value: str) -> bool:
    return value.strip().lower() in ("1", "yes", "true", "on", "y", "t")


class CallerIdFunctions(PbxModule):
    """The functions CALLERID and CONNECTEDLINE."""

    name = "func_callerid"
    description = "Caller ID and connected line in the dialplan"

    @function(
        "CALLERID",
        Documentation(
            "The caller ID of the channel.",
            "CALLERID(item)",
            "",
            (Argument("item", "", True, _ITEM.values + _CALLERS),),
            ("CONNECTEDLINE",),
        ),
        foreign=True,
    )
    def read_caller(self, channel: Channel | None, args: str) -> str:
        """One item."""
        channel = needs_channel(channel)
        item = args.partition(",")[0].strip().lower()
        if item == "dnid":
            return channel.dialed
        if item == "ani2":
            given = channel.data.get("ANI2")
            if given is None and channel.driver is not None:
                given = channel.driver.channel_item("ani2")
            return given or "0"
        if item == "rdnis":
            return channel.redirecting.from_.number if channel.redirecting is not None else ""
        if item.startswith("ani"):
            found = read_party(channel.ani, item[4:] or "num")
        else:
            found = read_party(channel.caller, item)
        if found is None:
            raise FunctionError(f"unknown item '{item}'")
        return found

    @function_writer("CALLERID")
    def write_caller(self, channel: Channel | None, args: str, value: str) -> None:
        """One item; publishes NewCallerid."""
        channel = needs_channel(channel)
        item = args.partition(",")[0].strip().lower()
        if item == "dnid":
            channel.dialed = value
        elif item == "ani2":
            channel.data["ANI2"] = str(integer(value))
        elif item.startswith("ani"):
            channel.ani = write_party(channel.ani, item[4:] or "num", value)
        else:
            channel.set_caller(write_party(channel.caller, item, value))

    @function(
        "CONNECTEDLINE",
        Documentation(
            "Whom the channel is connected to.",
            "CONNECTEDLINE(item[,i])",
            arguments=(_ITEM, Argument("i", "When written: do not tell the far end yet.")),
            see_also=("CALLERID",),
        ),
        foreign=True,
    )
    def read_connected(self, channel: Channel | None, args: str) -> str:
        """One item."""
        item = args.partition(",")[0].strip().lower()
        found = read_party(needs_channel(channel).connected, item)
        if found is None:
            raise FunctionError(f"unknown item '{item}'")
        return found

    @function_writer("CONNECTEDLINE")
    def write_connected(self, channel: Channel | None, args: str, value: str) -> None:
        """One item; the far end is told unless ``i`` is given."""
        channel = needs_channel(channel)
        item, _, options = args.partition(",")
        party = write_party(channel.connected, item.strip().lower(), value)
        channel.set_connected(party, tell="i" not in options)
