"""Two baresip phones and a SIPp that plays a tone, in one mix: the phones hear both others and not themselves."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from peers import LIMIT, Baresip, finish_sipp, own_host, server_process, share_of, start_sipp

from asterism.testing import until
from asterism.testing.tone import ulaw_tone

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30,hH) ; digits may end it, so the phones do not send to each other
exten => 700,1,BridgeAdd(PJSIP/101)
"""
ANN, BOB, THIRD = 440, 660, 1000


def heard(phone: Baresip, frequency: float) -> float:
    """The share of a tone in the last second that a phone has recorded."""
    (path,) = phone.folder.glob("dump-*-dec.wav")
    data = path.read_bytes()
    end = len(data) - len(data) % 2
    last = phone.folder / "last.wav"
    last.write_bytes(data[:44] + data[end - 16000 : end])
    return share_of(last, frequency)


def hears_both(phone: Baresip, one: float, other: float) -> bool:
    return min(heard(phone, one), heard(phone, other)) > 0.3


def told(phone: Baresip) -> str:
    return f"{phone.user} hears {shares(phone)}"


def shares(phone: Baresip) -> dict[int, float]:
    return {hertz: round(heard(phone, hertz), 2) for hertz in (ANN, BOB, THIRD)}


async def test_three_phones_in_a_mix(tmp_path: Path) -> None:
    host, third = own_host(), own_host()
    folder = tmp_path / "sipp"
    folder.mkdir()
    (folder / "tone.ulaw").write_bytes(b"".join(ulaw_tone(THIRD)) * 20)
    anybody = (
        f"[sipp]\ntype=endpoint\ncontext=phones\nallow=!all,ulaw\n[sipp]\ntype=identify\nendpoint=sipp\nmatch={third}\n"
    )
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS, anybody) as server,
        Baresip(tmp_path / "ann", "101", host, ANN) as ann,
        Baresip(tmp_path / "bob", "102", host, BOB) as bob,
    ):
        await ann.registered()
        await bob.registered()
        ann.command("dial", f"sip:102@{host}")
        await bob.event("CALL_INCOMING")
        await ann.event("CALL_RINGING")
        bob.command("accept")
        await ann.event("CALL_ESTABLISHED")
        await ann.hears(BOB)
        process = await start_sipp("talk", f"{host}:5060", third, "-s", "700", "-m", "1", folder=folder)
        for phone, others, own in ((ann, (BOB, THIRD), ANN), (bob, (ANN, THIRD), BOB)):
            await until(partial(hears_both, phone, *others), LIMIT, partial(told, phone))
            assert heard(phone, own) < 0.05, shares(phone)
        shown = await asyncio.to_thread(server.rx, "bridge show all")
        assert " softmix " in shown.stdout
        await finish_sipp(process, folder, "talk")
        await until(lambda: heard(ann, BOB) > 0.9, LIMIT, lambda: f"ann hears {shares(ann)}")
        ann.command("hangup")
        await bob.event("CALL_CLOSED")
