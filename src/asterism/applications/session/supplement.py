"""Session supplements: one aspect of a call each, visited at every turn of its life.

See docs/development/architecture.md, "A call", and docs/extending/session-supplement.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.applications.session.uac import OutgoingSession
    from asterism.applications.session.uas import IncomingSession
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.decision import Decision
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request, Response


class SessionSupplement:
    """Callbacks visited during a session; every one may be left as it is.

    ``methods`` limits the request and response callbacks to those methods (``None``: all), ``responses`` the
    response callbacks to those classes (2 for 200 to 299). Lower ``priority`` is visited first. What a supplement
    must remember of a session it keeps in ``session.datastores`` under its own ``name``.

    Callbacks are plain functions: they run inside the handling of a packet and must not wait. One that raises is
    logged with the supplement's name, the others are visited, and the call goes on as if it had done nothing.
    """

    name: ClassVar[str]
    priority: ClassVar[int] = 500
    methods: ClassVar[frozenset[str] | None] = None
    responses: ClassVar[frozenset[int]] = frozenset(range(1, 7))
    supported: ClassVar[tuple[str, ...]] = ()
    """Option tags that the supplement makes the server support (``Supported: timer``)."""

    def concerns(self, endpoint: Endpoint) -> bool:
        """Whether there is anything to do in calls of an endpoint with these options; asked once, not for each call."""
        return True

    def on_begin(self, session: Session) -> None:
        """The session exists: it has its endpoint; nothing was answered or sent yet."""

    def on_end(self, session: Session) -> None:
        """The session is over; its dialog and media are about to be freed."""

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """A request of the session arrived. Answer it with ``rx`` and return ``True`` to go no further.

        For the first INVITE this comes before the dial plan starts and the channel is not made yet
        (``session.channel`` is ``None``); for a re-INVITE or UPDATE before the offer is looked at.
        """
        return False

    def evaluate(self, session: Session, rx: Rx) -> Decision | None:
        """What ``on_incoming_request`` would do with a request within the dialog, for ``sip explain``.

        Changes nothing; ``None``: it does not say.
        """
        return None

    def on_channel(self, session: Session, request: Request) -> None:
        """The channel of an incoming call was made; the dial plan has not started."""

    def on_outgoing_call(self, session: OutgoingSession) -> None:
        """The call begins: its channel has its variables, the way to the peer is not looked for yet.

        What the INVITE says may be settled here: its target, codecs, domain.
        """

    def on_describing(self, session: IncomingSession) -> None:
        """A response to the first INVITE is about to get our description: the codecs may still be chosen."""

    def on_incoming_ack(self, session: Session, request: Request) -> None:
        """An ACK to a 2xx of ours came; repeated ones too. The description that it may carry was not looked at yet."""

    def on_transferred(self, session: Session, channel: Channel) -> None:
        """The peer's REFER sends another channel elsewhere, which has not gone yet."""

    def on_incoming_cancel(self, session: Session, request: Request) -> None:
        """The caller cancels; the CANCEL has been answered, the INVITE not yet."""

    def on_incoming_response(self, session: Session, response: Response) -> None:
        """A response to a request of the session arrived; the session acts on it afterwards."""

    def on_provisional(self, session: OutgoingSession, response: Response) -> None:
        """A provisional response made an early dialog, or belongs to it; after ``on_incoming_response``."""

    def on_outgoing_request(self, session: Session, request: Request) -> None:
        """A request is about to be sent, an ACK or CANCEL too; headers may still be added.

        A CANCEL has no more yet than the headers that go with it: what identifies the INVITE is put in afterwards.
        """

    def on_outgoing_response(self, session: Session, response: Response) -> None:
        """A response is about to be sent, our own refusals too; headers may still be added.

        Not for 100, which goes no further than the next hop, nor for what a supplement answers through ``rx`` itself.
        """
