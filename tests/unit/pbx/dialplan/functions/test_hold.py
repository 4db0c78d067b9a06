"""HOLD_INTERCEPT."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, run

from asterism.pbx.dialplan.functions.hold import HoldFunctions
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.flow import FunctionError


def test_hold_is_told_and_not_passed_on_while_it_is_set() -> None:
    async def scenario(server: FakeServer) -> None:
        function = HoldFunctions()
        alice = server.sip.incoming("alice", "1")
        heard: list[Control] = []
        alice.control_listener = lambda channel, control, data: heard.append(control)
        function.write(alice, "set", "")
        alice.queue_control(Control.HOLD, "default")
        alice.queue_control(Control.UNHOLD)
        alice.queue_control(Control.FLASH)
        function.write(alice, " Remove ", "")
        alice.queue_control(Control.HOLD, "default")
        alice.control_listener = None
        assert heard == [Control.FLASH, Control.HOLD]
        assert len(server.fields("Hold")) == 2
        with pytest.raises(FunctionError):
            function.write(alice, "sometimes", "")

    run(scenario)
