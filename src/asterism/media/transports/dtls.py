"""DTLS-SRTP: the handshake that gives a media transport its keys (RFC 5763, RFC 5764, RFC 6347).

An agent begins with :meth:`DtlsAgent.start`, when the peer's description is known, in one of two roles::

    active:   one attempt with the peer, begun anew until it leads to keys
    passive:  attempts by whoever sends a ClientHello; the first whose certificate is the signalled one wins

    attempt --handshake done--> certificate right? --yes--> its association is the current one, keys are told
                                                   --no---> the attempt is forgotten

Nothing that comes before a handshake has proved the peer's certificate can end or disturb the association whose keys
are in use, nor keep the right peer from beginning one. A new association (another fingerprint, another role,
``a=connection:new``, ``dtls_rekey``) leaves the old keys in use until it has its own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

from asterism.media.transports.association import (
    HANDSHAKE,
    Answers,
    Association,
    Keys,
    Progress,
    client_random,
    continues_hello,
    only_protected,
    sound,
)
from asterism.media.transports.certificates import OwnCertificate, matches, usable_fingerprints
from asterism.media.transports.dtls_server import DtlsServer, DtlsSettings
from asterism.media.transports.handshake import Handshake
from asterism.media.transports.parameters import Address, SrtpKey

if TYPE_CHECKING:
    from asterism.media.transports.transport import MediaTransport

_PATIENCE = 30.0
"""Seconds for a handshake to lead to keys."""
_RETRY = 1.0
"""Seconds until an attempt that failed as the client is begun anew."""
_ATTEMPTS = 4
"""Handshakes at a time with peers that have proved nothing yet."""
_HELLOS = 4
"""First flights that wait for the peer's description, or for their cookie."""
_LARGEST = 4096
"""Octets of a datagram; no handshake needs larger ones."""


def dtls_agents(server: DtlsServer, settings: DtlsSettings) -> Callable[[MediaTransport, int], DtlsAgent]:
    """What makes the agents of one media transport, for each component (1: RTP, 2: RTCP); they have one certificate.

    Raises:
        OSError: a file of the settings cannot be read.
        ValueError: a file or an option is of no use.
    """
    certificate = server.certificate(settings)

    def make(transport: MediaTransport, component: int) -> DtlsAgent:
        return DtlsAgent(
            server,
            settings,
            lambda data, address: transport.send_dtls(data, address, component),
            lambda sent, received: transport.use_keys(sent, received, component),
            lambda reason: transport.fail(reason, component),
            certificate,
        )

    return make


