"""The application Dial: its arguments and its documentation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dial_kit import dialling, run
from fake_technology import FakeServer, settle

from asterism.pbx.calls.features.settings import FeatureSettings
from asterism.pbx.dialplan.applications.dial.application import OPTIONS
from asterism.pbx.dialplan.applications.dial.options import KNOWN
from asterism.pbx.vocabulary.controls import Control
from asterism.testing import until


def test_each_option_is_documented_once() -> None:
    assert sorted(name[0] for name, _ in OPTIONS) == sorted(KNOWN)


def test_a_url_behind_the_options_is_no_option() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,gL(5000),http://example.com/a,b", "Echo")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        bob.queue_hangup(16)
        await settle()
        assert alice.application == "Echo"

    run(scenario)


def test_a_digit_takes_a_waiting_caller_elsewhere_with_option_d() -> None:
    async def scenario(server: FakeServer) -> None:
        server.pbx.dialplan.add_extension(server.owner, "out", "5", 1, "Echo", "")
        alice = await dialling(server, "PJSIP/bob,20,d", "NoOp")
        (bob,) = server.sip.made
        alice.queue_digit("5", 100)
        await settle()
        assert bob.alive, "there is no such extension in its own context"
        alice.set_variable("EXITCONTEXT", "out")
        alice.queue_digit("5", 100)
        await settle()
        assert (alice.context, alice.exten, alice.application) == ("out", "5", "Echo")
        assert (bob.dead, alice.variables["DIALSTATUS"]) == (True, "CANCEL")

    run(scenario)


@pytest.mark.parametrize(("option", "ends"), [("g", False), ("H", True)])
def test_the_caller_gives_up_by_its_key_with_option_h(option: str, ends: bool) -> None:
    """The code of ``disconnect``, of several digits; the dialplan goes on."""

    async def scenario(server: FakeServer) -> None:
        settings = FeatureSettings()
        server.pbx.features.settings = replace(settings, options=settings.options.having("disconnect", "*0"))
        alice = await dialling(server, f"PJSIP/bob,20,{option}", "Echo")
        (bob,) = server.sip.made
        for digit in "1**0":
            alice.queue_digit(digit, 100)
        await settle()
        assert bob.dead is ends
        assert (alice.application == "Echo") is ends
        assert alice.variables["DIALSTATUS"] == ("CANCEL" if ends else "")

    run(scenario)


def test_without_option_d_a_digit_is_kept() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("5", 1, "Echo", ""))
        alice = await dialling(server, "PJSIP/bob,0.05", "Echo")
        alice.queue_digit("5", 100)
        await until(lambda: alice.application == "Echo")
        assert alice.exten == "1"
        assert await alice.read_digit(0) == "5"

    run(scenario)
