"""``ignoreregexpire``: what is over is kept, what is taken back is not; nobody is told that a peer had registered."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ami_kit import PORTS, files
from manager_kit import manager

from asterism.sip.contacts import Contact
from asterism.sip.objects.contact import contact_id
from asterism.testing import free_port, running_server, until

URI = "sip:alice@127.0.0.1:15091"


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_registration_whose_time_is_over(tmp_path: Path, wanted: bool) -> None:
    config = files({port: free_port() for port in PORTS})
    config["sip.conf"] = config["sip.conf"].replace("qualify=yes", "qualify=no")
    if wanted:
        config["sip.conf"] = config["sip.conf"].replace("qualifyfreq=60", "ignoreregexpire=yes")
    async with running_server(config, tmp_path) as server, manager(server) as client:
        location = server.sip.location
        end = int(time.time()) + 600
        await server.data.create(Contact(contact_id("alice", URI), uri=URI, expiration_time=end, endpoint="alice"))
        real = location.wall_clock
        location.wall_clock = lambda: real() + 700
        assert location.expire() == 1
        assert (await client.event("PeerStatus", PeerStatus="Unregistered"))["Cause"] == "Expired"
        client.events.clear()
        await client.action("Ping")
        if wanted:
            await until(lambda: [each.uri for each in location.contacts("alice")] == [URI], 5)
            await client.action("Ping")
            assert [each for each in client.events if each["Event"] == "PeerStatus"] == []
            await server.data.delete(location.registered("alice")[0])
            await client.action("Ping")
        assert list(location.contacts("alice")) == []
