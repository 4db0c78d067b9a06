"""Certificates of DTLS-SRTP: made, read, judged."""

from __future__ import annotations

import asyncio
import datetime
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from dtls_kit import CALLED, CALLER, Inline, Network, keyed, run, start

from asterism.core.log import ServerLogger
from asterism.media.transports.certificates import (
    OwnCertificate,
    load_certificate,
    make_certificate,
    matches,
    usable_fingerprints,
)
from asterism.media.transports.dtls_server import DtlsServer, DtlsSettings


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


def server() -> DtlsServer:
    return DtlsServer(ServerLogger("dtls"), Inline())


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


def test_a_changed_file_counts_for_later_sessions(tmp_path: Path) -> None:
    file = tmp_path / "both.pem"
    first, second = issued("first"), issued("second")
    settings = DtlsSettings(cert_file=str(file))
    shared = server()
    file.write_bytes(pem(first, key=True) + pem(first))
    assert shared.certificate(settings).certificate == first.certificate
    assert shared.certificate(settings) is shared.certificate(settings)
    file.write_bytes(pem(second, key=True) + pem(second))
    os.utime(file, ns=(1, 1))
    assert shared.certificate(settings).certificate == second.certificate


def test_a_certificate_is_made_once_or_for_every_session() -> None:
    shared = server()
    assert shared.certificate(DtlsSettings()) is shared.certificate(DtlsSettings())
    made = DtlsSettings(auto_generate=True)
    assert shared.certificate(made) is not shared.certificate(made)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (DtlsSettings(cipher="NO-SUCH"), "ciphers 'NO-SUCH'"),
        (DtlsSettings(suites=("F8_128_HMAC_SHA1_80",)), "F8_128_HMAC_SHA1_80"),
        (DtlsSettings(verify="certificate"), "dtls_ca_file"),
        (DtlsSettings(verify="yes", ca_path="/nowhere"), "nowhere"),
    ],
)
def test_settings_of_no_use_are_told(settings: DtlsSettings, reason: str) -> None:
    with pytest.raises((OSError, ValueError), match=reason):
        server().check(settings)


@pytest.mark.parametrize("verify", ["certificate", "yes"])
def test_an_authority_vouches_for_the_peer(verify: str, tmp_path: Path) -> None:
    async def test() -> None:
        authority, stranger = issued("authority"), issued("stranger")
        ca = tmp_path / "ca.pem"
        ca.write_bytes(pem(authority))
        outcomes = {}
        for name, issuer, days in (("good", authority, 30), ("unknown", stranger, 30), ("expired", authority, -1)):
            own = issued(name, issuer, days=days)
            file = tmp_path / f"{name}.pem"
            file.write_bytes(pem(own) + pem(own, key=True))
            for role in ("active", "passive"):
                network = Network()
                peer = network.end(CALLER, DtlsSettings(cert_file=str(file)))
                judge = network.end(CALLED, verify=verify, ca_file=str(ca))
                start(*((judge, peer) if role == "active" else (peer, judge)))
                await keyed(judge)
                outcomes[name, role] = judge.failures
        for role in ("active", "passive"):
            assert outcomes["good", role] == []
            assert "issuer" in outcomes["unknown", role][0]
            assert "expired" in outcomes["expired", role][0]

    run(test())


def test_authorities_between_are_sent_along(tmp_path: Path) -> None:
    async def test() -> None:
        root = issued("root")
        key = ec.generate_private_key(ec.SECP256R1())
        between = OwnCertificate(
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "between")]))
            .issuer_name(root.certificate.subject)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(root.certificate.not_valid_before_utc)
            .not_valid_after(root.certificate.not_valid_after_utc)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(root.key, hashes.SHA256()),
            key,
        )
        leaf = issued("leaf", between, rsa_bits=4096)
        ca, file, private = tmp_path / "ca.pem", tmp_path / "chain.pem", tmp_path / "key.pem"
        ca.write_bytes(pem(root))
        file.write_bytes(pem(leaf) + pem(between))
        private.write_bytes(pem(leaf, key=True))
        for active in (True, False):
            network = Network()
            peer = network.end(CALLER, DtlsSettings(cert_file=str(file), private_key=str(private), mtu=500))
            judge = network.end(CALLED, verify="yes", ca_file=str(ca), mtu=500)
            start(*((judge, peer) if active else (peer, judge)))
            await keyed(judge, peer)
            assert judge.keys
            assert max(len(datagram) for _, _, datagram in network.carried) <= 500

    run(test())


def test_an_expired_certificate_with_the_right_fingerprint_is_good(tmp_path: Path) -> None:
    """RFC 8827 6.5: certificates are only holders of keys."""

    async def test() -> None:
        own = issued("old", days=-10)
        file = tmp_path / "old.pem"
        file.write_bytes(pem(own) + pem(own, key=True))
        network = Network()
        peer = network.end(CALLER, DtlsSettings(cert_file=str(file)))
        judge = network.end(CALLED)
        start(peer, judge)
        await keyed(peer, judge)
        assert judge.keys

    run(test())


def test_the_authorities_file_may_go_away_amid_a_session(tmp_path: Path) -> None:
    async def test() -> None:
        ca = tmp_path / "ca.pem"
        ca.write_bytes(pem(issued("authority")))
        network = Network()
        active = network.end(CALLER, verify="certificate", ca_file=str(ca))
        passive = network.end(CALLED)
        ca.unlink()
        start(active, passive)
        await asyncio.sleep(31)
        assert "ca.pem" in active.failures[0]

    run(test())


def test_the_ciphers_of_the_settings_are_used() -> None:
    async def test() -> None:
        for ours, theirs, common in (
            ("ECDHE-ECDSA-AES256-GCM-SHA384", "", True),
            ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", False),
        ):
            network = Network()
            active, passive = network.end(CALLER, cipher=ours), network.end(CALLED, cipher=theirs)
            start(active, passive)
            await keyed(active, passive)
            assert bool(active.keys) is common

    run(test())
