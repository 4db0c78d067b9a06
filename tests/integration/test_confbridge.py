"""ConfBridge with phones on loopback that hear the prompts, dial the PIN and use the menu."""

from __future__ import annotations

from asterism.testing import Phone, assert_idle, running_server, until
from asterism.testing.tone import prompt

PHONES = "".join(
    f"""
[{name}]
type=endpoint
context=phones
allow=!all,ulaw
auth={name}
aors={name}
[{name}]
type=auth
username={name}
password=secret
[{name}]
type=aor
max_contacts=1
"""
    for name in ("alice", "bob")
)
CONFIG = {
    "pjsip.conf": PHONES,
    "confbridge.conf": """
[with_pin]
type=user
pin=47
[default_menu]
type=menu
*=playback_and_continue(conf-usermenu)
*1=toggle_mute
8=leave_conference
[nonsense]
type=menu
1=dance
""",
    "extensions.conf": """
[phones]
exten => 800,1,ConfBridge(room,,with_pin)
exten => 801,1,ConfBridge(room)
 same => n,NoOp(${CONFBRIDGE_RESULT})
 same => n,Playback(goodbye)
exten => 802,1,ConfBridge(room,nosuch)
""",
}


async def test_pin_prompts_menu_and_leaving() -> None:
    async with (
        running_server(CONFIG) as server,
        Phone("alice", server, "secret") as alice,
        Phone("bob", server, "secret") as bob,
    ):
        await alice.register()
        await bob.register()
        first = await alice.dial("800")
        await first.answered()
        for digits, heard in (("12#", "conf-invalidpin"), ("47#", "conf-onlyperson")):
            await first.hears_sound(prompt("conf-getpin"))
            first.audio.packets.clear()
            first.send_digits(digits)
            await first.hears_sound(prompt(heard))
        room = server.pbx.conferences["room"]
        await until(lambda: len(room.bridge.members) == 2)  # with the announcer
        second = await bob.dial("801")
        await second.answered()
        await first.hears_sound(prompt("confbridge-join"))
        second.play(700)
        await first.hears(700)
        second.audio.packets.clear()
        second.send_digits("*")
        await second.hears_sound(prompt("conf-usermenu"))
        assert not room.is_muted(next(user for user in room.users.values() if "bob" in user.channel.name))
        second.send_digits("1")
        await second.hears_sound(prompt("conf-muted"))
        await until(lambda: first.audio.level(700) < 0.02)
        await until(lambda: not any(channel.away for channel in room.users))  # what is dialled before is dropped
        second.audio.packets.clear()
        first.audio.packets.clear()
        second.send_digits("8")
        await second.hears_sound(prompt("goodbye"))
        await first.hears_sound(prompt("confbridge-leave"))
        await second.ended()
        refused = await bob.dial("802")
        assert await refused.refused() >= 400
        await first.hangup()
        await until(lambda: not server.pbx.conferences)
        await assert_idle(server)
