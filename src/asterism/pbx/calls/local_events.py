"""Manager events of Local channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType
from asterism.core.words import yes_or_no
from asterism.pbx.vocabulary.events import channel_fields

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.events import FieldList

_HALVES = "LocalOne... is the half that called the extension, LocalTwo... the one that runs it."


def _halves(one: Channel, two: Channel) -> FieldList:
    return [*channel_fields(one, "LocalOne"), *channel_fields(two, "LocalTwo")]


def _bridge(one: Channel, two: Channel, context: str, exten: str, optimises: bool) -> FieldList:
    return [
        *_halves(one, two),
        ("Context", context),
        ("Exten", exten),
        ("LocalOptimization", yes_or_no(optimises)),
    ]


def _begin(one: Channel, two: Channel, source: Channel | None, dest: str, number: int) -> FieldList:
    moved = [] if source is None else channel_fields(source, "Source")
    return [*_halves(one, two), *moved, ("DestUniqueId", dest), ("Id", number)]


def _end(one: Channel, two: Channel, success: bool, number: int) -> FieldList:
    return [*_halves(one, two), ("Success", yes_or_no(success)), ("Id", number)]


LOCAL_BRIDGE = EventType(
    "LocalBridge",
    "call",
    _bridge,
    Documentation(
        "The two halves of a Local channel have been connected.",
        description=_HALVES,
        arguments=(
            Argument("Context", "Context of the extension that is run."),
            Argument("Exten", "The extension."),
            Argument("LocalOptimization", "Yes: the halves leave the call when they can."),
        ),
        see_also=("LocalOptimizeAway",),
    ),
)
LOCAL_OPTIMIZATION_BEGIN = EventType(
    "LocalOptimizationBegin",
    "call",
    _begin,
    Documentation(
        "The halves of a Local channel are about to leave the call.",
        description=_HALVES,
        arguments=(
            Argument(
                "Source...", "The channel that is moved to the other half's bridge; not where bridges are merged."
            ),
            Argument("DestUniqueId", "The half that it takes the place of, or the bridge that is merged into."),
            Argument("Id", "Number of this optimisation, in its LocalOptimizationEnd too."),
        ),
        see_also=("LocalOptimizationEnd",),
    ),
)
LOCAL_OPTIMIZATION_END = EventType(
    "LocalOptimizationEnd",
    "call",
    _end,
    Documentation(
        "The halves of a Local channel are about to end: what they connected is connected without them.",
        description=_HALVES,
        arguments=(
            Argument("Success", "No where a channel took the place of a half, as in Asterisk 22; Yes for a merge."),
            Argument("Id", "Number of the LocalOptimizationBegin."),
        ),
        see_also=("LocalOptimizationBegin",),
    ),
)

ALL = (LOCAL_BRIDGE, LOCAL_OPTIMIZATION_BEGIN, LOCAL_OPTIMIZATION_END)
