"""Two baresip phones, each a process of its own, with audio files: what one plays is what the other records."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers import Baresip, own_host, server_process, write_wav

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 101,1,Dial(PJSIP/101,30)
exten => 102,1,Dial(PJSIP/102,30)
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Answer()
 same => n,Playback(our-prompt)
 same => n,Wait(0.5)
 same => n,Hangup()
exten => 602,1,Busy(3)
"""


async def test_two_phones_hear_each_other_s_files(tmp_path: Path) -> None:
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS) as server,
        Baresip(tmp_path / "ann", "101", host, 440) as ann,
        Baresip(tmp_path / "bob", "102", host, 660) as bob,
    ):
        await ann.registered()
        await bob.registered()
        ann.command("dial", f"sip:102@{host}")
        incoming = await bob.event("CALL_INCOMING")
        assert "101" in incoming["peeruri"]
        await ann.event("CALL_RINGING")
        bob.command("accept")
        await ann.event("CALL_ESTABLISHED")
        await bob.event("CALL_ESTABLISHED")
        assert server.rx("core show channels count").stdout.startswith("2 active channels\n1 active call\n")
        await bob.hears(440)
        await ann.hears(660)
        bob.command("hangup")
        await ann.event("CALL_CLOSED")


async def test_a_phone_hears_itself_in_the_echo(tmp_path: Path) -> None:
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS),
        Baresip(tmp_path / "ann", "101", host, 523) as ann,
    ):
        await ann.registered()
        ann.command("dial", f"sip:600@{host}")
        await ann.event("CALL_ESTABLISHED")
        await ann.hears(523)
        ann.command("hangup")
        await ann.event("CALL_CLOSED")


async def test_a_prompt_is_heard_to_its_end(tmp_path: Path) -> None:
    host = own_host()
    sounds = tmp_path / "server/lib/sounds/en"
    sounds.mkdir(parents=True)
    write_wav(sounds / "our-prompt.wav", 880, seconds=2)
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS),
        Baresip(tmp_path / "ann", "101", host, 440) as ann,
    ):
        await ann.registered()
        ann.command("dial", f"sip:601@{host}")
        await ann.event("CALL_ESTABLISHED")
        await ann.event("CALL_CLOSED")
        await ann.hears(880)


async def test_busy_and_cancelled(tmp_path: Path) -> None:
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS),
        Baresip(tmp_path / "ann", "101", host, 440) as ann,
        Baresip(tmp_path / "bob", "102", host, 660) as bob,
    ):
        await ann.registered()
        await bob.registered()
        ann.command("dial", f"sip:602@{host}")
        closed = await ann.event("CALL_CLOSED")
        assert closed["param"].startswith("486")
        ann.command("dial", f"sip:102@{host}")
        await bob.event("CALL_INCOMING")
        await ann.event("CALL_RINGING")
        ann.command("hangup")
        await bob.event("CALL_CLOSED")
