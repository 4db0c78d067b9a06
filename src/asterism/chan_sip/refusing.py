"""Calls of peers that have as many as ``call-limit`` allows are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip.call_limits import CallLimits
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.chan_sip.objects.peer import SipPeer
from asterism.core.log import NOTICE

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.data.data import Data
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx

PHRASE = "Temporarily Unavailable (Call limit)"
"""The reason phrase of the 480."""


class CallLimitSupplement(SessionSupplement):
    """Refuses the INVITE with 480, before there is a channel."""

    name: ClassVar[str] = "chan_sip_call_limit"
    priority: ClassVar[int] = 5
    methods: ClassVar[frozenset[str] | None] = frozenset(("INVITE",))

    def __init__(self, limits: CallLimits, data: Data) -> None:
        self._limits = limits
        self._data = data

    def concerns(self, endpoint: Endpoint) -> bool:
        """Only peers of ``sip.conf``."""
        return endpoint.habits.technology == TECHNOLOGY

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Whether the first INVITE of a call is one too many."""
        if session.channel is not None or not isinstance(session, IncomingSession):
            return False
        peer = self._data.get(SipPeer, session.endpoint.id)
        if not isinstance(peer, SipPeer) or self._limits.allows(peer, session):
            return False
        session.core.log.log(
            NOTICE,
            "Call from %s '%s' rejected due to usage limit of %d",
            "user" if peer.is_user else "peer", peer.name, peer.call_limit,
        )  # fmt: skip
        response = session.make_response(rx, 480)
        response.reason = PHRASE
        rx.send(response)
        return True
