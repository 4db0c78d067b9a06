"""Certificates for tests, and files of them."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from asterism.media.transports.certificates import OwnCertificate


def issued(name: str, issuer: OwnCertificate | None = None, *, rsa_bits: int = 0, days: int = 30) -> OwnCertificate:
    """A certificate by an authority, or one that is one."""
    key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(key if issuer is None else issuer.key, hashes.SHA256())
    )
    return OwnCertificate(certificate, key)


def pem(own: OwnCertificate, *, key: bool = False) -> bytes:
    """Its certificate or its key as a file has it."""
    if key:
        return own.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    return own.certificate.public_bytes(serialization.Encoding.PEM)
