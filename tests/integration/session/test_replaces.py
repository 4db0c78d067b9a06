"""INVITE with Replaces between phones: events and messages as recorded, and who hears whom."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from manager_kit import MANAGER, RECORD, Manager, manager

from asterism.server.server import Server
from asterism.stack.message import Message, Request
from asterism.stack.transactions.server_invite import InviteServerTransaction
from asterism.testing import Phone, PhoneCall, assert_idle, make_tone, running_server, until

PJSIP = """
[global]
type=global
user_agent=Asterisk PBX
default_realm=pbx.example.test
[phone](!)
type=endpoint
context=internal
disallow=all
allow=ulaw,alaw
direct_media=no
subscribe_context=internal
notify_dialog_ids=yes
"""
EXTENSIONS = """
[internal]
exten => 6001,1,Dial(PJSIP/alice,20)
exten => 6002,1,Dial(PJSIP/bob,20)
exten => 6002,hint,PJSIP/bob
exten => h,1,NoOp(hangup)
"""
for number, name in enumerate(("alice", "bob", "carol"), 1):
    PJSIP += f"""
[{name}](phone)
auth={name}
aors={name}
callerid="{name.capitalize()}" <600{number}>
call_group=1
pickup_group=1
[{name}]
type=auth
username={name}
password={name}pw
[{name}]
type=aor
max_contacts=1
"""
PJSIP = PJSIP.replace('callerid="Alice" <6001>', 'callerid="Alice" <6001>\naccountcode=acc1')


@dataclass
class World:
    """A server and three phones."""

    server: Server
    alice: Phone
    bob: Phone
    carol: Phone

    async def ringing(self) -> tuple[PhoneCall, PhoneCall]:
        call = await self.alice.dial("6002")
        incoming = await self.bob.incoming()
        incoming.ring()
        await call.ringing()
        return call, incoming

    async def talking(self) -> tuple[PhoneCall, PhoneCall]:
        call, incoming = await self.ringing()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        return call, incoming


@asynccontextmanager
async def world(pjsip: str = PJSIP, **more: str) -> AsyncIterator[World]:
    config = {"pjsip.conf": pjsip, "extensions.conf": EXTENSIONS, "manager.conf": MANAGER, **more}
    async with (
        running_server(config) as server,
        Phone("alice", server, "alicepw") as alice,
        Phone("bob", server, "bobpw") as bob,
        Phone("carol", server, "carolpw") as carol,
    ):
        for phone in (alice, bob, carol):
            await phone.register()
        yield World(server, alice, bob, carol)
        await assert_idle(server)


def replaces(call: PhoneCall, more: str = "") -> list[tuple[str, str]]:
    """The headers that replace the dialog of a call at another phone."""
    dialog = call.dialog
    assert dialog is not None
    value = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}{more}"
    return [("Require", "replaces"), ("Replaces", value)]


async def talk(one: PhoneCall, other: PhoneCall) -> None:
    one.play(440)
    other.play(660)
    await one.hears(660)
    await other.hears(440)


def cancels(phone: Phone) -> list[Request]:
    """The CANCELs that a phone gets from now on."""
    seen: list[Request] = []
    as_ever = phone.on_cancel

    def on_cancel(transaction: InviteServerTransaction, request: Request) -> None:
        seen.append(request)
        as_ever(transaction, request)

    phone.on_cancel = on_cancel
    return seen


# The record


def recorded(title: str) -> str:
    text = (RECORD / "replaces.txt").read_text()
    (found,) = [one for one in re.split(r"(?m)^### ", text) if title in one.partition("\n")[0]]
    return found


def recorded_events(title: str) -> dict[str, list[str]]:
    """The events of each phone's channel, with what other threads have told left out."""
    found: dict[str, list[str]] = {}
    for event, name in re.findall(
        r"^(?:~|Event: )(\w+)(?:\nPrivilege: .*\nChannel:)? PJSIP/(\w+)-", recorded(title), re.M
    ):
        found.setdefault(name, []).append(event)
    return found


def recorded_message(title: str, start: str) -> list[tuple[str, str]]:
    """The headers of the first message that begins so."""
    text = recorded(title)
    block = text[text.index(f"\n{start}") + 1 :].split("\n\n")[0].split("\n[")[0]
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in block.splitlines()[1:])]


def like(message: Message, record: list[tuple[str, str]]) -> None:
    """The same headers, and the same Reason."""
    assert sorted(name for name, _ in message.headers) == sorted(name for name, _ in record)
    assert message.get("Reason") == dict(record).get("Reason")


