"""DTLS-SRTP: handshakes between two ends, and those that must not come about."""

from __future__ import annotations

from dtls_kit import keyed, pair, run, start

from asterism.media.transports.dtls_server import DtlsSettings


def test_both_ends_get_the_same_keys() -> None:
    async def test() -> None:
        _, active, passive = pair()
        start(active, passive)
        await keyed(active, passive)
        ((sent, received),) = active.keys
        assert passive.keys == [(received, sent)]
        assert sent.suite == "AES_CM_128_HMAC_SHA1_80"
        assert len(sent.key) == len(received.key) == 30
        assert sent != received
        assert not active.failures
        assert not passive.failures

    run(test())


def test_a_wrong_fingerprint_fails() -> None:
    async def test() -> None:
        _, active, passive = pair()
        passive.agent.start("passive", [("sha-256", "AA:" * 31 + "AA")], address=active.address)
        active.agent.start("active", passive.fingerprints, address=passive.address)
        await keyed(passive)
        assert passive.failures == ["wrong fingerprint"]
        assert not passive.keys

    run(test())


def test_settings_are_safe_by_default() -> None:
    assert DtlsSettings().verifies_fingerprint
