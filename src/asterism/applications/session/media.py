"""The media side of a session: its streams in the order of the SDP, and our side of every offer and answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.applications.session.handler_calls import ask, close, reoffer, tell_changed
from asterism.applications.session.media_transport import sections
from asterism.applications.session.media_transport.leg import Legs
from asterism.applications.session.negotiation import write_session
from asterism.applications.session.refused_offers import why_refused
from asterism.applications.session.switching import disabled
from asterism.media.stream import AUDIO, TEXT, VIDEO, first_port
from asterism.stack.sdp import MediaDescription, Origin, SessionDescription, reject

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from asterism.applications.session.media_transport.leg import TransportLeg
    from asterism.applications.session.sdp_handler import MediaStream, SdpHandler
    from asterism.applications.session.session import Session
    from asterism.applications.session.switching import StreamSwitch
    from asterism.media.formats import Format
    from asterism.media.stream import AudioStream, Offered

_AS_THEY_ARE: Mapping[str, int] = MappingProxyType({})
FOLLOWED = frozenset((VIDEO, TEXT))
"""Types of streams that both sides of a call have, or neither: only the other party sends and receives them."""


class SessionMedia:
    """Streams and descriptions of one session.

    ``streams`` has one entry for each section of the last description, ``None`` where it is refused or over.
    """

    __slots__ = (
        "_added", "_address", "_closed", "_closed_section", "_origin_id", "_sections", "_version", "agreed", "answers",
        "body", "cname", "dtmf_mode", "due", "ending", "in_clear", "msid", "one_way", "opened_legs", "parameters",
        "peer_origin", "streams", "switch", "target", "types", "types_changed", "wanted",
    )  # fmt: skip

    def __init__(self) -> None:
        self.streams: list[MediaStream | None] = []
        self._added: list[int] = []
        """Positions of the streams that our open offer has added."""
        self._closed = False
        self._closed_section: list[MediaDescription | None] = []
        """The section that stands where there is no stream."""
        self.agreed = 0
        """Number of sections in the last agreed description; those behind are of an open offer of ours."""
        self._sections: list[str] = []
        self._address = ""
        """The address in ``c=`` of our last description."""
        self._origin_id = ""
        self._version = 0
        self.body = b""
        self.peer_origin: Origin | None = None
        """The ``o=`` of the peer's description that was read last."""
        """The last description we wrote."""
        self.cname = bytearray()
        """The RTCP CNAME of the streams of this session, set with the first of them."""
        self.opened_legs: Legs | None = None
        """The transports of streams that are more than plain RTP, once there are any; see :attr:`legs`."""
        self.msid = ""
        """What browsers call the streams that belong together (RFC 8830), set with the first of them."""
        self.dtmf_mode = ""
        """The DTMF mode set with ``PJSIP_DTMF_MODE``; empty: the endpoint's ``dtmf_mode``."""
        self.wanted: tuple[Format, ...] = ()
        """The codecs that ``PJSIP_MEDIA_OFFER`` put into our next offers; empty: those of the endpoint."""
        self.answers: tuple[Format, ...] = ()
        """The codecs of audio that our answers may have; empty: those of the endpoint."""
        self.parameters: tuple[tuple[Format, str], ...] = ()
        """Codec parameters of the call's other party, for our offers of streams."""
        self.switch: StreamSwitch | None = None
        """A stream that our next offer has in the place of all others."""
        self.target: dict[str, int] = {}
        """Number of streams in our next offer, by type, where it differs from the present number."""
        self.ending: Collection[AudioStream] = ()
        """Ports of streams that our next offer ends."""
        self.one_way = False
        """Whether streams that our next offers add are only to be sent, and nothing is to come on them."""
        self.in_clear = False
        """Whether what we offer may be taken by a peer that does not encrypt, see :meth:`offer_in_clear`."""
        self.due = False
        """Whether other streams are to be offered as soon as the peer has acknowledged our answer."""
        self.types_changed = False
        """Whether the peer's last offer has added or removed streams besides audio."""
        self.types: Sequence[str] = (AUDIO,)
        """The types of the streams that our first offer is to have, in order; those of handlers without limit aside."""

    @property
    def legs(self) -> Legs:
        """The transports of streams that are more than plain RTP."""
        if self.opened_legs is None:
            self.opened_legs = Legs()
        return self.opened_legs

    @property
    def followed(self) -> list[str]:
        """The types of the open streams that the call's other party is to have as well, in order."""
        return [one.type for one in self.streams if one is not None and one.type in FOLLOWED]

    def port(self, kind: str) -> AudioStream | None:
        """The port of the first open stream of a type; also when the session is over."""
        return first_port(self.streams, kind)

    # Our offers.

    def offer(self, session: Session) -> bytes | None:
        """Our offer: the open streams as they are, or new ones at first; ``None`` when there is nothing to offer."""
        if self.opened_legs is not None:
            self.opened_legs.begin()
        if self.streams:
            if self.switch is not None:
                return self.switch.offer(session)
            if self.ending:
                for index, stream in enumerate(self.streams):
                    if stream is not None and stream.port in self.ending:
                        self._put(session, index, None, MediaDescription(media=stream.type, formats=["0"]))
            for kind, wanted in self.target.items():
                for index in self._open(kind)[wanted:]:
                    self._put(session, index, None, MediaDescription(media=kind, formats=["0"]))
            sections, address = self._reoffer(session, self.target)
            if not any(self.streams):
                return None
            origin = address if session.direct is None else session.direct.origin()
            return self._write(session, sections, address, origin)
        opened: list[MediaDescription | None] = []
        for kind in self.types:
            self._add(session, kind, opened)
        for kind in session.registry.unlimited:
            if kind not in self.types:
                self._add(session, kind, opened, wanted=False)
        if not any(self.streams):
            return None
        address = session.media_address
        return self._write(session, [str(one) for one in opened], address, address)

    def _reoffer(self, session: Session, target: Mapping[str, int] = _AS_THEY_ARE) -> tuple[list[str], str]:
        """The sections of a new offer, with streams up to ``target``, and the address that stands for all of them."""
        sections = [
            closed if stream is None else reoffer(session, stream)
            for stream, closed in zip(self.streams, self._closed_section, strict=True)
        ]
        for kind, wanted in target.items():
            while len(self._open(kind)) < wanted and self._add(session, kind, sections):
                pass
        address = session.media_address
        if session.direct is not None:
            pairs = [(stream, one) for stream, one in zip(self.streams, sections, strict=True) if one is not None]
            address = session.direct.connect(pairs, address)
        return [str(one) for one in sections], address

    def _add(
        self, session: Session, kind: str, sections: list[MediaDescription | None], *, wanted: bool = True
    ) -> bool:
        """Put one more stream of a type into our offer, behind the others or in the place of one that is over."""
        for handler in session.registry.handlers.get(kind, ()):
            if handler.limit and (not wanted or self._full(session, handler)):
                continue
            opened = ask(session, handler, "create_offer", None)
            if opened is None:
                continue
            if self.one_way:
                opened[0].one_way = True
                opened = opened[0], reoffer(session, opened[0])
            index = len(self.streams)
            for place, closed in enumerate(self._closed_section):
                if closed is not None and closed.media == kind:
                    index = place
                    break
            self._put(session, index, opened[0], None)
            sections[index : index + 1] = [opened[1]]
            self._added.append(index)
            return True
        return False

    def _full(self, session: Session, handler: SdpHandler) -> bool:
        """Whether the call has as many streams of a handler as it may have."""
        count = 0
        for one in self.streams:
            count += one is not None and one.handler is handler
        return bool(count >= getattr(session.endpoint, handler.limit))

    def _open(self, kind: str) -> list[int]:
        """Positions of the open streams of a type."""
        return [index for index, one in enumerate(self.streams) if one is not None and one.type == kind]

    def follow(self, session: Session, offered: Offered) -> bool:
        """Have as many streams besides audio as the call's other party has now; whether something is to be offered."""
        types = [kind for kind, _ in offered]
        self.target = {kind: types.count(kind) for kind in FOLLOWED}
        for kind, wanted in self.target.items():
            count = len(self._open(kind))
            handlers = session.registry.handlers.get(kind, ())
            room = any(one.limit and not self._full(session, one) for one in handlers)
            if count > wanted or (count < wanted and room and session.offers_of(kind)):
                return True
        return False

    def show(self, session: Session, count: int, ending: Collection[AudioStream]) -> bool:
        """Have ``count`` streams of video, without those of some ports; whether something is to be offered.

        Streams that are added are only sent: what comes of the peer comes on those that it has.
        """
        self.target, self.ending, self.one_way = {VIDEO: count}, ending, True
        here = [stream for stream in self.streams if stream is not None and stream.type == VIDEO]
        stay = [stream for stream in here if stream.port not in ending]
        most = getattr(session.endpoint, "max_video_streams", 0)
        return len(stay) < len(here) or len(here) > count or (len(here) < min(count, most) and bool(self._can(session)))

    def _can(self, session: Session) -> tuple[Format, ...]:
        """The codecs of video that could be offered."""
        return session.offers_of(VIDEO) if session.registry.handlers.get(VIDEO) else ()

    def lose(self, leg: TransportLeg) -> bool:
        """Have our next offer end the streams of a transport that does not work; ``False``: they are the call.

        They are where the first audio is among them, or where nothing would be left.
        """
        lost: list[AudioStream] = []
        kept = 0
        for one in self.streams:
            if one is None or one.leg is not leg:
                kept += one is not None
            elif one.port is not None:
                lost.append(one.port)
        audio = self.port(AUDIO)
        if not lost or not kept or any(port is audio for port in lost):
            return False
        self.ending = (*self.ending, *lost)
        return True

    def forget_target(self) -> None:
        """What was to be offered was, whatever has become of it."""
        self.target, self.ending, self.one_way, self.switch = {}, (), False, None

    def settle(self, session: Session) -> None:
        """The answer to our offer is the last one: what the peer did not take is over."""
        for index, stream in enumerate(self.streams):
            if stream is not None and stream.refused:
                self._put(session, index, None, MediaDescription(media=stream.type, formats=["0"]))

    def would_change(self, session: Session) -> bool:
        """Whether an offer of ours would say anything new; nothing is kept of it."""
        if self.opened_legs is not None:
            self.opened_legs.begin()
        sections, address = self._reoffer(session)
        self.roll_back(session)
        return (address, _stated(sections)) != (self._address, _stated(self._sections))

    def apply(self, session: Session, description: SessionDescription, *, final: bool = True) -> bool:
        """Take the peer's answer to our offer; whether at least one stream came of it.

        A stream that it refuses, or does not name, is over, or stays for as long as the answer may be one of several
        (``final`` is false, see :meth:`settle`).
        """
        self.peer_origin = description.origin
        if self.opened_legs is not None:
            self.opened_legs.begin()
        if self.switch is not None and self.switch.offered:
            return self.switch.apply(session, description)
        accepted = False
        if len(description.media) != len(self.streams):
            session.core.log.info(
                "the answer of %s has %d sections, our offer had %d",
                session.endpoint.id, len(description.media), len(self.streams),
            )  # fmt: skip
        for index, stream in enumerate(self.streams):
            if stream is None:
                continue
            media = description.media[index] if index < len(description.media) else None
            stream.refused = media is None or not media.port or media.media.lower() != stream.type
            if stream.refused:
                ask(session, stream.handler, "roll_back", None, stream)
            elif ask(session, stream.handler, "apply_answer", False, description, media, stream):
                accepted = True
        if accepted:
            self.agreed = len(self.streams)
            self._added.clear()
            if final:
                self.settle(session)
            if session.direct is not None:
                session.direct.agreed()
            self._agreed(session)
        else:
            session.core.log.warning(
                "%s answers with no stream that can be used: %s",
                session.endpoint.id, why_refused(session.profile, description),
            )  # fmt: skip
        return accepted

    def offer_in_clear(self, session: Session) -> bool:
        """The peer has refused our first offer: whether another can be made that needs no encryption."""
        if self.in_clear or self.agreed or not session.profile.transport.yields:
            return False
        self.in_clear = True
        self.roll_back(session)
        self.body = b""
        return True

    def roll_back(self, session: Session) -> None:
        """Our offer came to nothing: streams and terms are as before (RFC 3261 14.1)."""
        if self.switch is not None and self.switch.offered:
            self.switch.roll_back(session)
            if session.direct is not None:
                session.direct.roll_back()
            return
        for index in range(len(self.streams) - 1, -1, -1):
            stream = self.streams[index]
            if index >= self.agreed:
                if stream is not None:
                    close(session, stream)
                del self.streams[index], self._closed_section[index]
            elif stream is not None and index in self._added:
                self._put(session, index, None, MediaDescription(media=stream.type, formats=["0"]))
            elif stream is not None:
                ask(session, stream.handler, "roll_back", None, stream)
        self._added.clear()
        if session.direct is not None:
            session.direct.roll_back()
        if self.opened_legs is not None:
            self.opened_legs.roll_back(self.streams)

    # The peer's offers.

    def answer(self, session: Session, description: SessionDescription) -> bytes | None:
        """Our answer to the peer's offer, its streams set up; ``None`` when none can be taken: all is as before.

        Streams may be added, disabled and taken up again, and another type may take the place of a disabled one
        (RFC 3264 8). Streams that the offer no longer has are closed.
        """
        self.peer_origin = description.origin
        if not self._origin_id:
            # Our first answer continues the offer's own numbering, as observed.
            origin = description.origin
            assert origin is not None
            self._origin_id = str(origin.session_id)
            self._version = origin.version % 2**62 + 1
        if self.opened_legs is not None:
            self.opened_legs.begin()
        counts: dict[SdpHandler, int] = {}
        found = [self._answer_section(session, description, index, counts) for index in range(len(description.media))]
        if not any(found):
            session.core.log.warning(
                "an offer of %s is refused: %s",
                session.endpoint.id, why_refused(session.profile, description),
            )  # fmt: skip
            return None
        address = own = session.media_address
        if session.direct is not None:
            address = session.direct.connect([one for one in found if one is not None], own)
        before = self.followed if len(self.streams) > 1 else []
        sections: list[str] = []
        for index, (media, taken) in enumerate(zip(description.media, found, strict=True)):
            if taken is None:
                self._put(session, index, None, reject(media))
                sections.append(str(self._closed_section[index]))
            else:
                self._put(session, index, taken[0], None)
                sections.append(str(taken[1]))
        if len(self.streams) > len(found):
            session.core.log.info("an offer of %s leaves out streams it had; they are closed", session.endpoint.id)
            while len(self.streams) > len(found):
                self._put(session, len(self.streams) - 1, None, None)
                del self.streams[-1], self._closed_section[-1]
        self.agreed = len(found)
        if session.direct is not None:
            session.direct.agreed(by_us=True)
        self.types_changed = before != (self.followed if len(found) > 1 else [])
        self._agreed(session)
        return self._write(session, sections, address, own)

    def _answer_section(
        self, session: Session, description: SessionDescription, index: int, counts: dict[SdpHandler, int]
    ) -> tuple[MediaStream, MediaDescription] | None:
        """Ask the handler that has the stream, then the others of its type, if they take one more."""
        media = description.media[index]
        if not media.port and sections.disabled(media):
            return None
        stream = self.streams[index] if index < len(self.streams) else None
        kind = media.media.lower()
        handlers: Sequence[SdpHandler] = session.registry.handlers.get(kind, ())
        owner = None if stream is None or stream.type != kind else stream.handler
        if owner is not None:
            handlers = (owner, *(one for one in handlers if one is not owner))
        for handler in handlers:
            count = counts.get(handler, 0)
            if handler.limit and count >= getattr(session.endpoint, handler.limit):
                continue
            taken: tuple[MediaStream, MediaDescription] | None
            taken = ask(session, handler, "answer", None, description, media, stream if handler is owner else None)
            if taken is not None:
                counts[handler] = count + 1
                return taken
        return None

    def _put(self, session: Session, index: int, stream: MediaStream | None, closed: MediaDescription | None) -> None:
        """Have ``stream``, or none, stand at ``index``; what stood there is closed."""
        if index == len(self.streams):
            self.streams.append(stream)
            self._closed_section.append(closed)
            tell_changed(session)
            return
        before = self.streams[index]
        self.streams[index], self._closed_section[index] = stream, closed
        if before is not stream:
            tell_changed(session)
            if before is not None:
                close(session, before)

    def _agreed(self, session: Session) -> None:
        """Transports are told of their streams; whether the peer holds the call is what the first audio says."""
        if self.opened_legs is not None:
            self.opened_legs.describe(self.streams)
        for stream in self.streams:
            if stream is not None and stream.type == AUDIO:
                if stream.peer_holds != session.remote_hold:
                    session.set_remote_hold(stream.peer_holds)
                return

    def describe_alone(self, session: Session, place: int, section: MediaDescription) -> bytes:
        """Our offer with one section in the place of a stream, and all other streams disabled; nothing changes yet."""
        sections = [
            closed if stream is None else disabled(stream)
            for stream, closed in zip(self.streams, self._closed_section, strict=True)
        ]
        sections[place] = section
        address = session.media_address
        if session.direct is not None:
            address = session.direct.connect([(None, one) for one in sections if one is not None], address)
        return self._write(session, [str(one) for one in sections], address, address)

    def keep_alone(self, session: Session, place: int, stream: MediaStream) -> None:
        """The peer has agreed to that: the stream is the only one."""
        for index, before in enumerate(self.streams):
            if before is not None and index != place:
                self._put(session, index, None, disabled(before))
        self._put(session, place, stream, None)
        self.agreed = len(self.streams)
        if session.direct is not None:
            session.direct.agreed()

    def close(self, session: Session) -> None:
        """Free every stream. They can be seen still, for what was counted."""
        if self._closed:
            return
        self._closed = True
        if self.switch is not None:
            self.switch.roll_back(session)
        for stream in self.streams:
            if stream is not None:
                close(session, stream)
        if self.opened_legs is not None:
            self.opened_legs.close()

    def _write(self, session: Session, sections: list[str], address: str, origin: str) -> bytes:
        """The description with ``address`` in its ``c=`` and ``origin`` in its ``o=``."""
        if not self._origin_id:
            number = int.from_bytes(session.core.random(4), "big") >> 1
            self._origin_id = str(number)
            self._version = number
        elif sections != self._sections or address != self._address:
            self._version += 1
        self._sections, self._address = sections, address
        endpoint = session.endpoint
        lines = "" if self.opened_legs is None else self.opened_legs.finish(self.streams, browser=endpoint.webrtc)
        self.body = write_session(
            endpoint.sdp_owner or "-",
            self._origin_id,
            self._version,
            origin,
            address,
            endpoint.sdp_session or "-",
            sections,
            endpoint.max_video_bitrate if endpoint.max_video_bitrate and _has_video(sections) else 0,
            lines,
        )
        return self.body


def _stated(sections: Sequence[str]) -> list[str]:
    """The sections without who begins the handshake of an association, which says nothing new once it is there."""
    return [re.sub(r"a=(?:connection|setup):.*\r\n", "", one) for one in sections]


def _has_video(sections: Sequence[str]) -> bool:
    """Whether there is video that is not refused."""
    return any(section.startswith("m=video") and not section.startswith("m=video 0 ") for section in sections)
