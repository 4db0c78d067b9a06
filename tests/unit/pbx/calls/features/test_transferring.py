"""Blind transfers by key, and what the two kinds have in common."""

from __future__ import annotations

import asyncio

import pytest
from features_kit import CONF, Phones, answers, compare, rings, run

from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.dialplan.applications.bridging import BridgingApplications
from asterism.pbx.vocabulary.marks import register_marked

INVALID = ["pbx-transfer", "pbx-invalid", "pbx-invalid", "privacy-incorrect"]


def test_a_blind_transfer_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["carol"] = answers
        await phones.dial(phones.bob, "#1", 0.3)
        assert phones.hears(phones.bob) == ["pbx-transfer"]
        assert music_of(phones.alice) is not None
        await phones.dial(phones.bob, "6003", 2)
        assert phones.talk(phones.alice, phones.phone("carol"))
        assert phones.names() == ["alice", "carol"]
        # When the party that goes leaves the bridge is a race in the recorded server.
        without = ("MusicOnHoldStop", "Newexten", "BridgeLeave")
        compare(phones.server, "blind transfer by the callee: bob #1 then 6003", without=without)

    run(scenario)


def test_a_blind_transfer_by_the_caller() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["carol"] = answers
        await phones.dial(phones.alice, "#1", 0.3)
        await phones.dial(phones.alice, "6003", 2)
        assert phones.talk(phones.bob, phones.phone("carol"))
        assert phones.names() == ["bob", "carol"]

    run(scenario)


def test_a_wrong_number_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.dial(phones.bob, "#1", 0.3)
        await phones.dial(phones.bob, "99", 1)
        assert phones.hears(phones.bob) == INVALID[:1]
        assert music_of(phones.alice) is not None
        await asyncio.sleep(15)
        assert phones.hears(phones.bob) == INVALID
        assert phones.talk(phones.alice, phones.bob)
        compare(phones.server, "blind transfer to a bad extension, followed to the end: bob #1 then 99, no more digits")

    run(scenario)


@pytest.mark.parametrize(
    ("by", "keys", "title"),
    [
        ("bob", "#1 99", "blind transfer to a bad extension: bob #1 then 99"),
        ("bob", "#1", "blind transfer, no digit within 3 s"),
        ("bob", "#1", "blind transfer, no digit at all, followed to the end"),
        ("alice", "*2 99", "attended transfer to a bad extension 99, followed to the end"),
    ],
)
def test_what_is_told_while_a_transferer_tries_again_as_recorded(by: str, keys: str, title: str) -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        who = phones.phone(by)
        for one in keys.split():
            await phones.dial(who, one, 0.3)
        await asyncio.sleep(5)
        assert phones.hears(who) == INVALID[:2]
        compare(phones.server, title)

    run(scenario)


def test_no_number_at_all() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.dial(phones.bob, "#1", 20)
        assert phones.hears(phones.bob) == INVALID
        assert phones.talk(phones.alice, phones.bob)

    run(scenario)


def test_the_number_of_an_attended_transfer_that_does_not_exist() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.consult(phones.alice, "99", 20)
        assert phones.hears(phones.alice) == INVALID
        assert phones.talk(phones.alice, phones.bob)

    run(scenario)


def test_the_second_attempt_may_be_right() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts["carol"] = answers
        await phones.dial(phones.alice, "#1", 0.3)
        await phones.dial(phones.alice, "99", 3.5)
        assert phones.hears(phones.alice) == INVALID[:2]
        await phones.dial(phones.alice, "6003", 2)
        assert phones.talk(phones.bob, phones.phone("carol"))

    run(scenario)


def test_the_digits_of_the_number_are_not_heard_by_the_other_one() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.dial(phones.alice, "12*9", 0.3)
        assert phones.digits(phones.bob) == "12*9"
        await phones.dial(phones.alice, "#1", 0.3)
        await phones.dial(phones.alice, "60", 0.3)
        assert phones.digits(phones.bob) == "12*9"

    run(scenario)


def test_the_options_of_the_prompts_and_the_context() -> None:
    conf = CONF.replace(
        "transferdialattempts = 3",
        "transferdialattempts = 2\ntransferannouncesound = where\ntransferretrysound = again\n"
        "transferinvalidsound = never",
    ).replace("transferdigittimeout = 3", "transferdigittimeout = 1")

    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.pbx.dialplan.add_extension(phones.server.owner, "other", "77", 1, "Dial", "PJSIP/carol,20")
        phones.server.sip.scripts["carol"] = answers
        await phones.dial(phones.alice, "#1", 4)
        assert phones.hears(phones.alice) == ["where", "again", "never"]
        phones.alice.set_variable("TRANSFER_CONTEXT", "other")
        await phones.dial(phones.alice, "#1", 0.3)
        await phones.dial(phones.alice, "77", 2)
        assert phones.talk(phones.bob, phones.phone("carol"))

    run(scenario, conf)


def test_who_waits_can_transfer_nobody_and_one_transfer_of_a_call_goes_at_a_time() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.dial(phones.alice, "*2", 0.3)
        await phones.dial(phones.bob, "*2", 0.3)
        assert phones.hears(phones.bob) == []
        phones.server.sip.scripts["carol"] = rings
        await phones.dial(phones.alice, "6003", 1)
        await phones.dial(phones.bob, "#1", 1)
        assert phones.hears(phones.bob) == []

    run(scenario)


def test_without_the_option_the_digits_are_only_passed_on() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.dial(phones.bob, "#1*2", 3)
        assert phones.digits(phones.alice) == "#1*2"
        assert phones.talk(phones.alice, phones.bob)

    run(scenario, options="T")


def test_the_keys_of_a_bridge() -> None:
    """Options of the application Bridge: capitals are for the channel that runs it."""

    async def scenario(phones: Phones) -> None:
        applications = BridgingApplications()
        applications.pbx = phones.pbx
        register_marked(phones.pbx, applications)
        phones.server.sip.scripts["carol"] = answers
        bob = phones.bob = phones.server.sip.incoming("bob", "7010")
        phones.pbx.start(bob)
        await asyncio.sleep(0.1)
        phones.server.dialplan(("7600", 1, "Bridge", f"{bob.name},T"), ("7600", 2, "Echo", ""))
        alice = phones.alice = phones.server.sip.incoming("alice", "7600")
        phones.pbx.start(alice)
        await phones.dial(bob, "#1", 0.3)  # not his
        assert phones.hears(bob) == []
        await phones.consult(alice)
        assert phones.path(alice) == phones.phone("carol")
        await phones.dial(alice, "*4", 0.5)
        assert phones.talk(alice, bob)
        await phones.dial(alice, "*2", 2)
        assert phones.talk(bob, phones.phone("carol"))
        assert alice.application == "Echo"  # its dialplan goes on

    run(scenario)
