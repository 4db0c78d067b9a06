"""Pickup, PickupChan: answer a call that rings elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.pickup import can_pick_up, find, pick_up, shares_group
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.pbx.channels.channel import Channel

_MARK = "PICKUPMARK"


class PickupApplications(PbxModule):
    """The applications."""

    name: ClassVar[str] = "app_directed_pickup"
    description: ClassVar[str] = "Pickup of calls that ring elsewhere"

    @application(
        "Pickup",
        Documentation(
            "Answer a call that rings elsewhere",
            "Pickup([extension[@context][&extension2[@context2][&...]]])",
            "The first of the extensions that is being called is picked up; without an extension, a call of the "
            "channel's pickup groups. If there is none, the dialplan goes on.",
            (
                Argument("extension", "An extension that was dialled; without a context, in that of this channel."),
                Argument("extension@PICKUPMARK", "A call whose channel has this value in its variable PICKUPMARK."),
            ),
            ("PickupChan",),
        ),
    )
    async def pickup(self, channel: Channel, args: str) -> None:
        """Run Pickup."""
        if not self._may(channel):
            return
        if not args.strip():
            self._try(channel, lambda target: shares_group(target, channel))
            self.pbx.log.notice("Pickup on %s: no call of its groups rings", channel.name)
            return
        for wanted in split_arguments(args, "&"):
            exten, _, context = wanted.strip().partition("@")
            if context.upper() == _MARK:
                self._try(channel, lambda target, mark=exten: target.variables.get(_MARK) == mark)  # type: ignore[misc]
            else:
                place = (context or channel.context, exten)
                self._try(channel, lambda target, place=place: (target.context, target.exten) == place)  # type: ignore[misc]
            self.pbx.log.notice("No target channel found for %s.", wanted.strip())

    @application(
        "PickupChan",
        Documentation(
            "Answer the call of a channel that rings",
            "PickupChan(channel[&channel2[&...]][,options])",
            "The first that is being called is picked up. If there is none, the dialplan goes on.",
            (
                Argument("channel", "The name of a channel, or of its device (PJSIP/alice).", True),
                Argument("options", "", values=(("p", "The names are the beginning of a channel's name."),)),
            ),
            ("Pickup",),
        ),
    )
    async def pickup_channel(self, channel: Channel, args: str) -> None:
        """Run PickupChan."""
        names, options = [*split_arguments(args, limit=2), ""][:2]
        if not names.strip():
            self.pbx.log.warning("PickupChan needs the name of a channel")
            return
        if not self._may(channel):
            return
        for name in split_arguments(names, "&"):
            wanted = name.strip().lower()

            def is_it(target: Channel, wanted: str = wanted) -> bool:
                if "p" in options:
                    return target.name.lower().startswith(wanted)
                return wanted in (target.name.lower(), target.device.lower())

            self._try(channel, is_it)
            self.pbx.log.notice("No target channel found for %s.", name.strip())

    def _may(self, channel: Channel) -> bool:
        if can_pick_up(channel):
            return True
        self.pbx.log.warning("%s cannot pick up a call from here", channel.name)
        return False

    @staticmethod
    def _try(channel: Channel, wanted: Callable[[Channel], bool]) -> None:
        target = find(channel, wanted)
        if target is not None:
            pick_up(channel, target)
