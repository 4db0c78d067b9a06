"""One DTLS association, or an attempt at one: OpenSSL's side of it, on memory instead of a socket (RFC 6347, RFC 5764).

All here may run in a thread: an association is worked on by one at a time, and touches nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from OpenSSL import SSL, crypto

from asterism.media.transports.certificates import OwnCertificate
from asterism.media.transports.parameters import Address, SrtpKey

DTLS_1_2 = 0xFEFD
_HEADER = 13
_MESSAGE_HEADER = 12
_CHANGE_CIPHER_SPEC, HANDSHAKE = 20, 22
_MESSAGES = frozenset((1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 22))
"""Kinds of messages that a handshake of DTLS 1.2 has in the clear (RFC 5246 7.4, RFC 6347 4.2.2, RFC 6066 8)."""
_CLIENT_HELLO = 1
_OFFSET = slice(_HEADER + 6, _HEADER + 9)
_RANDOM = slice(_HEADER + 14, _HEADER + 46)
_LARGEST = 1 << 16
_EXPORTER = b"EXTRACTOR-dtls_srtp"

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": (b"SRTP_AES128_CM_SHA1_80", 16, 14),
    "AES_CM_128_HMAC_SHA1_32": (b"SRTP_AES128_CM_SHA1_32", 16, 14),
    "AEAD_AES_128_GCM": (b"SRTP_AEAD_AES_128_GCM", 16, 12),
    "AEAD_AES_256_GCM": (b"SRTP_AEAD_AES_256_GCM", 32, 12),
}
"""Suites that DTLS can agree on (RFC 5764 4.1.2, RFC 7714 14.2): OpenSSL's name, octets of key and of salt."""
_AGREED = {name: (suite, key, salt) for suite, (name, key, salt) in PROFILES.items()}


