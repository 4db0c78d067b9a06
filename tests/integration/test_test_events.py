"""``TestEvent`` as manager clients get it: the states of the record in its order, their headers byte for byte."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import panoramisk
from call_kit import CONFIG
from manager_kit import MANAGER, RECORD, Manager, Message, address, manager

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.testing import Phone, running_server, until

TESTER = f"{MANAGER}[tester]\nsecret=secret\nread=all,test\nwrite=all\n"
PJSIP = """
[global]
type=global
default_realm=asterisk
[phone](!)
type=endpoint
context=internal
message_context=messages
allow=!all,ulaw
direct_media=no
[alice](phone)
aors=alice
[alice]
type=aor
max_contacts=2
[bob](phone)
aors=bob
[bob]
type=aor
max_contacts=1
[mwi](phone)
aors=mwi
incoming_mwi_mailbox=100@default
[mwi]
type=aor
max_contacts=1
[video](phone)
allow=!all,ulaw,h264
[authy](phone)
auth=authy
aors=authy
[authy]
type=auth
username=authy
password=secret
[authy]
type=aor
max_contacts=1
[q1](phone)
aors=q1
[q1]
type=aor
max_contacts=1
qualify_frequency=1
qualify_timeout=0.3
"""
EXTENSIONS = """
[hints]
exten => cust,hint,Custom:cust
[internal]
exten => cust,hint,Custom:cust
exten => 700,1,Answer()
 same => n,Echo()
exten => 701,1,Ringing()
 same => n,Wait(60)
exten => 702,1,Answer()
 same => n,Set(TIMEOUT(absolute)=1)
 same => n,Wait(30)
exten => 703,1,Dial(PJSIP/bob,10,tTkKhH)
exten => 704,1,Dial(PJSIP/bob,10,L(1000))
exten => 705,1,Answer()
 same => n,Set(X=${PERIODIC_HOOK(internal,cust,5)})
 same => n,Wait(30)
exten => 706,1,Answer()
 same => n,SayNumber(42)
 same => n,SendDTMF(12)
 same => n,Wait(30)
exten => 707,1,Answer()
 same => n,MixMonitor(mm.wav)
 same => n,Wait(0.3)
 same => n,StopMixMonitor()
 same => n,Wait(30)
