"""Features on keys with phones of others: baresip sends its keys by RFC 4733, SIPp by INFO."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from peers import Baresip, finish_sipp, own_host, server_process, sipp, start_sipp, write_wav
from sipp_flows import Flow

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 101,1,Dial(PJSIP/101,30)
exten => 102,1,Dial(PJSIP/102,30,tThH)
exten => 103,1,Dial(PJSIP/103,30)
 same => n,Hangup()
exten => 104,1,Dial(PJSIP/103,30,S(1))
"""
FEATURES = """
[general]
transferannouncesound =
transferdigittimeout = 8
[featuremap]
blindxfer = #1
atxfer = *2
disconnect = *0
"""
CAROL = """
[103]
type=endpoint
context=phones
allow=!all,ulaw
direct_media=no
auth=103
aors=103
[103]
type=auth
username=103
password=secret103
[103]
type=aor
max_contacts=1
remove_existing=yes
"""
MUSIC = 1500


def configuration(root: Path) -> dict[str, str]:
    """The files besides those of every test, with music that is one tone."""
    music = root / "music"
    music.mkdir(parents=True)
    write_wav(music / "tone.wav", MUSIC)
    return {"features": FEATURES, "musiconhold": f"[default]\nmode=files\ndirectory={music}\n"}


@asynccontextmanager
async def talking(root: Path) -> AsyncIterator[tuple[Baresip, Baresip, Baresip]]:
    """Ann talks to Bob; Carol's phone is registered, and answers."""
    host = own_host()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            server_process(root / "server", host, EXTENSIONS, CAROL, "direct_media=no\n", configuration(root))
        )
        tones = {"101": 440, "102": 660, "103": 1000}
        ann, bob, carol = [
            await stack.enter_async_context(Baresip(root / user, user, host, tone, auto_answer=user != "101"))
            for user, tone in tones.items()
        ]
        for phone in (ann, bob, carol):
            await phone.registered()
        ann.command("dial", f"sip:102@{host}")
        await ann.event("CALL_ESTABLISHED")
        await bob.event("CALL_ESTABLISHED")
        await bob.hears(440)
        await ann.hears(660)
        yield ann, bob, carol


async def press(phone: Baresip, keys: str) -> None:
    for key in keys:
        phone.command("sndcode", key)


async def test_a_blind_transfer_by_a_phone_s_keys(tmp_path: Path) -> None:
    async with talking(tmp_path) as (ann, bob, carol):
        await press(bob, "#1")
        await ann.hears(MUSIC)
        await press(bob, "103")
        await carol.event("CALL_ESTABLISHED")
        await bob.event("CALL_CLOSED")
        await carol.hears(440)
        await ann.hears(1000)
        carol.command("hangup")
        await ann.event("CALL_CLOSED")


async def test_an_attended_transfer_by_a_phone_s_keys(tmp_path: Path) -> None:
    async with talking(tmp_path) as (ann, bob, carol):
        await press(ann, "*2")
        await bob.hears(MUSIC)
        await press(ann, "103")
        await carol.event("CALL_ESTABLISHED")
        await carol.hears(440)
        await ann.hears(1000)
        ann.command("hangup")
        await carol.hears(660)
        await bob.hears(1000)
        bob.command("hangup")
        await carol.event("CALL_CLOSED")


async def test_the_exact_flow_of_a_blind_transfer(tmp_path: Path) -> None:
    """The transferer sees nothing but the answers to its keys and the BYE, the others nothing of the transfer."""
    host, caller, callee, third = (own_host() for _ in range(4))
    options = "dtmf_mode=info\ndirect_media=no\n"
    root = tmp_path / "server"
    async with server_process(root, host, EXTENSIONS, CAROL, options, configuration(tmp_path)):
        for user, place in (("102", callee), ("103", third)):
            await sipp("register", f"{host}:5060", place, *account(user), folder=tmp_path / f"register-{user}")
        transferer = Flow("transferer").invite(1, "0")
        transferer.step('<recv response="180" optional="true"/><recv response="200" rrs="true"/>')
        transferer.request("ACK", 2).pause(300)
        for number, digit in enumerate("#1104", 3):
            transferer.key(number, digit)
        transferer.asked("BYE")
        answers = [Flow(name).called().respond(180).respond(200, "0").asked("ACK").asked("BYE") for name in "bc"]
        started = [
            await start_sipp(
                written(tmp_path, flow), f"{host}:5060", place, "-m", "1", "-p", "5060", folder=tmp_path / flow.name
            )
            for flow, place in zip(answers, (callee, third), strict=True)
        ]
        calls = written(tmp_path, transferer)
        await sipp(calls, f"{host}:5060", caller, *account("101", "102"), folder=tmp_path / "transferer")
        for process, flow in zip(started, answers, strict=True):
            await finish_sipp(process, tmp_path / flow.name, flow.name)


def written(folder: Path, flow: Flow) -> str:
    path = folder / f"{flow.name}.xml"
    path.write_text(flow.text())
    return str(path.with_suffix(""))


def account(user: str, number: str = "") -> list[str]:
    keys = ["-s", user, "-au", user, "-ap", f"secret{user}", "-m", "1", "-p", "5060"]
    return [*keys, "-key", "number", number] if number else keys