LEFT_OUT = {"VarSet", "NewAccountCode", "NewConnectedLine", "DialBegin", "DialState", "DialEnd"}
"""Compared elsewhere, or told in another order by threads that ran beside each other."""


async def compare(client: Manager, title: str, until_: Callable[[list[str]], int]) -> None:
    told: dict[str, list[str]] = {}
    for event in client.events:
        name = event.get("Channel", "")
        if name.startswith("PJSIP/") and event["Event"] not in LEFT_OUT:
            told.setdefault(name[6:].partition("-")[0], []).append(event["Event"])
    for name, events in recorded_events(title).items():
        expected = [one for one in events if one not in LEFT_OUT]
        end = until_(expected)
        assert told[name][:end] == expected[:end], name


EARLY = "(to-tag = the server's tag), with"


def up_to_the_end(events: list[str]) -> int:
    """What the hang-up at the end tells is another matter."""
    for name in ("HangupRequest", "BridgeLeave"):
        if name in events[1:-1]:
            return events.index(name)
    return len(events)


@pytest.mark.parametrize(("title", "more"), [(f"{EARLY} early-only", ";early-only"), (f"{EARLY}out early-only", "")])
async def test_events_of_an_early_replacement_as_recorded(title: str, more: str) -> None:
    async with world() as found, manager(found.server) as client:
        call, incoming = await found.ringing()
        new = await found.carol.dial("6002", headers=replaces(incoming, more))
        await new.answered()
        await call.answered()
        await client.event("BridgeEnter", BridgeNumChannels="2")
        await call.hangup()
        await new.ended()
        await client.event("BridgeDestroy")
        await compare(client, title, up_to_the_end)
        (unhold,) = [one for one in client.events if one["Event"] == "Unhold"]
        block = recorded(title).split("Event: Unhold\n")[1].split("\n\n")[0].splitlines()
        fixed = {"Uniqueid", "Linkedid", "Channel"}
        pairs = [tuple(line.split(": ", 1)) for line in block if line.partition(":")[0] not in fixed]
        ours = [(name, value) for name, value in unhold.pairs[1:] if name not in fixed]
        assert ours == [(one[0].rstrip(":"), one[1] if len(one) > 1 else "") for one in pairs]
        assert not [one for one in client.events if one["Event"] == "Pickup"]
        (end,) = [one for one in client.events if one["Event"] == "DialEnd"]
        assert (end["DestChannel"], end["DialStatus"]) == (unhold["Channel"], "ANSWER")


async def test_events_of_a_replacement_in_an_answered_call_as_recorded() -> None:
    title = "Replaces of an answered dialog: carol"
    async with world() as found, manager(found.server) as client:
        call, incoming = await found.talking()
        await client.event("BridgeEnter", BridgeNumChannels="2")
        new = await found.carol.dial("6002", headers=replaces(incoming))
        await new.answered()
        assert await incoming.ended() == "BYE received"
        await call.hangup()
        await new.ended()
        await client.event("BridgeDestroy")
        await compare(client, title, up_to_the_end)
        swapped = [one["Channel"] for one in client.events if one.get("SwapUniqueid")]
        assert [one.partition("-")[0] for one in swapped] == ["PJSIP/carol"]


async def test_events_of_tags_the_wrong_way_round_as_recorded() -> None:
    title = "carol sends INVITE with Replaces whose tags are the wrong way round"
    async with world() as found, manager(found.server) as client:
        call, incoming = await found.ringing()
        dialog = incoming.dialog
        assert dialog is not None
        value = f"{dialog.call_id};to-tag={dialog.local_tag};from-tag={dialog.remote_tag};early-only"
        new = await found.carol.dial("6002", headers=[("Replaces", value)])
        assert await new.refused() == 481
        end = await client.event("Hangup")
        assert (end["Channel"].partition("-")[0], end["Cause"]) == ("PJSIP/carol", "0")
        await call.cancel()
        await client.event("Hangup")
        events = [one["Event"] for one in client.events if one.get("Channel", "").startswith("PJSIP/carol")]
        assert [one for one in events if one != "VarSet"] == recorded_events(title)["carol"]
        message = "SIP that INVITE with Replaces, tags the wrong way round: 481"
        like(new.responses[-1], recorded_message(message, "SIP/2.0 481"))


