"""Call completion with phones: busy, request, free, called back, and the call that comes of it."""

from __future__ import annotations

from call_kit import CONFIG, two_phones

from asterism.pbx.dialplan.applications.userevent import USER_EVENT
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


OPTIONS = {
    "cc_agent_policy": "generic",
    "cc_monitor_policy": "always",
    "cc_offer_timer": "21",
    "ccnr_available_timer": "22",
    "ccbs_available_timer": "23",
    "cc_recall_timer": "24",
    "cc_max_agents": "3",
    "cc_max_monitors": "4",
    "cc_callback_macro": "back",
    "cc_callback_sub": "back^s^1",
    "cc_agent_dialstring": "PJSIP/103",
}


async def test_the_options_of_the_endpoint_are_those_of_its_channels():
    """Of the one that calls, and of the one that is called: 101 calls itself."""
    lines = "".join(f"{name}={value}\n" for name, value in OPTIONS.items())
    read = ",".join(f"{name}: ${{CALLCOMPLETION({name})}}" for name in OPTIONS)
    config = {
        "pjsip.conf": CONFIG["pjsip.conf"].replace("[phone](!)\n", "[phone](!)\n" + lines),
        "extensions.conf": (
            f"[phones]\nexten => 1,1,UserEvent(Options,{read})\n same => n,Dial(PJSIP/101,30,b(called^s^1))\n"
            f"[called]\nexten => s,1,UserEvent(Options,{read})\n same => n,Return()\n"
        ),
    }
    async with two_phones(config) as world:
        told: list[dict[str, str]] = []
        world.server.subscribe(
            USER_EVENT,
            lambda _type, published: told.append({k: str(v) for k, v in USER_EVENT.render(*published) if k in OPTIONS}),
        )
        call = await world.ann.dial("1")
        (await world.ann.incoming()).reject(480)
        await call.refused()
        assert told == [OPTIONS, OPTIONS]
        world.server.pbx.completion.end_all("the test is over")
