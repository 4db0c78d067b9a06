"""Linphone with one codec: it hears a prompt, and its keys, sent by INFO, choose (C7)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from linphone import Linphone
from peers import LIMIT, heard_in, own_host, server_process

from asterism.testing.tone import likeness, prompt

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 500,1,Answer()
 same => n(again),Background(hello-world)
 same => n,WaitExten(1)
 same => n,Goto(again)
exten => 2,1,Playback(invalid)
 same => n,Wait(1)
 same => n,Goto(1)
"""
CODECS = (
    ("opus", "opus", 48000),
    ("g722", "G722", 8000),
    ("gsm", "GSM", 8000),
    ("speex", "speex", 8000),
    ("speex16", "speex", 16000),
    ("g729", "G729", 8000),
    ("ulaw", "PCMU", 8000),
)


async def heard(path: Path, name: str) -> None:
    """Wait until a prompt is in a recording that goes on.

    Not its first and last moments, and not exactly: some codecs keep what is heard, not the wave.
    """
    wanted = prompt(name)[3200:12800]
    end = asyncio.get_running_loop().time() + LIMIT
    while (found := likeness(heard_in(path), wanted)) <= 0.5:
        assert asyncio.get_running_loop().time() < end, f"{name}: {found:.2f}"
        await asyncio.sleep(0.2)


@pytest.mark.parametrize(("codec", "name", "rate"), CODECS, ids=[one[0] for one in CODECS])
async def test_c7(tmp_path: Path, codec: str, name: str, rate: int) -> None:
    host = own_host()
    by_info = "use_info=1\nuse_rfc2833=0\n"
    phone = Linphone(tmp_path / "ann", "101", f"{host}:5060", "udp", password="secret101", options=by_info)
    options = f"allow=!all,{codec}\ndtmf_mode=info\n"

    async with server_process(tmp_path / "server", host, EXTENSIONS, options=options), phone:
        await phone.use_codec(name, rate)
        phone.say(f"record {tmp_path}/heard.wav")
        phone.say(f"call sip:500@{host}")
        await phone.tells("connected")
        # On a busy machine its audio begins seconds after the call, and the first times are lost.
        await heard(tmp_path / "heard.wav", "hello-world")
        phone.say("2")
        await heard(tmp_path / "heard.wav", "invalid")
        phone.say("terminate")
        await phone.tells("ended")
