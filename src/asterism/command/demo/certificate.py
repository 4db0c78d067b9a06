"""The demo's own certificate, with which browsers reach it by https."""

from __future__ import annotations

import datetime
import ipaddress
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.config.writer import replace_file

if TYPE_CHECKING:
    from cryptography import x509

_DAYS = 820
"""Phones of Apple take no server certificate that is good for more than 825 days."""

_LEFT_DAYS = 30
"""With fewer left, a start of the demo makes another."""
_SUBJECT = "Asterism demo"


def keep_certificate(path: Path, hosts: Iterable[str], now: datetime.datetime | None = None) -> bool:
    """Make the certificate with its key at ``path`` where there is none, and another before it ends.

    One that somebody else made stays as it is. The file is its owner's alone, and there at once or not at all.

    Args:
        path: where it is.
        hosts: see :func:`make_certificate`.
        now: the time; that of the clock unless given.

    Returns:
        Whether one was made.

    Raises:
        OSError: it can be neither read nor written.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    if path.exists() and not _ends_soon(path.read_bytes(), now):
        return False
    replace_file(path, make_certificate(hosts, now), 0o600)
    return True


def _ends_soon(pem: bytes, now: datetime.datetime) -> bool:
    """Whether it is a demo's own, and to be replaced."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        return not pem.strip()  # of others, or of a start that was broken off
    own = certificate.subject == certificate.issuer == x509.Name(_name())
    return own and certificate.not_valid_after_utc - now < datetime.timedelta(days=_LEFT_DAYS)


def _name() -> list[x509.NameAttribute[str]]:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return [x509.NameAttribute(NameOID.COMMON_NAME, _SUBJECT)]


def make_certificate(hosts: Iterable[str], now: datetime.datetime) -> bytes:
    """A self-signed certificate for this machine and its key, both in one PEM text.

    Args:
        hosts: further names and addresses by which it is reached, beside localhost and the machine's name.
        now: when it is made.
    """
    # Imported here: a demo needs it once.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(_name())
    names = [_general_name(host) for host in dict.fromkeys(("localhost", _own_name(), "127.0.0.1", "::1", *hosts))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock that is a little behind is no reason to refuse it.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


def _general_name(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _own_name() -> str:
    """The machine's name; ``localhost`` where it has none that could be in a certificate."""
    name = socket.gethostname()
    return name if name.isascii() and name.replace("-", "").replace(".", "").isalnum() else "localhost"
