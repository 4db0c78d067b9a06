"""A media transport as the descriptions of one session have it: used by one stream, or by those of a BUNDLE group.

What is agreed on lasts until another description changes it. A key of SDES is made anew when the peer's changes; while
that stays, ours does (RFC 4568 7.1.4), so that nothing has to be taken under two keys when a session is just refreshed
or held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from asterism.applications.session.media_transport.crypto import CryptoLine
from asterism.applications.session.media_transport.lines import LocalTransport, session_lines
from asterism.applications.session.media_transport.terms import Options, Protection, TransportTerms
from asterism.media import header_extensions
from asterism.media.sockets import is_address
from asterism.media.transports.agreed import StreamTerms, agree
from asterism.media.transports.parameters import DtlsParameters, RemoteTransport
from asterism.media.transports.protection import State
from asterism.media.transports.srtp import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from asterism.applications.session.media_transport.sections import SectionTransport
    from asterism.applications.session.sdp_handler import MediaStream
    from asterism.applications.session.sdp_handlers.stream import RtpStream
    from asterism.media.transports.parameters import IceParameters
    from asterism.media.transports.transport import MediaTransport


class TransportLeg:
    """One transport.

    Attributes:
        transport: how packets go.
        host: its address, where that is of another family than the session's other media; empty otherwise.
        role: what we do in its DTLS association; empty: there is none yet.
        users: how many streams it has.
        early: it may have sought its keys before the call was answered, when the peer need not have been there yet.
        failed: it has found none before the answer.
    """

    __slots__ = (
        "_agreed", "_association", "_described", "_existing", "_fingerprints", "_left", "_named", "_own", "_peer",
        "_random", "_sent", "early", "failed", "host", "options", "role", "transport", "users",
    )  # fmt: skip

    def __init__(
        self, options: Options, transport: MediaTransport, random: Callable[[int], bytes], host: str = ""
    ) -> None:
        self.options = options
        self.host = host
        self.transport = transport
        self._random = random
        self.role = ""
        self.users = 0
        self.early = self.failed = False
        self._own: tuple[CryptoLine, ...] = ()
        """The keys in our last description."""
        self._sent: CryptoLine | None = None
        """The one of them that we send with."""
        self._left: set[bytes] = set()
        """Those of them that we have sent with and do so no longer: another offer has others in their place."""
        self._peer: CryptoLine | None = None
        self._agreed: tuple[RemoteTransport, str, bool] | None = None
        """What the transport was told last."""
        self._fingerprints: tuple[tuple[str, str], ...] = ()
        self._association = ""
        """What the peer calls the DTLS association (``a=tls-id``)."""
        self._named = ""
        """What we call it, as long as the peer's offers call it anything (RFC 8842 5.3)."""
        self._existing = self._described = False

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites of the keys that we offer."""
        return tuple(line.suite for line in self._own)

    @property
    def lite(self) -> bool:
        """Whether our end makes no checks of ICE."""
        ice = self.transport.ice
        return ice is not None and ice.local.lite

    # What our descriptions say.

    def local(self, terms: TransportTerms) -> LocalTransport:
        """Our end, for a section with these terms."""
        transport = self.transport
        dtls = transport.dtls if terms.protection is Protection.DTLS else None
        ice: IceParameters | None = transport.ice.local if terms.ice and transport.ice is not None else None
        fingerprint = ("", "") if dtls is None else dtls.fingerprint()
        return LocalTransport(self._own, fingerprint, self._existing, "" if dtls is None else self._named, ice)

    def prepare_offer(self, terms: TransportTerms) -> None:
        """Have what an offer of ours with these terms needs; one without a path asks for another one (RFC 8445 9)."""
        ice = self.transport.ice
        if ice is not None and ice.lost:
            ice.restart()
        self._existing = bool(self.role)
        if terms.protection is not Protection.SDES:
            return
        if not self._own:
            self._own = tuple(self._fresh(tag, suite) for tag, suite in enumerate(self.options.offered_suites, 1))
        elif self._left:
            self._own = tuple(
                self._fresh(line.tag, line.suite) if line.key in self._left else line for line in self._own
            )
            self._left.clear()

    def _fresh(self, tag: int, suite: str) -> CryptoLine:
        return CryptoLine(tag, suite, new_key(suite, self._random).key)

    def roll_back(self) -> None:
        """Our offer came to nothing."""
        if self.transport.ice is not None:
            self.transport.ice.roll_back()

    # What the peer's say.

    def take_offer(self, section: SectionTransport, terms: TransportTerms, host: str, port: int) -> None:
        """Have what was offered hold, as the answer with these terms says.

        Raises:
            ValueError: it cannot be used.
        """
        line, own = terms.crypto, self._sent
        if line is None:
            own = None
        elif own is None or own.suite != line.suite or self._peer is None or self._peer.key != line.key:
            own = self._fresh(line.tag, line.suite)
        else:
            own = own._replace(tag=line.tag)
        self._apply(section, terms, host, port, own, answered=False)
        if own is not None:
            self._own = (own,)
        if not section.association:
            self._named = ""
        elif not (self._named and self._existing):
            self._named = self._random(16).hex()

    def take_answer(self, section: SectionTransport, terms: TransportTerms, host: str, port: int) -> None:
        """Have what was answered to our offer hold.

        Raises:
            ValueError: it cannot be used.
        """
        line = terms.crypto
        own = None if line is None else next(one for one in self._own if one.suite == line.suite)
        self._apply(section, terms, host, port, own, answered=True)

    def _apply(
        self, section: SectionTransport, terms: TransportTerms, host: str, port: int, own: CryptoLine | None,
        *, answered: bool,
    ) -> None:  # fmt: skip
        sent = None if own is None else own.srtp_key
        received = None if terms.crypto is None else terms.crypto.srtp_key
        dtls, new = None, False
        if terms.protection is Protection.DTLS:
            if not terms.role:
                return  # holdconn: nothing is to begin yet
            new = bool(self._association and section.association and section.association != self._association)
            dtls = DtlsParameters(section.fingerprints, section.setup, new)
        remote = RemoteTransport(
            (host, port) if is_address(host) else ("0.0.0.0", 0),
            None if terms.mux else section.rtcp_address(host),
            terms.mux, sent, received, dtls, section.ice if terms.ice else None,
        )  # fmt: skip
        self.transport.apply(remote, role=terms.role, controlling=answered)
        # It holds: nothing of this leg has changed before.
        self._agreed, self.failed = (remote, terms.role, answered), False
        if self._sent is not None and (own is None or own.key != self._sent.key):
            self._left.add(self._sent.key)
        self._sent = own
        if own is not None:
            self._left.discard(own.key)  # a branch of the call that was heard before is heard again
        before, self.role = self.role, terms.role
        same = bool(before) and before == terms.role and self._fingerprints == section.fingerprints
        self._existing = same and not new
        self._peer, self._fingerprints, self._association = terms.crypto, section.fingerprints, section.association

    def seek_again(self) -> None:
        """Seek keys with the peer once more, as was agreed on last."""
        self.early = self.failed = False
        if self._agreed is not None:
            remote, role, answered = self._agreed
            self.transport.apply(remote, role=role, controlling=answered)

    # Its streams.

    def describe(self, streams: Sequence[RtpStream]) -> None:
        """Tell the transport what was agreed on for its streams; one that is alone needs that for extensions only."""
        needed = len(streams) > 1 or any(one.feedback or one.extensions != header_extensions.NONE for one in streams)
        if needed or self._described:
            self._described = True
            agree(self.transport, [_terms_of(one) for one in streams])

    def fits(self, terms: TransportTerms) -> bool:
        """Whether the transport was made for what these terms want of it."""
        transport, dtls = self.transport, terms.protection is Protection.DTLS
        if dtls and not terms.role and transport.state is State.PLAIN:
            return False  # holdconn: what is to be encrypted, but not yet, must not go on in the clear
        return (transport.ice is not None or not terms.ice) and (transport.dtls is not None or not dtls)

    def join(self) -> None:
        """One more stream uses it."""
        self.users += 1

    def leave(self) -> None:
        """One less does; without any it ends."""
        self.users -= 1
        if self.users <= 0:
            self.transport.close()


def _terms_of(stream: RtpStream) -> StreamTerms:
    """What a transport does for a stream."""
    types = stream.announced
    numbers = {number for number, _ in types.formats} | {number for _, number in types.events}
    mid = "" if stream.written is None else stream.written.mid
    return StreamTerms(stream.rtp, mid, stream.extensions, stream.feedback, numbers, stream.sources)


def legs_of(streams: Iterable[MediaStream | None]) -> list[TransportLeg]:
    """The transports of some streams, each once."""
    return list(dict.fromkeys(one.leg for one in streams if one is not None and one.leg is not None))


class Legs:
    """The transports of one session, and those that the description in hand has named so far."""

    __slots__ = ("_count", "_named", "_written", "prepared")

    def __init__(self) -> None:
        self._named: dict[TransportLeg, tuple[str, ...]] = {}
        self._written: set[TransportLeg] = set()
        self._count = 0
        self.prepared: list[TransportLeg] = []
        """Those that were opened before they were needed, to find out what there is to say of them."""

    def begin(self) -> None:
        """Another description is read or written."""
        self._named.clear()
        self._written.clear()

    def carries(self, leg: TransportLeg) -> bool:
        """Whether this is the first section of our description on a leg: the one with its candidates."""
        first = leg not in self._written
        self._written.add(leg)
        return first

    def first(self, leg: TransportLeg) -> bool:
        """Whether no section of the description has spoken for a leg yet: the first that can be had does."""
        return leg not in self._named

    def took(self, leg: TransportLeg, group: tuple[str, ...]) -> None:
        """A leg has taken what a section with this group says of it."""
        self._named.setdefault(leg, group)

    def name(self, kind: str) -> str:
        """The name of the next section that we offer (``a=mid``)."""
        self._count += 1
        return f"{kind}-{self._count - 1}"

    def found(
        self, own: MediaStream | None, streams: Iterable[MediaStream | None], group: tuple[str, ...]
    ) -> TransportLeg | None:
        """The leg that an offered section has already: that of its group, or its own; ``None``: it needs another.

        Args:
            own: the stream that has been in the section's place.
            streams: all of the session.
            group: the names in the section's group.
        """
        if group:
            for leg, named in self._named.items():
                if named == group:
                    return leg
        leg_before = None if own is None else own.leg
        if leg_before is not None and leg_before not in self._named:
            return leg_before
        for one in streams:
            if one is None or one.leg is None or one.leg in self._named or one.written is None:
                continue
            if one.written.group and one.written.mid in group:
                return one.leg
        return None

    def shared(self, streams: Iterable[MediaStream | None]) -> TransportLeg | None:
        """The leg that one more stream of our offer can go over, because its streams are bundled."""
        for one in streams:
            if one is not None and one.leg is not None and one.written is not None and one.written.group:
                return one.leg
        return None

    def describe(self, streams: Iterable[MediaStream | None]) -> None:
        """Tell each transport of its streams, when an offer has been answered."""
        found: dict[TransportLeg, list[RtpStream]] = {}
        for one in streams:
            if one is not None and one.leg is not None:
                found.setdefault(one.leg, []).append(cast("RtpStream", one))
        for leg, users in found.items():
            leg.describe(users)

    def roll_back(self, streams: Iterable[MediaStream | None]) -> None:
        """Tell each transport that our offer came to nothing."""
        for leg in legs_of(streams):
            leg.roll_back()

    def answered(self, streams: Iterable[MediaStream | None]) -> None:
        """The call is answered: keys that were not found before are sought again, as the peer is there now."""
        for leg in legs_of(streams):
            if leg.failed:
                leg.seek_again()
            else:
                leg.early = not leg.transport.secure

    def finish(self, streams: Iterable[MediaStream | None], *, browser: bool) -> str:
        """What our description says of all of its sections; what was prepared and is not in it is closed.

        Args:
            streams: those of the description.
            browser: the peer is a browser.
        """
        self.close()
        groups: dict[TransportLeg, list[str]] = {}
        lite = False
        for one in streams:
            if one is None or one.leg is None:
                continue
            lite = lite or one.leg.lite
            if one.written is not None and one.written.group:
                groups.setdefault(one.leg, []).append(one.written.mid)
        return session_lines(list(groups.values()), browser=browser, lite=lite)

    def close(self) -> None:
        """Close what was prepared and is not needed."""
        for leg in self.prepared:
            leg.transport.close()
        self.prepared.clear()
