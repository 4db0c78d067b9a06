"""The manager's Atxfer and CancelAtxfer: an attended transfer as by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.pbx.calls.features.course import Event
from asterism.pbx.calls.features.number import LONGEST
from asterism.pbx.calls.features.settings import DIGITS
from asterism.pbx.calls.features.transferring import attended_transfer

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer


class TransferKeyActions(Module):
    """The actions."""

    name: ClassVar[str] = "features_manager"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Attended transfers by the manager"

    def load(self, server: HostServer) -> None:
        """Register the actions."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    @action(
        "Atxfer",
        "call",
        Documentation(
            "Attended transfer.",
            description="As if the channel's party had dialled the key of an attended transfer, and the number: it "
            "talks to the extension first, while whom it talked to waits. It goes on with the keys of features.conf, "
            "by hanging up, or by CancelAtxfer.",
            arguments=(
                Argument("Channel", "Name of the channel whose party transfers, or its uniqueid.", True),
                Argument("Exten", "The extension, of digits.", True),
                Argument("Context", "Its context; it becomes the channel's TRANSFER_CONTEXT."),
            ),
            see_also=("BlindTransfer", "CancelAtxfer"),
        ),
    )
    def atxfer(self, call: ActionCall) -> None:
        """Run the action."""
        channel = self._channel(call)
        if channel is None:
            return
        exten = call.get("Exten").strip()
        if not exten:
            call.error("No extension specified")
            return
        if len(exten) > LONGEST or set(exten.upper()) - set(DIGITS):
            call.error("Extension has something else than digits")
            return
        context = call.get("Context").strip()
        if context:
            channel.set_variable("TRANSFER_CONTEXT", context)
        if channel.bridge is None or not attended_transfer(channel):
            call.error("Channel has nobody to transfer now")
            return
        # Dialled after the task has begun to listen, as digits of the phone would be.
        self._pbx.loop.call_soon(_dial, channel, exten.upper())
        call.success("Atxfer successfully queued")

    @action(
        "CancelAtxfer",
        "call",
        Documentation(
            "Cancel an attended transfer.",
            description="The target of the channel's attended transfer is left, and the channel is back with whom it "
            "talked to before.",
            arguments=(Argument("Channel", "Name of the channel whose party transfers, or its uniqueid.", True),),
            see_also=("Atxfer",),
        ),
    )
    def cancel(self, call: ActionCall) -> None:
        """Run the action."""
        channel = self._channel(call)
        if channel is None:
            return
        features = self._pbx.features
        consultation = features.transfers.get(channel)
        if consultation is not None:
            consultation.post(Event.ABORT)
        elif channel in features.transfers and channel in features.running:
            features.running[channel].cancel()
        else:
            call.error("Channel has no attended transfer in progress")
            return
        call.success("CancelAtxfer successfully queued")

    def _channel(self, call: ActionCall) -> Channel | None:
        """The channel; without one the request has been answered."""
        name = call.get("Channel").strip()
        if not name:
            call.error("No channel specified")
            return None
        channel = self._pbx.channels.get(name)
        if channel is None or not channel.alive:
            call.error("Channel specified does not exist")
            return None
        return channel


def _dial(channel: Channel, digits: str) -> None:
    for digit in digits:
        channel.keep_digit(digit, 100)
