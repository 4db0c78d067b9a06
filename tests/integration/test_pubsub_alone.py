"""``modules.conf`` makes a presence server, or one of message counts, of the same program: nothing else is loaded."""

from __future__ import annotations

import pytest
from call_kit import CONFIG
from manager_kit import MANAGER, manager

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, running_server

BASE = """
[modules]
autoload=no
require=res_pjsip
require=res_pjsip_endpoint_identifier_user
require=res_pjsip_authenticator_digest
require=res_pjsip_pubsub
"""
PRESENCE = BASE + """noload=pubsub_dialog
require=pubsub_presence
require=res_pjsip_pidf_body_generator
require=pbx_config
require=func_devstate
"""  # fmt: skip
MWI = BASE + """require=res_pjsip_mwi
require=res_pjsip_mwi_body_generator
require=res_mwi_external
require=manager
"""  # fmt: skip
HINTS = "[phones]\nexten => 200,hint,Custom:lamp,CustomPresence:carol\n"
PJSIP = CONFIG["pjsip.conf"].replace("[101]\ntype=aor\n", "[101]\ntype=aor\nmailboxes=6001@default\n")


async def typed(server: Server, line: str) -> str:
    """Type a console command."""
    written: list[str] = []
    await CommandRunner(server).run(line, written.append)
    return "".join(written)


async def refuses_the_rest(phone: Phone, *events: str) -> None:
    """No registration, no call, no text, no other package."""
    assert (await phone.try_register()).status == 501
    call = await phone.dial("200")
    assert await call.refused() == 501
    request = phone.create_request("MESSAGE", phone.uri("200"))
    request.set_body("hello", "text/plain")
    assert (await phone.request(request)).status == 501
    for event in events:
        refused = await phone.subscribe("101", event)
        assert refused.response is not None
        assert refused.response.status == 489


def services(server: Server) -> list[str]:
    """Who takes requests, besides call completion, which is built in as in Asterisk."""
    return sorted(service.name for service in server.sip.services if service.name != "call_completion")


async def test_a_presence_server_alone() -> None:
    config = {"modules.conf": PRESENCE, "pjsip.conf": PJSIP, "extensions.conf": HINTS}
    async with running_server(config) as server, Phone("101", server, "ann's secret") as ann:
        assert services(server) == ["publication", "pubsub"]
        assert server.sip.state.capabilities.events == "presence, call-completion"
        watch = await ann.subscribe("200", "presence")
        await watch.next()
        await typed(server, "devstate change Custom:lamp INUSE")
        assert b"<basic>open</basic>" in (await watch.next()).body
        await typed(server, "devstate change Custom:lamp UNAVAILABLE")
        assert b"<basic>closed</basic>" in (await watch.next()).body
        await refuses_the_rest(ann, "dialog", "message-summary")
        await watch.end()
        assert (await watch.next()).get("Subscription-State") == "terminated"
        await assert_idle(server)


async def test_a_server_of_message_counts_alone() -> None:
    config = {"modules.conf": MWI, "pjsip.conf": PJSIP, "manager.conf": MANAGER}
    async with running_server(config) as server, Phone("101", server, "ann's secret") as ann:
        assert services(server) == ["incoming_mwi", "publication", "pubsub"]
        assert server.sip.state.capabilities.events == "message-summary, call-completion"
        watch = await ann.subscribe("101", "message-summary")
        assert b"Messages-Waiting: no" in (await watch.next()).body
        async with manager(server) as client:
            await client.action("MWIUpdate", Mailbox="6001@default", NewMessages="2", OldMessages="1")
            assert b"2/1" in (await watch.next()).body
        await refuses_the_rest(ann, "dialog", "presence")
        await watch.end()
        assert (await watch.next()).get("Subscription-State") == "terminated"
        await assert_idle(server)


@pytest.mark.parametrize("modules", [PRESENCE, MWI])
async def test_nothing_else_is_loaded(modules: str) -> None:
    async with running_server({"modules.conf": modules, "pjsip.conf": PJSIP, "extensions.conf": HINTS}) as server:
        for name in (
            "session",
            "registrar",
            "messaging",
            "notify",
            "app_dial",
            "outbound_registration",
            "pubsub_dialog",
        ):
            entry = server.modules.find(name)
            assert entry is None or entry.instance is None, name
