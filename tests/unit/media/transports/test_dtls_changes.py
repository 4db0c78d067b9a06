"""DTLS agents whose session changes under way: without DTLS for a while, held, at another address, with other roles."""

from __future__ import annotations

import asyncio

import pytest
from dtls_kit import CALLED, CALLER, End, keyed, pair, run, start

from asterism.media.transports.association import client_random


@pytest.mark.parametrize("number", [0, 1], ids=["active", "passive"])
def test_a_session_without_dtls_leaves_nothing_behind(number: int) -> None:
    """Neither its next interval nor anything that comes brings keys; and DTLS may begin anew as it was before."""

    async def test() -> None:
        network, *ends = pair(rekey=20)
        start(*ends)
        await keyed(*ends)
        one, other = ends[number], ends[1 - number]
        one.agent.stop()
        assert not one.agent.secure
        await asyncio.sleep(100)
        assert len(one.keys) == 1
        assert not one.failures
        other.agent.stop()
        carried = len(network.carried)
        await asyncio.sleep(100)
        assert len(network.carried) == carried
        start(*ends)
        await asyncio.sleep(5)  # first flights of before may have to fail first
        assert len(one.keys) == len(other.keys) == 2
        assert one.keys[0] != one.keys[1] == tuple(reversed(other.keys[1]))
        assert not one.failures
        assert not other.failures

    run(test())


@pytest.mark.parametrize("number", [0, 1], ids=["active", "passive"])
def test_stopped_amid_a_handshake(number: int) -> None:
    async def test() -> None:
        network, *ends = pair()
        network.fate = lambda datagram: (0.1,)
        start(*ends)
        await asyncio.sleep(0.25)
        ends[number].agent.stop()
        await asyncio.sleep(60)
        assert not ends[number].keys
        assert not ends[number].failures

    run(test())


def test_keys_that_failed_to_be_renewed_are_those_of_nobody() -> None:
    """Who has told of a failure has no association any more."""

    async def test() -> None:
        network, active, passive = pair(rekey=50)
        start(active, passive)
        await keyed(active, passive)
        network.fate = lambda datagram: ()
        active.agent.start("active", passive.fingerprints, address=CALLED, new=True)
        await asyncio.sleep(31)
        assert active.failures == ["no DTLS handshake"]
        assert not active.agent.secure
        carried = len(network.carried)
        await asyncio.sleep(100)
        assert len(network.carried) == carried

    run(test())


@pytest.mark.parametrize("number", [0, 1], ids=["active", "passive"])
def test_a_description_without_an_address_leaves_the_association_where_it_is(number: int) -> None:
    async def test() -> None:
        _, *ends = pair(rekey=60)
        start(*ends)
        await keyed(*ends)
        roles, addresses = ("active", "passive"), (CALLED, CALLER)
        one, other = ends[number], ends[1 - number]
        for address in (None, addresses[number]):
            one.agent.start(roles[number], other.fingerprints, address=address)
            assert one.agent.address == addresses[number]
            await asyncio.sleep(61)
        assert len(one.keys) == len(other.keys) == 3
        assert not one.failures

    run(test())


def test_without_an_address_whoever_has_the_certificate_may_begin() -> None:
    async def test() -> None:
        network, active, passive = pair()
        passive.agent.start("passive", active.fingerprints, address=None)
        await asyncio.sleep(100)  # nobody knows when an address will be told
        assert not passive.failures
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await keyed(active, passive)
        assert passive.agent.address == CALLER
        hellos = [datagram for source, _, datagram in network.carried if source == CALLER and client_random(datagram)]
        assert len(hellos) == 2, "no cookie was asked for"

    run(test())


def test_the_client_waits_for_an_address() -> None:
    async def test() -> None:
        network, active, passive = pair()
        active.agent.start("active", passive.fingerprints, address=None)
        await asyncio.sleep(100)
        assert not network.carried
        assert not active.failures
        start(active, passive)
        await keyed(active, passive)
        assert active.keys

    run(test())


def test_half_a_minute_is_over_once() -> None:
    """The address is told, withheld, and told again; no time that began with the first strikes later."""

    async def test() -> None:
        network, active, passive = pair()
        network.fate = lambda datagram: ()
        for address in (CALLED, None, CALLED):
            active.agent.start("active", passive.fingerprints, address=address)
            await asyncio.sleep(1)
        network.fate = lambda datagram: (0.0,)
        passive.agent.start("passive", active.fingerprints, address=CALLER)
        await keyed(active, passive)
        await asyncio.sleep(60)
        assert active.agent.secure
        assert not active.failures

    run(test())


@pytest.mark.parametrize("times", [1, 3])
def test_the_order_of_fingerprints_is_no_change(times: int) -> None:
    async def test() -> None:
        network, active, passive = pair()
        theirs = [(name, passive.agent.certificate.fingerprint(name)) for name in ("sha-256", "sha-512")]
        active.agent.start("active", theirs, address=CALLED)
        passive.agent.start("passive", active.fingerprints, address=CALLER)
        await keyed(active, passive)
        await asyncio.sleep(1)
        carried = len(network.carried)
        for _ in range(times):
            theirs.reverse()
            active.agent.start("active", [(name.upper(), value.lower()) for name, value in theirs], address=CALLED)
        await asyncio.sleep(1)
        assert len(network.carried) == carried

    run(test())


def test_a_fingerprint_more_asks_for_a_new_association() -> None:
    """RFC 8842 3.1: modified, added or removed."""

    async def test() -> None:
        _, active, passive = pair()
        start(active, passive)
        await keyed(active, passive)
        more = [*passive.fingerprints, ("sha-512", passive.agent.certificate.fingerprint("sha-512"))]
        active.agent.start("active", more, address=CALLED)
        await asyncio.sleep(1)
        assert len(active.keys) == len(passive.keys) == 2
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await asyncio.sleep(1)
        assert len(active.keys) == len(passive.keys) == 3

    run(test())


def test_a_step_that_breaks_ends_one_attempt_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What OpenSSL never should do: the peer may begin anew, at once as the server, after a second as the client."""

    async def test(end: str, method: str, nat: bool) -> None:
        _, active, passive = pair()
        broken: list[str] = []
        ends: dict[str, End] = {"active": active, "passive": passive}
        make = ends[end].agent._association

        def break_once(*, active: bool) -> object:
            association = make(active=active)
            if not broken and association is not None:

                def fault(*_: object) -> None:
                    broken.append(method)
                    raise RuntimeError("not expected")

                setattr(association, method, fault)
            return association

        monkeypatch.setattr(ends[end].agent, "_association", break_once)
        passive.agent.start("passive", active.fingerprints, address=("10.0.0.1", 1) if nat else CALLER)
        active.agent.start("active", passive.fingerprints, address=CALLED)
        await keyed(active, passive)
        assert broken == [method]
        assert active.keys
        assert passive.keys

    for end, method, nat in (("active", "step", False), ("passive", "step", False), ("passive", "listen", True)):
        run(test(end, method, nat))
