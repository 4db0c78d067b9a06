"""SIPp publishes here, and takes what is published at it."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers import LIMIT, finish_sipp, own_host, server_process, sipp, start_sipp

from asterism.testing import until

pytestmark = pytest.mark.e2e

EXTENSIONS = "[phones]\nexten => 200,hint,Custom:lamp\n"
INBOUND = """
[phone]
type=endpoint
identify_by=ip
[phone]
type=identify
endpoint=phone
match={phone}
[states]
type=inbound-publication
endpoint=phone
min_expiration=10
event_asterisk-devicestate=taken
[taken]
type=asterisk-publication
device_state=yes
"""
OUTBOUND = """
[told]
type=outbound-publish
server_uri=sip:states@{there}:5060
event=asterisk-devicestate
expiration=600
outbound_auth=told
@device_state_filter=^Custom:
[told]
type=auth
username=we
password=secret
"""


@pytest.mark.parametrize("count", [1, 200])
async def test_every_answer_to_publish(tmp_path: Path, count: int) -> None:
    host, phone = own_host(), own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS, INBOUND.format(phone=phone)) as server:
        options = ["-m", str(count), "-r", "100", "-l", "50", "-p", "5060"]
        await sipp("publish", f"{host}:5060", phone, *options, folder=tmp_path / "phone")
        assert "0 active publications" in server.rx("pjsip list publications inbound").stdout


async def test_what_a_server_may_answer(tmp_path: Path) -> None:
    host, there = own_host(), own_host()
    takes = await start_sipp(
        "publish_server", f"{host}:5060", there, "-m", "1", "-p", "5060", folder=tmp_path / "there"
    )
    async with server_process(tmp_path / "server", host, EXTENSIONS, OUTBOUND.format(there=there)) as server:

        def listing() -> str:
            return server.rx("pjsip show publications outbound").stdout

        server.rx("devstate change Custom:lamp INUSE")
        await until(lambda: "  one\n" in listing(), LIMIT, listing)
        server.rx("devstate change Custom:lamp RINGING")
        await until(lambda: "  two\n" in listing(), LIMIT, listing)
    await finish_sipp(takes, tmp_path / "there", "publish_server")
