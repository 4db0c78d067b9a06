"""Calls seen and made through the manager: listings, Originate, Hangup, and the events of whole calls.

Order of events, compared with the ``Order:`` lines of the record after this normalisation: left out are events that
float between runs of the recorded server itself because another thread sends them (device and extension states,
registrations, security), and the RTP statistics' variables; VarSet is compared per channel, since the two
channels' threads interleave at random; so is everything from the hang-up on.
"""

from __future__ import annotations

import re

import pytest
from call_kit import CONFIG
from manager_kit import MANAGER, RECORD, Manager, Message, manager, normalise, recorded

from asterism.testing import Phone, assert_idle, running_server, until

PJSIP = """
[global]
type=global
default_realm=pbx.example.test
[phone](!)
type=endpoint
context=internal
disallow=all
allow=ulaw,alaw
[alice](phone)
auth=alice
aors=alice
callerid="Alice Example" <6001>
set_var=DEPT=sales
accountcode=acct-alice
[alice]
type=auth
username=alice
password=alicepw
[alice]
type=aor
max_contacts=2
[bob](phone)
auth=bob
aors=bob
callerid="Bob Example" <6002>
[bob]
type=auth
username=bob
password=bobpw
[bob]
type=aor
max_contacts=1
[frank](phone)
aors=frank
[frank]
type=aor
max_contacts=1
"""

EXTENSIONS = """
[hints]
exten => 6001,hint,PJSIP/alice
exten => 6002,hint,PJSIP/bob
[internal]
exten => 6002,1,Dial(PJSIP/bob,20,Tt)
 same => n,NoOp(DIALSTATUS=${DIALSTATUS} HANGUPCAUSE=${HANGUPCAUSE})
 same => n,Hangup()
exten => 6102,1,Dial(PJSIP/bob,1)
 same => n,NoOp(DIALSTATUS=${DIALSTATUS} HANGUPCAUSE=${HANGUPCAUSE})
 same => n,Hangup()
exten => 703,1,Dial(PJSIP/frank,20)
 same => n,NoOp(DIALSTATUS=${DIALSTATUS} HANGUPCAUSE=${HANGUPCAUSE})
 same => n,Hangup()
exten => 771,1,Answer()
 same => n,Echo()
"""