class DtlsAgent:
    """One end of the DTLS of one port: of RTP, or of RTP and RTCP if they share it; RTCP's own port has its own agent.

    Args:
        server: what the agents of a server share.
        settings: how this one is to behave.
        send: puts a datagram on its way to an address; may raise OSError.
        keyed: gets the keys of what we send and of what we receive: once per association. The keys before may still
            protect packets that are under way.
        failed: gets the reason when there will be no keys, or no more: the peer's certificate is not the signalled
            one, or nothing led to keys for half a minute.
        certificate: of ours; that of the agent of the same description's other ports.

    Raises:
        OSError: a file of the settings cannot be read.
        ValueError: a file or an option is of no use.
    """

    def __init__(
        self,
        server: DtlsServer,
        settings: DtlsSettings,
        send: Callable[[bytes, Address], None],
        keyed: Callable[[SrtpKey, SrtpKey], None],
        failed: Callable[[str], None],
        certificate: OwnCertificate | None = None,
    ) -> None:
        self._server = server
        self._settings = settings
        self._send = send
        self._keyed = keyed
        self._failed = failed
        self.certificate = certificate or server.certificate(settings)
        self._context = server.context(settings, self.certificate)
        if settings.verifies_certificate:
            server.authorities(settings)
        self._role = ""
        self._fingerprints: frozenset[tuple[str, str]] = frozenset()
        self._by_ice = False
        self._path: Address | None = None
        self._address: Address | None = None
        self._current: Handshake | None = None
        self._attempts: OrderedDict[Address, Handshake] = OrderedDict()
        self._listener: Association | None = None
        self._listening = False
        self._hellos: deque[tuple[bytes, Address]] = deque(maxlen=_HELLOS)
        self._deadline: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._rekey: asyncio.TimerHandle | None = None
        self._seeking = False
        self._trouble = ""
        self._closed = False

    @property
    def secure(self) -> bool:
        """Whether there are keys."""
        return self._current is not None

    @property
    def agreeing(self) -> bool:
        """Whether the peer may have keys already that we are about to have, as the client (RFC 5763 6.7.1)."""
        return self._role == "active" and bool(self._attempts)

    @property
    def address(self) -> Address | None:
        """Where the peer is whose handshake led to the keys."""
        return None if self._current is None else self._current.address

    def fingerprint(self) -> tuple[str, str]:
        """Hash function, in lower case, and value of ``a=fingerprint`` of our descriptions."""
        return self._settings.fingerprint, self.certificate.fingerprint(self._settings.fingerprint)

    def start(
        self,
        role: str,
        fingerprints: Sequence[tuple[str, str]],
        *,
        address: Address | None = None,
        by_ice: bool = False,
        new: bool = False,
    ) -> None:
        """Have keys agreed on with the peer of a description; again with the same changes nothing.

        A new association is begun where our role has changed, or the set of fingerprints (RFC 8842 3.1).

        Args:
            role: ``active`` or ``passive``: ours.
            fingerprints: of the peer's certificate, each with its hash.
            address: where the peer's description says that it is; ``None``, or all zeros as on hold: it does not. An
                association that there is stays where it is, then. For a new one the client waits, and the server takes
                whoever brings a cookie and the certificate.
            by_ice: ICE tells where the peer is, by :meth:`path_ready`.
            new: a new association is asked for (``a=connection:new`` where there is one already).

        Raises:
            ValueError: the settings want the fingerprint verified, and there is none of a known hash function; or
                the address has a name for a host.
        """
        if self._settings.verifies_fingerprint and not usable_fingerprints(fingerprints):
            raise ValueError("there is no fingerprint of a known hash function")
        if address is not None:
            host = ip_address(address[0])
            # As the system writes it, however the description did.
            address = None if host.is_unspecified else (str(host), address[1])
        if self._closed:
            return
        self._by_ice = by_ice
        if not by_ice:
            self._path = None
        wanted = frozenset((name.lower(), value.upper()) for name, value in fingerprints)
        if (role, wanted) != (self._role, self._fingerprints) or new:
            self._settle()
            self._role, self._fingerprints = role, wanted
            self._forget_attempts()
            self._trouble = ""
            self._seeking = True
            self._address = None
        address = self._path if by_ice else address
        if address is not None:
            self._move(address)
        elif not by_ice:
            self._begin()

    def stop(self) -> None:
        """Go on without DTLS: there are no keys any more, nor any sought, until :meth:`start`.

        The peer is told if it has proved who it is.
        """
        self._role, self._fingerprints, self._address = "", frozenset(), None
        self._forget_attempts()
        self._hellos.clear()
        self._settle()
        if self._rekey is not None:
            self._rekey.cancel()
            self._rekey = None
        current, self._current = self._current, None
        if current is not None:
            current.end()

    def path_ready(self, address: Address) -> None:
        """ICE has selected the pair whose remote end is ``address``, at first or instead of another."""
        self._path = address
        if self._by_ice and not self._closed:
            self._move(address)

    def receive(self, datagram: bytes, address: Address) -> None:
        """Take a datagram whose first octet is that of DTLS, from anybody; raises nothing."""
        datagram = b"" if self._closed or len(datagram) > _LARGEST else sound(datagram)
        if not datagram:
            return
        random = client_random(datagram)
        if random:
            if self._waits:
                self._hellos.append((datagram, address))
            elif self._role == "passive" and not (self._by_ice and address != self._address):
                self._hello(datagram, random, address)
            return
        if self._waits and continues_hello(datagram):
            self._hellos.append((datagram, address))
            return
        attempt, current, named = self._attempts.get(address), self._current, True
        if attempt is None and self._role == "active" and self._address is not None and not self._by_ice:
            attempt, named = self._attempts.get(self._address), False
        if attempt is not None and (named or attempt.hears_elsewhere):
            attempt.feed(datagram, named=named)
        if current is not None and current.address == address:
            current.feed(only_protected(datagram))
            if attempt is None and datagram[0] == HANDSHAKE:
                current.answer_repetition()

    def close(self) -> None:
        """End it; the peer is told if it has proved who it is."""
        if self._closed:
            return
        self._closed = True
        self.stop()

    # -- attempts

    @property
    def _waits(self) -> bool:
        """Whether it is not known yet whose first flights count."""
        return not self._role or (self._by_ice and self._address is None)

    def _move(self, address: Address) -> None:
        """The peer is at ``address``: associations with where it was before go on with it there."""
        old, self._address = self._address, address
        if address == old:
            return
        current = self._current
        if current is not None and (current.address == old or self._by_ice):
            current.move(address)
        if self._seeking and self._deadline is None:
            self._deadline = self._server.loop.call_later(_PATIENCE, self._too_late)
        attempt = None if old is None else self._attempts.pop(old, None)
        if attempt is not None:
            attempt.move(address)
            self._admit(attempt)
        else:
            self._begin()

    def _begin(self) -> None:
        """Begin a handshake, or take those that others have begun, where one is wanted."""
        if not self._seeking:
            return
        if self._role == "active":
            self._hellos.clear()
            self._connect()
        else:
            early, self._hellos = self._hellos, deque(maxlen=_HELLOS)
            for datagram, source in early:
                self.receive(datagram, source)

    def _connect(self) -> None:
        """Begin a handshake as the client."""
        self._end_retry()
        if self._address is not None and self._address not in self._attempts:
            attempt = self._attempt(self._address, active=True)
            if attempt is not None:
                self._admit(attempt)
                attempt.step()

    def _attempt(self, address: Address, random: bytes = b"", *, active: bool = False) -> Handshake | None:
        association = self._association(active=active)
        return None if association is None else self._handshake(association, address, random)

    def _handshake(self, association: Association, address: Address, random: bytes) -> Handshake:
        return Handshake(self._server, association, address, self._send, self._judge, self._lost, random)

    def _association(self, *, active: bool) -> Association | None:
        try:
            return self._server.association(self._settings, self._context, self.certificate, active=active)
        except (OSError, ValueError) as error:
            # A file that was there when the session began is not any more.
            self._trouble = str(error)
            return None

    def _hello(self, datagram: bytes, random: bytes, address: Address) -> None:
        """Somebody's first flight, to us as the server."""
        attempt, current = self._attempts.get(address), self._current
        if attempt is not None and attempt.random == random:
            attempt.feed(datagram)
            return
        if current is not None and current.address == address and current.random == random:
            return
        expected = current is None or self._seeking or self._by_ice
        if attempt is None and expected and address == self._address:
            # Whom the description names begins at once. Everybody else, and who comes a second time, first has to
            # bring back a cookie: nobody can do so, and so stand in another's place, by forging a source address.
            attempt = self._attempt(address, random)
            if attempt is not None:
                self._admit(attempt)
                attempt.feed(datagram)
            return
        self._hellos.append((datagram, address))
        self._listen()

    def _admit(self, attempt: Handshake) -> None:
        """Keep an attempt; the oldest of those that the description does not name makes room."""
        old = self._attempts.pop(attempt.address, None)
        if old is not None:
            old.close()
        if len(self._attempts) >= _ATTEMPTS:
            oldest = next(address for address in self._attempts if address != self._address)
            self._attempts.pop(oldest).close()
        self._attempts[attempt.address] = attempt

    def _listen(self) -> None:
        """Have first flights answered by cookies."""
        if self._listening or not self._hellos:
            return
        listener = self._listener = self._listener or self._association(active=False)
        if listener is None:
            return
        self._listening = True
        # Who sends a ClientHello in pieces gets no cookie: keeping the pieces would be what a cookie is to spare us.
        hellos = tuple(hello for hello in self._hellos if not continues_hello(hello[0]))
        self._hellos.clear()
        randoms = {address: client_random(datagram) for datagram, address in hellos}
        self._server.run(
            lambda: listener.listen(hellos),
            lambda answers: self._listened(listener, randoms, answers),
            Answers((), progress=Progress(error="internal error")),
        )

    def _listened(self, listener: Association, randoms: dict[Address, bytes], answers: Answers) -> None:
        self._listening = False
        if answers.accepted is not None or answers.progress.error:
            self._listener = None
        if self._closed or self._role != "passive":
            return
        for cookie, address in answers.cookies:
            with suppress(OSError):
                self._send(cookie, address)
        if answers.accepted is not None:
            attempt = self._handshake(listener, answers.accepted, randoms[answers.accepted])
            self._admit(attempt)
            attempt.stepped(answers.progress)
            # What has come meanwhile from there is the same once more, where the step took longer than the client
            # waits: with the same cookie, it would begin another handshake in place of this one.
            early, self._hellos = self._hellos, deque(maxlen=_HELLOS)
            for datagram, address in early:
                self.receive(datagram, address)
        self._listen()

    def _forget_attempts(self) -> None:
        for attempt in self._attempts.values():
            attempt.close()
        self._attempts.clear()
        self._end_retry()

    def _end_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    # -- how attempts end

    def _lost(self, attempt: Handshake, reason: str) -> None:
        """An attempt has failed: nobody has proved anything, so it may be anybody's doing, and the peer may follow."""
        if self._attempts.get(attempt.address) is attempt:
            del self._attempts[attempt.address]
        self._trouble = reason
        if self._role == "active" and self._seeking:
            self._end_retry()
            self._retry = self._server.loop.call_later(_RETRY, self._connect)

    def _judge(self, attempt: Handshake, keys: Keys) -> None:
        """A handshake is done: use its keys if the certificate is the right one."""
        self._attempts.pop(attempt.address, None)
        signalled = attempt.address == self._address
        wrong = self._wrong(keys, signalled)
        if wrong:
            attempt.end()
            self._trouble = wrong
            self._server.log.warning("DTLS peer at %s:%d: %s", *attempt.address, wrong)
            if signalled and self._seeking:
                self._fail(wrong)
            return
        self._forget_attempts()
        old, self._current = self._current, attempt
        if old is not None:
            # No close_notify: the peer may take it for the end of all, and media goes on.
            old.close()
        self._settle()
        if self._settings.rekey and self._role == "active":
            self._rekey_later()
        self._keyed(keys.sent, keys.received)

    def _wrong(self, keys: Keys, signalled: bool) -> str:
        settings = self._settings
        # An address that nobody named has nothing but the fingerprint to speak for it, even where none is verified.
        if settings.verifies_fingerprint or (not signalled and self._fingerprints):
            if not keys.certificate:
                return "no certificate"
            if not matches(keys.certificate, tuple(self._fingerprints)):
                return "wrong fingerprint"
        if settings.verifies_certificate and keys.untrusted:
            return f"untrusted certificate: {keys.untrusted}"
        return ""

    def _fail(self, reason: str) -> None:
        self.stop()
        self._failed(reason)

    def _settle(self) -> None:
        """Keys are not sought, or not any more."""
        self._seeking = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._fail(self._trouble or "no DTLS handshake")

    # -- dtls_rekey

    def _rekey_later(self) -> None:
        if self._rekey is not None:
            self._rekey.cancel()
        self._rekey = self._server.loop.call_later(self._settings.rekey, self._begin_rekey)

    def _begin_rekey(self) -> None:
        """Begin a new association on the path of the old one (RFC 6347 4.2.8).

        DTLS-SRTP has no renegotiation: browsers refuse it, and so do we. A peer that does not know how to begin anew
        just does not answer; the keys remain, and the next interval tries again.
        """
        self._rekey_later()
        if self._role == "active" and not self._seeking and not self._attempts:
            self._connect()
            self._retry = self._server.loop.call_later(_PATIENCE, self._forget_attempts)
