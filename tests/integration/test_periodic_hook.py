"""PERIODIC_HOOK between two phones: both hear what the extension plays, and each other all the while."""

from __future__ import annotations

import pytest
from call_kit import two_phones

from asterism.pbx.channels.channel import Channel
from asterism.testing import until

EXTENSIONS = """
[phones]
exten => 102,1,Set(HOOK=${PERIODIC_HOOK(hooks,beep,1)})
 same => n,UserEvent(Hook,Status: ${HOOK},Cause: )
 same => n,Dial(PJSIP/102,30)
exten => 103,1,Set(PERIODIC_HOOK(7)=on)
 same => n,Set(A=${PERIODIC_HOOK(hooks,beep)})
 same => n,Set(A=${PERIODIC_HOOK(hooks,beep,soon)})
 same => n,Set(A=${PERIODIC_HOOK(hooks,beep,0)})
 same => n,Set(A=${PERIODIC_HOOK(hooks,beep,30)})
 same => n,Set(PERIODIC_HOOK(${A})=sometimes)
 same => n,Set(PERIODIC_HOOK(${A})=off)
 same => n,Set(PERIODIC_HOOK(${A})=no)
 same => n,Busy(1)
[hooks]
exten => beep,1,UserEvent(Hook,Status: ${HOOK_ID},Cause: ${HOOK_CHANNEL})
 same => n,Answer()
 same => n,PlayTones(1020)
 same => n,Wait(0.6)
 same => n,Hangup()
"""
FILES = {"extensions.conf": EXTENSIONS}


def turn(channel: Channel, hook: str, word: str) -> None:
    function = channel.pbx.functions.get("PERIODIC_HOOK")
    assert function is not None
    assert function.write is not None
    function.write(channel, hook, word)


async def test_both_hear_it_and_each_other_until_it_is_turned_off() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(660)
        (hook,) = [status for status, _ in world.dialled]
        (ann,) = (one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        await until(lambda: call.audio.level(1020) > 0.2 and incoming.audio.level(1020) > 0.2)
        await until(lambda: call.audio.level(660) > 0.2 and incoming.audio.level(440) > 0.2)
        assert set(world.dialled[1:]) == {(hook, ann.name.replace("/", "%2F"))}
        # Between two runs packets are relayed.
        await until(lambda: getattr(ann.stream, "relay", None) is not None)
        await incoming.hears(440)
        count = len(world.dialled)
        await until(lambda: len(world.dialled) > count)
        await until(lambda: incoming.audio.level(1020) > 0.2)
        turn(ann, hook, "off")
        await incoming.hears(440)
        await call.hears(660)
        assert ann.taps is not None
        assert ann.taps.taps == ()
        turn(ann, hook, "on")
        # Whoever is silent hears it too, and is spoken to.
        incoming.audio.stop()
        await until(lambda: call.audio.level(1020) > 0.8)
        # The call ends while it is said.
        await call.hangup()
        await incoming.ended()


async def test_wrong_words_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    async with two_phones(FILES, register=False) as world:
        call = await world.ann.dial("103")
        await call.ended()
    shown = capsys.readouterr().out
    for words in (
        "no hook '7'", "it takes a context, an extension and an interval", "'soon' is no number of seconds",
        "'0' is no number of seconds", "it is on or off",
    ):  # fmt: skip
        assert words in shown
