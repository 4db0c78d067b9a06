"""Call completion with phones: busy, request, free, called back, and the call that comes of it."""

from __future__ import annotations

from call_kit import CONFIG, two_phones

from asterism.testing import until

EXTENSIONS = (
    CONFIG["extensions.conf"]
    + """
exten => 30,1,CallCompletionRequest()
 same => n,UserEvent(Dialled,Status: ${CC_REQUEST_RESULT},Cause: ${CC_REQUEST_REASON})
exten => 31,1,CallCompletionCancel()
 same => n,UserEvent(Dialled,Status: ${CC_CANCEL_RESULT},Cause: ${CC_CANCEL_REASON})
exten => 40,1,Set(CALLCOMPLETION(cc_agent_policy)=generic)
 same => n,Set(CALLCOMPLETION(cc_offer_timer)=60)
 same => n,Dial(${IF($["${CC_INTERFACES}"=""]?PJSIP/102:${CC_INTERFACES})},30,b(watched^s^1))
 same => n,Hangup()

[watched]
exten => s,1,Set(CALLCOMPLETION(cc_monitor_policy)=generic)
 same => n,Return()
"""
)


async def test_by_functions_of_the_dialplan_alone():
    """Ann calls Bob, who is in a call with himself; later Ann's phone rings, and then Bob's."""
    async with two_phones({"extensions.conf": EXTENSIONS}) as world:
        talking = await world.bob.dial("600")
        await talking.answered()
        call = await world.ann.dial("40")
        (await world.bob.incoming()).reject(486)
        assert await call.refused() == 486
        completion = world.server.pbx.completion
        await until(lambda: [one.state.value for one in completion] == ["offered"])
        await (await world.ann.dial("30")).refused()
        assert world.dialled[-1] == ("SUCCESS", "")
        assert [one.state.value for one in completion] == ["active"]
        await talking.hangup()
        recall = await world.ann.incoming()
        recall.answer()
        incoming = await world.bob.incoming()
        assert "101" in incoming.request.get("From")
        incoming.answer()
        await incoming.answered()
        await until(lambda: not len(completion))
        await recall.hangup()
        await incoming.ended()
