"""Faxes at the console: ``fax show ...``, ``fax set debug``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.media.fax.library import SONAME, why_missing
from asterism.pbx.calls.fax.listing import session_lines, stats_fields
from asterism.pbx.calls.fax.session import AUDIO, OUTCOMES, SWITCHED, T38, TECHNOLOGY, Operation
from asterism.pbx.calls.fax.settings import modem_names
from asterism.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.pbx.calls.fax.session import Faxes
    from asterism.pbx.vocabulary.host import HostServer

_SESSION = "%-30.30s %-10s %-10s %-5s %-10s %-15s %-30s"
_DESCRIPTION = "Spandsp FAX Driver"


class FaxCommands(Module):
    """The commands."""

    name: ClassVar[str] = "res_fax_commands"
    part_of: ClassVar[tuple[str, ...]] = ("res_fax",)
    description: ClassVar[str] = "Console commands of faxes"

    def load(self, server: HostServer) -> None:
        """Register the commands."""
        self._faxes: Faxes = server.pbx.faxes
        server.register_marked(self)

    def complete_number(self, words: list[str]) -> list[str]:
        """Numbers of sessions."""
        return [str(one.number) for one in self._faxes if len(words) == 1 and str(one.number).startswith(words[0])]

    def complete_switch(self, words: list[str]) -> list[str]:
        """On and off."""
        return [word for word in ("on", "off") if len(words) == 1 and word.startswith(words[0])]

    @command(
        "fax set debug",
        Documentation(
            "Have new faxes tell in the log what T.30 and the modems do.",
            "fax set debug <on|off>",
            "The lines have the level fax.",
            (Argument("on|off", "", True),),
        ),
        "complete_switch",
    )
    def set_debug(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args not in (["on"], ["off"]):
            raise UsageError
        self._faxes.debug = call.args == ["on"]
        return f"\n\nFAX Debug {'Enabled' if self._faxes.debug else 'Disabled'}\n\n"

    @command(
        "fax show capabilities",
        Documentation("Show what carries faxes here, or why there are none.", "fax show capabilities"),
    )
    def show_capabilities(self, call: CommandCall) -> str:
        """Run the command."""
        _no_arguments(call)
        rows = ["", "", "Registered FAX Technology Modules:", ""]
        missing = why_missing()
        if missing:
            rows += [missing, "", "0 registered modules", ""]
        else:
            rows += [
                f"Type            : {TECHNOLOGY}",
                f"Description     : {_DESCRIPTION}",
                "Capabilities    : SEND RECEIVE T.38 G.711 GATEWAY",
                "",
                "1 registered modules",
                "",
            ]
        return _lines(rows)

    @command("fax show sessions", Documentation("List the faxes that are under way.", "fax show sessions"))
    def show_sessions(self, call: CommandCall) -> str:
        """Run the command."""
        _no_arguments(call)
        rows = ["", "Current FAX Sessions:", ""]
        rows.append(_SESSION % ("Channel", "Tech", "FAXID", "Type", "Operation", "State", "File(s)"))
        rows += [
            _SESSION
            % (one.channel.name, TECHNOLOGY, one.number, one.type, one.operation, one.state, ",".join(one.files))
            for one in self._faxes
        ]
        return _lines([*rows, "", f"{len(self._faxes)} FAX sessions", ""])

    @command(
        "fax show session",
        Documentation(
            "Show one fax that is under way.",
            "fax show session <number>",
            arguments=(Argument("number", "Its FAXID in 'fax show sessions'.", True),),
        ),
        "complete_number",
    )
    def show_session(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 1:
            raise UsageError
        text = call.args[0]
        session = self._faxes.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None
        if session is None:
            raise CommandError(f"There is no FAX session with the number '{text}'.")
        rows = ["", "FAX Session Details:", "--------------------", ""]
        rows += [f"{name:<22} : {value}" for name, value in session_lines(session)]
        transfer = session.transfer
        if transfer is not None and session.operation is not Operation.GATEWAY:
            sends = session.operation is Operation.SEND
            rows += ["", "Data Statistics:"]
            rows += [
                f"{name:<22} : {value}"
                for name, value in (
                    ("Tx Pages", transfer.pages if sends else 0),
                    ("Rx Pages", 0 if sends else transfer.pages),
                    ("Longest Bad Line Run", transfer.longest_bad_run),
                    ("Total Bad Lines", transfer.bad_rows),
                )
            ]
        return _lines([*rows, "", ""])

    @command("fax show settings", Documentation("Show the settings of faxes (res_fax.conf).", "fax show settings"))
    def show_settings(self, call: CommandCall) -> str:
        """Run the command."""
        _no_arguments(call)
        settings = self._faxes.settings
        return _lines([
            "FAX For Asterisk Settings:",
            f"\tECM: {'Enabled' if settings.ecm else 'Disabled'}",
            f"\tStatus Events: {'On' if settings.statusevents else 'Off'}",
            f"\tMinimum Bit Rate: {settings.minrate}",
            f"\tMaximum Bit Rate: {settings.maxrate}",
            f"\tModem Modulations Allowed: {modem_names(settings.modems).upper()}",
            f"\tT.38 Negotiation Timeout: {settings.t38timeout}",
            "",
            "",
            "FAX Technology Modules:",
            "",
            f"{TECHNOLOGY} ({_DESCRIPTION}) Settings:",
        ])  # fmt: skip

    @command("fax show stats", Documentation("Show how many faxes there were since the start.", "fax show stats"))
    def show_stats(self, call: CommandCall) -> str:
        """Run the command."""
        _no_arguments(call)
        words = {
            "CurrentSessions": "Current Sessions", "ReservedSessions": "Reserved Sessions",
            "TransmitAttempts": "Transmit Attempts", "ReceiveAttempts": "Receive Attempts",
            "CompletedFAXes": "Completed FAXes", "FailedFAXes": "Failed FAXes",
        }  # fmt: skip
        rows = ["", "FAX Statistics:", "---------------", ""]
        rows += [f"{words[name]:<20} : {value}" for name, value in stats_fields(self._faxes)]
        for kind, outcomes in ((AUDIO, (OUTCOMES[0], SWITCHED, *OUTCOMES[1:])), (T38, OUTCOMES)):
            rows += ["", f"{TECHNOLOGY} {kind}"]
            rows += [f"{outcome:<20} : {self._faxes.counts.outcomes.get((kind, outcome), 0)}" for outcome in outcomes]
        return _lines([*rows, "", ""])

    @command("fax show version", Documentation("Show what faxes are made by.", "fax show version"))
    def show_version(self, call: CommandCall) -> str:
        """Run the command."""
        _no_arguments(call)
        return _lines([
            "FAX For Asterisk Components:",
            f"\tApplications: Asterism {__version__}",
            f"\t{_DESCRIPTION}: {why_missing() or SONAME}",
        ])  # fmt: skip


def _no_arguments(call: CommandCall) -> None:
    if call.args:
        raise UsageError


def _lines(rows: Iterable[str]) -> str:
    return "".join(row.rstrip() + "\n" for row in rows)
