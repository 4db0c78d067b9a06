"""Console commands about the manager: who may log in, who is, what it offers."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.core.commands import Action, CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.events import EventType
from asterism.core.registry import Entry
from asterism.interfaces.manager.settings import CLASSES

if TYPE_CHECKING:
    from asterism.interfaces.manager.module import ManagerModule

_UNPADDED = frozenset({"Channel vars", "Disabled events"})
_BUILTIN = frozenset({"server", "core", "manager", "logger", "console"})


def _one(call: CommandCall) -> str:
    if len(call.args) != 1:
        raise UsageError
    return call.args[0]


def _permissions(classes: frozenset[str]) -> str:
    names = [name for name in (*CLASSES, "all") if name in classes]
    return ",".join(names) if names else "<none>"


def _yes(value: bool) -> str:
    return "Yes" if value else "No"


class ManagerCommands:
    """``manager show ...`` and ``manager reload``."""

    def __init__(self, manager: ManagerModule) -> None:
        self._manager = manager

    def complete_user(self, words: list[str]) -> list[str]:
        """The users' names."""
        return list(self._manager.settings.users) if len(words) == 1 else []

    def complete_action(self, words: list[str]) -> list[str]:
        """The actions' names."""
        return [entry.name for entry in self._manager.server.actions]

    def complete_event(self, words: list[str]) -> list[str]:
        """The events' names."""
        return [entry.name for entry in self._manager.server.bus.types] if len(words) == 1 else []

    @command("manager show users", Documentation("List the manager's users.", "manager show users"))
    def show_users(self, call: CommandCall) -> str:
        """``manager show users``."""
        users = self._manager.settings.users
        return (
            "\nusername\n--------\n"
            + "".join(f"{name}\n" for name in users)
            + (f"-------------------\n{len(users)} manager users configured.\n")
        )

    @command(
        "manager show user",
        Documentation("Show one user of the manager.", "manager show user <user>", arguments=(Argument("user"),)),
        "complete_user",
    )
    def show_user(self, call: CommandCall) -> str:
        """``manager show user X``."""
        name = _one(call)
        user = self._manager.settings.users.get(name)
        if user is None:
            return f"There is no manager called {name}\n"
        settings = self._manager.settings
        shown = settings.displayconnects if user.displayconnects is None else user.displayconnects
        several = settings.allowmultiplelogin if user.allowmultiplelogin is None else user.allowmultiplelogin
        rows = (
            ("username", user.name),
            ("secret", "<Set>" if user.secret else "<Not set>"),
            ("ACL", "yes" if user.restricted else "no"),
            ("read perm", _permissions(user.read)),
            ("write perm", _permissions(user.write)),
            ("displayconnects", "yes" if shown else "no"),
            ("allowmultiplelogin", "yes" if several else "no"),
            ("Variables", ""),
        )
        variables = "".join(f"    {line.replace('=', ' = ', 1)}\n" for line in user.setvar)
        return "\n" + "".join(f"{name:>18}: {value}\n" for name, value in rows) + variables

    @command("manager show connected", Documentation("List the users that are logged in.", "manager show connected"))
    def show_connected(self, call: CommandCall) -> str:
        """``manager show connected``."""
        columns = (
            f"{'IP Address':<55}  {'Start':<10}  {'Elapsed':<10}  {'FileDes':<8}  {'HttpCnt':<8}  {'ReadPerms':<10}"
        )
        lines = [f"  {'Username':<15}  {columns}  WritePerms\n"]
        now, count = time.time(), 0
        for session in self._manager.sessions:
            user = session.user
            if user is None:
                continue
            count += 1
            descriptor = session.transport.get_extra_info("socket").fileno() if session.transport else -1
            since, elapsed = int(session.started), int(now - session.started)
            lines.append(
                f"  {user.name:<15}  {session.remote[0]:<55}  {since:<10}  {elapsed:<10}  {descriptor:<8}  {0:<8}"
                f"  {_bits(session.read):<10}  {_bits(user.write):<10}\n"
            )
        lines.append(f"{count} users connected.\n")
        return "".join(lines)

    @command(
        "manager show eventq",
        Documentation(
            "Show the manager's sessions that have events waiting.",
            "manager show eventq",
            "Events of clients that read too slowly wait in a queue of at most 5000; beyond, the oldest are dropped.",
        ),
    )
    def show_event_queue(self, call: CommandCall) -> str:
        """``manager show eventq``: nothing is queued for all in common, so the queues of the sessions are shown."""
        if call.args:
            raise UsageError
        return "".join(
            f"Session: {session.name}\nQueued: {session.queued}\nDropped: {session.dropped}\n\n"
            for session in self._manager.sessions
            if session.queued or session.dropped
        )

    @command(
        "manager set debug",
        Documentation(
            "Log what the manager's clients ask for, or stop that.",
            "manager set debug [on|off]",
            "Without a word it says whether it is on.",
        ),
        ("on", "off"),
    )
    def set_debug(self, call: CommandCall) -> str:
        """``manager set debug [on|off]``."""
        settings = self._manager.settings
        if not call.args:
            return f"manager debug is {'on' if settings.debug else 'off'}\n"
        if call.args not in (["on"], ["off"]):
            raise UsageError
        settings.debug = call.args == ["on"]
        return ""

    @command("manager show settings", Documentation("Show the manager's settings.", "manager show settings"))
    def show_settings(self, call: CommandCall) -> str:
        """``manager show settings``."""
        settings = self._manager.settings
        address = self._manager.address or (settings.bindaddr, settings.port)
        rows = (
            ("Manager (AMI)", _yes(settings.enabled)),
            ("Web Manager (AMI/HTTP)", _yes(settings.webenabled)),
            ("TCP Bindaddress", f"{address[0]}:{address[1]}"),
            ("HTTP Timeout (seconds)", str(settings.httptimeout)),
            ("TLS Enable", _yes(settings.tlsenable)),
            ("TLS Bindaddress", settings.tlsbindaddr if settings.tlsenable else "Disabled"),
            ("TLS Certfile", settings.tlscertfile),
            ("TLS Privatekey", settings.tlsprivatekey),
            ("TLS Cipher", settings.tlscipher),
            ("Allow multiple login", _yes(settings.allowmultiplelogin)),
            ("Display connects", _yes(settings.displayconnects)),
            ("Timestamp events", _yes(settings.timestampevents)),
            ("Channel vars", ",".join(settings.channelvars)),
            ("Disabled events", ",".join(sorted(settings.disabledevents))),
            ("Debug", _yes(settings.debug)),
        )
        lines = [
            f"  {name + ':':<25}  {value}\n" if name in _UNPADDED else f"  {name + ':':<25}  {value:<15}\n"
            for name, value in rows
        ]
        return "\nGlobal Settings:\n----------------\n" + "".join(lines)

    @command("manager show commands", Documentation("List the manager's actions.", "manager show commands"))
    def show_commands(self, call: CommandCall) -> str:
        """``manager show commands``."""
        entries = sorted(self._manager.server.actions, key=lambda each: each.name.lower())
        width = max((len(entry.name) for entry in entries), default=0)
        width = max(width, 43)
        lines = [f"  {'Action':<{width}}  Synopsis\n", f"  {'------':<{width}}  --------\n"]
        lines += [f"  {entry.name:<{width}}  {entry.documentation.synopsis + ' ':.33}\n" for entry in entries]
        return "".join(lines)

    @command(
        "manager show command",
        Documentation("Describe manager actions.", "manager show command <actionname> [<actionname> ...]"),
        "complete_action",
    )
    def show_command(self, call: CommandCall) -> str:
        """``manager show command X``."""
        if not call.args:
            raise UsageError
        found = [entry for name in call.args if (entry := self._manager.server.actions.entry(name)) is not None]
        return "".join(describe_action(entry) for entry in found) or "No such action.\n"

    @command("manager show events", Documentation("List the events there are.", "manager show events"))
    def show_events(self, call: CommandCall) -> str:
        """``manager show events``."""
        names = sorted(entry.name for entry in self._manager.server.bus.types)
        rows = [names[start : start + 3] for start in range(0, len(names), 3)]
        lines = ["Events:\n", "  " + ("-" * 26 + "  ") * 3 + "\n"]
        lines += ["  " + "".join(f"{name:<26}  " for name in row).rstrip() + "\n" for row in rows]
        return "".join(lines) + f"\n{len(names)} events registered.\n"

    @command(
        "manager show event",
        Documentation("Describe an event.", "manager show event <eventname>", arguments=(Argument("eventname"),)),
        "complete_event",
    )
    def show_event(self, call: CommandCall) -> str:
        """``manager show event X``."""
        entry = self._manager.server.bus.types.entry(_one(call))
        return "Unable to find the specified event.\n" if entry is None else describe_event(entry)

    @command("manager reload", Documentation("Read manager.conf again.", "manager reload"))
    async def reload(self, call: CommandCall) -> str:
        """``manager reload``."""
        if call.args:
            raise UsageError
        await self._manager.reload()
        return ""


