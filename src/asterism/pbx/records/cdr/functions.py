"""CDR and CDR_PROP, ForkCDR and ResetCDR: what the dialplan reads and changes of the records of its channel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from asterism.config.values import is_boolean, is_true
from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language.arguments import option_letters, split_fields
from asterism.pbx.records.cdr.detail import Detail
from asterism.pbx.records.cdr.fields import FIELDS, WRITABLE, read
from asterism.pbx.records.record import AMA_FLAGS, RECORD, CallRecord, Disposition
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import application, function, function_writer

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.records.cdr.engine import Engine

_FLAGS = {name.lower(): number for number, name in AMA_FLAGS.items()}
_FIELD = Argument(
    "field",
    f"{', '.join(FIELDS)}; or any other name: a variable that was set for it.",
    True,
)


class CdrFunctions:
    """What the dialplan has of records."""

    def __init__(self, engine: Engine) -> None:
        """For the records that ``engine`` keeps."""
        self._engine = engine

    @function(
        "CDR",
        Documentation(
            "Read or set a field of the channel's call detail record.",
            "CDR(field[,options])",
            "accountcode, amaflags and userfield can be set, and variables of other names, which are kept in the "
            "record. What is set counts for the records that have not ended: not for a conversation that is over. "
            "A record that goes on has no end, and no disposition but NO ANSWER. Where no records are kept (cdr.conf), "
            "the fields tell of the channel, and what is set is not kept, except the account code and the flags.",
            (
                _FIELD,
                Argument(
                    "options",
                    "u: times as seconds since the epoch, disposition and amaflags as numbers. "
                    "f: duration and billsec with six decimals.",
                ),
            ),
            ("CDR_PROP", "CHANNEL", "ForkCDR", "ResetCDR"),
        ),
        foreign=True,
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """A field of the newest record."""
        channel = needs_channel(channel)
        field, options = split_fields(args, 2)
        finished: CallRecord | None = channel.data.get(RECORD)
        if finished is not None:
            return read(finished, field, options)
        party = self._engine.parties.get(channel)
        now = time.time()
        detail = Detail(channel, channel.created) if party is None else party.details[-1]
        if detail.record is not None:
            return read(detail.record, field, options)
        if party is not None:
            self._engine.number(detail)
        record = detail.snapshot(now, detail.disposition or Disposition.NO_ANSWER)
        return read(record, field, options, now)

    @function_writer("CDR")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Set a field, or a variable."""
        channel = needs_channel(channel)
        name = split_fields(args, 2)[0]
        field = name.lower()
        if not name:
            raise FunctionError("it needs the name of a field")
        if field == "accountcode":
            channel.set_accountcode(value)
        elif field == "amaflags":
            channel.amaflags = _flag(value)
        elif field in FIELDS and field not in WRITABLE:
            raise FunctionError(f"'{field}' can only be read")
        else:
            party = self._engine.parties.get(channel)
            for detail in () if party is None else party.open():
                detail.set(field if field == "userfield" else name, value)

    @function_writer(
        "CDR_PROP",
        Documentation(
            "Set how records of the channel are kept.",
            "CDR_PROP(name)=value",
            "It cannot be read.",
            (
                Argument(
                    "name",
                    "disable: with 1 the channel's records that have not ended are not written, with 0 they are. "
                    "party_a: with 1 the channel is the first party of the pairs that it becomes part of.",
                    True,
                ),
            ),
            ("CDR",),
        ),
    )
    def set_property(self, channel: Channel | None, args: str, value: str) -> None:
        """Set a property."""
        channel = needs_channel(channel)
        name = args.strip().lower()
        if name not in ("disable", "party_a"):
            raise FunctionError(f"there is no property '{args.strip()}', only disable and party_a")
        if not is_boolean(value.strip()):
            raise FunctionError(f"'{value}' is neither 0 nor 1")
        party = self._engine.parties.get(channel)
        if party is None:
            return
        if name == "disable":
            party.disabled = is_true(value.strip())
        else:
            party.preferred = is_true(value.strip())

    @application(
        "ForkCDR",
        Documentation(
            "Begin another record of the channel, beside the present one",
            "ForkCDR([options])",
            "Both go on and tell of the same parties. The new one begins as the present one is: with its start, its "
            "answer and what was set for it.",
            (
                Argument(
                    "options",
                    "a: if the channel is answered, the answer of the new record is now. "
                    "e: end the present record. "
                    "r: the new record starts now, and is answered now. "
                    "v: what was set for the present record is not set for the new one.",
                ),
            ),
            ("ResetCDR", "CDR"),
        ),
    )
    async def fork_record(self, channel: Channel, args: str) -> None:
        """Run ForkCDR."""
        letters = self._letters(channel, "ForkCDR", args, "aerv")
        if channel not in self._engine.parties:
            return
        made = self._engine.fork(
            channel, answer="a" in letters, end="e" in letters, reset="r" in letters, clean="v" in letters
        )
        if not made:
            channel.pbx.log.warning("ForkCDR on %s: it has too many records already", channel.name)

    @application(
        "ResetCDR",
        Documentation(
            "Begin the records of the channel anew",
            "ResetCDR([options])",
            "Those that have not ended start now; an answered channel is answered now. Their variables are forgotten.",
            (
                Argument(
                    "options",
                    "v: keep the variables and the user field. "
                    "e: have records of the channel written again, after CDR_PROP(disable)=1.",
                ),
            ),
            ("ForkCDR", "CDR"),
        ),
    )
    async def reset_record(self, channel: Channel, args: str) -> None:
        """Run ResetCDR."""
        letters = self._letters(channel, "ResetCDR", args, "ve")
        party = self._engine.parties.get(channel)
        if party is None:
            return
        if "e" in letters:
            party.disabled = False
        self._engine.reset(channel, keep="v" in letters)

    @staticmethod
    def _letters(channel: Channel, name: str, args: str, known: str) -> set[str]:
        letters = option_letters(args)
        unknown = letters - set(known)
        if unknown:
            channel.pbx.log.warning(
                "%s on %s: there is no option '%s'", name, channel.name, "', '".join(sorted(unknown))
            )
        return letters


def _flag(value: str) -> int:
    """The number of a flag given by name or number."""
    word = value.strip().lower()
    found = _FLAGS.get(word)
    if found is None and word in ("1", "2", "3"):
        found = int(word)
    if found is None:
        raise FunctionError(f"'{value}' is no flag: 1 (omit), 2 (billing) or 3 (documentation)")
    return found
