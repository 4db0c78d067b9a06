"""Which keys a party has."""

from __future__ import annotations

from typing import Any

import pytest
from features_kit import CONF, Phones, answers, compare, member_of, run

from asterism.core.errors import NotAsyncError
from asterism.pbx.calls.features.member import keys_of
from asterism.pbx.calls.recording.onetouch import press
from asterism.pbx.channels.channel import Channel


def codes(letters: str, called: bool, **variables: str) -> list[str]:
    found: list[list[str]] = []

    async def scenario(phones: Phones) -> None:
        alice = phones.server.sip.incoming("alice", "7510")
        for name, value in variables.items():
            alice.set_variable(name, value)
        keys = keys_of(alice, frozenset(letters), called=called)
        found.append([] if keys is None else sorted(keys.codes))

    run(scenario, CONF.replace("automixmon => *3", "automixmon => *3\nautomon => *4"))
    return found[0]


@pytest.mark.parametrize(
    ("letters", "called", "expected"),
    [
        ("", True, []), ("t", True, ["#1", "*2"]), ("t", False, []), ("T", False, ["#1", "*2"]), ("T", True, []),
        ("h", True, ["*0"]), ("H", False, ["*0"]), ("k", True, ["#72"]), ("K", False, ["#72"]),
        ("x", True, ["*3"]), ("X", False, ["*3"]), ("w", True, ["*4"]), ("W", False, ["*4"]),
        ("thkxwg", True, ["#1", "#72", "*0", "*2", "*3", "*4"]),
    ],
)  # fmt: skip
def test_by_the_options_of_dial(letters: str, called: bool, expected: list[str]) -> None:
    assert codes(letters, called) == expected


def test_by_the_variables_of_the_channel() -> None:
    assert codes("", True, BRIDGE_FEATURES="th") == codes("", False, BRIDGE_FEATURES="TH") == ["#1", "*0", "*2"]
    assert codes("", True, DYNAMIC_FEATURES="note#nosuch") == ["*6"]
    assert codes("", False, DYNAMIC_FEATURES="fgrp") == ["*5", "*6"]


def test_variables_give_keys_to_a_call_without_options() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        assert [one.technology for one in phones.pbx.bridges.values()] == ["simple_bridge"]
        assert member_of(phones.alice).on_digit is not None

    run(scenario, options="")


def test_disconnect_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.dial(phones.bob, "*0")
        assert phones.names() == []
        compare(phones.server, "disconnect *0 by the callee")

    run(scenario)


@pytest.mark.parametrize(("code", "name"), [("#72", "parkcall"), ("*3", "automixmon")])
def test_what_other_modules_bring(code: str, name: str) -> None:
    async def scenario(phones: Phones) -> None:
        called: list[object] = []
        await phones.call()
        await phones.dial(phones.alice, code)  # nobody does it: nothing happens
        phones.pbx.features.actions[name] = called.append
        await phones.dial(phones.alice, code)
        assert called == [phones.alice]
        assert phones.digits(phones.bob) == ""

    run(scenario)


def test_the_keys_of_a_party_go_with_it_to_its_next_call() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        phones.server.sip.scripts |= {"carol": answers, "dave": answers}
        await phones.consult(phones.alice)
        phones.alice.queue_hangup(16)
        await phones.dial(phones.bob, "", 1)
        await phones.dial(phones.bob, "#1", 0.3)
        await phones.dial(phones.bob, "6004", 2)
        assert phones.talk(phones.phone("carol"), phones.phone("dave"))
        assert phones.names() == ["carol", "dave"]

    run(scenario)


def test_keys_of_a_program() -> None:
    async def scenario(phones: Phones) -> None:
        heard: list[object] = []

        async def key(channel: Channel) -> None:
            assert channel.away
            heard.append(await channel.read_digit(1))

        async def call(channel: Any) -> None:
            await channel.dial("PJSIP/bob", 20, "T", keys={"*9": key, "*8": key})

        phones.server.sip.scripts |= {"bob": answers, "carol": answers}
        alice = phones.alice = phones.server.sip.incoming("alice", "7510")
        phones.pbx.start(alice, call)
        await phones.dial(alice, "", 1)
        bob = phones.bob = phones.phone("bob")
        await phones.dial(alice, "*95", 0.5)
        assert heard == ["5"]
        assert phones.talk(alice, bob)
        await phones.dial(alice, "*97", 0.5)
        await phones.dial(bob, "*9", 3)
        assert phones.digits(alice) == "*9"  # they are the caller's
        await phones.dial(alice, "*2", 0.5)
        assert phones.hears(alice) == ["pbx-transfer"]

    run(scenario)


def test_keys_of_a_program_that_joins_two() -> None:
    async def scenario(phones: Phones) -> None:
        heard: list[object] = []

        async def key(channel: Channel) -> None:
            heard.append(channel)

        async def call(channel: Any) -> None:
            with pytest.raises(ValueError, match="no code"):
                await channel.bridge_with(phones.bob, keys={"nine": key})
            with pytest.raises(NotAsyncError):
                await channel.bridge_with(phones.bob, keys={"9": heard.append})
            await channel.bridge_with(phones.bob, keys={"9": key})

        phones.bob = phones.server.sip.incoming("bob", "7010")
        phones.pbx.start(phones.bob)
        alice = phones.alice = phones.server.sip.incoming("alice", "7510")
        phones.pbx.start(alice, call)
        await phones.dial(alice, "", 1)
        await phones.dial(alice, "9")
        assert heard == [alice]

    run(scenario)


@pytest.mark.parametrize(("pause", "taken"), [(0.5, False), (0.3, True)])
def test_the_pause_between_the_digits_of_a_code(pause: float, taken: bool) -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        await phones.dial(phones.bob, "*0", 1, pause)
        assert phones.names() == ([] if taken else ["alice", "bob"])
        assert phones.digits(phones.alice) == ("" if taken else "*0")

    run(scenario, CONF.replace("featuredigittimeout = 1500", "featuredigittimeout = 400"))


def test_a_recording_by_key_that_cannot_begin() -> None:
    async def scenario(phones: Phones) -> None:
        phones.pbx.features.actions["automixmon"] = press
        await phones.call()
        for channel in (phones.alice, phones.bob):
            channel.set_variable("TOUCH_MIXMONITOR_FORMAT", "mp3")
        await phones.dial(phones.alice, "*3", 1)
        assert phones.server.media.sounds.loaded == ["sorry"]  # type: ignore[attr-defined]
        assert phones.talk(phones.alice, phones.bob)

    run(scenario, CONF.replace("[featuremap]", "recordingfailsound = sorry\n[featuremap]"))
