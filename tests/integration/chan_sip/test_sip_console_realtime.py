"""``sip prune realtime`` and listings with peers in a database."""

from __future__ import annotations

from pathlib import Path

from sip_console_kit import OPTIONS, said
from sippeers_kit import TABLE, config, execute, insert

from asterism.chan_sip.objects.peer import SipPeer
from asterism.interfaces.console.runner import CommandRunner
from asterism.testing import running_server


def database(tmp_path: Path) -> Path:
    path = tmp_path / "db.sqlite3"
    execute(path, TABLE)
    for name in ("bob", "bea", "kim"):
        insert(path, name=name, type="friend", host="dynamic", context="phones", secret="x")
    return path


FILE = "[general]\nudpenable=no\nrtcachefriends={}\n[anna]\ntype=friend\n"


async def test_cached_peers_are_listed_and_pruned(tmp_path: Path) -> None:
    files = config(tmp_path, database(tmp_path), FILE.format("yes")) | {"asterisk.conf": OPTIONS}
    async with running_server(files, tmp_path / "etc") as server:
        assert await said(server, "sip show peer bob") == "Peer bob not found.\n\n"
        assert "  * Name       : bob\n" in await said(server, "sip show peer bob load")
        for name in ("bea", "kim"):
            await server.data.retrieve(SipPeer, name)
        text = await said(server, "sip show peers")
        head, *rows, _ = text.splitlines()
        assert head.endswith("Description                      Realtime")
        assert [(row.split()[0], row.endswith("Cached RT")) for row in rows] == [
            ("anna", False), ("bea", True), ("bob", True), ("kim", True),
        ]  # fmt: skip
        assert "-= Peer objects: 1 static, 3 realtime, 1 autocreate =-\n" in await said(server, "sip show objects")
        assert "  SIP realtime:           Enabled\n" in await said(server, "sip show settings")
        complete = CommandRunner(server).complete
        assert complete("sip prune realtime peer b") == ["bea", "bob"]
        assert complete("sip prune realtime ") == ["all", "bea", "bob", "kim", "like", "peer"]
        assert await said(server, "sip prune realtime anna") == (
            "Peer 'anna' is not a Realtime peer, cannot be pruned.\n"
        )  # fmt: skip
        assert await said(server, "sip prune realtime peer kim") == "Peer 'kim' pruned.\n"
        assert await said(server, "sip prune realtime like ^b") == "2 peers pruned.\n"
        assert await said(server, "sip prune realtime all") == "No peers found to prune.\n"
        assert (await said(server, "sip show peers")).count("Cached RT") == 0
        assert await said(server, "sip qualify peer bob load") == ""
        assert "bob" in server.data.objects(SipPeer)


async def test_peers_that_are_not_cached_are_not_listed(tmp_path: Path) -> None:
    files = config(tmp_path, database(tmp_path), FILE.format("no")) | {"asterisk.conf": OPTIONS}
    async with running_server(files, tmp_path / "etc") as server:
        assert "  * Name       : bob\n" in await said(server, "sip show peer bob load")
        assert "1 sip peers [" in await said(server, "sip show peers")
