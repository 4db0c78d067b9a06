"""Calls of peers, and how many they may have: ``call-limit``, ``callcounter`` and ``busylevel``.

Nothing is counted up and down: the calls of a peer are the channels of its device, whatever brought or took them. So
hold, transfers, calls that fail and a reload of the configuration need no care here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asterism.applications.session.state import UNANSWERED_CALL_STATES, SessionState
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.chan_sip.words import call_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asterism.applications.session.session import Session
    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.pbx.assembly.pbx import Pbx

_NOT_CALLED = frozenset((SessionState.NEW, SessionState.ENDED))


class Usage(NamedTuple):
    """The calls of one peer: ``in_use`` are all of them, ringing and held ones too; ``limit`` 0: not counted."""

    in_use: int
    ringing: int
    on_hold: int
    limit: int


class CallLimits:
    """What the channels of a server come to, by peer."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx

    def of(self, peer: SipPeer) -> Usage:
        """The calls of a peer, or of a user, now."""
        in_use = ringing = on_hold = 0
        for session in self._sessions(peer):
            in_use += 1
            if session.remote_hold:
                on_hold += 1
            elif isinstance(session, OutgoingSession) and session.state in UNANSWERED_CALL_STATES:
                ringing += 1
        return Usage(in_use, ringing, on_hold, call_limit(peer))

    def allows(self, peer: SipPeer, session: Session) -> bool:
        """Whether a call that has not begun yet may."""
        limit = peer.call_limit
        return not limit or sum(one is not session for one in self._sessions(peer)) < limit

    def _sessions(self, peer: SipPeer) -> Iterator[Session]:
        for channel in self._pbx.channels.of_device(f"{TECHNOLOGY}/{peer.name}"):
            session = getattr(channel.driver, "session", None)
            if not isinstance(session, OutgoingSession | IncomingSession) or session.endpoint.id != peer.id:
                continue
            if not channel.dead and session.state not in _NOT_CALLED:
                yield session
