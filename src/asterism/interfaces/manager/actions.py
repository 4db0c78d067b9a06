"""The actions about the manager itself and the console behind it."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from asterism.core.commands import action
from asterism.core.documentation import Argument, Documentation
from asterism.interfaces.console.runner import CommandRunner
from asterism.interfaces.manager.filters import MAX_FILTERS, parse_filter
from asterism.interfaces.manager.session import Call
from asterism.pbx.dialplan.applications.userevent import USER_EVENT

if TYPE_CHECKING:
    from asterism.interfaces.manager.module import ManagerModule


MAX_WAIT = 86400.0
"""Seconds that WaitEvent may be asked to wait."""


class ManagerActions:
    """Ping, Command, UserEvent, Events, Filter, ListCommands, WaitEvent; Login and its kin as documentation."""

    def __init__(self, manager: ManagerModule) -> None:
        self._manager = manager
        self._runner = CommandRunner(manager.server)

    @action("Ping", "", Documentation("Keep the connection alive.", description="Answered with Pong and the time."))
    def ping(self, call: Call) -> None:
        """``Action: Ping``."""
        call.success(fields=[("Ping", "Pong"), ("Timestamp", f"{time.time():.6f}")])

    @action(
        "Command",
        "command",
        Documentation(
            "Run a console command.",
            description="Runs a command of the console with the rights of this connection. The output comes "
            "line by line in Output fields of the response; the response is an error when the "
            "command failed.",
            arguments=(Argument("Command", "The console command to run.", required=True),),
        ),
    )
    async def command(self, call: Call) -> None:
        """``Action: Command``; the output comes line by line in ``Output`` fields."""
        line = call.get("command")
        if not line:
            call.error("No command provided")
            return
        written: list[str] = []
        status = await self._runner.run(line, written.append)
        text = "".join(written)
        lines = text.removesuffix("\n").split("\n") if text else []
        call.respond(
            "Error" if status else "Success",
            [("Message", "Command output follows"), *(("Output", each) for each in lines)],
        )

    @action(
        "UserEvent",
        "user",
        Documentation(
            "Send an event of your own to whoever listens.",
            description="The event has the class user and repeats all fields of the action, in order, except "
            "Action and UserEvent themselves.",
            arguments=(
                Argument("UserEvent", "Its name.", required=True),
                Argument("Header1", "Further fields go into the event as they are."),
            ),
        ),
    )
    def user_event(self, call: Call) -> None:
        """``Action: UserEvent``; the event repeats every field but ``Action``."""
        fields = [(key, value) for key, value in call.fields.pairs if key.lower() not in ("action", "userevent")]
        self._manager.server.bus.publish(USER_EVENT, None, call.get("userevent"), fields)
        call.success("Event Sent")

    @action(
        "Events",
        "",
        Documentation(
            "Choose which events this connection receives.",
            description="Replaces the choice made at the login. Classes that the user may not read stay closed.",
            arguments=(Argument("EventMask", "on, off, or a comma-separated list of classes.", required=True),),
        ),
    )
    def events(self, call: Call) -> None:
        """``Action: Events``."""
        mask = call.get("eventmask")
        if not mask or not call.session.set_mask(mask):
            call.error("Invalid event mask")
            return
        call.success(fields=[("Events", "On" if call.session.events_on else "Off")])

    @action(
        "Filter",
        "system",
        Documentation(
            "Add an event filter to this connection.",
            description="Of several filters that include, one must match; one that excludes overrules them. "
            "They hold until the connection ends; a connection has at most 64 of at most 512 "
            "characters.",
            arguments=(
                Argument("Operation", "What to do.", values=(("Add", "Add the filter."),)),
                Argument(
                    "MatchCriteria",
                    "action(include|exclude), name(event), header(field) and "
                    "method(regex|exact|starts_with|ends_with|contains|none), separated by commas: what the filter "
                    "is held against.",
                ),
                Argument("Filter", "What to look for: a regular expression, ! in front excludes."),
            ),
        ),
    )
    def filter(self, call: Call) -> None:
        """``Action: Filter``."""
        if call.get("operation", "add").lower() != "add":
            call.error("Unknown operation")
            return
        if len(call.session.filters) >= MAX_FILTERS:
            call.error("Too many filters")
            return
        try:
            criteria = call.get("matchcriteria")
            name = f"eventfilter({criteria})" if criteria else "eventfilter"
            call.session.filters = [*call.session.filters, parse_filter(call.get("filter"), name)]
        except ValueError:
            call.error("Filter format")
            return
        self._manager.update_feed()
        call.success("Success")

    @action(
        "ListCommands",
        "",
        Documentation(
            "List the actions that this connection may run.",
            description="The response has one field for each action, with its synopsis and the classes that "
            "may run it. Actions that this user may not run are left out.",
        ),
    )
    def list_commands(self, call: Call) -> None:
        """``Action: ListCommands``."""
        rows = []
        for entry in sorted(self._manager.server.actions, key=lambda each: each.name.lower()):
            privilege = entry.item.privilege
            if privilege and not call.may(privilege):
                continue
            shown = f"{privilege},all" if privilege else "<none>"
            rows.append((entry.name, f"{entry.documentation.synopsis}  (Priv: {shown})"))
        call.success(fields=rows)

    @action(
        "WaitEvent",
        "",
        Documentation(
            "Wait until an event is there to be read.",
            description="The response comes with the next event, or when the time is over. Other actions of "
            "the connection wait meanwhile.",
            arguments=(Argument("Timeout", "Seconds to wait; -1 waits without limit.", required=True),),
        ),
    )
    async def wait_event(self, call: Call) -> None:
        """``Action: WaitEvent``."""
        try:
            seconds = float(call.get("timeout", "-1"))
        except ValueError:
            seconds = math.nan
        if not seconds <= MAX_WAIT:  # also what is no number
            call.error("Invalid timeout")
            return
        call.session.waiter = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(call.session.waiter, None if seconds < 0 else seconds)
        except TimeoutError:
            pass
        finally:
            call.session.waiter = None
        call.success("Waiting for Event completed.")

    # The three below are answered by the session itself, before and after login; here they are documented.

    @action(
        "Login",
        "",
        Documentation(
            "Log in.",
            description="The first thing a client does. With AuthType MD5 a challenge is asked for before, "
            "and Key proves the secret without sending it. A wrong login closes the connection; "
            "after ten of one address in ten seconds all are refused for that time.",
            arguments=(
                Argument("Username", "The user, a section of manager.conf.", required=True),
                Argument("AuthType", "How to prove it.", values=(("plain", "The secret."), ("MD5", "A key."))),
                Argument("Secret", "The secret."),
                Argument("Key", "Hexadecimal MD5 of the challenge followed by the secret."),
                Argument("Events", "on, off, or the classes of events wanted."),
            ),
            see_also=("Challenge", "Logoff"),
        ),
    )
    def login(self, call: Call) -> None:
        """``Action: Login`` of a session that is logged in already."""
        call.success("Already logged in")

    @action(
        "Challenge",
        "",
        Documentation(
            "Ask for a challenge to log in with.",
            description="The response holds Challenge: digits that are put before the secret to make the Key "
            "of a Login. It is good for this connection only.",
            arguments=(Argument("AuthType", "The digest to use.", required=True, values=(("MD5", "MD5."),)),),
            see_also=("Login",),
        ),
    )
    def challenge(self, call: Call) -> None:
        """``Action: Challenge``, answered by the session."""
        call.error("Must specify AuthType")

    @action(
        "Logoff",
        "",
        Documentation(
            "Log out and close the connection.",
            description="Answered with Goodbye, after which the server closes the connection.",
            see_also=("Login",),
        ),
    )
    def logoff(self, call: Call) -> None:
        """``Action: Logoff``, answered by the session."""
        call.session.close()