def records(datagram: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The whole records in a datagram: content type, epoch, and all of it with its header (RFC 6347 4.1)."""
    position = 0
    while len(datagram) - position >= _HEADER:
        end = position + _HEADER + int.from_bytes(datagram[position + 11 : position + 13], "big")
        if end > len(datagram) or datagram[position + 1] != 0xFE:
            return
        yield datagram[position], int.from_bytes(datagram[position + 3 : position + 5], "big"), datagram[position:end]
        position = end


def client_random(datagram: bytes) -> bytes:
    """The random number of the ClientHello that a datagram begins with; empty if it begins with something else.

    Browsers offer keys so large that their ClientHello comes in two datagrams; the number is in the first.
    """
    if len(datagram) < _RANDOM.stop or not _of_client_hello(datagram) or any(datagram[_OFFSET]):
        return b""
    return datagram[_RANDOM]


def continues_hello(datagram: bytes) -> bool:
    """Whether a datagram begins with a further fragment of a ClientHello (RFC 6347 4.2.3)."""
    return len(datagram) >= _OFFSET.stop and _of_client_hello(datagram) and any(datagram[_OFFSET])


def _of_client_hello(datagram: bytes) -> bool:
    return datagram[0] == HANDSHAKE and datagram[3:5] == b"\0\0" and datagram[_HEADER] == _CLIENT_HELLO


def sound(datagram: bytes) -> bytes:
    """A datagram's records but those in the clear that are malformed, or alerts: anybody can forge them.

    OpenSSL ends a handshake for most of what is wrong; RFC 6347 4.1.2.7 has it silently discarded.
    """
    return b"".join(record for kind, epoch, record in records(datagram) if epoch or _may_be_in_the_clear(kind, record))


def _may_be_in_the_clear(kind: int, record: bytes) -> bool:
    content = record[_HEADER:]
    if kind == _CHANGE_CIPHER_SPEC:
        return content == b"\x01"
    if kind != HANDSHAKE or not content or record[2] not in (0xFD, 0xFF):
        return False
    while content:
        length, offset, part = (int.from_bytes(content[at : at + 3], "big") for at in (1, 6, 9))
        end = _MESSAGE_HEADER + part
        if end > len(content) or content[0] not in _MESSAGES:
            return False
        if length > _LARGEST or offset + part > length or part == 0 < length:
            return False
        content = content[end:]
    return True


def only_protected(datagram: bytes) -> bytes:
    """A datagram's records that keys protect."""
    return b"".join(record for _, epoch, record in records(datagram) if epoch)


class Keys(NamedTuple):
    """What a handshake has led to."""

    sent: SrtpKey
    received: SrtpKey
    certificate: bytes
    """The peer's (DER); empty if it has none."""
    untrusted: str
    """Why no authority that we trust vouches for its certificate; empty if one does, or if that was not asked for."""


class Progress(NamedTuple):
    """What a step of an association has brought."""

    out: tuple[bytes, ...] = ()
    """Datagrams to send."""
    keys: Keys | None = None
    """Set by the step that ends the handshake."""
    error: str = ""
    """Why it is over and never leads to keys."""
    timeout: float | None = None
    """Seconds after which :meth:`Association.step` is to be called although nothing came."""


class Answers(NamedTuple):
    """What listening to first flights has brought."""

    cookies: tuple[tuple[bytes, Address], ...]
    """Datagrams to send, with where to."""
    accepted: Address | None = None
    """Whose first flight has begun a handshake: it brought its cookie."""
    progress: Progress = Progress()
    """Of that handshake; or the error that makes the listener useless."""


class Association:
    """A connection of OpenSSL in one role, fed with datagrams.

    Args:
        context: made for the same settings.
        own: our certificate; ``None`` if the context has it.
        active: whether we are the client, who speaks first.
        mtu: octets of the largest datagram.
        trusted: the authorities that must vouch for the peer's certificate; ``None``: that is not asked for.
    """

    def __init__(
        self,
        context: SSL.Context,
        own: OwnCertificate | None,
        active: bool,
        mtu: int,
        trusted: crypto.X509Store | None = None,
    ) -> None:
        self._mtu = mtu
        self._active = active
        self._trusted = trusted
        self._done = self._over = False
        self._own = own
        connection = self._connection = SSL.Connection(context)
        connection.set_ciphertext_mtu(mtu)
        if active:
            connection.set_connect_state()
        else:
            connection.set_accept_state()

    def listen(self, hellos: Sequence[tuple[bytes, Address]]) -> Answers:
        """Answer first flights by a cookie, without any memory of it, until one brings its cookie back.

        RFC 6347 4.2.1: only who can receive at its address can begin a handshake then. The association is that
        handshake's from there on.
        """
        self._equip()
        cookies: list[tuple[bytes, Address]] = []
        connection = self._connection
        for hello, address in hellos:
            connection.set_app_data(repr(address).encode())
            connection.bio_write(hello)
            try:
                connection.DTLSv1_listen()
            except SSL.WantReadError:
                cookies += ((datagram, address) for datagram in self._written())
                continue
            except SSL.Error as error:
                return Answers(tuple(cookies), progress=Progress(error=_reason(error)))
            return Answers(tuple(cookies), address, self.step(()))
        return Answers(tuple(cookies))

    def step(self, datagrams: Sequence[bytes]) -> Progress:
        """Take what the peer sent, and have what was lost sent again if it is time to."""
        if self._over:
            # OpenSSL would keep for ever what it does not read any more.
            return Progress()
        self._equip()
        connection = self._connection
        keys = None
        error = ""
        try:
            for datagram in datagrams or (b"",):
                if datagram:
                    connection.bio_write(datagram)
                elif (due := connection.DTLSv1_get_timeout()) is not None and due <= 0:
                    connection.DTLSv1_handle_timeout()
                if not self._done:
                    try:
                        connection.do_handshake()
                    except SSL.WantReadError:
                        continue
                    keys = self._agreed()
                    self._done = True
                self._discard()
        except ValueError as reason:
            error, self._over = str(reason), True
        except (SSL.ZeroReturnError, SSL.SysCallError):
            error, self._over = "" if self._done else "closed by the peer", True
        except SSL.Error as reason:
            # After the handshake nothing matters any more but repeating our last flight, which was done by then.
            error, self._over = "" if self._done else _reason(reason), True
        return Progress(tuple(self._written()), keys, error, connection.DTLSv1_get_timeout())

    def goodbye(self) -> tuple[bytes, ...]:
        """The datagrams that tell the peer that the association ends (close_notify)."""
        if not self._done:
            return ()
        try:
            self._connection.shutdown()
        except SSL.Error:
            return ()
        return tuple(self._written())

    def _equip(self) -> None:
        """Give OpenSSL our certificate, before the first step: it takes a while, and steps are done in threads."""
        own, self._own = self._own, None
        if own is not None:
            self._connection.use_certificate(own.certificate)
            self._connection.use_privatekey(own.key)

    def _discard(self) -> None:
        """Let OpenSSL answer a repeated last flight; application data has no meaning here, and none of it is kept."""
        while True:  # no longer than for what one datagram holds
            try:
                self._connection.recv(_LARGEST)
            except SSL.WantReadError:
                return

    def _agreed(self) -> Keys:
        """Keys and the peer's certificate (RFC 5764 4.2)."""
        connection = self._connection
        agreed = _AGREED.get(connection.get_selected_srtp_profile())
        if agreed is None:
            raise ValueError("the peer agreed on no SRTP profile")
        suite, key, salt = agreed
        material = connection.export_keying_material(_EXPORTER, 2 * (key + salt))
        client = SrtpKey(suite, material[:key] + material[2 * key : 2 * key + salt])
        server = SrtpKey(suite, material[key : 2 * key] + material[2 * key + salt :])
        certificate = connection.get_peer_certificate()
        encoded = b"" if certificate is None else crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
        untrusted = "" if self._trusted is None else self._untrusted(self._trusted, certificate)
        if self._active:
            return Keys(client, server, encoded, untrusted)
        return Keys(server, client, encoded, untrusted)

    def _untrusted(self, trusted: crypto.X509Store, certificate: crypto.X509 | None) -> str:
        if certificate is None:
            return "it has no certificate"
        try:
            chain = self._connection.get_peer_cert_chain() or []
            crypto.X509StoreContext(trusted, certificate, chain).verify_certificate()
        except crypto.X509StoreContextError as error:
            return str(error)
        return ""

    def _written(self) -> Iterator[bytes]:
        """What OpenSSL wrote, in datagrams: whole records, as many as go into one."""
        written = bytearray()
        try:
            while True:
                written += self._connection.bio_read(_LARGEST)
        except SSL.WantReadError:
            pass
        datagram = b""
        for _, _, record in records(bytes(written)):
            if datagram and len(datagram) + len(record) > self._mtu:
                yield datagram
                datagram = b""
            datagram += record
        if datagram:
            yield datagram


def cookie_of(secret: bytes, address: bytes) -> bytes:
    """The cookie of one address (RFC 6347 4.2.1)."""
    return hmac.digest(secret, address, hashlib.sha256)[:20]


def _reason(error: SSL.Error) -> str:
    """OpenSSL's words for an error."""
    first = error.args[0] if error.args else ()
    return ", ".join(str(entry[-1]) for entry in first) if isinstance(first, list) and first else "handshake failed"
