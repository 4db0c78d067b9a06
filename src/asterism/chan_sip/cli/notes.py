"""What calls tell the table of dialogs: whose they are, their channels, and how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip.channels import peer_named_by
from asterism.chan_sip.cli.legs import audio_of, of_sip

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.chan_sip.dialogs import SipDialogs
    from asterism.chan_sip.peers import Peers
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.stack.message import Request


class DialogNotes(SessionSupplement):
    """Asked for calls of ``sip.conf`` only."""

    name = "chan_sip_dialogs"
    methods = frozenset(("INVITE",))

    def __init__(self, dialogs: SipDialogs, peers: Peers) -> None:
        self._dialogs = dialogs
        self._peers = peers

    def concerns(self, endpoint: Endpoint) -> bool:
        """Those of ``sip.conf``."""
        return of_sip(endpoint)

    def _user(self, name: str) -> str:
        peer = self._peers.get(name)
        return name if peer is None else self._peers.username(peer) or name

    def on_begin(self, session: Session) -> None:
        """A call has come in."""
        dialog = session.dialog
        if not isinstance(session, IncomingSession) or dialog is None:
            return
        name = peer_named_by(session.endpoint)
        seen = self._dialogs.get(dialog.call_id)
        if seen is not None:
            seen.peer, seen.user = name, self._user(name)
            self._dialogs.note(seen, "Invite", f"New call: {dialog.call_id}")
            self._dialogs.authenticated(seen, name)

    def on_channel(self, session: Session, request: Request) -> None:
        """It has a channel."""
        self._note_channel(session, request.call_id)

    def on_outgoing_request(self, session: Session, request: Request) -> None:
        """A call of ours begins."""
        if request.to.tag:
            return
        name = peer_named_by(session.endpoint)
        if self._dialogs.get(request.call_id) is None:
            self._dialogs.begin(request.call_id, name, self._user(name))
            self._note_channel(session, request.call_id)

    def _note_channel(self, session: Session, call_id: str) -> None:
        seen = self._dialogs.get(call_id)
        if seen is not None and session.channel is not None:
            self._dialogs.note(seen, "NewChan", f"Channel {session.channel.name} - from {call_id}")

    def on_end(self, session: Session) -> None:
        """It is over."""
        if session.dialog is not None:
            audio = audio_of(session)
            self._dialogs.over(session.dialog.call_id, None if audio is None else audio.quality)
