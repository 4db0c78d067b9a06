"""FEATURE and FEATUREMAP."""

from __future__ import annotations

import pytest
from features_kit import CONF, Phones, answers, run

from asterism.pbx.calls.features.functions import FeatureFunctions
from asterism.pbx.vocabulary.flow import FunctionError

FUNCTIONS = FeatureFunctions()


def test_what_is_read_and_set() -> None:
    async def scenario(phones: Phones) -> None:
        alice = phones.server.sip.incoming("alice", "7510")
        assert FUNCTIONS.read(alice, "transferdigittimeout") == "3"
        assert FUNCTIONS.read(alice, "pickupexten") == "*8"
        assert (FUNCTIONS.read_map(alice, "atxfer"), FUNCTIONS.read_map(alice, "BLINDXFER")) == ("*2", "#1")
        FUNCTIONS.write(alice, "atxferdropcall", "yes")
        FUNCTIONS.write_map(alice, "atxfer", "*9")
        assert (FUNCTIONS.read(alice, "atxferdropcall"), FUNCTIONS.read_map(alice, "atxfer")) == ("yes", "*9")
        assert FUNCTIONS.read(alice, "inherit") == "no"
        other = phones.server.sip.incoming("bob", "7510")
        assert FUNCTIONS.read_map(other, "atxfer") == "*2"

    run(scenario)


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        ("write", "nosuch", "1"),
        ("write", "pickupexten", "*9"),
        ("write", "blindxfer", "#"),
        ("write", "transferdigittimeout", "soon"),
        ("write_map", "atxfer", "star"),
        ("write_map", "xfersound", "beep"),
    ],
)
def test_what_cannot_be_set(function: str, name: str, value: str) -> None:
    async def scenario(phones: Phones) -> None:
        alice = phones.server.sip.incoming("alice", "7510")
        with pytest.raises(FunctionError):
            getattr(FUNCTIONS, function)(alice, name, value)
        with pytest.raises(FunctionError):
            FUNCTIONS.read(alice, "nosuch")

    run(scenario)


@pytest.mark.parametrize("inherit", ["yes", "no"])
def test_the_options_of_a_caller_and_whom_it_calls(inherit: str) -> None:
    async def scenario(phones: Phones) -> None:
        phones.server.sip.scripts |= {"bob": answers, "carol": answers}
        alice = phones.server.sip.incoming("alice", "7510")
        FUNCTIONS.write(alice, "inherit", inherit)
        FUNCTIONS.write_map(alice, "blindxfer", "##")
        phones.alice = alice
        phones.pbx.start(alice)
        await phones.dial(alice, "", 1)
        phones.bob = phones.phone("bob")
        await phones.dial(phones.bob, "##" if inherit == "yes" else "#1", 0.3)
        await phones.dial(phones.bob, "6003", 2)
        assert phones.talk(alice, phones.phone("carol"))

    run(scenario, CONF)
