"""Phones of sip.conf that subscribe to their mailboxes, as chan_sip lets them."""

from __future__ import annotations

import pytest

from asterism.pbx.states.mailboxes import MessageCounts
from asterism.testing import Phone, free_port, running_server, until

SIP = """
[general]
udpbindaddr=127.0.0.1:{port}
[alice]
type=friend
host=dynamic
secret=secret
mailbox=6001@default
subscribemwi={only}
context=phones
"""
TYPE = "application/simple-message-summary"


@pytest.mark.parametrize("only", ["yes", "no"])
@pytest.mark.parametrize("resource", ["6001", "alice", "voicemail"])
async def test_a_subscription_is_to_the_own_mailboxes(only: str, resource: str) -> None:
    files = {"sip.conf": SIP.format(port=free_port(), only=only), "pjsip.conf": "; type=transport\n"}
    async with running_server(files) as server, Phone("alice", server, "secret") as alice:
        await alice.register()
        found = await alice.subscribe(resource, "message-summary", TYPE, 600)
        assert found.response is not None
        assert found.response.status == 200
        server.pbx.mailboxes.set("6001@default", MessageCounts(2, 1))
        await until(lambda: any(b"Voice-Message: 2/1" in one.body for one in found.notifies))
