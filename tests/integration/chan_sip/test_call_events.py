"""The manager's events of one call between two peers of ``sip.conf``, as recorded of ``chan_sip``.

Field by field as far as the channel driver shows in them: names, states, who calls, context, extension, accounts,
variables and their order. What is left out floats in the record (states of devices, security), is of an older core
(Asterisk 16.28 has no names for some fields), or are statistics of media.
"""

from __future__ import annotations

import re

from manager_kit import MANAGER, RECORD, Manager, Message, manager
from sip_calls_kit import World, phones
from test_manager_calls import main_order, per_channel

from asterism.testing import until

SIP = """
[general]
context=public
bindaddr=127.0.0.1:{port}
srvlookup=no
language=en
disallow=all
allow=ulaw
allow=alaw
callcounter=yes
notifyhold=yes
directmedia=no

[alice]
type=friend
context=internal
host=127.0.0.1
port={alice}
insecure=invite
callerid="Alice Example" <6001>
call-limit=4
busylevel=2
accountcode=acct-alice
language=en
setvar=DEPT=sales
setvar=FLOOR=3

[bob]
type=friend
context=internal
host=127.0.0.1
port={bob}
insecure=invite
callerid="Bob Example" <6002>
call-limit=2
"""
EXTENSIONS = """
[hints]
exten => 6001,hint,SIP/alice
exten => 6002,hint,SIP/bob
exten => 6050,hint,SIP/alice&SIP/bob
[internal]
include => hints
exten => 6002,1,Dial(SIP/bob,20)
 same => n,NoOp(DIALSTATUS=${DIALSTATUS} HANGUPCAUSE=${HANGUPCAUSE})
 same => n,Hangup()
"""
COMPARED = ("Newchannel", "Newstate", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "BridgeLeave", "Hangup")
_NEWER = frozenset(("Uniqueid", "Linkedid", "BridgeUniqueid", "DestUniqueid", "DestLinkedid"))


def recorded() -> list[Message]:
    text = (RECORD / "chan_sip_call_events.txt").read_text()
    return [Message(block.strip("\n")) for block in text.split("\n\n") if block.strip().startswith("Event: ")]


def fields(event: Message, names: set[str]) -> dict[str, str]:
    """The fields that both have, the channel without its number."""
    found = {name: value for name, value in event.pairs if name in names and name not in _NEWER}
    return {name: re.sub(r"-[0-9a-f]{8}$", "", value) for name, value in found.items()}


def of_kind(events: list[Message], kind: str) -> list[Message]:
    return [event for event in events if event["Event"] == kind]


def states(events: list[Message]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for event in events:
        if event["Event"] == "DeviceStateChange":
            found.append((event["Device"], event["State"]))
        elif event["Event"] == "ExtensionStatus":
            found.append((event["Exten"], event["Hint"], event["StatusText"]))
    return found


def changes(found: list[tuple[str, ...]], which: str) -> list[tuple[str, ...]]:
    """Of one device or extension, each state as it began: several events may tell of one."""
    own = [one for one in found if one[0] == which]
    return [one for number, one in enumerate(own) if not number or own[number - 1] != one]


def told(events: list[Message], who: str) -> list[str]:
    """What is told of a channel; the older core tells the other party of a bridge each time its technology changes."""
    found: list[str] = []
    for one in per_channel(events, who):
        if "BRIDGEP" in one and one in found[-2:]:
            continue
        found.append(one)
    return found


async def call(client: Manager, world: World) -> list[Message]:
    dialled = await world.alice.dial("6002")
    incoming = await world.bob.incoming()
    incoming.ring()
    await dialled.ringing()
    incoming.answer()
    await dialled.answered()
    await incoming.answered()
    await client.event("BridgeEnter", BridgeNumChannels="2")
    await dialled.hangup()
    await incoming.ended()
    await until(lambda: not world.server.pbx.channels)
    while len(of_kind(client.events, "Hangup")) < 2:
        await client.read()
    await client.action("Ping")
    return client.events


async def test_the_events_of_a_call_are_the_recorded_ones() -> None:
    expected = recorded()
    files = {"manager.conf": MANAGER, "extensions.conf": EXTENSIONS}
    async with phones(sip=SIP, files=files) as world, manager(world.server) as client:
        seen = await call(client, world)
    assert main_order(seen) == main_order(expected)
    for who in ("SIP/alice", "SIP/bob"):
        assert told(seen, who) == told(expected, who)
    for kind in COMPARED:
        for ours, theirs in zip(of_kind(seen, kind), of_kind(expected, kind), strict=True):
            shared = {name for name, _ in ours.pairs} & {name for name, _ in theirs.pairs}
            assert fields(ours, shared) == fields(theirs, shared), kind


async def test_the_states_of_devices_are_the_recorded_ones() -> None:
    files = {"manager.conf": MANAGER, "extensions.conf": EXTENSIONS}
    async with phones(sip=SIP, files=files) as world, manager(world.server) as client:
        seen = await call(client, world)
    ours, theirs = states(seen), states(recorded())
    for which in sorted({one[0] for one in theirs}):
        assert changes(ours, which) == changes(theirs, which)