def _bits(classes: frozenset[str]) -> int:
    return sum(1 << index for index, name in enumerate(CLASSES) if name in classes)


def describe_action(entry: Entry[Action]) -> str:
    """The text of ``manager show command``."""
    documentation = entry.documentation
    arguments = documentation.arguments
    sections: list[tuple[str, Iterable[str]]] = [
        ("Synopsis", [documentation.synopsis + " "]),
        ("Provided By", [_provider(entry)]),
        ("Description", _wrapped(documentation.description or documentation.synopsis)),
        (
            "Syntax",
            [
                f"Action: {entry.name}",
                "[ActionID:] <value>",
                *(f"{each.name}: <value>" if each.required else f"[{each.name}:] <value>" for each in arguments),
            ],
        ),
        ("Arguments", ["", *_argument_lines(documentation)]),
        ("Privilege", [f"{entry.item.privilege},all" if entry.item.privilege else "<none>"]),
        ("See Also", [", ".join(documentation.see_also) or "Not available"]),
    ]
    text = "".join(f"[{title}]\n" + "".join(f"{line}\n" for line in lines) + "\n" for title, lines in sections)
    # What a list consists of stands in the description; Asterisk 22 closes each text with these sections.
    ends = "[List Responses]\nNone\n\n[End List Responses]\n\n[Final Response]\nNone\n\n[End Final Response]\n\n"
    return f"\n  -= Info about Manager Command '{entry.name}' =- \n\n{text}{ends}"


