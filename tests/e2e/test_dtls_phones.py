"""Calls of phones with DTLS-SRTP: who calls and who is called, forced and optional, audio by its content."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from peers import Baresip, own_host, server_process
from transfer_world import world

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 101,1,Dial(PJSIP/101,30)
exten => 102,1,Dial(PJSIP/102,30)
 same => n,Hangup(${HANGUPCAUSE})
"""
# baresip's DTLS wants the profiles with feedback (AVPF).
FORCED = "media_encryption=dtls\ndtls_verify=fingerprint\ndirect_media=no\nuse_avpf=yes\n"
OPTIONAL = FORCED.replace("use_avpf=yes", "use_avpf=no") + "media_encryption_optimistic=yes\n"
DTLS = "dtls_srtp"


@asynccontextmanager
async def phones(
    folder: Path, options: str | Mapping[str, str], ann: str = DTLS, bob: str = DTLS
) -> AsyncIterator[tuple[Baresip, Baresip, str]]:
    """Two registered phones with these encryptions, and the server's address."""
    host = own_host()
    async with (
        server_process(folder / "server", host, EXTENSIONS, options=options),
        Baresip(folder / "ann", "101", host, 440, encryption=ann) as caller,
        Baresip(folder / "bob", "102", host, 660, encryption=bob, auto_answer=True) as called,
    ):
        await caller.registered()
        await called.registered()
        yield caller, called, host


async def converse(ann: Baresip, bob: Baresip, host: str) -> None:
    """One calls the other, and each hears the other's tone."""
    ann.command("dial", f"sip:102@{host}")
    await ann.event("CALL_ESTABLISHED")
    await bob.event("CALL_ESTABLISHED")
    await bob.hears(440)
    await ann.hears(660)
    ann.command("hangup")
    await ann.event("CALL_CLOSED")
    await bob.event("CALL_CLOSED")


@pytest.mark.parametrize("setup", ["active", "passive", "actpass"])
@pytest.mark.parametrize("more", ["", "dtls_auto_generate_cert=yes\nrtcp_mux=yes\n"], ids=["", "own certificate"])
async def test_two_phones_hear_each_other(setup: str, more: str, tmp_path: Path) -> None:
    """The server has one part in the handshake with who calls, and perhaps another with who is called."""
    async with phones(tmp_path, f"{FORCED}dtls_setup={setup}\n{more}") as (ann, bob, host):
        await converse(ann, bob, host)
        for phone in (ann, bob):
            assert "DTLS-SRTP complete (audio/RTP) Profile=AES_CM_128_HMAC_SHA1_80" in phone.log()
            assert "verified SHA-256 fingerprint OK" in phone.log()


async def test_rtcp_has_a_handshake_of_its_own_on_its_own_port(tmp_path: Path) -> None:
    """RFC 5764 4.1; our reports arrive, as only authentic ones do. (This phone sends none.)"""
    echo = "[default]\nexten => 600,1,Answer()\n same => n,Echo()\n"
    often = {"rtp.conf": "[general]\nrtcpinterval=500\n"}
    async with (
        world(tmp_path, echo, often, f"{FORCED}dtls_setup=actpass\ndtls_auto_generate_cert=yes\n") as found,
        Baresip(tmp_path / "ann", "101", found.host, 440, password="secret", encryption=DTLS) as ann,
    ):
        await ann.registered()
        ann.command("dial", f"sip:600@{found.host}")
        await ann.event("CALL_ESTABLISHED")
        await ann.hears_in_call(440)
        assert "DTLS-SRTP complete (audio/RTP)" in ann.log()
        assert "DTLS-SRTP complete (audio/RTCP)" in ann.log()
        await ann.event("CALL_RTCP", 2)
        ann.command("hangup")
        await ann.event("CALL_CLOSED")


async def test_a_phone_in_the_clear_may_call_where_encryption_is_optional(tmp_path: Path) -> None:
    async with phones(tmp_path, OPTIONAL, ann="") as (ann, bob, host):
        await converse(ann, bob, host)
        assert "DTLS-SRTP complete" in bob.log()


async def test_a_phone_in_the_clear_may_be_called_where_encryption_is_optional(tmp_path: Path) -> None:
    options = f"{OPTIONAL}media_use_received_transport=yes\n"
    async with phones(tmp_path, options, bob="") as (ann, bob, host):
        await converse(ann, bob, host)
        assert "DTLS-SRTP complete" in ann.log()


async def test_a_phone_in_the_clear_may_not_call_where_encryption_is_forced(tmp_path: Path) -> None:
    async with phones(tmp_path, FORCED, ann="") as (ann, bob, host):
        ann.command("dial", f"sip:102@{host}")
        closed = await ann.event("CALL_CLOSED")
        assert closed["param"].startswith("488")
        assert not [one for one in bob.events if one.get("type") == "CALL_INCOMING"]


async def test_a_phone_in_the_clear_refuses_where_encryption_is_forced(tmp_path: Path) -> None:
    async with phones(tmp_path, {"102": FORCED}, ann="", bob="") as (ann, bob, host):
        ann.command("dial", f"sip:102@{host}")
        closed = await ann.event("CALL_CLOSED")
        assert closed["param"].startswith("488"), closed
        assert not [one for one in bob.events if one.get("type") == "CALL_ESTABLISHED"]
