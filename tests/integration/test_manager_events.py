"""Events of registrations, states and security as recorded: which, in what order, with which fields.

Device and extension states float between the other events in the record itself (another thread sends them), so they
are compared by themselves.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from manager_kit import MANAGER, RECORD, Manager, Message, manager
from test_manager_calls import EXTENSIONS as CALL_EXTENSIONS
from test_manager_calls import fields_of, main_order, section

from asterism.server.server import Server
from asterism.testing import Phone, running_server, until

PJSIP = """
[global]
type=global
contact_expiration_check_interval=0
[alice]
type=endpoint
context=internal
allow=!all,ulaw,alaw
auth=alice
aors=alice
callerid="Alice Example" <6001>
accountcode=acct-alice
[alice]
type=auth
username=alice
password=alicepw
[alice]
type=aor
max_contacts=2
minimum_expiration=1
qualify_frequency={qualify}
[bob]
type=endpoint
context=internal
allow=!all,ulaw,alaw
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
remove_existing=yes
"""
EXTENSIONS = (
    CALL_EXTENSIONS.replace("exten => 6002,hint,PJSIP/bob\n", "")
    + """
[hints]
exten => 6003,hint,PJSIP/carol,CustomPresence:carol
exten => 6060,hint,Custom:lamp
"""
)
STATES = frozenset({"DeviceStateChange", "ExtensionStatus"})
_VARYING = frozenset(
    {"EventTV", "SessionTV", "SessionID", "LocalAddress", "RemoteAddress", "Challenge", "Response", "RoundtripUsec"}
)


def recorded(file: str, title: str) -> list[Message]:
    """The events of one section of a record, those left out that happened beside it."""
    text = (RECORD / file).read_text()
    part = text[text.index(f"# Asterisk 22.10 -- {title}") :]
    part = re.split(r"\n#{10,}\n# |\n# /var", part)[0]
    found = [Message(block.strip("\n")) for block in re.split(r"\n\n+", part) if block.strip().startswith("Event: ")]
    return [event for event in found if event["Event"] != "Registry"]


def comparable(event: Message) -> list[tuple[str, str]]:
    return [
        (name, "*" if name in _VARYING else re.sub(r"@127\.0\.0\.1:\d+.*", "@*", value)) for name, value in event.pairs
    ]


def assert_as_recorded(seen: list[Message], expected: list[Message]) -> None:
    for select in (lambda event: event["Event"] not in STATES, lambda event: event["Event"] in STATES):
        ours = [comparable(event) for event in seen if select(event)]
        theirs = [comparable(event) for event in expected if select(event)]
        if not select(Message("Event: Other")):
            ours, theirs = sorted(ours), sorted(theirs)
        assert ours == theirs


@dataclass
class World:
    server: Server
    alice: Phone
    bob: Phone
    client: Manager

    async def expect(self, expected: list[Message]) -> None:
        """Wait for as many events as were recorded, and a moment of the server for more; compare."""
        while len(self.client.events) < len(expected):
            await self.client.read()
        await self.client.action("Ping")
        await self.client.action("Ping")
        assert_as_recorded(self.client.events, expected)
        self.client.events.clear()


@asynccontextmanager
async def world(qualify: int = 0) -> AsyncIterator[World]:
    files = {"pjsip.conf": PJSIP.format(qualify=qualify), "extensions.conf": EXTENSIONS, "manager.conf": MANAGER}
    async with (
        running_server(files) as server,
        Phone("alice", server, "alicepw") as alice,
        Phone("bob", server, "bobpw") as bob,
        manager(server) as client,
    ):
        await client.event("SuccessfulAuth", Service="AMI")
        client.events.clear()
        yield World(server, alice, bob, client)


REGISTRATION = "ami_events_registration.txt"
SECURITY = "ami_events_security.txt"


async def test_a_registration_its_refresh_and_its_end() -> None:
    async with world(qualify=60) as it:
        await it.alice.register()
        await it.expect(recorded(REGISTRATION, "alice registers (qualify_frequency set on AOR)"))
        await it.alice.register()
        refresh = recorded(REGISTRATION, "alice registers again (refresh)")
        while len(it.client.events) < 1:
            await it.client.read()
        await it.client.action("Ping")
        # This phone answers with the nonce it has: there is no second challenge.
        names = [event["Event"] for event in it.client.events]
        assert names in (["SuccessfulAuth"], [event["Event"] for event in refresh])
        it.client.events.clear()
        await it.alice.unregister()
        expected = recorded(REGISTRATION, "alice un-registers")
        while len(it.client.events) < len(expected) - 1:
            await it.client.read()
        await it.client.action("Ping")
        with_challenge = any(event["Event"] == "ChallengeSent" for event in it.client.events)
        assert_as_recorded(it.client.events, expected if with_challenge else expected[1:])


async def test_a_binding_that_expires() -> None:
    """The record has no expiry; what goes is told as when a phone un-registers."""
    async with world() as it:
        await it.alice.register(expires=1)
        await it.client.event("DeviceStateChange", Device="PJSIP/alice", State="NOT_INUSE")
        it.client.events.clear()
        removed = await it.client.event("ContactStatus", ContactStatus="Removed")
        assert (removed["AOR"], removed["EndpointName"]) == ("alice", "alice")
        await it.client.event("PeerStatus", Peer="PJSIP/alice", PeerStatus="Unreachable")
        await it.client.event("DeviceStateChange", Device="PJSIP/alice", State="UNAVAILABLE")
        await it.client.event("ExtensionStatus", Exten="6001", Status="4", StatusText="Unavailable")


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("devstate change Custom:lamp INUSE (hint 6060)", "devstate change Custom:lamp INUSE"),
        (
            "presencestate change CustomPresence:carol away,,lunch",
            "presencestate change CustomPresence:carol away,,lunch",
        ),
        ("Reload res_pjsip", "module reload res_pjsip.so"),
    ],
)
async def test_what_a_command_changes_is_told(title: str, line: str) -> None:
    async with world() as it:
        await it.client.action("Command", Command=line)
        await it.expect(recorded(REGISTRATION, title))


async def test_modules_that_come_and_go_are_told() -> None:
    async with world() as it:
        await it.client.action("Command", Command="module unload app_echo.so")
        assert (await it.client.event("Unload"))["Module"] == "app_echo.so"
        await it.client.action("Command", Command="module load app_echo.so")
        event = await it.client.event("Load")
        assert (event["Module"], event["Status"]) == ("app_echo.so", "Success")


async def wrong_password(it: World) -> None:
    it.alice.password = "wrong"
    await it.alice.try_register()


async def unknown_user(it: World) -> None:
    ghost = Phone("ghost", it.server, "x")
    await ghost.try_register()
    ghost.close()


async def good(it: World) -> None:
    await it.bob.register()


async def limited(it: World) -> None:
    async with manager(it.server, user="limited", events="off") as client:
        await client.action("Command", Command="core show version")


async def unknown_caller(it: World) -> None:
    ghost = Phone("ghost", it.server, "x")
    call = await ghost.dial("6002")
    await call.refused()
    ghost.close()


SECURED: dict[str, Callable[[World], Awaitable[None]]] = {
    "REGISTER ok (challenge then success)": good,
    "REGISTER wrong password": wrong_password,
    "REGISTER unknown user": unknown_user,
    "AMI action without permission": limited,
}


@pytest.mark.parametrize("title", list(SECURED))
async def test_security_events_as_recorded(title: str) -> None:
    expected = recorded(SECURITY, title)
    wanted = {event["Event"] for event in expected}
    async with world() as it:
        await SECURED[title](it)
        while len([event for event in it.client.events if event["Event"] in wanted]) < len(expected):
            await it.client.read()
        await it.client.action("Ping")
        seen = [event for event in it.client.events if event["Privilege"] == "security,all"]
        assert [event["Event"] for event in seen] == [event["Event"] for event in expected]
        assert fields_of(seen) == fields_of(expected)
        for ours, theirs in zip(seen, expected, strict=True):
            for name in ("Severity", "Service", "EventVersion"):
                assert ours[name] == theirs[name]


async def test_a_redirect_of_the_called_leg() -> None:
    expected = section("AMI Redirect of the B leg during a call")
    files = {
        "pjsip.conf": PJSIP.format(qualify=0),
        "extensions.conf": EXTENSIONS,
        "manager.conf": MANAGER,
    }
    async with (
        running_server(files) as server,
        Phone("alice", server, "alicepw") as alice,
        Phone("bob", server, "bobpw") as bob,
        manager(server) as client,
    ):
        await alice.register()
        await bob.register()
        call = await alice.dial("6002")
        incoming = await bob.incoming()
        incoming.ring()
        await call.ringing()
        incoming.answer()
        await call.answered()
        entered = await client.event("BridgeEnter", BridgeNumChannels="2")
        called = next(channel.name for channel in server.pbx.channels if channel.name.startswith("PJSIP/bob"))
        assert entered["BridgeNumChannels"] == "2"
        response = await client.action("Redirect", Channel=called, Context="internal", Exten="771", Priority="1")
        assert response["Message"] == "Redirect successful"
        await client.event("Newexten", Channel=called, Application="Echo")
        await call.ended()
        await incoming.hangup()
        await until(lambda: not server.pbx.channels)
        while sum(event["Event"] == "Hangup" for event in client.events) < 2:
            await client.read()
        await client.action("Ping")
        seen = client.events
    assert main_order(seen) == main_order(expected)
    places = [
        (event["Channel"].partition("-")[0], event["Exten"], event["Priority"], event["Application"])
        for event in seen
        if event["Event"] == "Newexten"
    ]
    assert places == [
        (event["Channel"].partition("-")[0], event["Exten"], event["Priority"], event["Application"])
        for event in expected
        if event["Event"] == "Newexten"
    ]
    assert sum(event["Event"] == "Hangup" for event in seen) == sum(event["Event"] == "Hangup" for event in expected)
