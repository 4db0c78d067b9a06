"""Our offer of one stream in the place of all others: audio becomes T.38, and T.38 audio again (T.38 D.2.2.4).

The streams that there are stay open and in use until the peer has agreed, as they go on where it refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.handler_calls import ask, close
from asterism.media.stream import AUDIO, IMAGE
from asterism.stack.sdp import MediaDescription

if TYPE_CHECKING:
    from asterism.applications.session.sdp_handler import MediaStream
    from asterism.applications.session.session import Session
    from asterism.stack.sdp import SessionDescription


class StreamSwitch:
    """A stream of type ``kind`` that is offered for the first one of audio or image; the others are disabled.

    It is offered as often as a description of ours is due, until the peer has agreed or the offer is given up.
    """

    __slots__ = ("_place", "_stream", "kind")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._place = 0
        self._stream: MediaStream | None = None

    @property
    def offered(self) -> bool:
        """Whether our offer is open."""
        return self._stream is not None

    def offer(self, session: Session) -> bytes | None:
        """The description with the new stream; ``None`` when none can be opened."""
        media = session.media
        for handler in session.registry.handlers.get(self.kind, ()):
            opened = ask(session, handler, "create_offer", None)
            if opened is not None:
                break
        else:
            return None
        kinds = ["" if one is None else one.type for one in media.streams]
        self._place = next((index for index, kind in enumerate(kinds) if kind in (AUDIO, IMAGE)), 0)
        self._stream = opened[0]
        return media.describe_alone(session, self._place, opened[1])

    def apply(self, session: Session, description: SessionDescription) -> bool:
        """Take the peer's answer; whether the new stream is in the place of the others now."""
        stream, place = self._stream, self._place
        media = description.media[place] if place < len(description.media) else None
        if stream is None or media is None or not media.port or media.media.lower() != self.kind:
            return False
        if not ask(session, stream.handler, "apply_answer", False, description, media, stream):
            return False
        self._stream = session.media.switch = None  # it is not offered again with what else is due
        session.media.keep_alone(session, place, stream)
        return True

    def roll_back(self, session: Session) -> None:
        """Our offer came to nothing: the streams that there were go on."""
        stream, self._stream = self._stream, None
        if stream is not None:
            close(session, stream)


def disabled(stream: MediaStream) -> MediaDescription:
    """The section that stands for a stream that is not offered any more."""
    return MediaDescription(media=stream.type, formats=["0"])
