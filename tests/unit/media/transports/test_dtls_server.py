"""What the DTLS agents of a server share: certificates, authorities, contexts."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from certificate_kit import issued, pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from dtls_kit import CALLED, CALLER, Inline, Network, keyed, run, start
from OpenSSL import SSL

from asterism.core.log import ServerLogger
from asterism.media.transports.certificates import (
    OwnCertificate,
)
from asterism.media.transports.dtls_server import DtlsServer, DtlsSettings


def server() -> DtlsServer:
    return DtlsServer(ServerLogger("dtls"), Inline())


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


def test_a_certificate_that_was_made_is_made_anew_before_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    shared, made = server(), [issued("first", days=9), issued("second", days=11)]
    monkeypatch.setattr("asterism.media.transports.dtls_server.make_certificate", lambda: made.pop(0))
    assert [shared.certificate(DtlsSettings()).certificate.subject.rfc4514_string() for _ in range(3)] == [
        "CN=first",
        "CN=second",
        "CN=second",
    ]


def test_the_loop_is_kept_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a handshake that takes time is done in threads: arithmetic, and giving OpenSSL a certificate."""
    done: list[tuple[str, bool]] = []

    def note(name: str) -> None:
        inner = getattr(SSL.Connection, name)

        def noted(self: SSL.Connection, *args: Any) -> Any:
            done.append((name, threading.current_thread() is threading.main_thread()))
            return inner(self, *args)

        monkeypatch.setattr(SSL.Connection, name, noted)

    names = ("do_handshake", "DTLSv1_listen", "use_certificate", "use_privatekey", "export_keying_material")
    for name in names:
        note(name)

    async def test() -> None:
        network = Network()
        network.server = DtlsServer(ServerLogger("dtls"))
        active, passive = network.end(CALLER), network.end(CALLED)
        passive.agent.start("passive", active.fingerprints, address=("10.0.0.1", 1))
        active.agent.start("active", passive.fingerprints, address=CALLED)
        for end in (active, passive):
            await asyncio.wait_for(end.settled.wait(), 20)
        active.agent.close()
        passive.agent.close()
        network.server.close()
        assert active.keys

    asyncio.run(test())
    assert {name for name, _ in done} == set(names)
    assert not any(on_loop for _, on_loop in done)


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
