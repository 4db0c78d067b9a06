"""DTLS-SRTP: handshakes between two ends, new associations, and how they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from dtls_kit import CALLED, CALLER, Network, keyed, pair, run, start

from asterism.media.transports.association import records
from asterism.media.transports.dtls_server import DtlsSettings

WRONG = [("sha-256", "AA:" * 31 + "AA")]


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
        assert active.agent.address == CALLED
        assert passive.agent.address == CALLER
        assert not active.failures
        assert not passive.failures

    run(test())


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed", "octets"),
    [
        (("AES_CM_128_HMAC_SHA1_32",), ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"), 0, 30),
        (("AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"), ("AEAD_AES_128_GCM",), 0, 28),
        (("AEAD_AES_256_GCM",), ("AEAD_AES_256_GCM",), 0, 44),
        (("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"), ("AES_CM_128_HMAC_SHA1_80",), 1, 30),
    ],
)
def test_a_common_suite_is_agreed_on(ours: tuple[str, ...], theirs: tuple[str, ...], agreed: int, octets: int) -> None:
    async def test() -> None:
        network = Network()
        active = network.end(CALLER, suites=ours)
        passive = network.end(CALLED, suites=theirs)
        start(active, passive)
        await keyed(active, passive)
        ((sent, received),) = active.keys
        assert passive.keys == [(received, sent)]
        assert sent.suite == received.suite == ours[agreed]
        assert len(sent.key) == octets

    run(test())


def in_two(hello: bytes) -> tuple[bytes, bytes]:
    """A ClientHello as browsers send it, whose keys are too large for one datagram: two fragments of the message."""
    record, message, body = hello[:11], hello[13:22], hello[25:]
    first, second = body[:60], body[60:]

    def fragment(number: int, offset: int, part: bytes) -> bytes:
        header = message[:6] + offset.to_bytes(3, "big") + len(part).to_bytes(3, "big")
        numbered = record[:5] + number.to_bytes(6, "big")
        return numbered + (len(header) + len(part)).to_bytes(2, "big") + header + part

    return fragment(0, 0, first), fragment(1, len(first), second)


def renumbered(datagram: bytes) -> bytes:
    """What comes after that: each record in the clear has the next number."""
    found = b""
    for _, epoch, record in records(datagram):
        number = int.from_bytes(record[5:11], "big") + 1
        found += record if epoch else record[:5] + number.to_bytes(6, "big") + record[11:]
    return found


@pytest.mark.parametrize("early", [False, True], ids=["expected", "before the description"])
@pytest.mark.parametrize("ice", [False, True], ids=["named address", "ice"])
def test_a_client_hello_in_two_datagrams(early: bool, ice: bool) -> None:
    """The second is not taken for the hello of somebody else; neither is lost while we do not know yet from whom."""

    async def test() -> None:
        network = Network()
        active, passive = network.end(CALLER), network.end(CALLED)
        carry, hellos = network.carry, list[bytes]()

        def split(datagram: bytes, source: tuple[str, int], destination: tuple[str, int]) -> None:
            if source == CALLER and not hellos:
                hellos.append(datagram)
                for part in in_two(datagram):
                    carry(part, source, destination)
            else:
                carry(renumbered(datagram) if source == CALLER else datagram, source, destination)

        network.carry = split

        def answer() -> None:
            if ice:
                passive.agent.start("passive", active.fingerprints, by_ice=True)
                passive.agent.path_ready(CALLER)
            else:
                passive.agent.start("passive", active.fingerprints, address=CALLER)

        if not early:
            answer()
        active.agent.start("active", passive.fingerprints, address=CALLED)
        if early:
            await asyncio.sleep(0.05)
            answer()
        begun = asyncio.get_running_loop().time()
        await keyed(active, passive)
        assert len(active.keys) == len(passive.keys) == 1
        # At once: nothing had to be sent again.
        assert asyncio.get_running_loop().time() - begun < 0.1

    run(test())


def test_no_common_suite_gives_no_keys() -> None:
    async def test() -> None:
        network = Network()
        active = network.end(CALLER, suites=("AEAD_AES_128_GCM",))
        passive = network.end(CALLED, suites=("AES_CM_128_HMAC_SHA1_80",))
        start(active, passive)
        await keyed(active, passive)
        assert not active.keys
        assert not passive.keys
        assert active.failures == ["the peer agreed on no SRTP profile"]

    run(test())


def test_a_wrong_fingerprint_ends_it_on_either_side() -> None:
    async def test(wrong_to_active: bool) -> None:
        _, active, passive = pair()
        passive.agent.start("passive", active.fingerprints if wrong_to_active else WRONG, address=CALLER)
        active.agent.start("active", WRONG if wrong_to_active else passive.fingerprints, address=CALLED)
        end = active if wrong_to_active else passive
        await keyed(end)
        assert end.failures == ["wrong fingerprint"]
        assert not end.keys
        assert not end.agent.secure

    for wrong_to_active in (False, True):
        run(test(wrong_to_active))


def test_without_verification_a_wrong_fingerprint_does_not_matter() -> None:
    async def test() -> None:
        _, active, passive = pair(verify="no")
        passive.agent.start("passive", WRONG, address=CALLER)
        active.agent.start("active", [], address=CALLED)
        await keyed(active, passive)
        assert active.keys
        assert passive.keys

    run(test())


@pytest.mark.parametrize("fingerprints", [[], [("md5", "AA:" * 15 + "AA")], [("sha-3", "00")]])
def test_a_fingerprint_of_a_known_hash_is_wanted(fingerprints: list[tuple[str, str]]) -> None:
    async def test() -> None:
        _, active, _ = pair()
        with pytest.raises(ValueError, match="no fingerprint"):
            active.agent.start("active", fingerprints, address=CALLED)

    run(test())


@pytest.mark.parametrize("name", ["SHA-1", "sha-1", "sha-256", "sha-384", "SHA-512"])
def test_fingerprints_of_every_hash_are_verified(name: str) -> None:
    async def test() -> None:
        _, active, passive = pair()
        value = passive.agent.certificate.fingerprint(name.lower())
        active.agent.start("active", [("md5", "00"), (name, value.lower())], address=CALLED)
        passive.agent.start("passive", active.fingerprints, address=CALLER)
        await keyed(active, passive)
        assert active.keys

    run(test())


def test_the_fingerprint_made_has_the_hash_of_the_settings() -> None:
    async def test() -> None:
        _, active, passive = pair(fingerprint="sha-1")
        assert active.agent.fingerprint()[0] == "sha-1"
        assert len(active.agent.fingerprint()[1]) == 20 * 3 - 1
        start(active, passive)
        await keyed(active, passive)
        assert passive.keys

    run(test())


def test_early_first_flights_wait_for_the_description() -> None:
    async def test() -> None:
        network, active, passive = pair()
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await asyncio.sleep(0.01)
        assert len(network.carried) == 1
        passive.agent.start("passive", active.fingerprints, address=CALLER)
        await asyncio.sleep(0.01)
        assert active.keys
        assert passive.keys

    run(test())


def test_nothing_is_sent_until_ice_has_a_path() -> None:
    async def test() -> None:
        network, active, passive = pair()
        active.agent.start("active", passive.fingerprints, by_ice=True)
        passive.agent.start("passive", active.fingerprints, by_ice=True)
        await asyncio.sleep(10)
        assert not network.carried
        active.agent.path_ready(CALLED)
        await asyncio.sleep(25)  # longer than the rest of the first half minute: ICE took its own time
        assert not active.failures
        passive.agent.path_ready(CALLER)
        await asyncio.sleep(0.01)
        assert active.keys
        assert passive.keys

    run(test())


def test_with_ice_others_than_the_selected_peer_are_not_heard() -> None:
    async def test() -> None:
        network, active, passive = pair()
        passive.agent.start("passive", active.fingerprints, by_ice=True)
        passive.agent.path_ready(("192.0.2.77", 4000))
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await asyncio.sleep(5)
        assert {source for source, _, _ in network.carried} == {CALLER}
        passive.agent.path_ready(CALLER)
        await asyncio.sleep(5)

    run(test())


def test_a_handshake_goes_on_along_another_path() -> None:
    async def test() -> None:
        network, active, passive = pair()
        network.fate = lambda datagram: () if len(network.carried) == 2 else (0.0,)
        passive.agent.start("passive", active.fingerprints, by_ice=True)
        passive.agent.path_ready(CALLER)
        active.agent.start("active", passive.fingerprints, by_ice=True)
        active.agent.path_ready(CALLED)
        await asyncio.sleep(0.01)
        moved = ("192.0.2.9", 6000)
        network.ends[moved] = passive
        del network.ends[CALLED]
        passive.address = moved
        active.agent.path_ready(moved)
        await asyncio.sleep(1)
        assert active.keys
        assert passive.keys
        assert active.agent.address == moved

    run(test())


def test_the_same_again_changes_nothing() -> None:
    async def test() -> None:
        network, active, passive = pair()
        start(active, passive)
        await keyed(active, passive)
        await asyncio.sleep(1)
        carried = len(network.carried)
        start(active, passive)
        await asyncio.sleep(1)
        assert len(network.carried) == carried
        assert len(active.keys) == 1

    run(test())


def test_the_peer_may_move_with_its_association() -> None:
    async def test() -> None:
        _, active, passive = pair()
        start(active, passive)
        await keyed(active, passive)
        moved = ("192.0.2.9", 6000)
        active.agent.start("active", passive.fingerprints, address=moved)
        await asyncio.sleep(40)
        assert active.agent.address == moved
        assert not active.failures
        assert len(active.keys) == 1

    run(test())


def _another_fingerprint(active: Any, passive: Any) -> tuple[Any, Any]:
    other = passive._network.end(CALLED, DtlsSettings(auto_generate=True))
    active.agent.start("active", other.fingerprints, address=CALLED)
    other.agent.start("passive", active.fingerprints, address=CALLER)
    return active, other


def _asked_for(active: Any, passive: Any) -> tuple[Any, Any]:
    passive.agent.start("passive", active.fingerprints, address=CALLER, new=True)
    active.agent.start("active", passive.fingerprints, address=CALLED, new=True)
    return active, passive


def _other_roles(active: Any, passive: Any) -> tuple[Any, Any]:
    start(passive, active)
    return active, passive


@pytest.mark.parametrize("renew", [_another_fingerprint, _asked_for, _other_roles])
def test_a_new_association_leaves_the_old_keys_until_it_has_its_own(renew: Any) -> None:
    async def test() -> None:
        network, active, passive = pair()
        start(active, passive)
        await keyed(active, passive)
        network.fate = lambda datagram: ()
        active, passive = renew(active, passive)
        await asyncio.sleep(2)
        assert active.agent.secure
        assert len(active.keys) == 1
        network.fate = lambda datagram: (0.0,)
        await asyncio.sleep(2)
        assert len(active.keys) == 2
        assert active.keys[0] != active.keys[1]
        assert passive.keys[-1] == tuple(reversed(active.keys[1]))

    run(test())


def test_the_client_begins_anew_when_its_interval_is_over() -> None:
    async def test() -> None:
        network, active, passive = pair(rekey=60)
        start(active, passive)
        await keyed(active, passive)
        await asyncio.sleep(61)
        assert len(active.keys) == len(passive.keys) == 2
        assert active.keys[1] != active.keys[0]
        assert passive.keys[1] == tuple(reversed(active.keys[1]))
        network.fate = lambda datagram: ()
        await asyncio.sleep(95)
        assert len(active.keys) == 2
        network.fate = lambda datagram: (0.0,)
        await asyncio.sleep(60)
        assert len(active.keys) == 3
        assert not active.failures
        assert not passive.failures

    run(test())


def test_half_a_minute_without_keys_is_a_failure() -> None:
    async def test() -> None:
        network, active, passive = pair()
        network.fate = lambda datagram: ()
        start(active, passive)
        await asyncio.sleep(29.9)
        assert not active.failures
        await asyncio.sleep(0.2)
        assert active.failures == passive.failures == ["no DTLS handshake"]
        assert not active.agent.secure
        network.fate = lambda datagram: (0.0,)
        start(active, passive)
        await asyncio.sleep(0.01)
        assert active.keys
        assert passive.keys

    run(test())


def test_who_closes_tells_the_peer_whose_keys_remain() -> None:
    async def test() -> None:
        network, active, passive = pair()
        start(active, passive)
        await keyed(active, passive)
        carried = len(network.carried)
        active.agent.close()
        await asyncio.sleep(40)
        assert network.carried[carried][2][0] == 21
        assert passive.agent.secure
        assert not passive.failures
        passive.agent.close()
        active.agent.receive(b"\x16" * 40, CALLED)
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await asyncio.sleep(1)
        assert len(active.keys) == 1

    run(test())


def test_closed_amid_a_handshake() -> None:
    async def test() -> None:
        network, active, passive = pair()
        network.fate = lambda datagram: (0.1,)
        start(active, passive)
        await asyncio.sleep(0.25)
        active.agent.close()
        passive.agent.close()
        carried = len(network.carried)
        await asyncio.sleep(60)
        assert len(network.carried) == carried
        assert not active.keys
        assert not active.failures

    run(test())


def test_what_cannot_be_sent_is_lost() -> None:
    async def test() -> None:
        _, active, passive = pair()
        active.reachable = False
        start(active, passive)
        await asyncio.sleep(0.1)
        active.reachable = True
        await asyncio.sleep(0.3)
        assert active.keys

    run(test())


def test_settings_are_safe_by_default() -> None:
    assert DtlsSettings().verifies_fingerprint
    assert DtlsSettings(verify="yes").verifies_certificate
    assert not DtlsSettings(verify="certificate").verifies_fingerprint
