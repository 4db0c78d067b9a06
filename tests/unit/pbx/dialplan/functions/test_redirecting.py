"""REDIRECTING."""

from __future__ import annotations

from typing import Any

import pytest
from fake_technology import FakeServer, run

from asterism.pbx.dialplan.functions.redirecting import RedirectingFunction
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.flow import FunctionError

FUNCTION = RedirectingFunction()


def test_what_is_written_is_read() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        assert FUNCTION.read(alice, "reason") == "unknown"
        assert FUNCTION.read(alice, "count") == "0"
        for item, value in (
            ("from-all", '"Bob" <102>'), ("to-num", "103"), ("orig-name", "Front desk"), ("orig-num", "100"),
            ("reason", "cfb"), ("orig-reason", "CFNR"), ("count", "2"), ("from-pres", "prohib"), ("to-tag", "t"),
            ("priv-to-num", "777"),
        ):  # fmt: skip
            FUNCTION.write(alice, f"{item},i", value)
        read = {item: FUNCTION.read(alice, item) for item in ("from-num", "from-name", "to-num", "orig-all", "count")}
        assert read == {
            "from-num": "102", "from-name": "Bob", "to-num": "103", "orig-all": '"Front desk" <100>', "count": "2",
        }  # fmt: skip
        assert (FUNCTION.read(alice, "reason"), FUNCTION.read(alice, "orig-reason")) == ("cfb", "cfnr")
        assert alice.redirecting is not None
        assert (alice.redirecting.reason, alice.redirecting.original_reason) == ("user-busy", "no-answer")
        assert FUNCTION.read(alice, "from-pres") == "prohib"
        assert (FUNCTION.read(alice, "priv-to-num"), FUNCTION.read(alice, "priv-from-num")) == ("777", "")
        driver: Any = alice.driver
        assert Control.REDIRECTING not in driver.indicated()

    run(scenario)


def test_a_caller_without_an_answer_is_told() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        driver: Any = alice.driver
        FUNCTION.write(alice, "priv-to-num", "777")
        assert driver.indicated() == []
        FUNCTION.write(alice, "to-num", "103")
        assert driver.indicated() == [Control.REDIRECTING]
        alice.set_state(ChannelState.UP)
        FUNCTION.write(alice, "to-num", "104")
        assert driver.indicated() == [Control.REDIRECTING]

    run(scenario)


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("from", "1"), ("from-colour", "red"), ("who-num", "1"), ("count", "-1"), ("count", "256"), ("count", "x"),
        ("reason", ""), ("reason", "because; he=asked"), ("reason", "a" * 33), ("to-pres", "perhaps"), ("", "1"),
    ],
)  # fmt: skip
def test_what_is_wrong_changes_nothing(item: str, value: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        with pytest.raises(FunctionError):
            FUNCTION.write(alice, item, value)
        assert alice.redirecting is None

    run(scenario)
