"""Phones whose audio is encrypted with SDES, both as caller and as called: baresip's implementation of SRTP."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from peers import Baresip, own_host, server_process
from server_process import ServerProcess

from asterism.testing import until

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 101,1,Dial(PJSIP/101,30,U(called))
exten => 102,1,Dial(PJSIP/102,30,U(called))
 same => n,Hangup(${HANGUPCAUSE})
exten => 600,1,Answer()
 same => n,Set(GLOBAL(CALLER)=${CHANNEL(rtp,secure,audio)})
 same => n,Echo()
[called]
exten => s,1,Set(GLOBAL(CALLED_${CHANNEL(endpoint)})=${CHANNEL(rtp,secure,audio)})
 same => n,Return()
"""
FORCED, OPTIMISTIC = "media_encryption=sdes\n", "media_encryption=sdes\nmedia_encryption_optimistic=yes\n"


async def secure(server: ServerProcess, name: str) -> str:
    """What a variable says of a call's media, once it is set."""

    def found() -> re.Match[str] | None:
        return re.search(rf"^\s*{name}=(\S+)", server.rx("dialplan show globals").stdout, re.M)

    await until(lambda: found() is not None, 10)
    told = found()
    assert told is not None
    return told[1]


@pytest.mark.parametrize(
    ("ours", "theirs", "encrypted"),
    [
        (FORCED, "srtp-mand", "1"),
        (FORCED, "srtp", "1"),
        (OPTIMISTIC, "srtp", "1"),
        (OPTIMISTIC, "", "0"),
    ],
)
async def test_two_phones(tmp_path: Path, ours: str, theirs: str, encrypted: str) -> None:
    """Ann calls an echo and Bob: audio both ways, encrypted where both ends can."""
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS, options=ours) as server,
        Baresip(tmp_path / "ann", "101", host, 440, encryption=theirs) as ann,
        Baresip(tmp_path / "bob", "102", host, 660, encryption=theirs) as bob,
    ):
        await ann.registered()
        await bob.registered()
        ann.command("dial", f"sip:600@{host}")
        await ann.event("CALL_ESTABLISHED")
        await ann.hears(440)
        ann.command("hangup")
        await ann.event("CALL_CLOSED")
        assert await secure(server, "CALLER") == encrypted
        ann.command("dial", f"sip:102@{host}")
        await bob.event("CALL_INCOMING")
        bob.command("accept")
        await ann.event("CALL_ESTABLISHED", 2)
        await bob.hears(440)
        await ann.hears(660)
        assert await secure(server, "CALLED_102") == encrypted
        bob.command("hangup")
        await ann.event("CALL_CLOSED", 2)


async def test_an_encrypted_and_a_plain_phone(tmp_path: Path) -> None:
    """Each leg is as its endpoint says; on hold and off again there are other keys, and audio goes on."""
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS, options={"101": FORCED}) as server,
        Baresip(tmp_path / "ann", "101", host, 440, encryption="srtp-mand") as ann,
        Baresip(tmp_path / "bob", "102", host, 660) as bob,
    ):
        await ann.registered()
        await bob.registered()
        ann.command("dial", f"sip:102@{host}")
        await bob.event("CALL_INCOMING")
        bob.command("accept")
        await ann.event("CALL_ESTABLISHED")
        await bob.hears(440)
        await ann.hears(660)
        assert await secure(server, "CALLED_102") == "0"
        for _ in range(2):
            ann.command("hold")
            ann.command("resume")
        before = len(ann.heard()), len(bob.heard())
        await until(lambda: len(bob.heard()) > before[1] + 32000, 20)
        bob.command("hangup")
        await ann.event("CALL_CLOSED")
        bob.command("dial", f"sip:101@{host}")
        await ann.event("CALL_INCOMING")
        ann.command("accept")
        await bob.event("CALL_ESTABLISHED", 2)
        assert await secure(server, "CALLED_101") == "1"
        ann.command("hangup")
        await bob.event("CALL_CLOSED", 2)


async def test_a_phone_that_only_encrypts_calls_an_endpoint_that_need_not(tmp_path: Path) -> None:
    """It is offered RTP/AVP with a key itself, as by Asterisk, and refuses that; but it may call."""
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS, options=OPTIMISTIC) as server,
        Baresip(tmp_path / "ann", "101", host, 440, encryption="srtp-mand") as ann,
    ):
        await ann.registered()
        ann.command("dial", f"sip:600@{host}")
        await ann.event("CALL_ESTABLISHED")
        await ann.hears(440)
        assert await secure(server, "CALLER") == "1"
        ann.command("hangup")
        await ann.event("CALL_CLOSED")


async def test_a_phone_that_does_not_encrypt_is_refused(tmp_path: Path) -> None:
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS, options=FORCED),
        Baresip(tmp_path / "ann", "101", host, 440) as ann,
    ):
        await ann.registered()
        ann.command("dial", f"sip:600@{host}")
        closed = await ann.event("CALL_CLOSED")
        assert "488" in closed["param"]


async def test_a_phone_that_does_not_encrypt_refuses(tmp_path: Path) -> None:
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS, options={"102": FORCED}),
        Baresip(tmp_path / "ann", "101", host, 440) as ann,
        Baresip(tmp_path / "bob", "102", host, 660, auto_answer=True) as bob,
    ):
        await ann.registered()
        await bob.registered()
        ann.command("dial", f"sip:102@{host}")
        closed = await ann.event("CALL_CLOSED")
        assert closed["param"].startswith("488"), closed
