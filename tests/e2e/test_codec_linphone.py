"""Linphone with one codec: it hears a prompt, and its keys, sent by INFO, choose (C7)."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

import pytest
from linphone import Linphone
from peers import LIMIT, heard_in, own_host, server_process, write_wav

from asterism.testing import until
from asterism.testing.tone import likeness, prompt

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 500,1,Answer()
 same => n,WaitExten(60)
exten => 1,1,Background(hello-world)
 same => n,WaitExten(60)
exten => 2,1,Playback(invalid)
 same => n,Wait(1)
 same => n,Hangup()
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


def packets(listing: str) -> int:
    """Packets that have come from the only channel of ``pjsip show channelstats``."""
    found = re.search(r"\d\d:\d\d:\d\d \S+ +(\d+)", listing)
    return int(found[1]) if found else 0


def share_heard(recording: bytes, sound: bytes) -> float:
    """How much of a sound is in a recording, 0 to 1: the median of its pieces, wherever each is.

    A phone on a busy machine loses packets or stretches them, and what follows is elsewhere: the whole is not found.
    Without its first and last moments.
    """
    size, step = 4800, 1600  # octets: 0.3 s, every 0.1 s
    sound = sound[3200:-6400]
    return median(likeness(recording, sound[at : at + size]) for at in range(0, len(sound) - size + 1, step))


@pytest.mark.parametrize(("codec", "name", "rate"), CODECS, ids=[one[0] for one in CODECS])
async def test_c7(tmp_path: Path, codec: str, name: str, rate: int) -> None:
    host = own_host()
    by_info = "use_info=1\nuse_rfc2833=0\n"
    phone = Linphone(tmp_path / "ann", "101", f"{host}:5060", "udp", password="secret101", options=by_info)
    write_wav(tmp_path / "said.wav", 440)
    options = f"allow=!all,{codec}\ndtmf_mode=info\n"

    async with server_process(tmp_path / "server", host, EXTENSIONS, options=options) as server, phone:
        await phone.use_codec(name, rate)
        phone.say(f"record {tmp_path}/heard.wav")
        phone.say(f"play {tmp_path}/said.wav")
        phone.say(f"call sip:500@{host}")
        await phone.tells("connected")
        # On a busy machine its audio begins seconds after the call, and what is played before is not heard.
        await until(lambda: packets(server.rx("pjsip show channelstats").stdout) > 10, LIMIT)
        phone.say("1")
        await until(lambda: "!1!" in server.rx("core show channels concise").stdout, LIMIT)
        await until(lambda: "!WaitExten!" in server.rx("core show channels concise").stdout, LIMIT)
        phone.say("2")
        await phone.tells("ended")
    recording = heard_in(tmp_path / "heard.wav")
    for one in ("hello-world", "invalid"):
        found = share_heard(recording, prompt(one))
        assert found > 0.7, f"{one}: {found:.2f}"  # another prompt has less than 0.45
