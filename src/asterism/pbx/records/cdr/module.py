"""The module of call detail records: ``cdr.conf``, what the dialplan has of records, and ``cdr ...`` on the console."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.module import Module
from asterism.core.words import yes_or_no
from asterism.pbx.records.cdr.engine import Engine
from asterism.pbx.records.cdr.functions import CdrFunctions
from asterism.pbx.records.cdr.settings import FILE, read_settings
from asterism.pbx.records.record import Disposition
from asterism.pbx.records.unread import tell_unread_files
from asterism.pbx.vocabulary.marks import register_marked
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.pbx.records.cdr.detail import Detail
    from asterism.pbx.records.cdr.settings import Settings
    from asterism.pbx.vocabulary.host import Host, HostServer

_RULE = "-" * 50
_HEAD = (
    "\nChannels with Call Detail Record (CDR) Information\n"
    f"{_RULE}\n"
    "Channel                   Dst. Channel              LastApp         Start    Answer   End      Billsec  Duration\n"
)
_DETAIL_HEAD = (
    "AccountCod CallerID             Dst. Channel              LastApp         Data            "
    "Start    Answer   End      Billsec  Duration\n"
)


class CdrModule(Module):
    """Call detail records."""

    name: ClassVar[str] = "cdr"
    covers: ClassVar[tuple[str, ...]] = ("func_cdr", "app_cdr", "app_forkcdr")
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Call detail records"

    def load(self, server: HostServer) -> None:
        """Register everything and read ``cdr.conf``: without such a file no records are kept."""
        self._server = server
        self._pbx: Host = server.pbx
        self.engine = Engine(server.bus, self._pbx.records.calls.put, server.log)
        server.register_marked(self)
        register_marked(server.pbx, CdrFunctions(self.engine))
        self.reload()

    def reload(self) -> None:
        """Read ``cdr.conf`` again: calls that are up are kept, or no longer kept, from now on."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is None:
            return
        self._pbx.records.calls.batch = settings.waiting
        if settings.enable and (Path(self._server.paths.etc) / FILE).exists():
            tell_unread_files(self._server, "cdr")
            self.engine.start(self._server.owner, settings, self._pbx.channels)
        else:
            self.engine.settings = settings
            self.engine.stop()

    @property
    def keeps_records(self) -> bool:
        """Whether records are kept now."""
        return self.engine.running

    def unload(self) -> None:
        """End the records that are kept, and hand them on."""
        self.engine.stop()

    def _channels(self, words: list[str]) -> list[str]:
        last = words[-1] if len(words) == 1 else None
        return [] if last is None else [one.name for one in self.engine.parties if one.name.startswith(last)]

    @command(
        "cdr show status",
        Documentation(
            "Show the settings of call detail records, and who writes them.",
            "cdr show status",
            see_also=("cdr show active", "cdr submit"),
        ),
    )
    def show_status(self, call: CommandCall) -> str:
        """Run the command."""
        call.takes_nothing()
        settings, line = self.engine.settings, self._pbx.records.calls
        lines = [
            "",
            "Call Detail Record (CDR) settings",
            "-" * 34,
            _row("Logging", "Enabled" if self.engine.running else "Disabled"),
            _row("Mode", "Batch" if settings.batch else "Simple"),
        ]
        if self.engine.running:
            lines += [
                _row("Log calls by default", settings.channeldefaultenabled),
                _row("Log unanswered calls", settings.unanswered),
                _row("Log congestion", settings.congestion), "",
                _row("Ignore bridging changes", settings.ignorestatechanges), "",
                _row("Ignore dial state changes", settings.ignoredialchanges), "",
                _row("Cancel disposition enabled", settings.canceldispositionenabled), "",
            ]  # fmt: skip
            if settings.batch:
                lines += self._batch_lines(settings)
            lines += ["* Registered Backends", "  -------------------"]
            lines += [f"    {name}" for name in line.names] or ["    (none)"]
            lines.append("")
        return "\n".join([*lines, ""])

    def _batch_lines(self, settings: Settings) -> list[str]:
        line = self._pbx.records.calls
        return [
            "* Batch Mode Settings",
            "  -------------------",
            _row("Safe shutdown", "Enabled" if settings.safeshutdown else "Disabled"),
            _row("Threading model", "Scheduler only" if settings.scheduleronly else "Scheduler plus separate threads"),
            _row("Current batch size", _many(line.waiting, "record")),
            _row("Maximum batch size", _many(settings.size, "record")),
            _row("Maximum batch time", _many(settings.time, "second")),
            _row("Next batch processing time", _many(int(line.next_batch), "second")),
            "",
        ]

    @command(
        "cdr show active",
        Documentation(
            "Show the call detail records that are being kept.",
            "cdr show active [<channel>]",
            "Without a channel there is one line for each record that has not ended; with one, its records with the "
            "caller, the account and the data of the application.",
            (Argument("channel", "Name of a channel."),),
            ("cdr show status", "core show channels"),
        ),
        complete="_channels",
    )
    def show_active(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) > 1:
            raise UsageError
        now = time.time()
        parties = self.engine.parties
        if not call.args:
            shown = [
                one for party in parties.values() for one in party.open() if one.peer is not None or not one.only_called
            ]
            return _HEAD + "".join(_line(one, now) for one in shown)
        name = call.args[0]
        found = next((party for channel, party in parties.items() if channel.name.lower() == name.lower()), None)
        if found is None:
            return f"No call detail records are kept of a channel '{name}'.\n"
        head = f"\nCall Detail Record (CDR) Information for {found.details[0].channel.name}\n{_RULE}\n{_DETAIL_HEAD}"
        return head + "".join(_detail_line(one, now) for one in found.details)

    @command(
        "cdr set debug",
        Documentation(
            "Have the log tell what becomes of each call detail record, or no longer.",
            "cdr set debug {on|off}",
            "When a record begins, gets a second party, and ends.",
        ),
        complete=("on", "off"),
        choice=True,
    )
    def set_debug(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 1 or call.args[0].lower() not in ("on", "off"):
            raise UsageError
        self.engine.debug = call.args[0].lower() == "on"
        return f"CDR debugging {'enabled' if self.engine.debug else 'disabled'}\n"

    @command(
        "cdr submit",
        Documentation(
            "Write the call detail records that wait now.",
            "cdr submit",
            "With batch=yes in cdr.conf they wait for others; records that are written one by one wait for nothing.",
            see_also=("cdr show status",),
        ),
    )
    def submit(self, call: CommandCall) -> str:
        """Run the command."""
        call.takes_nothing()
        if not self.engine.running:
            return "Cannot submit CDR batch: CDR engine disabled.\n"
        if not self.engine.settings.batch:
            return "Cannot submit CDR batch: batch mode not enabled.\n"
        self._pbx.records.calls.submit()
        return "Submitted CDRs to backend engines for processing.  This may take a while.\n"


def _row(label: str, value: str | bool) -> str:
    shown = value if isinstance(value, str) else yes_or_no(value)
    return f"  {label + ':':<27} {shown}"


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _clock(at: float | None) -> str:
    return "" if at is None else time.strftime("%H:%M:%S", time.localtime(at))


def _times(detail: Detail, now: float) -> str:
    record = detail.record or detail.snapshot(now, Disposition.NO_ANSWER)
    times = " ".join(f"{_clock(at):<8}" for at in (record.start, record.answer, record.end))
    return f"{times} {record.billsec:08d} {record.duration:08d}\n"


def _line(detail: Detail, now: float) -> str:
    application = detail.application[0] if detail.application else detail.channel.application
    peer = "" if detail.peer is None else detail.peer.name
    return f"{_fit(detail.channel.name, 25)} {_fit(peer, 25)} {_fit(application, 15)} {_times(detail, now)}"


def _detail_line(detail: Detail, now: float) -> str:
    record = detail.record or detail.snapshot(now, Disposition.NO_ANSWER)
    columns = (
        (record.accountcode, 10), (record.clid, 20), (record.dstchannel, 25), (record.lastapp, 15),
        (record.lastdata, 15),
    )  # fmt: skip
    return " ".join(_fit(text, width) for text, width in columns) + " " + _times(detail, now)


def _fit(text: str, width: int) -> str:
    return f"{text[:width]:<{width}}"
