"""Direct media by what is heard: packets from phone to phone, none here; and what brings them back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from call_kit import EXTENSIONS, PJSIP, World, two_phones
from test_music_on_hold import LOW, music

from asterism.media.rtp import RtpSession
from asterism.pbx.channels.channel import Channel
from asterism.testing import PhoneCall, until
from asterism.testing.tone import level
from lateness import Lateness

TAPPED = {
    "extensions.conf": EXTENSIONS
    + "exten => 700,1,Set(VOLUME(TX)=2)\n same => n,Dial(PJSIP/102,30)\n"
    + "exten => 701,1,Set(TALK_DETECT(set)=)\n same => n,Dial(PJSIP/102,30)\n"
    + "exten => 702,1,Dial(PJSIP/102,30,T)\n"
    + "exten => 703,1,Answer()\n same => n,Wait(60)\n"
}


def sessions(world: World) -> list[RtpSession]:
    return list(world.server.media.sessions)


def told(one: PhoneCall) -> tuple[str, int]:
    """Where a phone was told to send."""
    assert one.remote_description is not None
    return one.remote_description.host, one.remote_description.port


def channel(world: World, name: str) -> Channel:
    return next(one for one in world.server.pbx.channels if one.device == f"PJSIP/{name}")


def write(world: World, channel: Channel, function: str, argument: str, value: str) -> None:
    """As ``Set(function(argument)=value)``."""
    found = world.server.pbx.functions.get(function)
    assert found is not None
    assert found.write is not None
    found.write(channel, argument, value)


async def are_direct(one: PhoneCall, other: PhoneCall) -> None:
    await until(lambda: told(one)[1] == other.audio.port and told(other)[1] == one.audio.port, what="not direct")


async def are_here(world: World, *calls: PhoneCall) -> None:
    ours = {one.local for one in sessions(world)}
    await until(lambda: all(told(one) in ours for one in calls), what="not back")


async def test_no_packet_comes_here_and_each_hears_the_other() -> None:
    async with two_phones() as world:
        call, incoming = await world.connect()
        await are_direct(call, incoming)
        await asyncio.sleep(0.05)
        for one in (call.audio, incoming.audio):
            one.sources.clear()
        before = [one.received.packets for one in sessions(world)]
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        assert [one.received.packets for one in sessions(world)] == before == [0, 0]
        assert incoming.audio.sources == {("127.0.0.1", call.audio.port)}
        assert call.audio.sources == {("127.0.0.1", incoming.audio.port)}
        assert channel(world, "101").bridge.technology == "native_rtp"
        call.send_digits("12")
        await incoming.audio.hears_digits("12")
        await call.hangup()
        assert await incoming.ended() == "BYE received"


async def test_the_held_phone_hears_music_within_200_ms_of_its_answer(tmp_path: Path) -> None:
    async with two_phones(music(tmp_path)) as world:
        call, incoming = await world.connect()
        await are_direct(call, incoming)
        call.play(1500)
        await incoming.hears(1500)
        seen = len(incoming.requests)
        await call.hold()
        await until(lambda: len(incoming.requests) > seen, what="the held phone is not told")
        answered = time.monotonic()
        count = incoming.audio.received

        def hears_music() -> bool:
            # Three packets of 20 ms: enough to tell the tone of the file from anything else.
            return incoming.audio.received - count >= 3 and level(b"".join(incoming.audio.packets[-3:]), LOW) > 0.5

        async with Lateness() as late:
            await until(hears_music, what="no music")
        assert time.monotonic() - answered < 0.2 + late.total
        ours = {one.local for one in sessions(world)}
        assert told(incoming) in ours
        assert told(call)[1] == incoming.audio.port, "the holder stays where it is"
        await call.unhold()
        await incoming.hears(1500)
        await are_direct(call, incoming)
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize("number", ["700", "701", "702"])
async def test_what_has_to_hear_or_change_keeps_media_here(number: str) -> None:
    async with two_phones(TAPPED) as world:
        call, incoming = await world.connect(number)
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        await are_here(world, call, incoming)
        assert not [one for one in (*call.requests, *incoming.requests) if one.method == "INVITE"]
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(
    ("function", "on", "off"), [("VOLUME(RX)", "4", "0"), ("TALK_DETECT(set)", "", None), ("MUTEAUDIO(in)", "1", "0")]
)
async def test_taps_in_the_middle_of_a_call_bring_it_back_and_let_it_go(
    function: str, on: str, off: str | None
) -> None:
    async with two_phones() as world:
        call, incoming = await world.connect()
        await are_direct(call, incoming)
        call.play(440)
        await incoming.hears(440)
        name, _, argument = function.partition("(")
        ann = channel(world, "101")
        write(world, ann, name, argument.rstrip(")"), on)
        await are_here(world, call, incoming)
        if name == "MUTEAUDIO":
            await until(lambda: incoming.audio.level(440) < 0.05, what="not muted")
        else:
            await incoming.hears(440)
        if off is None:
            write(world, ann, name, "remove", "")
        else:
            write(world, ann, name, argument.rstrip(")"), off)
        await are_direct(call, incoming)
        await incoming.hears(440)
        await call.hangup()
        await incoming.ended()


async def test_packets_sent_elsewhere_are_not_lost() -> None:
    """What a phone sent to the other meanwhile is no loss when it sends here again."""
    async with two_phones() as world:
        call, incoming = await world.connect()
        await are_direct(call, incoming)
        call.play(440)
        await incoming.hears(440)
        await asyncio.sleep(0.2)
        write(world, channel(world, "101"), "VOLUME", "RX", "2")
        await are_here(world, call, incoming)
        await incoming.hears(440)
        one = next(one for one in sessions(world) if one.local == told(call))
        assert one.received.packets > 10
        assert one.rx_lost <= 1
        await call.hangup()
        await incoming.ended()


async def test_a_third_party_brings_both_back() -> None:
    async with two_phones(TAPPED) as world:
        call, incoming = await world.connect()
        await are_direct(call, incoming)
        third = await world.ann.dial("703")
        await third.answered()
        bridge = channel(world, "102").bridge
        assert bridge is not None
        extra = next(one for one in world.server.pbx.channels if one.bridge is None)
        world.server.pbx.bridges[bridge.uniqueid].enter(extra)
        await are_here(world, call, incoming)
        assert bridge.technology == "softmix"
        call.play(440)
        third.play(1000)
        await incoming.hears(440, 1000)
        world.server.pbx.bridges[bridge.uniqueid].depart(extra)
        await are_direct(call, incoming)
        await incoming.hears(440)
        await third.hangup()
        await call.hangup()
        await incoming.ended()


NAT = "disable_direct_media_on_nat=yes\nrtp_symmetric=yes\n"
ACL = """
[101](+)
{option}
[nobody]
type=named_acl
deny=127.0.0.0/8
"""


@pytest.mark.parametrize(
    ("option", "moves"),
    [
        ("direct_media_deny=127.0.0.0/8", False),
        ("direct_media_deny=0.0.0.0/0\ndirect_media_permit=127.0.0.1/32", True),
        ("direct_media_acl=nobody", False),
        ("direct_media_acl=missing", False),
        ("direct_media_permit=10.0.0.0/8", True),
    ],
)
async def test_addresses_between_which_media_may_go(option: str, moves: bool) -> None:
    async with two_phones({"pjsip.conf": PJSIP + ACL.format(option=option)}) as world:
        call, incoming = await world.connect()
        if moves:
            await are_direct(call, incoming)
        call.play(440)
        await incoming.hears(440)
        assert bool(incoming.requests) == moves
        await call.hangup()
        await incoming.ended()


async def test_a_phone_behind_a_nat_keeps_media_here_and_another_goes_when_it_is_heard() -> None:
    """disable_direct_media_on_nat: whether an address is the real one shows with the first packets."""
    nat = {"pjsip.conf": PJSIP.replace("[phone](!)\n", f"[phone](!)\n{NAT}")}
    async with two_phones(nat) as world:
        call, incoming = await world.connect()
        assert not call.requests
        call.play(440)
        incoming.play(660)
        await are_direct(call, incoming)
        await incoming.hears(440)
        await call.hangup()
        await incoming.ended()
        call = await world.ann.dial("102")
        call_port = call.description.port
        incoming = await world.bob.incoming()
        incoming.description.port = incoming.audio.port + 1  # not where its packets come from
        incoming.answer()
        await call.answered()
        await incoming.answered()
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        assert not [one for one in (*call.requests, *incoming.requests) if one.method == "INVITE"]
        assert call_port == call.audio.port
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(
    ("option", "moves"),
    [
        ("direct_media_method=update", {"ann": "UPDATE", "bob": "UPDATE"}),
        ("direct_media_method=reinvite", {"ann": "INVITE", "bob": "INVITE"}),
        ("direct_media_glare_mitigation=outgoing", {"ann": "INVITE", "bob": ""}),
        ("direct_media_glare_mitigation=incoming", {"ann": "", "bob": "INVITE"}),
        ("direct_media=no", {"ann": "", "bob": ""}),
    ],
)
async def test_how_phones_are_told(option: str, moves: dict[str, str]) -> None:
    async with two_phones({"pjsip.conf": PJSIP.replace("[phone](!)\n", f"[phone](!)\n{option}\n")}) as world:
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        ours = {one.local for one in sessions(world)}
        for name, one in (("ann", call), ("bob", incoming)):
            assert "".join(request.method for request in one.requests) == moves[name]
            assert (told(one) in ours) == (not moves[name])
        await call.hangup()
        await incoming.ended()
