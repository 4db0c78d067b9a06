"""``[mappings]`` of cdr_custom.conf and cel_custom.conf: names of files, and the line that makes the rows of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.pbx.dialplan.language.substitution import expand_later
from asterism.pbx.records.record import RECORD, CallRecord, ChannelRecord
from asterism.pbx.records.writers.files import in_octets, is_below, on_one_line
from asterism.pbx.vocabulary.party import PartyId, Redirecting

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.config import ConfigFile
    from asterism.core.errors import ConfigError
    from asterism.pbx.channels.channel import Channel

MAX_ROW = 65536
"""Characters of one row; what is more is cut off."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """One line: ``Master.csv => ${CSV_QUOTE(${CDR(clid)})}``."""

    file: str
    template: str


def read_mappings(file: ConfigFile) -> tuple[list[Mapping], list[ConfigError]]:
    """The mappings of a file, and what is wrong with it; a line that is wrong is left out."""
    mappings: list[Mapping] = []
    problems: list[ConfigError] = []
    for section in file:
        if section.name.lower() != "mappings":
            problems += [option.error(f"section '{section.name}' has no effect", "[mappings]") for option in section][
                :1
            ]
    for option in file.options("mappings"):
        if not is_below(option.name):
            problems.append(option.error("it is not the name of a file below the folder of these files"))
        elif not option.value.strip():
            problems.append(option.error("it has no text to make rows of"))
        else:
            mappings.append(Mapping(option.name, option.value))
    return mappings, problems


class Carrier:
    """A quiet channel that carries one record after the other, so that lines of dialplan can be made of it."""

    def __init__(self, channel: Channel, eventtime: Callable[[float], str] = "{:.6f}".format) -> None:
        """``eventtime`` writes the time of an event, in seconds since the epoch."""
        self._channel = channel
        self._eventtime = eventtime

    def carry(self, record: CallRecord | ChannelRecord) -> None:
        """Have the channel be what the record tells."""
        self._channel.variables.clear()
        if isinstance(record, CallRecord):
            self._carry_call(record)
        else:
            self._carry_event(record)

    def _carry_call(self, record: CallRecord) -> None:
        channel = self._channel
        channel.data[RECORD] = record
        channel.name = record.channel
        channel.uniqueid, channel.linkedid = record.uniqueid, record.linkedid
        channel.accountcode, channel.amaflags = record.accountcode, record.amaflags

    def _carry_event(self, record: ChannelRecord) -> None:
        channel, foreign = self._channel, self._channel.pbx.dialplan.environment.foreign
        channel.name = record.channame
        channel.uniqueid, channel.linkedid = record.uniqueid, record.linkedid
        channel.caller = PartyId(record.cid_num, record.cid_name)
        channel.ani = PartyId(record.cid_ani)
        channel.redirecting = Redirecting(PartyId(record.cid_rdnis))
        channel.dialed = record.cid_dnid
        channel.context, channel.exten = record.context, record.exten
        channel.application, channel.appdata = record.appname, foreign(record.appdata)
        channel.amaflags, channel.accountcode = record.amaflags, record.accountcode
        channel.peeraccount, channel.userfield = record.peeraccount, foreign(record.userfield)
        values = {
            "eventtype": record.eventtype,
            "eventtime": self._eventtime(record.time),
            "userdeftype": record.userdeftype,
            "eventextra": record.extra,
            "BRIDGEPEER": record.peer,
        }
        channel.variables.update((name, foreign(value)) for name, value in values.items())

    async def row(self, template: str) -> bytes:
        """The row that a template makes of this one, with its line end."""
        text = await expand_later(template, self._channel.pbx.dialplan.environment, self._channel)
        return in_octets(on_one_line(str(text))[:MAX_ROW] + "\n")
