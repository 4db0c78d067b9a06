"""What runs because of a key."""

from __future__ import annotations

import asyncio

from fake_technology import audio_of
from features_kit import Phones, answers, run

from asterism.pbx.calls.features.table import KEY, away, inherit, options_of


def test_one_thing_runs_on_a_channel_and_ends_with_the_module() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        features, alice = phones.pbx.features, phones.alice
        assert features.start(alice, asyncio.sleep(60), "a test")
        assert not features.start(alice, asyncio.sleep(60), "a test")
        await asyncio.sleep(0.1)
        features.close()
        await asyncio.sleep(0.1)
        assert not features.running
        assert phones.talk(alice, phones.bob)

    run(scenario)


def test_the_end_of_the_module_ends_a_consultation() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["carol"] = answers
        await phones.consult(phones.alice)
        phones.pbx.features.close()
        await asyncio.sleep(2)
        assert phones.names() == []

    run(scenario)


def test_away_hears_nobody_and_keeps_its_digits() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        alice, bob = phones.alice, phones.bob
        streams = [audio_of(one) for one in (alice, bob)]
        assert [one.relayed_to for one in streams] == streams[::-1]
        with away(alice):
            assert [one.relayed_to or one.sink for one in streams] == [None, None]
            bob.queue_digit("5")
            alice.queue_digit("7")
            assert await alice.read_digit(0.1) == "7"
            assert phones.digits(alice) == ""
        assert [one.relayed_to for one in streams] == streams[::-1]

    run(scenario)


def test_options_are_handed_down_where_they_are_to_be() -> None:
    async def scenario(phones: Phones) -> None:
        alice, bob = (phones.server.sip.incoming(name, "7510") for name in ("alice", "bob"))
        own = options_of(alice).having("blindxfer", "##")
        alice.data[KEY] = own
        inherit(bob, alice)
        assert options_of(bob).blindxfer == "#1"
        alice.data[KEY] = own.inherited(True)
        inherit(bob, alice)
        assert options_of(bob).blindxfer == "##"

    run(scenario)
