"""The manager's ``BlindTransfer``, and the events of transfers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.pbx.calls.transfers import events
from asterism.pbx.calls.transfers.blind import blind, context_of, peers_of
from asterism.pbx.calls.transfers.results import TransferResult

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host, HostServer


class TransferActions(Module):
    """The action BlindTransfer, and the events BlindTransfer and AttendedTransfer."""

    name: ClassVar[str] = "pbx_transferring"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Transfer of calls by the manager"

    def load(self, server: HostServer) -> None:
        """Register the action and the events."""
        self._pbx: Host = server.pbx
        server.register_events(*events.ALL)
        server.register_marked(self)

    @action(
        "BlindTransfer",
        "call",
        Documentation(
            "Blind transfer channel(s) to the given destination",
            description="Whoever the channel talks to goes to the extension; the channel itself is hung up. "
            "Both get the other's name in the variable BLINDTRANSFER. Several others stay together, and the "
            "extension talks to all of them.",
            arguments=(
                Argument("Channel", "Name of the channel that transfers and leaves, or its uniqueid.", True),
                Argument("Exten", "Extension that its peer goes to.", True),
                Argument("Context", "Context of the extension; TRANSFER_CONTEXT or the channel's own by default."),
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
            call.error("Channel specified does not exist")
            return
        if not peers_of(channel):
            call.error("Channel is not bridged")
            return
        context = call.get("Context") or context_of(channel)
        result = blind(channel, context, exten)
        if result is TransferResult.SUCCESS:
            call.success("Transfer succeeded")
        elif result is TransferResult.INVALID:
            call.error(f"No such extension: {exten}@{context}")
        else:
            call.error("Transfer failed" if result is TransferResult.FAIL else "Transfer not permitted")
