"""The module of outbound registration, with its console commands and manager actions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from asterism.applications.outbound_registration.client import RegistrationClient, RegistrationStatus
from asterism.applications.outbound_registration.events import REGISTRY
from asterism.applications.outbound_registration.table import LineIdentifier, OutboundRegistrations
from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.like import like_pattern
from asterism.core.module import Module
from asterism.sip.cli.actions import object_fields
from asterism.sip.cli.layout import head, parameters
from asterism.sip.objects.auth import Auth

if TYPE_CHECKING:
    from asterism.sip.server import SipServer

GOODBYE = 2.0
"""Seconds that stopping waits, at most, for registrars to take note."""
_HEAD = " <Registration/ServerURI..............................>  <Auth....................>  <Status.......>\n"
_LIKE = Argument("like", "Only registrations whose name matches this regular expression.")
_NAME = Argument("registration", "Its name, or *all.", required=True)


class OutboundRegistrationModule(Module):
    """Registers this server at others."""

    name = "outbound_registration"
    aliases = ("res_pjsip_outbound_registration",)
    requires = ("res_pjsip",)
    description = "SIP registration at other servers"

    server: SipServer
    registrations: OutboundRegistrations

    def load(self, server: SipServer) -> None:
        """Register commands, the event, and what recognises calls to a line."""
        self.server = server
        self.registrations = OutboundRegistrations(server.sip)
        server.owner.on_release(server.sip.state.scheduled.add(self.registrations.tasks))
        server.register_events(REGISTRY)
        server.register_marked(self)
        server.sip.register_endpoint_identifier(LineIdentifier(server.sip, self.registrations.lines))

    def start(self) -> None:
        """Begin to register."""
        self.registrations.start()

    def reload(self) -> None:
        """Try again what was given up; changed objects are followed as they change."""
        self.registrations.retry_given_up()

    async def unload(self) -> None:
        """Take the registrations back, so that no call is sent to a server that is gone."""
        done = asyncio.Event()
        self.registrations.leave(done.set)
        try:
            await asyncio.wait_for(done.wait(), GOODBYE)
        except TimeoutError:
            left = len(self.registrations.leaving)
            self.server.log.notice("%d registrars did not take note that this server stops", left)
        self.registrations.close()

    # Console.

    def _matching(self, call: CommandCall) -> list[RegistrationClient]:
        wanted = like_pattern(call.args)
        return [item for item in self.registrations if wanted(item.config.id)]

    def _listing(self, call: CommandCall) -> str:
        found = self._matching(call)
        if not found:
            return "No objects found.\n\n"
        rows = "".join(_row(client) for client in found)
        return f"{head(_HEAD)}{rows}\nObjects found: {len(found)}\n\n"

    def complete(self, words: list[str]) -> Iterable[str]:
        """The names of registrations."""
        return [client.config.id for client in self.registrations] if len(words) < 2 else []

    def complete_all(self, words: list[str]) -> Iterable[str]:
        """The names of registrations, and ``*all``."""
        return ["*all", *self.complete(words)] if len(words) < 2 else []

    @command(
        "pjsip show registrations",
        Documentation("Show the registrations at other servers.", "pjsip show registrations [like <pattern>]",
                      arguments=(_LIKE,)),
    )  # fmt: skip
    def show_all(self, call: CommandCall) -> str:
        """All registrations with their state."""
        return self._listing(call)

    @command(
        "pjsip list registrations",
        Documentation("List the registrations at other servers.", "pjsip list registrations [like <pattern>]",
                      arguments=(_LIKE,)),
    )  # fmt: skip
    def list_all(self, call: CommandCall) -> str:
        """All registrations with their state."""
        return self._listing(call)

    @command(
        "pjsip show registration",
        Documentation(
            "Show one registration with its options.",
            "pjsip show registration <name>",
            arguments=(Argument("name", "Its name.", required=True),),
        ),
        "complete",
    )
    def show_one(self, call: CommandCall) -> str:
        """One registration with its options."""
        if not call.args:
            raise CommandError("No object specified.\n")
        client = self.registrations.get(call.args[0])
        if client is None:
            return f"Unable to find object {call.args[0]}.\n\n"
        secrets = bool(getattr(self.server.options, "show_secrets", False))
        return f"{head(_HEAD)}{_row(client)}\n{parameters(client.config.listing(secrets))}\n"

    def _named(self, call: CommandCall) -> RegistrationClient | None:
        """The client that a command names, ``None`` for all of them."""
        if len(call.args) != 1:
            raise UsageError("one registration, or *all")
        name = call.args[0]
        if name == "*all":
            return None
        client = self.registrations.get(name)
        if client is None:
            raise CommandError(f"Unable to retrieve registration {name}\n")
        return client

    @command(
        "pjsip send register",
        Documentation(
            "Register at another server now.",
            "pjsip send register <registration> | *all",
            "An existing registration is taken back first. Refreshes go on from there.",
            (_NAME,),
        ),
        "complete_all",
    )
    def send_register(self, call: CommandCall) -> str:
        """Register anew."""
        return self._send(call, RegistrationClient.restart, "Re-register all queued\n")

    @command(
        "pjsip send unregister",
        Documentation(
            "Take a registration at another server back.",
            "pjsip send unregister <registration> | *all",
            "Nothing is registered again until 'pjsip send register' or a restart.",
            (_NAME,),
        ),
        "complete_all",
    )
    def send_unregister(self, call: CommandCall) -> str:
        """Unregister and stop."""
        return self._send(call, RegistrationClient.unregister, "Unregister all queued\n")

    def _send(self, call: CommandCall, operation: Callable[[RegistrationClient], object], all_queued: str) -> str:
        client = self._named(call)
        if client is not None:
            operation(client)
            return ""
        for one in self.registrations:
            operation(one)
        return all_queued

    # Manager.

    @action(
        "PJSIPRegister",
        "system,reporting",
        Documentation(
            "Register at another server now.",
            "Action: PJSIPRegister",
            "An existing registration is taken back first.",
            (Argument("Registration", "Its name, or *all.", required=True),),
        ),
    )
    def register_action(self, call: ActionCall) -> None:
        """Register anew."""
        self._act(call, RegistrationClient.restart, "Reregistrations queued.", "Reregistration sent")

    @action(
        "PJSIPUnregister",
        "system,reporting",
        Documentation(
            "Take a registration at another server back.",
            "Action: PJSIPUnregister",
            description="The server is told that we are no longer there, and is not registered with again "
            "until PJSIPRegister or a reload.",
            arguments=(Argument("Registration", "Its name, or *all.", required=True),),
        ),
    )
    def unregister_action(self, call: ActionCall) -> None:
        """Unregister and stop."""
        self._act(call, RegistrationClient.unregister, "Unregistrations queued.", "Unregistration sent")

    def _act(
        self, call: ActionCall, operation: Callable[[RegistrationClient], object], all_queued: str, sent: str
    ) -> None:
        name = call.get("Registration")
        client = self.registrations.get(name)
        if not name:
            call.error("Registration parameter missing.")
        elif name == "*all":
            for one in self.registrations:
                operation(one)
            call.success(all_queued)
        elif client is None:
            call.error("Unable to retrieve registration entry")
        else:
            operation(client)
            call.success(sent)

    @action(
        "PJSIPShowRegistrationsOutbound",
        "system,reporting",
        Documentation(
            "List the registrations at other servers.",
            "Action: PJSIPShowRegistrationsOutbound",
            description="Each registration comes as an event OutboundRegistrationDetail with its state and "
            "when it is renewed, then OutboundRegistrationDetailComplete.",
        ),
    )
    def show_action(self, call: ActionCall) -> None:
        """One OutboundRegistrationDetail event per registration, followed by its auth objects."""
        call.begin_list("Following are Events for each Outbound registration")
        secrets = bool(getattr(self.server.options, "show_secrets", False))
        registered = 0
        for client in self.registrations:
            registered += client.status is RegistrationStatus.REGISTERED
            state = [("Status", client.status.value), ("NextReg", client.next_attempt)]
            call.item("OutboundRegistrationDetail", [*object_fields("registration", client.config, secrets), *state])
            for name in client.config.outbound_auth:
                auth = self.server.data.get(Auth, name)
                if isinstance(auth, Auth):
                    call.item("AuthDetail", object_fields("auth", auth, secrets))
        count = len(self.registrations)
        totals = (("Registered", registered), ("NotRegistered", count - registered))
        # The auth objects are not counted (as in Asterisk 22).
        call.end_list("OutboundRegistrationDetailComplete", totals, count)


def _row(client: RegistrationClient) -> str:
    config = client.config
    auth = config.outbound_auth[0] if config.outbound_auth else "n/a"
    remaining = client.remaining()
    if remaining is None:
        when = "0"
    elif remaining >= 0:
        when = f" (exp. {remaining}s)"
    else:
        when = f" (exp. {-remaining}s ago)"
    name = f"{config.id}/{config.server_uri}"
    return f" {name:54.54}  {auth:26.26}  {client.status.value:16} {when}\n"