SERVED = {**CONFIG, "pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS, "manager.conf": MANAGER}
FLOATING = {
    "ChallengeSent", "SuccessfulAuth", "Registry", "PeerStatus", "ContactStatus", "DeviceStateChange",
    "ExtensionStatus", "FullyBooted",
}  # fmt: skip


class World:
    """A server, two phones and a manager client."""

    def __init__(self, server, alice: Phone, bob: Phone, client: Manager) -> None:
        self.server, self.alice, self.bob, self.client = server, alice, bob, client


class Setting:
    async def __aenter__(self) -> World:
        self.running = running_server(SERVED)
        server = await self.running.__aenter__()
        alice, bob = Phone("alice", server, "alicepw"), Phone("bob", server, "bobpw")
        await alice.register()
        await bob.register()
        self.client = manager(server)
        self.world = World(server, alice, bob, await self.client.__aenter__())
        return self.world

    async def __aexit__(self, *exc_info: object) -> None:
        await self.client.__aexit__(*exc_info)  # type: ignore[arg-type]
        self.world.alice.close()
        self.world.bob.close()
        if exc_info[0] is None:
            await assert_idle(self.world.server)
        await self.running.__aexit__(*exc_info)  # type: ignore[arg-type]


def section(title: str) -> list[Message]:
    """The events of a section of ``ami_events_call.txt``."""
    text = (RECORD / "ami_events_call.txt").read_text()
    part = text[text.index(f"# Asterisk 22.10 -- {title}") :]
    part = re.split(r"\n#{10,}\n# ", part)[0]
    return [Message(block.strip("\n")) for block in part.split("\n\n") if block.startswith("Event: ")]


def role(event: Message) -> str:
    return event.get("Channel", event.get("DestChannel", "")).partition("-")[0]


def main_order(events: list[Message]) -> list[str]:
    """The events up to the hang-up that belong to both channels, VarSet left out."""
    names = [event["Event"] for event in events if event["Event"] not in FLOATING | {"VarSet"}]
    ends = [names.index(one) for one in ("HangupRequest", "SoftHangupRequest") if one in names]
    return names[: min(ends, default=len(names))]


def per_channel(events: list[Message], who: str) -> list[str]:
    """What is told of one channel, with the variable or state."""
    found = []
    for event in events:
        name = event["Event"]
        if role(event) != who or name in FLOATING:
            continue
        detail = event.get("Variable", event.get("DialStatus", ""))
        if detail.startswith("RTPAUDIO"):
            continue
        if name == "Newstate":
            detail = event["ChannelStateDesc"]
        elif name == "Newexten":
            detail = event["Application"]
        found.append(f"{name} {detail}".strip())
    return found


def fields_of(events: list[Message]) -> dict[str, list[str]]:
    """The names of the fields of each kind of event, in order, as it first occurred."""
    found: dict[str, list[str]] = {}
    for event in events:
        found.setdefault(event["Event"], [name for name, _ in event.pairs])
    return found


def causes(events: list[Message], name: str) -> list[tuple[str, str, str]]:
    """Channel, cause and SIP status of each event of this name."""
    return [(role(one), one["Cause"], one.get("TechCause", "")) for one in events if one["Event"] == name]


async def answered(world: World, hang_up: str) -> None:
    call = await world.alice.dial("6002")
    incoming = await world.bob.incoming()
    incoming.ring()
    await call.ringing()
    incoming.answer()
    await call.answered()
    await incoming.answered()
    await world.client.event("BridgeEnter", BridgeNumChannels="2")
    if hang_up == "caller":
        await call.hangup()
        await incoming.ended()
    else:
        await incoming.hangup()
        await call.ended()


async def refused(world: World, status: int) -> None:
    call = await world.alice.dial("6002")
    (await world.bob.incoming()).reject(status)
    await call.refused()


async def no_answer(world: World) -> None:
    call = await world.alice.dial("6102")
    (await world.bob.incoming()).ring()
    await call.refused()


async def cancelled(world: World) -> None:
    call = await world.alice.dial("6002")
    (await world.bob.incoming()).ring()
    await call.ringing()
    await call.cancel()


async def unregistered(world: World) -> None:
    await (await world.alice.dial("703")).refused()


CALLS = {
    "full call alice -> 6002 (PJSIP/bob), answered, caller hangs up": lambda world: answered(world, "caller"),
    "full call, callee hangs up": lambda world: answered(world, "callee"),
    "callee busy (486)": lambda world: refused(world, 486),
    "no answer: Dial(PJSIP/bob,3) times out": no_answer,
    "caller cancels while ringing": cancelled,
    "callee 404": lambda world: refused(world, 404),
    "Dial unregistered endpoint (exten 703)": unregistered,
}


@pytest.mark.parametrize("title", list(CALLS))
async def test_the_events_of_a_call_come_in_the_recorded_order(title):
    expected = section(title)
    async with Setting() as world:
        await CALLS[title](world)
        legs = sum(event["Event"] == "Newchannel" for event in expected)
        await until(lambda: not world.server.pbx.channels)
        while sum(event["Event"] == "Hangup" for event in world.client.events) < legs:
            await world.client.read()
        await world.client.action("Ping")
        seen = world.client.events
    assert main_order(seen) == main_order(expected)
    for who in ("PJSIP/alice", "PJSIP/bob"):
        assert per_channel(seen, who) == per_channel(expected, who)
    ours, theirs = fields_of(seen), fields_of(expected)
    for name in theirs:
        if name not in FLOATING:
            assert ours[name] == theirs[name], name
    for name in ("HangupRequest", "SoftHangupRequest", "Hangup"):
        assert sorted(causes(seen, name)) == sorted(causes(expected, name))


async def originated(world: World, **fields: str):
    response = await world.client.action("Originate", Channel="PJSIP/bob", Timeout="5000", Async="true", **fields)
    assert (response["Response"], response["Message"]) == ("Success", "Originate successfully queued")
    incoming = await world.bob.incoming()
    incoming.ring()
    incoming.answer()
    await incoming.answered()
    return incoming, await world.client.event("OriginateResponse", ActionID=response["ActionID"])


async def test_originate_to_an_extension_and_hang_up():
    async with Setting() as world:
        incoming, response = await originated(
            world, Context="internal", Exten="771", Priority="1", CallerID='"Orig" <1234>', Account="acc1",
            Variable="A=1", ChannelId="chan-orig-1",
        )  # fmt: skip
        assert (response["Response"], response["Reason"], response["Uniqueid"]) == ("Success", "4", "chan-orig-1")
        assert incoming.request.from_.uri.user == "1234"
        incoming.play(440)
        await incoming.hears(440)

        titles = {one.title: one.received for one in reversed(recorded(raw=False))}
        during = {one.title: one.received for one in recorded(raw=False)}
        channel = response["Channel"]
        (shown, _) = await world.client.list("CoreShowChannels")
        assert same(shown, titles["CoreShowChannels during it"], channel)
        (status, _) = await world.client.list("Status", Variables="A,CHANNEL(name)")
        assert same(status, during["Status"], channel)
        (status, _) = await world.client.list("Status", Channel=channel)
        assert same(status, during["Status one"], channel)

        hangup = await world.client.action("Hangup", Channel=channel, Cause="16")
        assert hangup["Message"] == "Channel Hungup"
        assert await incoming.ended() == "BYE received"
        assert incoming.requests[-1].get("Reason") == "Q.850;cause=16"
        assert (await world.client.event("Hangup", Channel=channel))["Cause"] == "16"
        assert (await world.client.action("Hangup", Channel="nosuch"))["Message"] == "No such channel"


def same(found: Message, record: str, channel: str) -> bool:
    """Whether an item of a list is the recorded one, but for its channel, ActionID, times and formats in use."""
    (expected,) = [block for block in record.split("\n\n") if block.startswith(f"Event: {found['Event']}\n")]

    def plain(text: str) -> list[str]:
        text = re.sub(r"^(ActionID|Duration|Seconds|Nativeformats): .*$", r"\1: *", normalise(text), flags=re.M)
        return text.replace(channel, "PJSIP/bob-00000002").split("\n")

    assert plain(found.text) == plain(expected)
    return True


async def test_originate_to_an_application_waits_without_async():
    async with Setting() as world:
        world.bob.auto_answer = True
        response = await world.client.action(
            "Originate", Channel="PJSIP/bob", Application="Wait", Data="0.1", Timeout="5000"
        )
        assert (response["Response"], response["Message"]) == ("Success", "Originate successfully queued")
        assert await world.bob.calls[0].ended() == "BYE received"


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(("status", "reason"), [(486, "0"), (503, "0"), (404, "0"), (0, "3")])
async def test_an_originate_that_fails(mode, status, reason):
    async with Setting() as world:
        fields = {"Channel": "PJSIP/bob", "Context": "internal", "Exten": "771", "Priority": "1", "Timeout": "700"}
        world.client.writer.write(
            (
                "Action: Originate\r\nActionID: call\r\n"
                + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                + f"Async: {'true' if mode == 'async' else 'false'}\r\n\r\n"
            ).encode()
        )
        incoming = await world.bob.incoming()
        if status:
            incoming.reject(status)
        else:
            incoming.ring()
        while "Response" not in (message := await world.client.read()):
            pass
        if mode == "sync":
            assert (message["Response"], message["Message"]) == ("Error", "Originate failed")
        else:
            assert message["Message"] == "Originate successfully queued"
            event = await world.client.event("OriginateResponse", ActionID="call")
            assert (event["Response"], event["Reason"]) == ("Failure", reason)
        if not status:
            assert await incoming.ended() == "cancelled"


async def test_hangup_of_a_call_that_is_up():
    async with Setting() as world:
        call = await world.alice.dial("6002")
        incoming = await world.bob.incoming()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        enter = await world.client.event("BridgeEnter", BridgeNumChannels="2")
        items = await world.client.list("CoreShowChannels")
        assert items[-1]["ListItems"] == "2"
        assert {item["Application"] for item in items[:-1]} == {"Dial", "AppDial"}
        assert {item["BridgeId"] for item in items[:-1]} == {enter["BridgeUniqueid"]}
        (response,) = [await world.client.action("Hangup", Channel="/^PJSIP/bob-.*$/")]
        assert response["Response"] == "Success", response.text
        assert await call.ended() == "BYE received"
        assert await incoming.ended() == "BYE received"
