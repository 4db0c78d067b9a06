"""What a transport does by what was agreed on for its streams."""

from __future__ import annotations

from typing import Any

import pytest

from asterism.media import feedback_terms
from asterism.media.header_extensions import Agreed
from asterism.media.transports.agreed import StreamTerms, agree
from asterism.media.transports.demux import Demultiplexer
from virtual_loop import VirtualLoop


class Session:
    """As much of an RTP session as is told of terms."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.feedback: feedback_terms.Terms = ()
        self.resend: Any = None


class Socket:
    """As much of a stream's socket."""

    history: Any = None

    def resend(self, sequence: int) -> bool:
        return False


class Transport:
    """As much of a transport as takes terms, and what it was told."""

    def __init__(self, *sessions: Session) -> None:
        self.sockets = {one: Socket() for one in sessions}
        self.demux: Demultiplexer[Session] = Demultiplexer()
        self.loop = VirtualLoop()
        self.reports: Any = None
        self.written: dict[Session, int] = {}
        self.routes: list[Any] = []
        self.mid_number = 0

    def describe(self, routes: list[Any], mid_number: int) -> None:
        self.routes, self.mid_number = routes, mid_number

    def socket_of(self, session: Session) -> Socket:
        return self.sockets[session]

    def extend(self, session: Session, writer: Any) -> None:
        self.written[session] = writer.size

    def remember(self, session: Session, history: Any) -> None:
        self.sockets[session].history = history

    def report(self, packet: bytes) -> None:
        raise AssertionError("nothing has come")

    def end_reports(self) -> None:
        if self.reports is not None:
            self.reports.close()
            self.reports = None


NUMBERS = Agreed(mid=4, transport_sequence=3)
NACK = (("*", feedback_terms.NACK),)
ARRIVALS = (("*", feedback_terms.TRANSPORT_CC),)


def take(transport: Any, *terms: Any) -> None:
    agree(transport, terms)


def test_each_stream_has_its_route_and_writes_its_mid() -> None:
    one, two = Session(1), Session(2)
    transport: Any = Transport(one, two)
    take(transport, StreamTerms(one, "0", NUMBERS, (), (0,), (77,)), StreamTerms(two, "1"))  # type: ignore[arg-type]
    assert [(each.mid, each.payload_types, each.sources) for each in transport.routes] == [
        ("0", (0,), (77,)),
        ("1", (), ()),
    ]
    assert transport.mid_number == 4
    assert transport.written[one] > 0
    assert transport.written[two] == 0


def test_what_was_sent_is_kept_while_lost_packets_may_be_asked_for() -> None:
    one = Session(1)
    transport: Any = Transport(one)
    take(transport, StreamTerms(one, feedback=NACK))  # type: ignore[arg-type]
    kept = transport.sockets[one].history
    assert kept is not None
    assert one.resend == transport.sockets[one].resend
    take(transport, StreamTerms(one, feedback=NACK))  # type: ignore[arg-type]
    assert transport.sockets[one].history is kept
    take(transport, StreamTerms(one))  # type: ignore[arg-type]
    assert transport.sockets[one].history is None
    assert one.resend is None


@pytest.mark.parametrize(
    ("numbers", "terms", "reported"),
    [(NUMBERS, ARRIVALS, True), (NUMBERS, (), False), (Agreed(mid=4), ARRIVALS, False)],
)
def test_arrivals_are_reported_where_kind_and_number_were_agreed_on(
    numbers: Agreed, terms: feedback_terms.Terms, reported: bool
) -> None:
    one = Session(1)
    transport: Any = Transport(one)
    take(transport, StreamTerms(one, "0", numbers, terms))  # type: ignore[arg-type]
    assert (transport.reports is not None) is reported
    assert (transport.demux.arrived is not None) is reported
    assert transport.demux.transport_number == (3 if reported else 0)
    take(transport, StreamTerms(one, "0", numbers))  # type: ignore[arg-type]
    assert transport.reports is None
    assert transport.demux.arrived is None
