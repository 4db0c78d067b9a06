"""The events of chan_sip: PeerStatus with reasons and addresses, as recorded; those of chan_pjsip stay away."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ami_kit import PORTS, answered, events, files
from manager_kit import MANAGER, Manager, manager
from provider_kit import CALLS, PROVIDER

from asterism.chan_sip.peers import peers_of
from asterism.server.server import Server
from asterism.sip.contacts import Contact
from asterism.sip.objects.contact import contact_id
from asterism.stack.parser import parse_message
from asterism.testing import free_port, running_server
from asterism.testing.servers import write_config

URI = "sip:alice@127.0.0.1:15091"


@asynccontextmanager
async def world(tmp_path: Path, more: str = "") -> AsyncIterator[tuple[Server, Manager]]:
    """The recorded configuration, where nobody is asked by OPTIONS; a client that sees every event."""
    config = files({port: free_port() for port in PORTS})
    config["sip.conf"] = config["sip.conf"].replace("qualifyfreq=60", f"qualifyfreq=99999\n{more}")
    async with running_server(config, tmp_path) as server, manager(server) as client:
        yield server, client


def contact(uri: str = URI) -> Contact:
    """What a REGISTER of alice makes."""
    return Contact(contact_id("alice", uri), uri=uri, expiration_time=int(time.time()) + 600, endpoint="alice")


def recorded(title: str, name: str = "PeerStatus") -> list[str]:
    """The events of a name that were recorded under a title."""
    return [text for text in events(title) if text.startswith(f"Event: {name}\n")]


async def told(client: Manager) -> list[str]:
    """The events about peers since the last call."""
    await client.action("Ping")
    found = [
        each.text for each in client.events if each["Event"] in ("PeerStatus", "ContactStatus", "SIPQualifyPeerDone")
    ]
    client.events.clear()
    return found


async def test_registrations_and_answers(tmp_path: Path) -> None:
    async with world(tmp_path) as (server, client):
        server.sip.location.on_added.clear()  # no OPTIONS of its own
        await told(client)
        made = contact()
        await server.data.create(made)
        answered(server, "alice", 0.001)
        assert await told(client) == recorded("alice registers")
        await server.data.update(made.replace(expiration_time=made.expiration_time + 5))
        answered(server, "alice", 0.002)
        assert await told(client) == recorded("alice re-registers (refresh, same contact)")
        answered(server, "alice", 2.5)
        assert await told(client) == recorded("SIPqualifypeer alice")
        await server.data.delete(made)
        assert await told(client) == recorded("alice un-registers (Expires: 0)")


async def test_another_contact_in_its_place_is_a_registration(tmp_path: Path) -> None:
    async with world(tmp_path) as (server, client):
        server.sip.location.on_added.clear()
        made, other = contact(), contact("sip:alice@127.0.0.1:15999")
        await server.data.create(made)
        await told(client)
        server.data.change_now([other], [made])
        (text,) = await told(client)
        assert text.endswith("PeerStatus: Registered\nAddress: 127.0.0.1:15999")


async def test_a_trunk_that_is_silent_and_answers_again(tmp_path: Path) -> None:
    async with world(tmp_path) as (server, client):
        await told(client)
        answered(server, "trunk1", None)
        answered(server, "trunk1", None)
        assert await told(client) == recorded("scheduled qualify (qualifyfreq=60) of silent peer trunk1")
        answered(server, "trunk1", 0.001)
        assert await told(client) == recorded("trunk1 answers the next scheduled OPTIONS (10 s retry)")


async def test_qualify_by_action_and_by_command(tmp_path: Path) -> None:
    async with world(tmp_path) as (server, client):
        await server.data.create(contact())
        await told(client)
        await client.action("SIPqualifypeer", Peer="alice")
        (text,) = [each.text for each in client.events if each["Event"] == "SIPQualifyPeerDone"] or [
            (await client.event("SIPQualifyPeerDone")).text
        ]
        expected = recorded("SIPqualifypeer alice", "SIPQualifyPeerDone")[0].rpartition("ActionID: ")[0]
        assert text.startswith(expected + "ActionID: sipqualifypeer-")
        client.events.clear()
        await client.action("Command", Command="sip qualify peer trunk1")
        done = await client.event("SIPQualifyPeerDone")
        assert [done.text] == recorded("peer trunk1 (qualify=yes) stops answering OPTIONS", "SIPQualifyPeerDone")


@pytest.mark.parametrize("wanted", [True, False])
async def test_refused_registrations(tmp_path: Path, wanted: bool) -> None:
    async with world(tmp_path, "authfailureevents=yes\n" if wanted else "") as (server, client):
        await told(client)
        reports = server.sip.state.security.reports
        request = parse_message(
            b"REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:alice@h>;tag=1\r\n"
            b"To: <sip:alice@h>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
        )
        flow = SimpleNamespace(remote=("192.0.2.9", 5099), local=("192.0.2.1", 5060), transport="UDP")
        rx: Any = SimpleNamespace(request=request, flow=flow, endpoint=None)
        reports.event("InvalidPassword", rx, "alice")
        reports.event("ChallengeSent", rx, "alice")
        found = await told(client)
        rejected = (
            "Event: PeerStatus\nPrivilege: system,all\nChannelType: SIP\nPeer: SIP/alice\nPeerStatus: Rejected\n"
            "Cause: AUTH_SECRET_FAILED\nAddress: 192.0.2.9:5099"
        )
        assert found == ([rejected] if wanted else [])


async def test_peers_of_pjsip_conf_go_on_as_they_were(tmp_path: Path) -> None:
    config = files({port: free_port() for port in PORTS})
    config["pjsip.conf"] = "[pat]\ntype=endpoint\naors=pat\n[pat]\ntype=aor\nmax_contacts=1\n"
    async with running_server(config, tmp_path) as server, manager(server) as client:
        uri = "sip:pat@127.0.0.1:15091"
        made = Contact(contact_id("pat", uri), uri=uri, expiration_time=int(time.time()) + 600, endpoint="pat")
        await server.data.create(made)
        await client.event("ContactStatus", AOR="pat")
        assert (await client.event("PeerStatus", Peer="PJSIP/pat"))["PeerStatus"] == "Reachable"
        assert peers_of(server).get("pat") is None


async def test_registrations_elsewhere(tmp_path: Path) -> None:
    """One that the provider takes, and one whose password is wrong."""
    port, own = free_port(), free_port()
    more = PROVIDER[PROVIDER.index("[2000]") : PROVIDER.index("[101]")].replace("2000", "1000")
    provider = {"pjsip.conf": (PROVIDER + more).format(port=port, auth_user="1000"), "extensions.conf": CALLS}
    lines = f"register => 1000:regpw@127.0.0.1:{port}/1000\nregister => 2000:wrong@127.0.0.1:{port}/2000\n"
    general = f"[general]\nudpbindaddr=127.0.0.1:{own}\nregistertimeout=1\n"
    config = {"sip.conf": general, "manager.conf": MANAGER}
    async with (
        running_server(provider, tmp_path / "provider"),
        running_server(config, tmp_path / "own") as server,
        manager(server) as client,
    ):
        write_config(server.paths.etc, {"sip.conf": general + lines})
        await client.action("Command", Command="sip reload")
        for name in ("1000", "2000"):
            await client.event("Registry", Username=name)
        found = [each.text for each in client.events if each["Event"] == "Registry"]
        assert {*found} == {*recorded('outbound registrations after "sip reload"', "Registry")}
