"""Console commands of chan_sip as recorded, on the recorded configuration."""

from __future__ import annotations

from pathlib import Path

from sip_console_kit import as_recorded, configuration, first_usage, recorded, said

from asterism.chan_sip.peers import peers_of
from asterism.sip.contacts import ContactStatus
from asterism.testing import free_port, running_server

IDLE = (
    "sip show inuse", "sip show inuse all", "sip show peers", "sip show users", "sip show domains", "sip show tcp",
    "sip show peers like ^tr", "sip show peers like zzz", "sip show peers like (", "sip show users like web",
    "sip show peer alice", "sip show peer trunk1", "sip show peer trunk2", "sip show peer webuser",
    "sip show peer nosuch", "sip show user alice", "sip show user webuser", "sip show user trunk1",
    "sip show user nosuch", "sip", "sip show", "sip bogus", "sip show bogus", "sip show peer",
    "sip show peer alice extra", "sip show peer nosuch load", "sip show user", "sip show channel",
    "sip show channel nosuch", "sip show history", "sip show history nosuch", "sip show inuse bogus",
    "sip show peers like", "sip show peers bogus", "sip show users like", "sip show users bogus",
    "sip show registry bogus", "sip show settings bogus", "sip show domains x", "sip show objects x",
    "sip show tcp x", "sip show channels x", "sip show channelstats", "sip show channelstats x", "sip unregister",
    "sip unregister nosuch", "sip unregister alice", "sip unregister trunk1", "sip qualify", "sip qualify peer",
    "sip qualify peer nosuch", "sip qualify peer alice", "sip qualify peer carol", "sip set", "sip set debug",
    "sip set debug bogus", "sip set debug ip", "sip set debug peer", "sip set debug peer nosuch",
    "sip set debug peer alice", "sip set debug ip 127.0.0.1", "sip set debug ip 127.0.0.1:15081",
    "sip set debug ip not.a.host.invalid", "sip set debug peer trunk1", "sip set debug on", "sip set debug off",
    "sip set debug on extra", "sip set history", "sip set history off", "sip set history on",
    "sip set history bogus", "sip reload", "sip reload extra", "sip prune", "sip prune realtime",
    "sip prune realtime peer", "sip prune realtime user", "sip prune realtime all", "sip prune realtime like",
    "sip prune realtime like ^a", "sip prune realtime like zzz", "sip prune realtime peer like",
    "sip prune realtime peer like ^a", "sip prune realtime peer like (", "sip prune realtime peer alice",
    "sip prune realtime peer nosuch", "sip prune realtime peer all", "sip prune realtime user alice",
    "sip prune realtime user nosuch", "sip prune realtime user all", "sip prune realtime user like ^a",
    "sip prune realtime alice", "sip prune realtime nosuch", "sip prune realtime all extra",
)  # fmt: skip
"""Commands whose text is the same to the letter while nothing is registered; of a usage only its first lines are."""

LATER = "127.0.0.1                                (default)            [Configured]    \n"
"""A domain of the configuration that was not there yet when the idle listings were recorded."""


async def test_idle_listings_and_errors_are_as_recorded(tmp_path: Path) -> None:
    ports = {port: free_port() for port in (15060, 15081, 15082, 15089)}
    wrong: list[str] = []
    seen: set[str] = set()
    async with running_server(configuration(ports), tmp_path) as server:
        peers = peers_of(server)
        for peer in peers.all():
            contact = peers.contact(peer)
            if contact is not None:
                server.sip.location.set_reachability(contact, ContactStatus.UNREACHABLE)
        for command, expected in recorded("idle"):
            if command not in IDLE or command in seen:
                continue
            seen.add(command)
            text = first_usage(as_recorded(await said(server, command), ports))
            text = text.replace(LATER, "")
            if text != first_usage(expected):
                wrong.append(f"*CLI> {command}\n{text}\n--- recorded:\n{expected}")
    assert not wrong, "\n\n".join(wrong)
    assert seen == {*IDLE}
