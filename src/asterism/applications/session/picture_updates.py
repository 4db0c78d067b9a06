"""Requests for a whole picture by INFO, of and to those who have no feedback by RTCP for that (RFC 5168)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from xml.parsers import expat

from asterism.media.stream import VIDEO
from asterism.stack.errors import ParseError
from asterism.stack.transactions.users import NobodyAsks

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.media.rtp import RtpSession
    from asterism.stack.message import Response
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.client import ClientTransaction

CONTENT_TYPE = "application/media_control+xml"
NAME = "picture_updates"
"""Key of :class:`PictureUpdates` among what is kept of a session."""
INTERVAL = 1.0
"""Seconds between two requests that are sent, or passed on, in one direction of a call."""
MAX_BODY = 16 * 1024
MAX_DEPTH = 16
_BODY = (
    b'<?xml version="1.0" encoding="utf-8"?>\r\n'
    b"<media_control>\r\n <vc_primitive>\r\n  <to_encoder>\r\n   <picture_fast_update/>\r\n"
    b"  </to_encoder>\r\n </vc_primitive>\r\n</media_control>\r\n"
)
_ASKS = frozenset(("picture_fast_update", "picture_fast_update_gob", "picture_fast_update_mb"))
_LASTING = frozenset((405, 415, 489, 501, 606))
"""Answers of those who will not take another one either."""


def asks_for_picture(body: bytes) -> bool:
    """Whether a document of media control asks for a whole picture, or for a part of one, which is answered by it all.

    Raises:
        ParseError: it is too long, no XML, has a document type, or is of another kind.
    """
    if len(body) > MAX_BODY:
        raise ParseError(f"a body of more than {MAX_BODY} bytes")
    reader = _Primitives()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two of encodings that it names
        raise ParseError(f"the body is no XML: {error}") from None
    return reader.asks


class _Primitives:
    """Finds what an encoder is asked for."""

    def __init__(self) -> None:
        self.asks = False
        self._open: list[str] = []

    def doctype(self, *_: object) -> None:
        raise ParseError("the body has a document type")

    def start(self, name: str, _attributes: object) -> None:
        name = name.rpartition(" ")[2]
        if not self._open and name != "media_control":
            raise ParseError("the body is no document of media control")
        if len(self._open) >= MAX_DEPTH:
            raise ParseError("the body's elements are nested too deep")
        if name in _ASKS and self._open[-1] == "to_encoder":
            self.asks = True
        self._open.append(name)

    def end(self, _name: str) -> None:
        self._open.pop()


class PictureUpdates(NobodyAsks):
    """What a session has sent and passed on of such requests, so that neither becomes too many."""

    __slots__ = ("_refused", "_sent_at", "_session", "_taken_at", "_timer", "_waiting")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sent_at = self._taken_at = -INTERVAL
        self._timer: Timer | None = None
        self._waiting = False
        self._refused = False

    @classmethod
    def of(cls, session: Session) -> PictureUpdates:
        """That of a session, made when it is needed first."""
        found = session.datastores.get(NAME)
        if not isinstance(found, cls):
            found = session.datastores[NAME] = cls(session)
        return found

    # -- from the peer ---------------------------------------------------------------------------------------

    def take(self) -> None:
        """The peer wants a whole picture of whoever is shown to it."""
        now = self._session.core.layer.timers.clock()
        if now - self._taken_at < INTERVAL:
            return
        self._taken_at = now
        for stream in self._session.media.streams:
            if stream is not None and stream.type == VIDEO and hasattr(stream.port, "ask_key_frame_of_source"):
                cast("RtpSession", stream.port).ask_key_frame_of_source()

    # -- to the peer -----------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Ask the peer for a whole picture, now or when the interval since the last request is over."""
        session = self._session
        if self._timer is not None or self._refused or not session.confirmed or session.refuses("INFO"):
            return
        left = self._sent_at + INTERVAL - session.core.layer.timers.clock()
        if left > 0 or self._waiting:
            self._timer = session.call_later(max(left, INTERVAL / 2), self._later)
        else:
            self._send()

    def _later(self) -> None:
        self._timer = None
        self.ask()

    def _send(self) -> None:
        session = self._session
        self._sent_at = session.core.layer.timers.clock()
        self._waiting = True
        session.send_request("INFO", body=_BODY, content_type=CONTENT_TYPE, user=self)
        tests = session.core.test_events
        if tests.wanted:
            tests.send("AST_CONTROL_VIDUPDATE", (("Result", "Success"),))

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """One who does not know such requests is sent no more."""
        if response.status >= 200:
            self._waiting = False
            self._refused = self._refused or response.status in _LASTING

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """No answer."""
        self._waiting = False

    def on_transport_error(self, transaction: ClientTransaction) -> None:
        """It could not be sent."""
        self._waiting = False

    def close(self) -> None:
        """The session is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._refused = True


def ask_peer(session: Session) -> None:
    """Ask a session's peer for a whole picture by INFO."""
    PictureUpdates.of(session).ask()