async def test_messages_as_recorded() -> None:
    async with world() as found:
        seen = cancels(found.bob)
        call, incoming = await found.ringing()
        new = await found.carol.dial("6002", headers=replaces(incoming, ";early-only"))
        await new.answered()
        await call.answered()
        assert await incoming.ended() == "cancelled"
        title = "SIP that INVITE with Replaces with early-only"
        like(new.responses[-1], recorded_message(title, "SIP/2.0 200 OK"))
        like(seen[0], recorded_message(title, "CANCEL "))
        await call.hangup()
        await new.ended()
        like(new.requests[-1], recorded_message(title, "BYE "))
        call, incoming = await found.talking()
        new = await found.carol.dial("6002", headers=replaces(incoming))
        await new.answered()
        assert await incoming.ended() == "BYE received"
        like(
            incoming.requests[-1], recorded_message("SIP Replaces of an answered dialog, carol and bob", "BYE sip:bob")
        )
        await new.hangup()
        await call.ended()


# Who hears whom


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("more", ["", ";early-only"])
async def test_who_replaces_a_ringing_phone_talks_to_the_caller(more: str, direct: bool) -> None:
    async with world(PJSIP.replace("direct_media=no", "direct_media=yes") if direct else PJSIP) as found:
        call, incoming = await found.ringing()
        new = await found.carol.dial("6002", headers=replaces(incoming, more))
        await new.answered()
        await call.answered()
        assert await incoming.ended() == "cancelled"
        await talk(call, new)
        await new.hangup()
        await call.ended()


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("caller", [False, True])
async def test_who_replaces_a_party_of_a_call_talks_to_the_other(caller: bool, direct: bool) -> None:
    async with world(PJSIP.replace("direct_media=no", "direct_media=yes") if direct else PJSIP) as found:
        call, incoming = await found.talking()
        await talk(call, incoming)
        gone, stays = (call, incoming) if caller else (incoming, call)
        new = await found.carol.dial("6002", headers=replaces(gone))
        await new.answered()
        assert await gone.ended() == "BYE received"
        assert gone.requests[-1].get("Reason") == "Q.850;cause=16"
        await talk(stays, new)
        if direct:
            await until(lambda: stays.audio.port in sent_to(new), 5, lambda: f"not direct: {sent_to(new)}")
        await stays.hangup()
        await new.ended()


def sent_to(call: PhoneCall) -> list[int]:
    description = call.remote_description
    return [] if description is None else [description.port]


async def test_direct_media_that_is_being_set_up_when_a_party_is_replaced() -> None:
    """The re-INVITE to the replaced phone is not answered yet."""
    async with world(PJSIP.replace("direct_media=no", "direct_media=yes")) as found:
        call, incoming = await found.ringing()
        incoming.answer()
        await call.answered()
        new = await found.carol.dial("6002", headers=replaces(incoming))
        await new.answered()
        assert await incoming.ended() == "BYE received"
        await talk(call, new)
        await call.hangup()
        await new.ended()


async def test_who_holds_is_replaced_and_the_other_hears_no_music_any_more() -> None:
    async with world() as found:
        call, incoming = await found.talking()
        await incoming.hold()
        new = await found.carol.dial("6002", headers=replaces(incoming))
        await new.answered()
        await talk(call, new)
        await call.hangup()
        await new.ended()


async def test_displays_are_right_at_both_phones() -> None:
    async with world(PJSIP.replace("direct_media=no", "direct_media=no\nsend_pai=yes")) as found:
        call, incoming = await found.talking()
        new = await found.carol.dial("6002", headers=replaces(incoming))
        await new.answered()
        shown = lambda one: [each.get("P-Asserted-Identity") for each in one.requests]  # noqa: E731
        await until(lambda: shown(call) and shown(new), 5, lambda: f"{shown(call)}, {shown(new)}")
        assert "6003" in str(shown(call)[-1])
        assert "6001" in str(shown(new)[-1])
        await call.hangup()
        await new.ended()


async def test_displays_are_right_when_a_call_is_picked_up() -> None:
    """The caller sees who answered in the 200, who picked up sees the caller once it has acknowledged."""
    async with world(PJSIP.replace("direct_media=no", "direct_media=no\nsend_pai=yes")) as found:
        call, incoming = await found.ringing()
        new = await found.carol.dial("6002", headers=replaces(incoming))
        await new.answered()
        await call.answered()
        assert "6003" in str(call.responses[-1].get("P-Asserted-Identity"))
        await until(lambda: new.requests, 5, "it is not told")
        assert "6001" in str(new.requests[-1].get("P-Asserted-Identity"))
        await call.hangup()
        await new.ended()


