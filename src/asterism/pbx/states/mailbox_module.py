"""Mailboxes in the manager and in hints: MailboxStatus, MailboxCount, MessageWaiting, ``MWI:`` devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.pbx.states.mailboxes import DEVICE_PREFIX
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.events import MESSAGE_WAITING
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import HostServer

_MAILBOX = Argument("Mailbox", "Its name, mailbox@context.", required=True)


class MailboxModule(PbxModule):
    """Manager actions, the event and the devices of mailboxes."""

    name: ClassVar[str] = "mailboxes"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Message counts of mailboxes"

    def load(self, server: HostServer) -> None:
        """Register actions, the event and the devices."""
        super().load(server)
        server.register_events(MESSAGE_WAITING)
        server.pbx.device_states.register_provider(server.owner, DEVICE_PREFIX, self._state)

    def _state(self, mailbox: str) -> DeviceState:
        return DeviceState.INUSE if self.pbx.mailboxes.get(mailbox).waiting else DeviceState.NOT_INUSE

    @action(
        "MailboxStatus",
        "call,reporting",
        Documentation(
            "Check whether new messages wait.",
            description="The response has the mailbox and Waiting, 1 or 0.",
            arguments=(_MAILBOX,),
        ),
    )
    def status(self, call: ActionCall) -> None:
        """``Waiting``."""
        mailbox = call.get("Mailbox")
        if not mailbox:
            call.error("Mailbox not specified")
            return
        waiting = self.pbx.mailboxes.get(mailbox).waiting
        call.success("Mailbox Status", (("Mailbox", mailbox), ("Waiting", int(waiting))))

    @action(
        "MailboxCount",
        "call,reporting",
        Documentation(
            "Count the messages of a mailbox.",
            description="The response has the mailbox and UrgMessages, NewMessages, OldMessages.",
            arguments=(_MAILBOX,),
        ),
    )
    def count(self, call: ActionCall) -> None:
        """The counts."""
        mailbox = call.get("Mailbox")
        if not mailbox:
            call.error("Mailbox not specified")
            return
        counts = self.pbx.mailboxes.get(mailbox)
        fields = (
            ("Mailbox", mailbox),
            ("UrgMessages", counts.urgent_new),
            ("NewMessages", counts.new),
            ("OldMessages", counts.old),
        )
        call.success("Mailbox Message Count", fields)
