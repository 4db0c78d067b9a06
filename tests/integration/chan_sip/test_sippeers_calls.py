"""Peers of sip.conf in a database: they register, call, are called and are listed; also after a restart, without it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sip_console_kit import said
from sippeers_kit import TABLE, config, execute, insert

from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.realtime.keeping import FRESH_SECONDS
from asterism.chan_sip.realtime.module import realtime_of
from asterism.server.server import Server
from asterism.testing import Phone, running_server, until

EXTENSIONS = """
[phones]
exten => _1XX,1,Dial(SIP/${EXTEN},10)
exten => 200,1,Answer()
 same => n,Wait(5)
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with two phones and a trunk."""
    path = tmp_path / "db.sqlite3"
    execute(path, TABLE)
    for name in ("100", "101"):
        insert(path, name=name, type="friend", host="dynamic", context="phones", secret="x", disallow="all",
               allow="ulaw", callerid=f"Phone <{name}>", nat="force_rport,comedia")  # fmt: skip
    return path


def files(tmp_path: Path, database: Path, sip: str = "", **more: str) -> dict[str, str]:
    """The files of a server."""
    return config(tmp_path, database, sip, **{"extensions.conf": EXTENSIONS, **more})


async def call(ann: Phone, bob: Phone, extension: str = "101") -> None:
    """A call that is answered, and ends."""
    outgoing = await ann.dial(extension)
    incoming = await bob.incoming()
    incoming.answer()
    await outgoing.answered()
    await outgoing.hangup()
    await incoming.ended()


def forget_soon(server: Server) -> None:
    """What was read is to be read again."""
    realtime = realtime_of(server)
    assert realtime is not None
    now = realtime.keeping._clock() + FRESH_SECONDS + 1
    realtime.keeping._clock = lambda: now
    realtime.keeping.sweep()


async def test_phones_register_and_call(tmp_path: Path, database: Path) -> None:
    etc = tmp_path / "etc"
    async with (
        running_server(files(tmp_path, database), etc) as server,
        Phone("100", server, "x") as ann,
        Phone("101", server, "x") as bob,
    ):
        await ann.register()
        await bob.register()
        await call(ann, bob)
        forget_soon(server)
        await call(ann, bob)
        rows = "SELECT name, port, regseconds > 0 FROM sippeers ORDER BY name"
        await until(lambda: execute(database, rows) == [("100", ann.port, 1), ("101", bob.port, 1)], 5)
        await bob.unregister()
        await until(lambda: execute(database, rows)[1] == ("101", 0, 0), 5)


async def test_a_wrong_password_and_a_name_that_is_not_there(tmp_path: Path, database: Path) -> None:
    async with running_server(files(tmp_path, database), tmp_path / "etc") as server:
        async with Phone("100", server, "wrong") as phone:
            assert (await phone.try_register()).status == 403
        async with Phone("nobody", server, "x") as phone:
            assert (await phone.try_register()).status == 403
        execute(database, "UPDATE sippeers SET secret = 'y' WHERE name = '100'")
        forget_soon(server)
        async with Phone("100", server, "y") as phone:
            await phone.register()


async def test_a_registration_survives_a_restart(tmp_path: Path, database: Path) -> None:
    etc = tmp_path / "etc"
    config_files = files(tmp_path, database)
    async with running_server(config_files, etc) as server, Phone("101", server, "x") as bob:
        await bob.register()
        port = bob.port
    async with running_server(config_files, etc) as server:
        assert [each.parsed.port for each in server.sip.location.contacts("101")] == [port]


async def test_listings(tmp_path: Path, database: Path) -> None:
    for option, listed in (("rtcachefriends=yes\n", True), ("", False)):
        place = tmp_path / str(listed)
        async with running_server(files(place, database, option), place) as server, Phone("101", server, "x") as bob:
            assert "0 sip peers" in await said(server, "sip show peers")
            await bob.register()
            text = await said(server, "sip show peers")
            assert ("Cached RT" in text, "1 sip peers" in text) == (listed, listed)
            assert "not found" in await said(server, "sip show peer 100")
            assert "* Name       : 100" in await said(server, "sip show peer 100 load")
            assert await said(server, "sip prune realtime peer nosuch") == "Peer 'nosuch' not found.\n"
            await said(server, "sip prune realtime all")
            assert "101" not in server.data.objects(SipPeer)


async def test_calls_go_on_while_the_database_is_away(tmp_path: Path, database: Path) -> None:
    async with (
        running_server(files(tmp_path, database, "rtcachefriends=yes\n"), tmp_path / "etc") as server,
        Phone("100", server, "x") as ann,
        Phone("101", server, "x") as bob,
    ):
        await ann.register()
        await bob.register()
        await asyncio.to_thread(execute, database, "ALTER TABLE sippeers RENAME TO away")
        await call(ann, bob)
        await ann.register()
        async with Phone("102", server, "x") as other:
            assert (await other.try_register()).status in (403, 503)


async def test_a_trunk_of_the_database_is_known_by_its_address(tmp_path: Path, database: Path) -> None:
    async with (
        running_server(files(tmp_path, database, "allowguest=no\n"), tmp_path / "etc") as server,
        Phone("stranger", server, "") as trunk,
    ):
        insert(database, name="trunk", type="peer", host="127.0.0.1", port=trunk.port, context="phones",
               disallow="all", allow="ulaw")  # fmt: skip
        found = await trunk.dial("200")
        await found.answered()
        await found.hangup()