async def test_a_caller_may_not_replace_without_permission() -> None:
    """Who has the identifier of a dialog, and a password, but not allow_transfer."""
    async with world(PJSIP.replace('callerid="Carol" <6003>', 'callerid="Carol" <6003>\nallow_transfer=no')) as found:
        call, incoming = await found.talking()
        new = await found.carol.dial("6002", headers=replaces(incoming))
        assert await new.refused() == 603
        stranger = Phone("carol", found.server, "wrong")
        async with stranger:
            assert await (await stranger.dial("6002", headers=replaces(incoming))).refused() == 401
        await talk(call, incoming)
        await call.hangup()


# A lamp


async def test_a_call_is_picked_up_from_a_lamp() -> None:
    """What the lamp's dialog-info names is what Replaces names (RFC 4235, RFC 3891)."""
    async with world() as found:
        lamp = await found.carol.subscribe("6002", "dialog")
        await lamp.next()
        call, incoming = await found.ringing()
        dialog = ET.fromstring((await lamp.next()).body)[0]
        ids = [dialog.get(name) for name in ("call-id", "remote-tag", "local-tag")]
        assert None not in ids
        value = "{};to-tag={};from-tag={};early-only".format(*ids)
        new = await found.carol.dial("6002", headers=[("Require", "replaces"), ("Replaces", value)])
        await new.answered()
        await call.answered()
        assert await incoming.ended() == "cancelled"
        await talk(call, new)
        idle = ET.fromstring((await lamp.next()).body)[0]
        assert [each.text for each in idle.iter() if each.tag.endswith("state")] == ["terminated"]
        await new.hangup()
        await call.ended()
        await lamp.end()


# What is no call of two


async def test_an_application_goes_on_with_who_replaces_its_caller() -> None:
    async with world(**{"extensions.conf": f"{EXTENSIONS}\nexten => 600,1,Answer()\n same => n,Echo()\n"}) as found:
        call = await found.alice.dial("600")
        await call.answered()
        call.play(440)
        await call.hears(440)
        new = await found.carol.dial("600", headers=replaces(call))
        await new.answered()
        assert await call.ended() == "BYE received"
        assert call.requests[-1].get("Reason") == "Q.850;cause=16"
        new.play(660)
        await new.hears(660)
        await new.hangup()


async def test_a_call_between_two_lines_of_one_phone_is_one_like_any_other() -> None:
    """The new call is of the phone whose call it replaces: a call taken over from another room (RFC 3891 1)."""
    async with world() as found:
        call, incoming = await found.talking()
        new = await found.bob.dial("6002", headers=replaces(incoming))
        await new.answered()
        assert await incoming.ended() == "BYE received"
        await talk(call, new)
        await new.hangup()
        await call.ended()


@pytest.mark.parametrize("application", ["Playback(tune)", "MusicOnHold()", "PlayTones(440)\n same => n,Wait(20)"])
async def test_what_an_application_plays_goes_on_for_who_replaces_its_caller(application: str, tmp_path: Path) -> None:
    (tmp_path / "tune.slin").write_bytes(make_tone(440) * 20)
    config = {
        "extensions.conf": f"{EXTENSIONS}\nexten => 600,1,Answer()\n same => n,{application}\n",
        "musiconhold.conf": f"[default]\nmode=files\ndirectory={tmp_path}\n",
    }
    async with world(**config) as found:
        sounds = Path(found.server.paths.data) / "sounds" / "en"
        sounds.mkdir(parents=True)
        (sounds / "tune.slin").write_bytes(make_tone(440) * 20)
        call = await found.alice.dial("600")
        await call.answered()
        await call.hears(440)
        new = await found.carol.dial("600", headers=replaces(call))
        await new.answered()
        assert await call.ended() == "BYE received"
        await new.hears(440)
        await new.hangup()


async def test_who_replaces_a_phone_that_a_program_calls_gets_what_it_was_called_for() -> None:
    async with (
        world(**{"extensions.conf": f"{EXTENSIONS}\nexten => 600,1,Echo()\n"}) as found,
        manager(found.server) as client,
    ):
        await client.action(
            "Originate", Channel="PJSIP/bob", Context="internal", Exten="600", Priority="1", Async="true"
        )  # fmt: skip
        incoming = await found.bob.incoming()
        incoming.ring()
        await until(lambda: incoming.dialog is not None, 5, "no dialog")
        await client.event("Newstate", ChannelStateDesc="Ringing")
        new = await found.carol.dial("6002", headers=replaces(incoming))
        await new.answered()
        assert await incoming.ended() == "cancelled"
        new.play(440)
        await new.hears(440)
        await new.hangup()
