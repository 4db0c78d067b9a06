"""SendText and ReceiveText: texts in a call, on the wire."""

from __future__ import annotations

import pytest
from ivr_kit import ivr
from manager_kit import MANAGER, manager

from asterism.testing import PhoneCall, until

DIALPLAN = """
exten => 700,1,Answer()
 same => n,Set(SENDTEXT_BODY=)
 same => n,SendText(hello)
 same => n,Set(SENDTEXT_CONTENT_TYPE=application/json\\;charset=utf-8)
 same => n,Set(SENDTEXT_BODY={"a": 1})
 same => n,SendText(hello)
 same => n,Wait(20)
exten => 701,1,Answer()
 same => n,Set(SENDTEXT_CONTENT_TYPE=${EVIL})
 same => n,SendText(hello)
 same => n,SendText()
exten => 702,1,Progress()
 same => n,SendText(too early)
exten => 703,1,Answer()
 same => n,ReceiveText(5)
 same => n,NoOp(${RECEIVETEXTMESSAGE})
 same => n,ReceiveText(0.3)
exten => 704,1,Answer()
 same => n,ReceiveText()
"""
STATUS = ("SENDTEXTTYPE", "SENDTEXTSTATUS", "RECEIVETEXTSTATUS", "RECEIVETEXTMESSAGE")


async def told(call: PhoneCall, text: str, content_type: str = "text/plain") -> int:
    """Send a text in the call; the answer."""
    return (await call.send("MESSAGE", text.encode(), content_type)).status


async def test_a_text_with_its_content_type() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("700")
        await until(lambda: len(world.alice.texts()) == 2)
        assert world.alice.texts() == [("text/plain", b"hello"), ("application/json;charset=utf-8", b'{"a": 1}')]
        assert world.variables(*STATUS) == ["SENDTEXTTYPE=ENHANCED", "SENDTEXTSTATUS=SUCCESS"] * 2
        await call.hangup()


@pytest.mark.parametrize("evil", ["text", "text/plain\r\nX-Evil: 1", "a" * 300 + "/b", "text/plain;", "; x"])
async def test_what_is_no_content_type_is_not_sent(evil: str) -> None:
    async with ivr(DIALPLAN) as world:
        world.server.pbx.dialplan.set_global("EVIL", evil)
        call = await world.dial("701")
        await call.ended()
        assert world.alice.texts() == []
        assert world.variables(*STATUS) == ["SENDTEXTTYPE=NONE", "SENDTEXTSTATUS=FAILURE"] * 2
        assert any("is no content type" in line for line in world.told())


async def test_before_the_answer_it_fails() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("702", answered=False)
        await call.ended()
        assert world.variables(*STATUS) == ["SENDTEXTTYPE=NONE", "SENDTEXTSTATUS=FAILURE"]


async def test_a_text_that_is_waited_for() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("703")
        await until(lambda: "ReceiveText(5)" in world.events[-1])
        assert await told(call, "${SHELL(id)}, 2") == 202
        await call.ended()
        assert any("NoOp(${SHELL(id)}, 2)" in line for line in world.events)
        assert world.variables(*STATUS) == [
            "RECEIVETEXTMESSAGE=${SHELL(id)}, 2", "RECEIVETEXTSTATUS=SUCCESS", "RECEIVETEXTSTATUS=FAILURE",
        ]  # fmt: skip


async def test_nobody_waits_and_who_hangs_up() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("700")
        await until(lambda: "Wait(20)" in world.events[-1])
        assert await told(call, "hello") == 480
        await call.hangup()
        call = await world.dial("704")
        await until(lambda: "ReceiveText()" in world.events[-1])
        await call.hangup()
        await until(lambda: world.variables("RECEIVETEXTSTATUS") == ["RECEIVETEXTSTATUS=FAILURE"])


async def test_the_manager_names_the_content_type() -> None:
    async with ivr(DIALPLAN, {"manager.conf": MANAGER}) as world, manager(world.server) as admin:
        call = await world.dial("700")
        await until(lambda: "Wait(20)" in world.events[-1])
        fields = {"Channel": next(iter(world.server.pbx.channels)).name, "Message": "<b>hi</b>"}
        answer = await admin.action("SendText", ("Content-Type", "text/html"), **fields)
        assert answer["Response"] == "Success"
        await until(lambda: world.alice.texts()[-1:] == [("text/html", b"<b>hi</b>")])
        answer = await admin.action("SendText", ("Content-Type", "html"), **fields)
        assert (answer["Response"], answer["Message"]) == ("Error", "Failure")
        await call.hangup()