def describe_event(entry: Entry[EventType]) -> str:
    """The text of ``manager show event``."""
    documentation = entry.documentation
    fields = "".join(f"{argument.name}: <value>\n" for argument in documentation.arguments)
    sections: list[tuple[str, Iterable[str]]] = [("Synopsis", [documentation.synopsis])]
    if documentation.description:
        sections.append(("Description", _wrapped(documentation.description)))
    sections.append(("Syntax", [f"Event: {entry.name}", *fields.splitlines()]))
    if documentation.arguments:
        sections.append(("Arguments", _arguments(documentation, [])))
    if documentation.see_also:
        sections.append(("See Also", [", ".join(documentation.see_also)]))
    text = "".join(f"[{title}]\n" + "".join(f"{line}\n" for line in lines) + "\n" for title, lines in sections)
    return f"Event: {entry.name}\n{text}\n"


def _provider(entry: Entry[Action]) -> str:
    return "builtin" if entry.owner.name in _BUILTIN else entry.owner.name


def _wrapped(text: str) -> list[str]:
    return [line for part in text.split("\n") for line in textwrap.wrap(part, 79) or [""]]


def _argument_lines(documentation: Documentation) -> list[str]:
    return ["ActionID", "    Returned in every reply to this action.", *_arguments(documentation, [""])]


def _arguments(documentation: Documentation, between: list[str]) -> list[str]:
    lines: list[str] = []
    for argument in documentation.arguments:
        lines += [*between, argument.name]
        lines += textwrap.wrap(argument.description, 79, initial_indent="    ", subsequent_indent="    ")
        lines += [f"    {word} - {meaning}" if meaning else f"    {word}" for word, meaning in argument.values]
    return lines
