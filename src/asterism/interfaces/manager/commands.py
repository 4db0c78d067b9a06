"""Console commands about the manager: who may log in, who is, what it offers."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.core.commands import Action, CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.registry import Entry
from asterism.interfaces.manager.settings import CLASSES

if TYPE_CHECKING:
    from asterism.interfaces.manager.module import ManagerModule


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
            ("ACL", "yes" if user.rules.rules else "no"),
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
        lines = [f"  {name + ':':<25}  {value:<15}\n" for name, value in rows]
        return "\nGlobal Settings:\n----------------\n" + "".join(lines)

    @command("manager show commands", Documentation("List the manager's actions.", "manager show commands"))
    def show_commands(self, call: CommandCall) -> str:
        """``manager show commands``."""
        entries = sorted(self._manager.server.actions, key=lambda each: each.name.lower())
        width = max((len(entry.name) for entry in entries), default=0)
        width = max(width, 43)
        lines = [f"  {'Action':<{width}}  Synopsis\n", f"  {'------':<{width}}  --------\n"]
        lines += [f"  {entry.name:<{width}}  {entry.documentation.synopsis[:33]}\n" for entry in entries]
        return "".join(lines)

    @command(
        "manager show command",
        Documentation("Describe manager actions.", "manager show command <actionname> [<actionname> ...]"),
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
    )
    def show_event(self, call: CommandCall) -> str:
        """``manager show event X``."""
        entry = self._manager.server.bus.types.entry(_one(call))
        if entry is None:
            return "Unable to find the specified event.\n"
        fields = "".join(f"{argument.name}: <value>\n" for argument in entry.documentation.arguments)
        synopsis = entry.documentation.synopsis
        return f"Event: {entry.name}\n[Synopsis]\n{synopsis}\n\n[Syntax]\nEvent: {entry.name}\n{fields}\n"

    @command("manager reload", Documentation("Read manager.conf again.", "manager reload"))
    def reload(self, call: CommandCall) -> str:
        """``manager reload``."""
        if call.args:
            raise UsageError
        self._manager.reload()
        return ""


def _bits(classes: frozenset[str]) -> int:
    return sum(1 << index for index, name in enumerate(CLASSES) if name in classes)


def describe_action(entry: Entry[Action]) -> str:
    """The text of ``manager show command``."""
    documentation = entry.documentation
    arguments = documentation.arguments
    sections: list[tuple[str, Iterable[str]]] = [
        ("Synopsis", [documentation.synopsis]),
        ("Description", [documentation.description or documentation.synopsis]),
        (
            "Syntax",
            [
                f"Action: {entry.name}",
                "[ActionID:] <value>",
                *(f"{each.name}: <value>" if each.required else f"[{each.name}:] <value>" for each in arguments),
            ],
        ),
        ("Arguments", _argument_lines(documentation)),
        ("Privilege", [f"{entry.item.privilege},all" if entry.item.privilege else "<none>"]),
        ("See Also", [", ".join(documentation.see_also) or "Not available"]),
    ]
    text = "".join(f"[{title}]\n" + "".join(f"{line}\n" for line in lines) + "\n" for title, lines in sections)
    return f"\n  -= Info about Manager Command '{entry.name}' =- \n\n{text}"


def _argument_lines(documentation: Documentation) -> list[str]:
    lines = ["ActionID", "    Returned in every reply to this action."]
    for argument in documentation.arguments:
        lines += ["", argument.name]
        if argument.description:
            lines.append(f"    {argument.description}")
        lines += [f"    {word} - {meaning}" for word, meaning in argument.values]
    return lines
