"""Where ``MessageSend(sip:...)`` sends: to peers, to users of peers, to addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.chan_sip.messages import SipSender
from asterism.pbx.messaging.message import MessageError
from asterism.testing import free_port, running_server


def files() -> dict[str, str]:
    return {
        "sip.conf": f"[general]\nudpbindaddr=127.0.0.1:{free_port()}\n[trunk]\ntype=peer\nhost=127.0.0.1\nport=5999\n",
        "pjsip.conf": "[pj]\ntype=endpoint\naors=pj\n[pj]\ntype=aor\ncontact=sip:pj@127.0.0.1:5998\n",
    }


@pytest.mark.parametrize(
    ("text", "endpoint", "uri"),
    [
        ("trunk", "trunk", "sip:127.0.0.1:5999"),
        ("12@trunk", "trunk", "sip:12@127.0.0.1:5999"),
        ("sip:12@192.0.2.1:5080", "sip.conf/guest", "sip:12@192.0.2.1:5080"),
        ("12@pj", "sip.conf/guest", "sip:12@pj"),
    ],
)
async def test_destinations(text: str, endpoint: str, uri: str, tmp_path: Path) -> None:
    async with running_server(files(), tmp_path) as server:
        found = await SipSender(server.sip)._find(text)
        assert (found.endpoint.id, str(found.uri)) == (endpoint, uri)


async def test_no_peer_of_that_name(tmp_path: Path) -> None:
    async with running_server(files(), tmp_path) as server:
        with pytest.raises(MessageError, match="no peer"):
            await SipSender(server.sip)._find("nobody")
