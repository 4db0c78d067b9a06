"""The manager on the wire, byte for byte as recorded but for times, addresses and identifiers."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from call_kit import CONFIG
from manager_kit import MANAGER, Exchange, Message, address, manager, normalise, recorded

from asterism.testing import running_server

SERVED = {**CONFIG, "manager.conf": MANAGER}
RAW = {one.title: one for one in recorded(raw=True)}
ACTIONS = {one.title: one for one in reversed(recorded(raw=False))}


def test_the_record_is_read():
    assert len(RAW) >= 8
    assert {*BEFORE_LOGIN, *LOGGED_IN} <= set(ACTIONS)


@pytest.mark.parametrize("title", list(RAW))
async def test_a_connection_as_recorded(title):
    exchange = RAW[title]
    end = "\n" if "LF only" in title else "\r\n"
    sent = [block.replace("\n", end) + end + end for block in exchange.sent.split("\n\n\n") if block.strip()]
    expected, _, state = exchange.received.rpartition("<<connection ")
    async with running_server(SERVED) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write("".join(sent).encode())
        expected = normalise(expected).strip("\n")
        received = ""
        while len(normalise(received).strip("\n")) < len(expected):
            data = await asyncio.wait_for(reader.read(65536), 5)
            if not data:
                break
            received += data.decode()
        assert "\n" not in received.replace("\r\n", "")
        assert normalise(received.replace("\r\n", "\n")).strip("\n") == expected
        if state.startswith("closed"):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)
        writer.close()


BEFORE_LOGIN = [
    "action before login", "Challenge MD5", "Challenge unknown type", "Login wrong secret", "Login unknown user",
    "Login missing secret", "Login ok",
]  # fmt: skip
LOGGED_IN = [
    "no Action header value", "unknown action", "without ActionID", "Ping", "CoreStatus", "CoreShowChannels", "Status",
    "UserEvent", "Events off", "Events bad", "Filter", "Command unknown", "Command missing",
    "Command multi-line core show uptime", "Getvar unset", "Getvar missing", "Getvar no channel",
    "Setvar global", "Setvar missing", "Setvar no channel", "Status one unknown", "ModuleCheck bad", "Logoff",
]  # fmt: skip


async def ask(reader, writer, exchange: Exchange) -> str:
    """Send a recorded request and return as many messages as were recorded."""
    writer.write(exchange.sent.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    found = [await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) for _ in exchange.received.split("\n\n")]
    return b"".join(found).decode().replace("\r\n", "\n").strip("\n")


def comparable(text: str) -> str:
    # What has run before decides about these.
    return "\n".join(
        line for line in normalise(text).split("\n") if not line.startswith(("CoreProcessedCalls", "CoreCurrentCalls"))
    )


@pytest.mark.parametrize("title", BEFORE_LOGIN)
async def test_before_login(title):
    exchange = ACTIONS[title]
    async with running_server(SERVED) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        await reader.readline()
        assert comparable(await ask(reader, writer, exchange)) == comparable(exchange.received)
        writer.close()


@pytest.mark.parametrize("title", LOGGED_IN)
async def test_an_action_as_recorded(title):
    exchange = ACTIONS[title]
    async with running_server(SERVED) as server, manager(server, events="off") as client:
        found = await ask(client.reader, client.writer, exchange)
        assert comparable(found) == comparable(exchange.received)


async def test_login_by_challenge():
    async with running_server(SERVED) as server:
        for key, response in (("right", "Success"), ("wrong", "Error")):
            reader, writer = await asyncio.open_connection(*address(server))
            await reader.readline()
            writer.write(b"Action: Challenge\r\nAuthType: MD5\r\n\r\n")
            challenge = Message((await reader.readuntil(b"\r\n\r\n")).decode().replace("\r\n", "\n"))["Challenge"]
            secret = "secret" if key == "right" else "other"
            proof = hashlib.md5((challenge + secret).encode()).hexdigest()
            writer.write(
                f"Action: Login\r\nAuthType: MD5\r\nUsername: admin\r\nKey: {proof}\r\nEvents: off\r\n\r\n".encode()
            )
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(f"Response: {response}\r\n".encode())
            writer.close()


async def test_what_a_user_may_not_do():
    async with running_server(SERVED) as server, manager(server, "limited", "off") as client:
        for name, fields in (("Command", {"Command": "core show version"}), ("PJSIPShowEndpoints", {})):
            response = await client.action(name, **fields)
            assert (response["Response"], response["Message"]) == ("Error", "Permission denied")
        assert (await client.action("Status"))["Response"] == "Success"


async def test_a_user_event_reaches_who_may_read_it():
    async with (
        running_server(SERVED) as server,
        manager(server) as sender,
        manager(server) as reader,
        manager(server, "limited") as limited,
    ):
        response = await sender.action("UserEvent", UserEvent="Lunch", Menu="soup", Price="3")
        assert response["Message"] == "Event Sent"
        event = await reader.event("UserEvent")
        assert event.pairs == [
            ("Event", "UserEvent"), ("Privilege", "user,all"), ("UserEvent", "Lunch"),
            ("ActionID", response["ActionID"]), ("Menu", "soup"), ("Price", "3"),
        ]  # fmt: skip
        await limited.action("Ping")
        assert "UserEvent" not in [one["Event"] for one in limited.events]


async def test_a_command_s_output():
    async with running_server(SERVED) as server, manager(server, events="off") as client:
        response = await client.action("Command", Command="core show version")
        assert response.pairs[:3] == [
            ("Response", "Success"), ("ActionID", response["ActionID"]), ("Message", "Command output follows"),
        ]  # fmt: skip
        assert response["Output"].startswith("Asterisk ")


async def test_nobody_forges_a_field():
    async with running_server(SERVED) as server, manager(server) as client, manager(server) as other:
        await client.action("UserEvent", UserEvent="A\x00B\x1b[31m", X="1\rEvent: Forged")
        event = await other.event("UserEvent")
        assert "Forged" not in event.get("Event", "")
        assert "\x00" not in event.text
        assert "\r" not in event.text
