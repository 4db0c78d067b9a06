"""Certificates of DTLS-SRTP: our own, made or read from files, and the fingerprints that stand for them (RFC 8122)."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey

_STRONGEST_FIRST = {"sha-512": "sha512", "sha-384": "sha384", "sha-256": "sha256", "sha-224": "sha224", "sha-1": "sha1"}
"""Hash functions that are understood, by the names that SDP has for them."""
_VALID_BEFORE = datetime.timedelta(days=1)
_VALID_AFTER = datetime.timedelta(days=30)


class OwnCertificate(NamedTuple):
    """A certificate of ours with its private key, which no text of this object shows."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()
    """Certificates of the authorities between ours and the root, as the file has them."""

    def fingerprint(self, algorithm: str) -> str:
        """The value of ``a=fingerprint`` for a hash function named as in SDP: capitals with colons."""
        return fingerprint(self.certificate.public_bytes(serialization.Encoding.DER), algorithm)

    def __repr__(self) -> str:
        return f"<certificate {self.fingerprint('sha-256')}>"


def make_certificate() -> OwnCertificate:
    """Make a self-signed certificate for a new ECDSA P-256 key, valid from yesterday for a month.

    Its name says nothing of this server: a peer knows it by its fingerprint only (RFC 8827 6.5).
    """
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{serial:x}"[:16])])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - _VALID_BEFORE)
        .not_valid_after(now + _VALID_AFTER)
    )
    return OwnCertificate(builder.sign(key, hashes.SHA256()), key)


def expires(own: OwnCertificate) -> datetime.timedelta:
    """For how long a certificate will be valid; negative: it is not any more."""
    return own.certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)


def load_certificate(cert_file: str, private_key: str = "") -> OwnCertificate:
    """Read a certificate and its key from PEM files; one file may hold both, and the chain's certificates too.

    Raises:
        OSError: a file cannot be read.
        ValueError: there is no certificate or no usable key in it, or they do not belong together.
    """
    text = Path(cert_file).read_bytes()
    try:
        first, *chain = x509.load_pem_x509_certificates(text)
    except ValueError as error:
        raise ValueError(f"there is no certificate in {cert_file}") from error
    key_file = private_key or cert_file
    try:
        key = serialization.load_pem_private_key(Path(key_file).read_bytes() if private_key else text, None)
    except (TypeError, ValueError) as error:
        # The error's own text is not told on: nothing of a key's file belongs into a log.
        raise ValueError(f"there is no private key without a password in {key_file}") from error
    if not isinstance(key, PrivateKey):
        raise ValueError(f"the key in {key_file} is of a kind that DTLS does not use")
    if key.public_key() != first.public_key():
        raise ValueError(f"the key in {key_file} does not belong to the certificate in {cert_file}")
    return OwnCertificate(first, key, tuple(chain))


def fingerprint(certificate: bytes, algorithm: str) -> str:
    """The fingerprint of a certificate (DER): capitals with colons.

    Raises:
        KeyError: the hash function is none that is understood.
    """
    return hashlib.new(_STRONGEST_FIRST[algorithm], certificate).digest().hex(":").upper()


def usable_fingerprints(fingerprints: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Those by which a certificate is judged: all with the strongest hash function that is understood (RFC 8122 5)."""
    for algorithm in _STRONGEST_FIRST:
        chosen = tuple(pair for pair in fingerprints if pair[0].lower() == algorithm)
        if chosen:
            return chosen
    return ()


def matches(certificate: bytes, fingerprints: Sequence[tuple[str, str]]) -> bool:
    """Whether a certificate (DER) is one that the fingerprints stand for; never without a usable one."""
    usable = usable_fingerprints(fingerprints)
    if not usable:
        return False
    own = fingerprint(certificate, usable[0][0].lower())
    return any(value.upper() == own for _, value in usable)
