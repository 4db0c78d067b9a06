"""Linphone with SDES: another implementation of SRTP than baresip's, as caller and as called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from linphone import Linphone
from peers import LIMIT, heard_in, own_host, server_process, write_wav
from test_codec_linphone import share_heard

from asterism.testing import until
from asterism.testing.tone import prompt

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 600,1,Answer()
 same => n,Set(GLOBAL(SECURE)=${CHANNEL(rtp,secure,audio)})
 same => n,WaitExten(60)
exten => 1,1,Playback(hello-world)
 same => n,Playback(hello-world)
 same => n,Wait(1)
 same => n,Hangup()
"""
FORCED, OPTIMISTIC = "media_encryption=sdes\n", "media_encryption=sdes\nmedia_encryption_optimistic=yes\n"
ENCRYPTS = "media_encryption=srtp\n"
ONLY = ENCRYPTS + "media_encryption_mandatory=1\n"


@pytest.mark.parametrize("role", ["caller", "called"])
@pytest.mark.parametrize(
    ("ours", "theirs", "encrypted"),
    [(FORCED, ONLY, "1"), (FORCED, ENCRYPTS, "1"), (OPTIMISTIC, ENCRYPTS, "1"), (OPTIMISTIC, "", "0")],
    ids=["both force it", "we force it", "nobody forces it", "only we can"],
)
async def test_a_prompt_is_heard(tmp_path: Path, role: str, ours: str, theirs: str, encrypted: str) -> None:
    """What linphone sends is taken, which only authentic packets are; its key, by INFO, has the prompt begin."""
    if (role, ours, theirs) == ("called", OPTIMISTIC, ENCRYPTS):
        encrypted = "0"  # a key that is offered beside RTP/AVP it does not take
    host = own_host()
    write_wav(tmp_path / "said.wav", 440)
    phone = Linphone(
        tmp_path / "phone", "101", f"{host}:5060", "udp", password="secret101", auto_answer=role == "called",
        options=f"use_info=1\nuse_rfc2833=0\n{theirs}",
    )  # fmt: skip
    options = f"dtmf_mode=info\n{ours}"
    async with server_process(tmp_path / "server", host, EXTENSIONS, options=options) as server, phone:

        def story() -> str:
            return f"{server.rx('pjsip show channelstats').stdout} {phone.said}"

        def packets() -> int:
            found = re.search(r"\d\d:\d\d:\d\d \S+ +(\d+)", server.rx("pjsip show channelstats").stdout)
            return int(found[1]) if found else 0

        phone.say(f"record {tmp_path}/heard.wav")
        phone.say(f"play {tmp_path}/said.wav")
        if role == "caller":
            phone.say(f"call sip:600@{host}")
            await phone.tells("connected")
        else:
            await until(lambda: "sip:101@" in server.rx("pjsip show contacts").stdout, LIMIT)
            server.rx("channel originate PJSIP/101 extension 600@phones")
        await until(lambda: packets() > 20, LIMIT, story)
        assert re.search(rf"^\s*SECURE={encrypted}$", server.rx("dialplan show globals").stdout, re.M), story()
        phone.say("1")
        await phone.tells("ended")
    found = share_heard(heard_in(tmp_path / "heard.wav"), prompt("hello-world"))
    assert found > 0.7, found
