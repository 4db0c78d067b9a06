"""Atxfer and CancelAtxfer."""

from __future__ import annotations

import asyncio
from typing import Any

from fake_manager import FakeCall
from features_kit import CONF, Phones, answers, compare, run, section

from asterism.pbx.calls.features.actions import TransferKeyActions


def actions(phones: Phones) -> TransferKeyActions:
    module = TransferKeyActions()
    module._pbx = phones.pbx
    return module


def answer(function: Any, **fields: str) -> tuple[str, str]:
    call = FakeCall(dict(fields))
    function(call)
    found: tuple[str, str] = call.answer
    return found


def recorded_answer(title: str) -> tuple[str, str]:
    text = section(f"AMI action {title}")
    found = dict(line.split(": ", 1) for line in text.splitlines() if line.startswith(("Response: ", "Message: ")))
    return found["Response"], found["Message"]


def test_a_transfer_and_its_end_as_recorded() -> None:
    async def scenario(phones: Phones) -> None:
        module = actions(phones)
        await phones.call()
        phones.server.sip.scripts["carol"] = answers
        begun = answer(module.atxfer, Channel=phones.alice.name, Exten="6003", Context="internal")
        assert begun == recorded_answer("Atxfer")
        await asyncio.sleep(2)
        assert phones.talk(phones.alice, phones.phone("carol")) is False  # by a Local channel
        assert phones.alice.bridge is not phones.bob.bridge
        assert answer(module.cancel, Channel=phones.alice.name) == recorded_answer("CancelAtxfer")
        await asyncio.sleep(2)
        assert phones.talk(phones.alice, phones.bob)
        assert phones.hears(phones.alice)[-1] == "beeperr"
        compare(phones.server, "AMI Atxfer by alice's channel to 6003, then CancelAtxfer")

    run(scenario)


def test_what_cannot_be_done() -> None:
    async def scenario(phones: Phones) -> None:
        module = actions(phones)
        assert answer(module.atxfer, Channel="none", Exten="1") == recorded_answer("Atxfer errors")
        assert answer(module.cancel, Channel="none") == recorded_answer("CancelAtxfer errors")
        assert answer(module.atxfer)[1] == answer(module.cancel)[1] == "No channel specified"
        alone = phones.server.sip.incoming("alice", "7010")
        assert answer(module.atxfer, Channel=alone.name)[1] == "No extension specified"
        assert answer(module.atxfer, Channel=alone.name, Exten="1\n2")[0] == "Error"
        assert answer(module.atxfer, Channel=alone.name, Exten="6003")[0] == "Error"
        assert answer(module.cancel, Channel=alone.name)[0] == "Error"

    run(scenario)


def test_a_transfer_may_be_cancelled_while_the_number_is_asked_for() -> None:
    async def scenario(phones: Phones) -> None:
        module = actions(phones)
        await phones.call()
        await phones.dial(phones.alice, "*2", 0.3)
        assert answer(module.cancel, Channel=phones.alice.name)[0] == "Success"
        await asyncio.sleep(0.5)
        assert phones.talk(phones.alice, phones.bob)

    run(scenario, CONF)
