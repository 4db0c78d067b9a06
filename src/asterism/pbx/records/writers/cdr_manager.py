"""``cdr_manager``: the manager's event ``Cdr`` (cdr_manager.conf)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ConfigError
from asterism.core.events import EventType, Fields
from asterism.core.module import Module
from asterism.pbx.records.cdr.fields import read
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.config import ConfigFile
    from asterism.pbx.records.record import CallRecord
    from asterism.pbx.vocabulary.host import HostServer

FILE = "cdr_manager.conf"
NAME = "cdr_manager"
_FIELDS = (
    ("AccountCode", "accountcode", "account code of the channel"),
    ("Source", "src", "number of who called"),
    ("Destination", "dst", "extension that was called"),
    ("DestinationContext", "dcontext", "context of the extension"),
    ("CallerID", "clid", "name and number of who called"),
    ("Channel", "channel", "channel of who called"),
    ("DestinationChannel", "dstchannel", "channel that was called, if one was"),
    ("LastApplication", "lastapp", "application that ran last"),
    ("LastData", "lastdata", "its arguments"),
    ("StartTime", "start", "when it began"),
    ("AnswerTime", "answer", "when it was answered; empty: never"),
    ("EndTime", "end", "when it ended"),
    ("Duration", "duration", "seconds from start to end"),
    ("BillableSeconds", "billsec", "seconds from answer to end"),
    ("Disposition", "disposition", "NO ANSWER, FAILED, BUSY, ANSWERED, CONGESTION or CANCEL"),
    ("AMAFlags", "amaflags", "OMIT, BILLING or DOCUMENTATION"),
    ("UniqueID", "uniqueid", "identifier of the channel"),
    ("UserField", "userfield", "what the dialplan has set as CDR(userfield)"),
)


def _render(record: CallRecord, more: Mapping[str, str]) -> Fields:
    return [
        *((name, read(record, source)) for name, source, _ in _FIELDS),
        *((name, read(record, source)) for source, name in more.items()),
    ]


CDR = EventType(
    "Cdr",
    "cdr",
    _render,
    Documentation(
        "The record of a call that is over.",
        description="Sent where cdr_manager.conf says enabled = yes; its [mappings] add fields.",
        arguments=tuple(Argument(name, text) for name, _, text in _FIELDS),
    ),
)


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """The file, read: whether the event is sent, and the fields that it has besides, by the record's names of them."""

    enabled: bool = False
    mappings: Mapping[str, str] = field(default_factory=dict)


def read_settings(file: ConfigFile) -> tuple[ManagerSettings, list[ConfigError]]:
    """The settings of a file, and what is wrong with it; what is wrong is left out."""
    general, mappings = file.options("general"), dict[str, str]()
    problems = [one.error("unknown in [general]", "enabled") for one in general if one.name.lower() != "enabled"]
    problems += [
        ConfigError(f"section [{section.name}] has no effect; accepted: [general], [mappings]", section.position)
        for section in file
        if section.options and section.name.lower() not in ("general", "mappings")
    ]
    for option in file.options("mappings"):
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", option.value):
            mappings[option.name] = option.value
        else:
            problems.append(option.error(f"'{option.value}' is not the name of a field", "letters and digits"))
    return ManagerSettings(general.flag("enabled"), mappings), problems


class CdrManager(Module):
    """Tells the manager of each record."""

    name: ClassVar[str] = "cdr_manager"
    requires: ClassVar[tuple[str, ...]] = ("records",)
    description: ClassVar[str] = "Call records for the manager"

    def load(self, server: HostServer) -> None:
        """Read the file."""
        self._server = server
        self._settings = ManagerSettings()
        self._remove: Callable[[], None] | None = None
        server.register_events(CDR)
        self.reload()

    def reload(self) -> None:
        """Read the file again: for the records from now on."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is None:
            return
        self._settings = settings
        if settings.enabled and self._remove is None:
            self._remove = self._server.pbx.records.calls.listen(self._server.owner, NAME, self._tell)
        elif not settings.enabled and self._remove is not None:
            self._remove()
            self._remove = None

    def _tell(self, record: CallRecord) -> None:
        bus = self._server.pbx.bus
        if bus.listeners[CDR]:
            bus.publish(CDR, record, self._settings.mappings)
