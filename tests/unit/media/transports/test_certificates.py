"""Certificates of DTLS-SRTP: made, read, judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from certificate_kit import issued, pem
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448

from asterism.media.transports.certificates import (
    load_certificate,
    make_certificate,
    matches,
    usable_fingerprints,
)


def test_no_text_of_a_certificate_shows_its_key() -> None:
    own = make_certificate()
    numbers = own.key.private_numbers()
    assert isinstance(numbers, ec.EllipticCurvePrivateNumbers)
    for text in (repr(own), str(own), f"{own}"):
        assert str(numbers.private_value) not in text
        assert "key" not in text.lower()


def test_certificates_say_nothing_of_the_server_and_differ() -> None:
    first, second = make_certificate(), make_certificate()
    assert first.certificate.subject != second.certificate.subject
    assert first.fingerprint("sha-256") != second.fingerprint("sha-256")
    assert isinstance(first.key.public_key(), ec.EllipticCurvePublicKey)


def test_the_strongest_known_hash_counts() -> None:
    """RFC 8122 5: a weaker hash in agreement does not make up for a stronger one that is not."""
    own = make_certificate()
    der = own.certificate.public_bytes(serialization.Encoding.DER)
    good = {name: own.fingerprint(name) for name in ("sha-1", "sha-256", "sha-512")}
    bad = "00:" * 31 + "00"
    assert matches(der, [("sha-1", good["sha-1"])])
    assert matches(der, [("sha-1", "00"), ("sha-256", good["sha-256"])])
    assert not matches(der, [("sha-1", good["sha-1"]), ("sha-256", bad)])
    assert matches(der, [("sha-256", bad), ("sha-256", good["sha-256"].lower())])
    assert not matches(der, [("md5", "00")])
    assert not matches(der, [])
    assert usable_fingerprints([("SHA-1", "A"), ("SHA-512", "B"), ("SHA-512", "C")]) == (
        ("SHA-512", "B"), ("SHA-512", "C"),
    )  # fmt: skip


def test_one_file_may_hold_certificate_and_key(tmp_path: Path) -> None:
    own = issued("here")
    both = tmp_path / "both.pem"
    both.write_bytes(pem(own, key=True) + pem(own))
    assert load_certificate(str(both)).certificate == own.certificate
    assert load_certificate(str(both), str(both)).key.public_key() == own.key.public_key()


def test_what_is_wrong_with_files_is_told_without_what_is_in_them(tmp_path: Path) -> None:
    own, other = issued("here"), issued("there")
    locked = own.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    odd = ed448.Ed448PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(pem(own))
    for content, reason in (
        (pem(other, key=True), "does not belong"), (locked, "without a password"), (b"garbage", "no private key"),
        (odd, "of a kind"),
    ):  # fmt: skip
        key.write_bytes(content)
        with pytest.raises(ValueError, match=reason) as raised:
            load_certificate(str(certificate), str(key))
        assert content.decode().strip() not in str(raised.value)
    with pytest.raises(ValueError, match="no certificate"):
        load_certificate(str(key))
    with pytest.raises(OSError, match="missing"):
        load_certificate(str(tmp_path / "missing.pem"))
