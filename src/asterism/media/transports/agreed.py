"""What was agreed on for each stream of a transport beside codecs, and what the transport does by that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from asterism.media import feedback_terms, header_extensions
from asterism.media.header_extensions import Agreed, Writer
from asterism.media.transport_cc import ArrivalReports
from asterism.media.transports.demux import Route
from asterism.media.transports.history import History

if TYPE_CHECKING:
    from asterism.media.feedback_terms import Terms
    from asterism.media.rtp import RtpSession
    from asterism.media.transports.transport import MediaTransport


class StreamTerms(NamedTuple):
    """What was agreed on for one stream."""

    session: RtpSession
    mid: str = ""
    extensions: Agreed = header_extensions.NONE
    feedback: Terms = ()
    payload_types: Collection[int] = ()
    """Those that the peer may send."""
    sources: Collection[int] = ()
    """SSRCs of the peer, as it has signalled them."""


def agree(transport: MediaTransport, streams: Sequence[StreamTerms]) -> None:
    """Take all that was agreed on, after each offer and answer; what did not change goes on.

    Args:
        transport: the transport of these streams.
        streams: all that are open. The numbers of header extensions are the same for all (RFC 8843 9.2).
    """
    transport.describe(
        [Route(one.session, one.mid, one.payload_types, one.sources, one.session.ssrc) for one in streams],
        next((number for one in streams if (number := one.extensions.read("mid"))), 0),
    )
    for one in streams:
        session, rtp = one.session, transport.socket_of(one.session)
        session.feedback = one.feedback
        transport.extend(session, Writer(one.extensions, one.mid))
        if not feedback_terms.has(one.feedback, feedback_terms.NACK):
            session.resend = None
            transport.remember(session, None)
        elif rtp.history is None:
            session.resend = rtp.resend
            transport.remember(session, History())
    number = 0
    for one in streams:
        if feedback_terms.has(one.feedback, feedback_terms.TRANSPORT_CC):
            number = number or one.extensions.read("transport_sequence")
    demux = transport.demux
    demux.transport_number = number
    if not number:
        demux.arrived = None
        transport.end_reports()
    elif transport.reports is None:
        reports = transport.reports = ArrivalReports(transport.loop, streams[0].session.ssrc, transport.report)
        demux.arrived = reports.arrived
