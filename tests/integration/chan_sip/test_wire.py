"""What the peers of sip.conf see on the wire, against recordings of ``chan_sip``: message by message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import pytest
from wire_kit import ANSWER_SDP, Replay, Step, header, sections, tag

from asterism.testing import free_port, running_server

CONFIGS = Path(__file__).parents[2] / "data" / "record" / "configs" / "asterisk16"
SECTIONS = sections()
HANG_UP = """BYE sip:6004@127.0.0.1:15060 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:15092;branch=z9hG4bKbye;rport
Max-Forwards: 70
From: <sip:bob@127.0.0.1:15092>;tag=8db056c7
To: <sip:6004@127.0.0.1:15060>;tag=as72c37f16
Call-ID: 148a99394fdeeea3293586c97230cfb0@127.0.0.1:15060
CSeq: 9000 BYE
Content-Length: 0
"""
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


def nothing(_text: str) -> bool:
    return False


def not_notify(text: str) -> bool:
    return not is_notify(text)


def is_trying(text: str) -> bool:
    """Whether it is a 100 to a request that is answered at once anyway."""
    return text.startswith("SIP/2.0 100")


def is_notify(text: str) -> bool:
    return text.startswith("NOTIFY")


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
        steps = SECTIONS[named(title)]
        await replay.play([step for step in steps if not _is_again(step, steps)])


def _is_again(step: Step, steps: Sequence[Step]) -> bool:
    """Whether it is the second OPTIONS: a contact that is known is not asked again at once."""
    asked = [one for one in steps if one.text.startswith("OPTIONS sip:alice@") and not one.sent]
    return step in asked[1:]


@pytest.mark.parametrize(
    "title", ["REGISTER fetch", "REGISTER second contact replaces the first", "REGISTER Contact: * Expires: 0"]
)
async def test_registrations_of_who_is_registered(title: str) -> None:
    async with replaying("alice") as replay:
        steps = SECTIONS[named(title)]
        await replay.play(steps, is_notify if "fetch" in title else nothing)


NOT_ASKED_FIRST = "SUBSCRIBE without Event header"
"""Refused before it is challenged; here only who has shown who it is hears what is wrong (docs/compatibility.md)."""
SUBSCRIPTIONS = [one for one in SECTIONS if one.startswith("SUBSCRIBE") and one != NOT_ASKED_FIRST]


@pytest.mark.parametrize("title", SUBSCRIPTIONS)
async def test_subscriptions(title: str) -> None:
    async with replaying("alice", "bob", "dave") as replay:
        replay.wrong_passwords = "wrong" in title
        await replay.play(SECTIONS[title], is_notify if title == "SUBSCRIBE message-summary" else nothing)


@pytest.mark.parametrize(
    "title",
    [
        "INVITE from unknown guest", "INVITE to an extension that does not exist", "INVITE wrong password",
        "caller CANCEL while ringing", "blind transfer: REFER from the caller", "attended transfer",
        "REFER to a nonexistent extension", "REFER from dave",
    ],
)  # fmt: skip
async def test_calls(title: str) -> None:
    async with replaying("alice", "bob", "carol", "dave") as replay:
        replay.wrong_passwords = "wrong" in title or "guest" in title
        # What was left over of the sections before is in these two as well.
        left = {"guest": "NOTIFY", "nonexistent": "BYE"}
        over = next((beginning for word, beginning in left.items() if word in title), "none")
        await replay.play(SECTIONS[named(title)], lambda text: text.startswith(over))


@pytest.mark.parametrize(
    ("caller", "title"), [("alice", "blind transfer: REFER from the callee"), ("alice", "outbound INVITE to dave")]
)
async def test_calls_that_another_phone_begins(caller: str, title: str) -> None:
    async with replaying("alice", "bob", "carol", "dave") as replay:
        steps = SECTIONS[named(title)]
        playing = asyncio.ensure_future(replay.play(steps, lambda text: text.startswith("BYE")))
        await asyncio.sleep(0)
        await replay.invite(caller, "6004" if "dave" in title else "6002")
        await playing


OTHER_ANSWERS = ("sendonly", "inactive", "RTP/SAVP")
"""Offers whose recorded answers go against RFC 3264, or wait for encrypted media (docs/compatibility.md)."""
OFFERS = [
    one
    for one in SECTIONS
    if one.startswith(("session timers", "SDP offer", "in-dialog")) and not one.endswith(OTHER_ANSWERS)
]


@pytest.mark.parametrize("title", OFFERS)
async def test_offers_and_timers(title: str) -> None:
    async with replaying("alice", "bob", "dave") as replay:
        await replay.play(SECTIONS[title])


async def test_messages() -> None:
    async with replaying("alice") as replay:
        await replay.play(SECTIONS[named("MESSAGE out of dialog")], lambda text: text.startswith("BYE"))


async def test_what_watchers_are_told() -> None:
    """Of ringing, an answer, hold, its end, the end, an ended subscription, and a phone that is gone."""
    async with replaying("alice", "bob", "dave") as replay:
        for title in (
            "SUBSCRIBE presence, Accept application/pidf+xml", "SUBSCRIBE presence, Accept application/xpidf+xml",
            "SUBSCRIBE presence, Accept application/cpim-pidf+xml", "SUBSCRIBE dialog",
        ):  # fmt: skip
            await replay.play(SECTIONS[named(title)])
        bob = replay.phones["bob"]
        bob.answers = False
        await replay.invite("dave", "6002")
        await replay.until(lambda: "bob" in replay.last_invites)
        invite = replay.last_invites["bob"]
        bob.respond(invite, "180 Ringing", contact=True, to_tag="8db056c7")
        await replay.play(SECTIONS[named("NOTIFY bodies when 6002 becomes RINGING")], not_notify)
        bob.respond(invite, "200 OK", ANSWER_SDP.format(port=31000), contact=True, to_tag="8db056c7")
        await replay.play(SECTIONS[named("NOTIFY bodies when 6002 becomes INUSE")], not_notify)
        replay.tokens |= {
            "148a99394fdeeea3293586c97230cfb0@127.0.0.1:15060": header(invite, "Call-ID"),
            "as72c37f16": tag(header(invite, "From")),
        }
        replay.inbox.clear()
        await replay.play(SECTIONS[named("bob re-INVITEs with a=sendonly")], is_trying)
        await replay.play(SECTIONS[named("un-hold")], is_trying)
        replay.send("bob", HANG_UP)
        await replay.expect_status("bob", 200)
        told = [step for step in SECTIONS[named("hangup: NOTIFY bodies")] if step.phone == "alice"]
        await replay.play(told, not_notify)
        ended = [step for step in SECTIONS[named("un-SUBSCRIBE")] if "401" not in step.text[:12]]
        await replay.play(ended[1:])
        bob.answers = False
        await replay.register("bob", 0)
        await replay.play(SECTIONS[named("bob unregisters")], not_notify)
