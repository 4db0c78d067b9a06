"""The manager's actions of chan_sip as recorded, on the recorded configuration with the recorded phones."""

from __future__ import annotations

from pathlib import Path

from ami_kit import PORTS, answered, ask, exchanges, files, normalise, register_all
from manager_kit import manager

from asterism.testing import free_port, running_server

LIVE = "SIPnotify with Call-ID of a live dialog"
"""Shown in test_sip_notify.py, where there is a call."""


async def test_every_response_is_as_recorded(tmp_path: Path) -> None:
    ports = {port: free_port() for port in PORTS}
    wrong: list[str] = []
    async with running_server(files(ports), tmp_path) as server, manager(server) as client:
        await register_all(server)
        for exchange in exchanges():
            if exchange.title == LIVE:
                continue
            if "lagged" in exchange.title:
                answered(server, "trunk2", 2.3)
            elif exchange.title == "SIPpeerstatus of the unreachable peer":
                answered(server, "trunk1", None)
            got = normalise(await ask(client, exchange.sent), ports)
            if got != normalise(exchange.received, ports):
                wrong.append(f"{exchange.title}\n{exchange.sent}\n--- got\n{got}\n--- recorded\n{exchange.received}")
    assert not wrong, "\n\n".join(wrong)


async def test_classes(tmp_path: Path) -> None:
    ports = {port: free_port() for port in PORTS}
    async with running_server(files(ports), tmp_path) as server, manager(server, "limited") as client:
        for name in ("SIPpeers", "SIPshowpeer", "SIPqualifypeer", "SIPshowregistry", "SIPnotify", "SIPpeerstatus"):
            response = await client.action(name, Peer="alice", Channel="alice")
            assert (response["Response"], response["Message"]) == ("Error", "Permission denied")
