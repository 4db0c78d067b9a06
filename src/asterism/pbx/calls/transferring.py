"""The manager's ``BlindTransfer``: the peer of a bridged channel goes to an extension, the channel is hung up."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.errors import Goto

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host, HostServer


class TransferAction(Module):
    """The action BlindTransfer."""

    name: ClassVar[str] = "pbx_transferring"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Transfer of calls by the manager"

    def load(self, server: HostServer) -> None:
        """Register the action."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    @action(
        "BlindTransfer",
        "call",
        Documentation(
            "Blind transfer channel(s) to the given destination",
            description="Whom the channel talks to goes to the extension; the channel itself is hung up. Both get the "
            "other's name in the variable BLINDTRANSFER.",
            arguments=(
                Argument("Channel", "Name of the channel that transfers and leaves, or its uniqueid.", True),
                Argument("Exten", "Extension that its peer goes to.", True),
                Argument("Context", "Context of the extension; the channel's own by default."),
            ),
            see_also=("Redirect",),
        ),
    )
    def blind_transfer(self, call: ActionCall) -> None:
        """Run the action."""
        name, exten = call.get("Channel"), call.get("Exten")
        if not name:
            call.error("No channel specified")
            return
        if not exten:
            call.error("No extension specified")
            return
        channel = self._pbx.channels.get(name)
        if channel is None or not channel.alive:
            call.error("No such channel")
            return
        bridge = channel.bridge
        peer = None if bridge is None else bridge.peer(channel)
        if bridge is None or peer is None or not peer.alive:
            call.error("Channel is not bridged")
            return
        context = call.get("Context") or channel.context
        # Checked here: a call that would only end is better left as it is.
        if not self._pbx.dialplan.exists(context, exten, 1, peer.caller.number):
            call.error(f"No such extension: {exten}@{context}")
            return
        channel.set_variable("BLINDTRANSFER", peer.name)
        peer.set_variable("BLINDTRANSFER", channel.name)
        self._pbx.bus.publish(events.BLIND_TRANSFER, "Success", channel, peer, bridge, context, exten)
        peer.redirect(Goto(context, exten, 1))
        channel.soft_hangup()
        call.success("Transfer succeeded")