exten => 6002,1,Dial(PJSIP/bob,20)
[messages]
exten => 6002,1,MessageSend(pjsip:bob,<sip:echo@127.0.0.1>)
"""
FEATURES = """
[general]
featuredigittimeout=500
transferdigittimeout=1
[featuremap]
blindxfer=#1
atxfer=*2
disconnect=*0
"""
FILES = {
    **CONFIG, "pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS, "features.conf": FEATURES, "manager.conf": TESTER,
}  # fmt: skip
PLACE = frozenset({"AppFile", "AppFunction", "AppLine"})
Pairs = list[tuple[str, str]]


def comparable(events: Sequence[Message]) -> list[Pairs]:
    """Events without what differs from run to run."""
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[0], f"{found[1]}{len([n for n in numbers if n.startswith(found[1])]) + 1}")

    made = []
    for event in events:
        pairs = []
        for name, value in event.pairs:
            if name in PLACE or not name:
                continue
            value = value.replace("/p30-", "/alice-")  # another phone of the record
            value = re.sub(r"(PJSIP/\w+-)[0-9a-f]{8}", number, value)
            value = re.sub(r"(\[C-)[0-9a-f]{8}\]", number, value)
            value = re.sub(r"(;@|@@)[0-9a-f]{32}", "@@HASH", value)
            value = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", value)
            value = re.sub(r"cseq=\d+ \(rdata0x[0-9a-f]+\)", "cseq=N", value)
            if name == "Port" or (name == "RTT" and value != "0"):
                value = name
            if name == "UserAgent":
                value = "AGENT"
            pairs.append((name, value))
        made.append(pairs)
    return made


def recorded(title: str, wanted: Callable[[Pairs], bool] = lambda pairs: True) -> list[Pairs]:
    """The events of a section of the record."""
    text = (RECORD / "test_events.txt").read_text()
    part = text[text.index(f"# Asterisk 22.10 -- TestEvent: {title}") :].split("\n####")[1]
    blocks = [block.strip("\n") for block in re.split(r"\n\n+", part)]
    events = [Message(block[block.index("Event: ") :]) for block in blocks if "Event: TestEvent" in block]
    return [pairs for pairs in comparable(events) if wanted(pairs)]


def state(pairs: Pairs) -> str:
    return next(value for name, value in pairs if name == "State")


def other_than(*states: str) -> Callable[[Pairs], bool]:
    return lambda pairs: not state(pairs).startswith(states)


class World:
    def __init__(self, server: Server, client: Manager, alice: Phone, bob: Phone) -> None:
        self.server, self.client, self.alice, self.bob = server, client, alice, bob
        self.phones = [alice, bob]

    async def events(self) -> list[Message]:
        """The TestEvents so far."""
        await self.client.action("Ping")
        return [event for event in self.client.events if event["Event"] == "TestEvent"]

    async def forget(self) -> None:
        await self.client.action("Ping")
        self.client.events.clear()

    async def shows(self, expected: list[Pairs], wanted: Callable[[Pairs], bool] = lambda pairs: True) -> None:
        """Wait for as many events as are expected, and compare them."""
        shown: list[Pairs] = []
        for _ in range(100):
            shown = [pairs for pairs in comparable(await self.events()) if wanted(pairs)]
            if len(shown) >= len(expected):
                break
            await asyncio.sleep(0.05)
        assert shown == expected

    async def phone(self, name: str, password: str = "") -> Phone:
        made = Phone(name, self.server, password)
        self.phones.append(made)
        return made


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    async with running_server(FILES) as server:
        alice, bob = Phone("alice", server), Phone("bob", server)
        await alice.register(600)
        await bob.register(600)
        async with manager(server, "tester") as client:
            found = World(server, client, alice, bob)
            yield found
        for phone in found.phones:
            phone.close()


async def test_only_a_user_who_names_the_class_gets_them() -> None:
    async with running_server({"manager.conf": TESTER}) as server:
        tests = server.test_events
        assert not tests.wanted
        async with manager(server) as other:
            assert not tests.wanted, "all does not bring them"
            async with manager(server, "tester") as client:
                assert tests.wanted
                tests.send("MIXMONITOR_END", (("File", "/tmp/x"),))
                tests.send("PLAYBACK", (("Message", "beep"), ("Channel", "PJSIP/a-00000001")))
                event = await client.event("TestEvent", State="MIXMONITOR_END")
                assert [pair for pair in event.pairs if pair[0] != "AppLine"] == [
                    ("Event", "TestEvent"), ("Privilege", "reporting,all"), ("Type", "StateChange"),
                    ("State", "MIXMONITOR_END"), ("AppFile", "test_test_events.py"),
                    ("AppFunction", "test_only_a_user_who_names_the_class_gets_them"), ("File", "/tmp/x"),
                ]  # fmt: skip
                assert await client.reader.readline() == b"\r\n", "an empty line more"
                assert (await client.read())["State"] == "PLAYBACK"
                await client.action("Events", EventMask="call,all")
                assert not tests.wanted, "nor does the mask all"
                await client.action("Events", EventMask="test")
                assert tests.wanted
                await client.action("Events", EventMask="off")
                assert not tests.wanted
                await client.action("Events", EventMask="on")
                assert tests.wanted
            await client.writer.wait_closed()
            await other.action("Ping")
            assert not tests.wanted
            assert all(event["Event"] != "TestEvent" for event in other.events)


async def test_a_stock_client_gets_them() -> None:
    async with world() as found:
        host, port = address(found.server)
        client = panoramisk.Manager(host=host, port=port, username="tester", secret="secret", ping_delay=3600)
        seen: list[Any] = []
        client.register_event("TestEvent", lambda _client, event: seen.append(event))
        await client.connect()
        try:
            call = await found.alice.dial("705")
            await call.answered()
            await until(lambda: any(one.State == "PERIODIC_HOOK_ENABLED" for one in seen))
            await call.hangup()
            call = await found.alice.dial("7777")
            await call.refused()
            await until(lambda: len([one for one in seen if one.State == "SESSION_DESTROYED"]) == 2)
            assert [one.Endpoint for one in seen if one.State == "SESSION_DESTROYED"] == ["alice"] * 2
            assert [one.Interval for one in seen if one.State == "PERIODIC_HOOK_ENABLED"] == ["5"]
        finally:
            client.close()


async def test_registrations_as_recorded() -> None:
    async with world() as found:
        await found.alice.unregister()
        await found.forget()
        await found.alice.register(600)
        await found.shows(recorded("REGISTER of a new contact"))
        await found.forget()
        await found.alice.register(600)
        await found.shows(recorded("REGISTER of the same contact again"))
        await found.forget()
        await found.alice.unregister()
        await found.shows(recorded("REGISTER Expires: 0"))


async def test_a_contact_that_is_asked_as_recorded() -> None:
    """Of results without a change there may be more or fewer."""
    async with world() as found:
        phone = await found.phone("q1")
        await phone.register(600)
        await found.client.event("TestEvent", State="AOR_CONTACT_UPDATE", Status="Reachable")
        port = phone.port
        phone.wire.close()
        await found.client.event("TestEvent", State="AOR_CONTACT_UPDATE", Status="Unreachable")
        await found.client.event("TestEvent", State="AOR_CONTACT_QUALIFY_RESULT", Status="Unreachable")
        shown = comparable(await found.events())
        expected = recorded("REGISTER of a contact with qualify_frequency=2")
        once = [pairs for number, pairs in enumerate(shown) if pairs not in shown[:number]]
        assert once == [pairs for number, pairs in enumerate(expected) if pairs not in expected[:number]][:5]
        assert port


async def test_authentication_as_recorded() -> None:
    async with world() as found:
        phone = await found.phone("authy", "wrong")
        call = await phone.dial("700")
        assert await call.refused() == 401
        right = await found.phone("authy", "secret")
        call = await right.dial("700")
        await call.answered()
        await call.hangup()
        wanted = other_than("SESSION", "RTP_", "CallID")
        await found.client.event("TestEvent", State="INCOMING_AUTH_VERIFY_RESULT", Status="SUCCESS")
        shown = [pairs for pairs in comparable(await found.events()) if wanted(pairs)]
        # Phones ask without credentials first, and may try the wrong ones again.
        once = [pairs for number, pairs in enumerate(shown) if pairs not in shown[:number]]
        assert once == recorded("INVITE with authentication", wanted)


async def test_a_call_as_recorded() -> None:
    """The ports are opened when media are agreed, which is later than there."""
    async with world() as found:
        call = await found.alice.dial("700")
        await call.answered()
        call.send_digits("5")
        await found.client.event("TestEvent", State="DTMF_BEGIN")
        port, *others = recorded("call to Echo")
        await found.shows([others[0], port, *others[1:]])
        await found.forget()
        await call.hangup()
        await found.client.event("TestEvent", State="SESSION_DESTROYED", Endpoint="alice")


async def test_a_phone_that_asks_for_a_whole_picture_as_recorded() -> None:
    """By INFO in a call to Echo: what it asks for is asked of it, in turn."""
    async with world() as found:
        phone = Phone("video", found.server)
        found.phones.append(phone)
        phone.video = ["H264"]
        call = await phone.dial("700")
        await call.answered()
        call.video.show("me")
        await call.video.sees("me")
        wish = b"<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive>"
        assert (await call.send("INFO", wish + b"</media_control>", "application/media_control+xml")).status == 200
        wanted = other_than("RTP_")
        await found.shows(recorded("video call", wanted), wanted)
        assert [one.method for one in call.requests] == ["INFO"]
        assert call.video.requests
        await call.hangup()


async def test_a_cancelled_call_and_an_unknown_extension_as_recorded() -> None:
    async with world() as found:
        call = await found.alice.dial("701")
        await call.ringing()
        await call.cancel()
        wanted = other_than("RTP_")
        await found.shows(recorded("INVITE then CANCEL", wanted), wanted)
        await found.forget()
        call = await found.alice.dial("7777")
        assert await call.refused() == 404
        await found.shows(recorded("INVITE to an unknown extension"))


async def test_time_is_up_as_recorded() -> None:
    async with world() as found:
        call = await found.alice.dial("702")
        await call.ended()
        wanted = other_than("SESSION", "RTP_")
        await found.shows(recorded("TIMEOUT(absolute)=2 passes", wanted), wanted)
        await found.forget()
        call = await found.alice.dial("704")
        (await found.bob.incoming()).answer()
        await call.ended()
        await found.shows(recorded("Dial(PJSIP/bob,10,L(2000))", wanted), wanted)


async def test_digits_sent_and_a_periodic_hook_as_recorded() -> None:
    async with world() as found:
        call = await found.alice.dial("706")
        await call.answered()
        await found.client.event("TestEvent", State="DTMF_BEGIN", Digit="2")
        wanted = other_than("SESSION", "RTP_", "CallID")
        await found.shows(recorded("SayNumber(42), Read, SendDTMF(12)", wanted), wanted)
        await call.hangup()
        await found.forget()
        call = await found.alice.dial("705")
        await call.answered()
        wanted = other_than("SESSION", "RTP_", "CallID")
        expected = [
            [(name, "PJSIP/alice-1" if name == "Channel" else value) for name, value in pairs]
            for pairs in recorded("PERIODIC_HOOK set", wanted)
        ]
        await found.shows(expected, wanted)
        await call.hangup()


async def test_modules_as_recorded() -> None:
    async with world() as found:
        for kind in ("unload", "load"):
            answer = await found.client.action("ModuleLoad", Module="func_sprintf.so", LoadType=kind)
            assert answer["Response"] == "Success", answer.text
        await found.shows(recorded("AMI ModuleLoad unload and load func_sprintf.so"))


async def test_keys_as_recorded() -> None:
    async with world() as found:
        call = await found.alice.dial("703")
        (await found.bob.incoming()).answer()
        await call.answered()
        await asyncio.sleep(0.2)
        call.send_digits("*9")
        await found.client.event("TestEvent", State="DTMF_BEGIN", Digit="9")
        wanted = other_than("SESSION", "RTP_")
        await found.shows(recorded("Dial with features, caller dials *9", wanted), wanted)
        await found.forget()
        call.send_digits("#1")
        await found.client.event("TestEvent", State="TRANSFER_BEGIN_DIAL")
        call.send_digits("701")
        await found.client.event("TestEvent", State="FEATURE_DETECTION")
        wanted = other_than("SESSION", "RTP_", "CallID")
        await found.shows(recorded("Dial(PJSIP/bob,10,tTkKhH): answered", wanted), wanted)


async def test_a_wrong_extension_is_dialled_until_the_attempts_are_over() -> None:
    async with world() as found:
        call = await found.alice.dial("703")
        (await found.bob.incoming()).answer()
        await call.answered()
        await asyncio.sleep(0.2)
        call.send_digits("#1")
        await found.client.event("TestEvent", State="TRANSFER_BEGIN_DIAL", Attempt="1")
        call.send_digits("79")
        final = await found.client.event("TestEvent", State="TRANSFER_DIAL_FINAL")
        assert final["Result"] == "Failure"
        dialled = [each for each in await found.events() if each["State"] == "TRANSFER_DIALLED"]
        assert [each["Attempt"] for each in dialled] == ["1", "2", "3"]
        assert dialled[0]["Dialled"] == "79"
        assert {each["Result"] for each in dialled} == {"Failure"}


async def test_an_answer_that_crosses_a_cancel_as_recorded() -> None:
    async with world() as found:
        call = await found.alice.dial("6002")
        incoming = await found.bob.incoming()
        incoming.ring()
        await call.ringing()
        incoming.on_cancel = incoming.answer
        await call.cancel()
        event = await found.client.event("TestEvent", State="PJSIP_SESSION_CANCELED")
        wanted = other_than("RTP_", "SESSION", "CallID")
        [expected] = recorded("outgoing call is cancelled", wanted)
        assert comparable([event]) == [expected]


async def test_messages_as_recorded() -> None:
    async with world() as found:
        request = found.alice.create_request("MESSAGE", found.alice.uri("6002"))
        request.set_body("hi", "text/plain")
        await found.alice.request(request)
        event = await found.client.event("TestEvent", State="MSG_FROMTO_URI")
        expected = recorded("MESSAGE in (202)", other_than("SESSION"))
        shown = comparable([await found.client.event("TestEvent", State="CallIDChange"), event])
        assert shown == expected[:2]
        answer = await found.client.action("MessageSend", Destination="pjsip:nosuch", From="sip:a@b", Body="x")
        assert answer["Response"] == "Error"
        event = await found.client.event("TestEvent", State="MSG_ENDPOINT_URI_FAIL")
        assert event.pairs[-4:] == [
            ("MdataFrom", "sip:a@b"), ("MsgFrom", ""), ("MdataDestination", "nosuch"), ("MsgTo", ""),
        ]  # fmt: skip


async def test_a_subscription_as_recorded() -> None:
    async with world() as found:
        run = CommandRunner(found.server).run
        await run("devstate change Custom:cust NOT_INUSE", lambda _text: None)
        await found.forget()
        watch = await found.alice.subscribe("cust", "presence", "application/pidf+xml")
        await found.client.event("TestEvent", State="SUBSCRIPTION_ESTABLISHED")
        await until(lambda: len(watch.notifies) == 1)
        await run("devstate change Custom:cust INUSE", lambda _text: None)
        await found.client.event("TestEvent", State="SUBSCRIPTION_STATE_CHANGED")
        await until(lambda: len(watch.notifies) == 2)
        await watch.renew()
        await found.client.event("TestEvent", State="SUBSCRIPTION_REFRESHED")
        await until(lambda: len(watch.notifies) == 3)
        await watch.end()
        await found.client.event("TestEvent", State="SUBSCRIPTION_TERMINATED")
        await found.shows(recorded("presence subscription: SUBSCRIBE, state change, refresh, SUBSCRIBE Expires: 0"))


async def test_a_recording_that_is_whole_as_recorded() -> None:
    async with world() as found:
        call = await found.alice.dial("707")
        await call.answered()
        event = await found.client.event("TestEvent", State="MIXMONITOR_END")
        folder = found.server.paths.spool / "monitor"
        [expected] = recorded("MixMonitor and", lambda pairs: state(pairs) == "MIXMONITOR_END")
        assert comparable([event]) == [
            [(name, f"{folder}/mm" if name == "File" else value) for name, value in expected]
        ]
        await call.hangup()


async def test_message_summaries_of_another_server() -> None:
    summary = "Messages-Waiting: yes\r\nMessage-Account: sip:100@vm\r\nVoice-Message: 2/8 (1/0)\r\n"
    async with world() as found:
        for name, status in (("mwi", 200), ("alice", 404)):
            phone = await found.phone(name)
            request = phone.create_request("NOTIFY", phone.uri("100"))
            request.add_header("Event", "message-summary")
            request.add_header("Subscription-State", "active")
            request.set_body(summary, "application/simple-message-summary")
            assert (await phone.request(request)).status == status
        taken = await found.client.event("TestEvent", State="PUBSUB_INCOMING_MWI_PUBLISH")
        assert [pair for pair in taken.pairs if pair[0] not in PLACE][4:] == [
            ("Endpoint", "mwi"), ("Mailbox", "100@default"), ("MessageAccount", "sip:100@vm"),
            ("VoiceMessagesNew", "2"),
            ("VoiceMessagesOld", "8"), ("VoiceMessagesUrgentNew", "1"), ("VoiceMessagesUrgentOld", "0"),
        ]  # fmt: skip
        refused = await found.client.event("TestEvent", State="PUBSUB_NO_INCOMING_MWI_MAILBOX")
        assert refused["Endpoint"] == "alice"
