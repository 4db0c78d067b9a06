"""DEVICE_STATE, EXTENSION_STATE, HINT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language.table import split_hint
from asterism.pbx.states.hints import aggregate, split_devices
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_PLACE = Argument("extension", "extension[@context]; the context is 'default' by default.", True)


class StateFunctions(PbxModule):
    """States of extensions."""

    name = "func_extstate"
    description = "Extension states in the dialplan"

    @function(
        "EXTENSION_STATE",
        Documentation(
            "The state of an extension with a hint.",
            "EXTENSION_STATE(extension[@context])",
            arguments=(_PLACE,),
            see_also=("DEVICE_STATE", "HINT"),
        ),
    )
    def extension_state(self, channel: Channel | None, args: str) -> str:
        """UNKNOWN without hint."""
        hint = self._hint(args)
        if hint is None:
            return "UNKNOWN"
        states = self.pbx.device_states
        return aggregate(states.get(device) for device in split_devices(hint)[0]).name

    @function(
        "HINT",
        Documentation(
            "The devices of an extension's hint, or its name.",
            "HINT(extension[@context][,options])",
            arguments=(_PLACE, Argument("options", values=(("n", "the name"),))),
            see_also=("EXTENSION_STATE",),
        ),
        marks=True,
    )
    def hint(self, channel: Channel | None, args: str) -> str:
        """Empty without hint."""
        place, _, options = args.partition(",")
        devices, name = split_hint(self._hint(place) or "")
        return name if "n" in options else devices

    def _hint(self, place: str) -> str | None:
        exten, _, context = place.strip().partition("@")
        if not exten:
            raise FunctionError("it needs an extension")
        found: str | None = self.pbx.dialplan.find_hint(context or "default", exten)
        return found
