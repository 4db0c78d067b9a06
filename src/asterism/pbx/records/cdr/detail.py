"""A record that is being kept: of a channel alone, or of it and the party that it talks to."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.pbx.records.record import CallRecord, Disposition
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import DialStatus
from asterism.pbx.vocabulary.flow import FunctionError

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import ChannelBridge

MAX_VARIABLES = 64
"""Variables of one record."""
MAX_NAME = 80
MAX_TEXT = 16_384
"""Characters of all variables of a record with its user field."""

_NONE: Mapping[str, str] = MappingProxyType({})
_OF_CAUSE = {
    int(Cause.USER_BUSY): Disposition.BUSY,
    int(Cause.NORMAL_CIRCUIT_CONGESTION): Disposition.CONGESTION,
    int(Cause.NO_USER_RESPONSE): Disposition.NO_ANSWER,
    int(Cause.NO_ANSWER): Disposition.NO_ANSWER,
    int(Cause.ANSWERED_ELSEWHERE): Disposition.NO_ANSWER,
}
_OF_STATUS: Mapping[str, Disposition] = {
    DialStatus.BUSY: Disposition.BUSY,
    DialStatus.CONGESTION: Disposition.CONGESTION,
    DialStatus.CANCEL: Disposition.CANCEL,
    DialStatus.NOANSWER: Disposition.NO_ANSWER,
}


def disposition_of_status(status: str) -> Disposition:
    """How a call ended that rang, and was not answered."""
    return _OF_STATUS.get(status, Disposition.FAILED)


class Detail:
    """One record, from its beginning to its end.

    ``channel`` is the first party, ``peer`` the second one. What the record says of the first party is the channel's
    until the end, when ``record`` is made of it.
    """

    __slots__ = (
        "application",
        "bridge",
        "changed",
        "channel",
        "counted_from",
        "disposition",
        "dropped",
        "left_at",
        "number",
        "only_called",
        "originated",
        "peer",
        "record",
        "sent",
        "start",
        "userfield",
        "variables",
    )

    def __init__(self, channel: Channel, start: float, number: int = 0, only_called: bool = False) -> None:
        """Begin a record at ``start``, seconds since the epoch, with the sequence number, if it has one yet."""
        self.channel = channel
        self.peer: Channel | None = None
        self.start = start
        self.number = number
        self.only_called = only_called
        """Whether the first party was called by somebody, whose record tells of it: alone it is not written."""
        self.originated = False
        """Whether the first party was called by nobody that is a channel (``Originate``)."""
        self.bridge: ChannelBridge | None = None
        self.changed = start
        """When its parties last changed."""
        self.left_at: float | None = None
        """Since when the first party is only a second one, of whoever was in the bridge before it."""
        self.counted_from = 0.0
        """The answer does not count before that (``ForkCDR(a)``)."""
        self.disposition: Disposition | None = None
        self.application: tuple[str, str] | None = None
        """What is named as the last application, with its data, instead of the channel's."""
        self.userfield = ""
        self.variables = _NONE
        self.record: CallRecord | None = None
        self.dropped = False
        """Whether it ended while records of the channel were disabled."""
        self.sent = False
        """Whether it has been handed on."""

    def inherit(self, other: Detail) -> None:
        """Take over what the dialplan has set for another record."""
        self.userfield = other.userfield
        self.variables = other.variables

    def set(self, name: str, value: str) -> None:
        """Set the user field, or a variable; an empty value takes it away.

        Raises:
            FunctionError: there would be too many of them, or too much in them.
        """
        if name == "userfield":
            self._check(self.variables, value)
            self.userfield = value
            return
        kept = {other: text for other, text in self.variables.items() if other.lower() != name.lower()}
        if value:
            kept[name] = value
        if len(kept) > MAX_VARIABLES or len(name) > MAX_NAME:
            raise FunctionError(f"a record has at most {MAX_VARIABLES} variables, with names up to {MAX_NAME} letters")
        self._check(kept, self.userfield)
        self.variables = kept

    @staticmethod
    def _check(variables: Mapping[str, str], userfield: str) -> None:
        if sum(len(name) + len(text) for name, text in variables.items()) + len(userfield) > MAX_TEXT:
            raise FunctionError(f"what is set for a record has at most {MAX_TEXT} characters")

    def answer(self, end: float) -> float | None:
        """When the first party's answer counts from; ``None`` where it has none by then."""
        answered = self.channel.answered_at
        if answered is None or answered > end:
            return None
        return max(answered, self.start, self.counted_from)

    def ended_as(self, answer: float | None, congestion: bool = True) -> Disposition:
        """How it ended; with ``congestion`` congested calls are told from those that failed."""
        found = self.disposition
        if found is None:
            if answer is not None:
                return Disposition.ANSWERED
            otherwise = Disposition.NO_ANSWER if self.originated else Disposition.FAILED
            found = _OF_CAUSE.get(self.channel.hangup_cause, otherwise)
        if found is Disposition.CONGESTION and not congestion:
            return Disposition.FAILED
        return found

    def snapshot(
        self, end: float, disposition: Disposition, theirs: Detail | None = None, started_counts: bool = False
    ) -> CallRecord:
        """The record as it is now, with that end.

        ``theirs`` is the second party's own record, for what the dialplan has set there. With ``started_counts`` a
        second that was begun is billed.
        """
        channel, peer = self.channel, self.peer
        application, data = self.application or (channel.application, channel.appdata)
        answer = self.answer(end)
        billed = 0.0 if answer is None else max(0.0, end - answer)
        seconds = int(billed)
        if started_counts and billed > seconds:
            seconds += 1
        userfield, variables, peeraccount, dstchannel = self.userfield, self.variables, "", ""
        if peer is not None:
            dstchannel, peeraccount = peer.name, peer.accountcode
            if theirs is not None:
                if theirs.userfield:
                    userfield = f"{userfield};{theirs.userfield}" if userfield else theirs.userfield
                if theirs.variables:
                    variables = {**theirs.variables, **variables}
        caller = channel.caller
        return CallRecord(
            clid=str(caller) if caller.name else caller.number,
            src=caller.number,
            dst=channel.exten,
            dcontext=channel.context,
            channel=channel.name,
            dstchannel=dstchannel,
            lastapp=application,
            lastdata=data,
            start=self.start,
            answer=answer,
            end=end,
            duration=max(0, int(end - self.start)),
            billsec=seconds,
            disposition=disposition,
            amaflags=channel.amaflags,
            accountcode=channel.accountcode,
            peeraccount=peeraccount,
            uniqueid=channel.uniqueid,
            linkedid=channel.linkedid,
            userfield=userfield,
            sequence=self.number,
            variables=variables,
        )


class Party:
    """The records of one channel in which it is the first party, and those in which it is the second one."""

    __slots__ = ("as_peer", "called", "details", "dialplan_over", "disabled", "order", "preferred", "ran")

    def __init__(self, first: Detail, disabled: bool) -> None:
        """Begin with the record that every channel has from its creation."""
        self.details = [first]
        self.as_peer: list[Detail] = []
        self.order = first.number
        """Which of two is older: the first party of a pair."""
        self.called = False
        """Whether somebody called it."""
        self.preferred = False
        """Whether it is to be the first party (``CDR_PROP(party_a)``)."""
        self.disabled = disabled
        """Whether its records are not written."""
        self.dialplan_over = False
        self.ran: tuple[str, str] | None = None
        """The last application that the dialplan ran, with its data."""

    def open(self) -> list[Detail]:
        """Its records that have not ended."""
        return [detail for detail in self.details if detail.record is None]

    def comes_before(self, other: Party) -> bool:
        """Whether it is the first party of the two."""
        if self.preferred is not other.preferred:
            return self.preferred
        return self.order < other.order
