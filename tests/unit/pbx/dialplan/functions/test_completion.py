"""CALLCOMPLETION."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, run

from asterism.pbx.calls.completion.parameters import DEFAULT, KEY, NAMES
from asterism.pbx.dialplan.functions.completion import CompletionFunction
from asterism.pbx.vocabulary.flow import FunctionError


def test_every_option_is_read_and_written_for_one_channel() -> None:
    async def scenario(server: FakeServer) -> None:
        function = CompletionFunction()
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        assert [function.read(alice, name) for name in NAMES] == [DEFAULT.option(name) for name in NAMES]
        assert KEY not in alice.data
        for name in NAMES:
            value = "native" if name.endswith("policy") else "7"
            function.write(alice, f" {name.upper()} ", value)
            assert function.read(alice, name) == value
            assert function.read(bob, name) == DEFAULT.option(name)

    run(scenario)


@pytest.mark.parametrize(
    ("option", "value"), [("cc_nothing", "1"), ("", ""), ("cc_agent_policy", "always"), ("cc_offer_timer", "soon")]
)
def test_what_is_wrong_is_refused(option, value) -> None:
    async def scenario(server: FakeServer) -> None:
        function = CompletionFunction()
        alice = server.sip.incoming("alice", "1")
        with pytest.raises(FunctionError):
            function.write(alice, option, value)
        if option not in NAMES:
            with pytest.raises(FunctionError):
                function.read(alice, option)
        with pytest.raises(FunctionError):
            function.read(None, "cc_agent_policy")

    run(scenario)
