"""FEATURE and FEATUREMAP: options of ``features.conf`` for one channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.config.values import is_true
from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.features.settings import FEATUREMAP, GENERAL
from asterism.pbx.calls.features.table import KEY, options_of
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asterism.pbx.calls.features.settings import Options, Spec
    from asterism.pbx.channels.channel import Channel

_NOT_HERE = ("pickupexten",)
"""Options that are looked up before there is a channel."""
_GENERAL: Mapping[str, Spec] = {name: spec for name, spec in GENERAL.items() if name not in _NOT_HERE}


class FeatureFunctions(PbxModule):
    """The functions."""

    name: ClassVar[str] = "func_features"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Features on keys of one channel"

    @function(
        "FEATURE",
        Documentation(
            "An option of [general] in features.conf, for this channel.",
            "FEATURE(option)",
            "What is set counts for this channel from the next time that it is bridged, and for the timers and sounds "
            "of its transfers at once.",
            (
                Argument(
                    "option",
                    "Its name; 'inherit' is whether called channels get the options of this one (yes or no).",
                    True,
                    values=(("inherit", ""), *((name, spec.help) for name, spec in _GENERAL.items())),
                ),
            ),
            ("FEATUREMAP",),
        ),
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """Read an option."""
        channel = needs_channel(channel)
        name = args.strip().lower()
        if name == "inherit":
            return "yes" if options_of(channel).inherit else "no"
        return _read(channel, name, {**_GENERAL, **{name: GENERAL[name] for name in _NOT_HERE}})

    @function_writer("FEATURE")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Set an option."""
        channel = needs_channel(channel)
        name = args.strip().lower()
        if name == "inherit":
            channel.data[KEY] = options_of(channel).inherited(is_true(value))
        else:
            _write(channel, name, value, _GENERAL)

    @function(
        "FEATUREMAP",
        Documentation(
            "The code of a feature that is built in, for this channel.",
            "FEATUREMAP(feature)",
            "It counts from the next time that the channel is bridged.",
            (
                Argument(
                    "feature",
                    "Its name in [featuremap] of features.conf.",
                    True,
                    values=tuple((name, spec.help) for name, spec in FEATUREMAP.items()),
                ),
            ),
            ("FEATURE",),
        ),
    )
    def read_map(self, channel: Channel | None, args: str) -> str:
        """Read a code."""
        return _read(needs_channel(channel), args.strip().lower(), FEATUREMAP)

    @function_writer("FEATUREMAP")
    def write_map(self, channel: Channel | None, args: str, value: str) -> None:
        """Set a code."""
        _write(needs_channel(channel), args.strip().lower(), value, FEATUREMAP)


def _read(channel: Channel, name: str, known: Mapping[str, Spec]) -> str:
    if name not in known:
        raise FunctionError(f"there is no '{name}'; known: {', '.join(known)}")
    return options_of(channel).text(name)


def _write(channel: Channel, name: str, value: str, known: Mapping[str, Spec]) -> None:
    if name not in known:
        raise FunctionError(f"there is no '{name}' to be set; known: {', '.join(known)}")
    options: Options = options_of(channel)
    try:
        channel.data[KEY] = options.having(name, value)
    except ValueError as error:
        raise FunctionError(f"{name}: {error}") from None
