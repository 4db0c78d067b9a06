"""What the peers of sip.conf see on the wire, against recordings of ``chan_sip``: message by message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import pytest
from tests.integration.chan_sip.wire_kit import Replay, sections

from asterism.testing import free_port, running_server

CONFIGS = Path(__file__).parents[2] / "data" / "record" / "configs" / "asterisk16"
SECTIONS = sections()
_UNCHANGED: Mapping[str, str] = MappingProxyType({})
_LEFT_OUT = ("register =>", "mwi =>", "tls", "tcp", "transport=t")


def named(beginning: str) -> str:
    """The title of the one section that begins so."""
    found = [title for title in SECTIONS if title.startswith(beginning)]
    assert len(found) == 1, (beginning, found)
    return found[0]


def files(port: int, changes: Mapping[str, str]) -> dict[str, str]:
    """The recorded configuration, on another port and by UDP alone."""
    lines = (CONFIGS / "sip.conf").read_text().replace("15060", str(port)).splitlines()
    sip = "\n".join(line for line in lines if not line.startswith(_LEFT_OUT))
    for old, new in changes.items():
        assert old in sip
        sip = sip.replace(old, new)
    return {"sip.conf": sip + "\n", "extensions.conf": (CONFIGS / "extensions.conf").read_text()}


@asynccontextmanager
async def replaying(*registered: str, changes: Mapping[str, str] = _UNCHANGED) -> AsyncIterator[Replay]:
    port = free_port()
    async with running_server(files(port, changes)):
        replay = Replay(port)
        try:
            await replay.add("alice", "bob", "carol", "dave")
            for name in registered:
                await replay.register(name)
            yield replay
        finally:
            replay.close()


def test_the_record_has_what_is_compared() -> None:
    assert len(SECTIONS) > 50
    assert sum(len(steps) for steps in SECTIONS.values()) > 400


@pytest.mark.parametrize(
    "title",
    [
        "REGISTER: 401 challenge", "REGISTER expires too small", "REGISTER wrong password", "REGISTER for a domain",
        "REGISTER unknown user", "REGISTER of type=peer static host", "OPTIONS to the server",
        "REGISTER over UDP for a peer with transport=tcp only",
    ],
)  # fmt: skip
async def test_registrations(title: str) -> None:
    changes = {"domain=127.0.0.1": ""} if "domain" in title else {"[carol](phone)": "[carol](phone)\ntransport=tcp"}
    async with replaying(changes=changes) as replay:
        replay.wrong_passwords = "wrong" in title
        await replay.play(SECTIONS[named(title)])


@pytest.mark.parametrize(
    "title", ["REGISTER fetch", "REGISTER second contact replaces the first", "REGISTER Contact: * Expires: 0"]
)
async def test_registrations_of_who_is_registered(title: str) -> None:
    async with replaying("alice") as replay:
        await replay.play(SECTIONS[named(title)])


NOT_ASKED_FIRST = "SUBSCRIBE without Event header"
"""Refused before it is challenged; here only who has shown who it is hears what is wrong (docs/compatibility.md)."""
SUBSCRIPTIONS = [one for one in SECTIONS if one.startswith("SUBSCRIBE") and one != NOT_ASKED_FIRST]


@pytest.mark.parametrize("title", SUBSCRIPTIONS)
async def test_subscriptions(title: str) -> None:
    async with replaying("alice", "bob", "dave") as replay:
        replay.wrong_passwords = "wrong" in title
        await replay.play(SECTIONS[title])


@pytest.mark.parametrize(
    "title",
    [
        "INVITE from unknown guest", "INVITE to an extension that does not exist", "INVITE wrong password",
        "caller CANCEL while ringing", "blind transfer: REFER from the caller", "blind transfer: REFER from the callee",
        "attended transfer", "REFER to a nonexistent extension", "REFER from dave",
    ],
)  # fmt: skip
async def test_calls(title: str) -> None:
    async with replaying("alice", "bob", "carol", "dave") as replay:
        replay.wrong_passwords = "wrong" in title
        await replay.play(SECTIONS[named(title)])


@pytest.mark.parametrize(
    "title", [one for one in SECTIONS if one.startswith(("session timers", "SDP offer", "in-dialog"))]
)
async def test_offers_and_timers(title: str) -> None:
    async with replaying("alice", "bob", "dave") as replay:
        await replay.play(SECTIONS[title])


async def test_messages() -> None:
    async with replaying("alice") as replay:
        await replay.play(SECTIONS[named("MESSAGE out of dialog")], lambda step: step.text.startswith("BYE"))
