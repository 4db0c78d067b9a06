"""Registrations of peers in a database: what is written to the row, and what a row says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from sippeers_kit import TABLE, config, execute, insert

from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.realtime.keeping import FRESH_SECONDS
from asterism.chan_sip.realtime.module import SipRealtime, realtime_of
from asterism.server.server import Server
from asterism.sip.contacts import Contact, ContactStatus
from asterism.sip.objects import Aor, Endpoint
from asterism.sip.objects.contact import contact_id
from asterism.testing import running_server, until

URI = "sip:desk@192.0.2.7:5099;transport=tcp"
SOON = int(time.time()) + 6 * 3600  # tests may begin long after they were collected


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with one peer."""
    path = tmp_path / "db.sqlite3"
    execute(path, TABLE)
    insert(path, name="bob", type="friend", host="dynamic", context="phones")
    return path


def contact(uri: str = URI, **more: Any) -> Contact:
    """What a REGISTER makes."""
    values = {"expiration_time": SOON, "user_agent": "Desk/1", "endpoint": "bob", "path": "<sip:edge;lr>", **more}
    return Contact(contact_id("bob", uri), uri=uri, **values)


async def written(database: Path, *expected: object, columns: str, table: str = "sippeers") -> None:
    """Wait until bob's row has these values."""
    query = f"SELECT {columns} FROM {table} WHERE name = 'bob'"
    await until(lambda: execute(database, query) == [expected], 5, lambda: str(execute(database, query)))


ADDRESS = "ipaddr, port, regseconds, defaultuser, fullcontact, useragent"
WRITTEN = ("192.0.2.7", 5099, SOON, "desk", "sip:desk@192.0.2.7:5099^3Btransport=tcp", "Desk/1")
GONE = (None, 0, 0, "desk", None, None)


def realtime(server: Server) -> SipRealtime:
    """The part that is tested."""
    found = realtime_of(server)
    assert found is not None
    return found


async def test_a_registration_is_written_and_taken_back(tmp_path: Path, database: Path) -> None:
    async with running_server(config(tmp_path, database), tmp_path / "etc") as server:
        await server.data.retrieve(Endpoint, "bob")
        await server.data.create(contact())
        await written(database, *WRITTEN, None, None, columns=f"{ADDRESS}, regserver, path")
        (made,) = server.sip.location.contacts("bob")
        server.sip.location.set_reachability(made, ContactStatus.REACHABLE, 0.0123)
        await written(database, 12, columns="lastms")
        server.sip.location.set_reachability(made, ContactStatus.UNREACHABLE)
        await written(database, -1, columns="lastms")
        await server.data.delete(made)
        await written(database, *GONE, 0, columns=f"{ADDRESS}, lastms")


async def test_the_server_s_name_and_the_path_are_written_if_wanted(tmp_path: Path, database: Path) -> None:
    files = config(tmp_path, database, "rtsavesysname=yes\nrtsavepath=yes\n", system="left")
    async with running_server(files, tmp_path / "etc") as server:
        await server.data.retrieve(Endpoint, "bob")
        await server.data.create(contact(reg_server="left"))
        await written(database, "left", "<sip:edge^3Blr>", columns="regserver, path")


async def test_rtupdate_no_writes_nothing(tmp_path: Path, database: Path) -> None:
    async with running_server(config(tmp_path, database, "rtupdate=no\n"), tmp_path / "etc") as server:
        await server.data.retrieve(Endpoint, "bob")
        await server.data.create(contact())
        assert realtime(server).registrations._changes == {}
    assert execute(database, "SELECT fullcontact FROM sippeers") == [(None,)]


async def test_sipregs_has_the_registrations_where_there_is_one(tmp_path: Path, database: Path) -> None:
    execute(database, "CREATE TABLE sipregs (name TEXT, fullcontact TEXT, ipaddr TEXT, port INTEGER,"
                      " regseconds INTEGER, defaultuser TEXT, useragent TEXT)")  # fmt: skip
    async with running_server(config(tmp_path, database, "", "sippeers", "sipregs"), tmp_path / "etc") as server:
        await server.data.retrieve(Endpoint, "bob")
        await server.data.create(contact())
        await written(database, *WRITTEN, columns=ADDRESS, table="sipregs")
        assert execute(database, "SELECT fullcontact FROM sippeers") == [(None,)]
        await server.data.delete(server.data.find(Contact, "aor", "bob")[0])
        await written(database, *GONE, columns=ADDRESS, table="sipregs")


async def test_what_waits_is_written_when_the_database_is_back(tmp_path: Path, database: Path) -> None:
    async with running_server(config(tmp_path, database), tmp_path / "etc") as server:
        await server.data.retrieve(Endpoint, "bob")
        execute(database, "ALTER TABLE sippeers RENAME TO away")
        await server.data.create(contact())
        registrations = realtime(server).registrations
        await until(lambda: "bob" in registrations._changes and not registrations._wake.is_set(), 5)
        execute(database, "ALTER TABLE away RENAME TO sippeers")
        await written(database, *WRITTEN, columns=ADDRESS)


async def test_a_row_that_is_registered_makes_a_contact_and_one_that_is_no_more_takes_it(
    tmp_path: Path, database: Path
) -> None:
    execute(database, f"UPDATE sippeers SET fullcontact = 'sip:bob@192.0.2.9^3Bline=1', regseconds = {SOON},"
                      " ipaddr = '192.0.2.9', port = 5060, regserver = 'other', useragent = 'Hall/2'")  # fmt: skip
    async with running_server(config(tmp_path, database), tmp_path / "etc") as server:
        now = time.monotonic()
        realtime(server).keeping._clock = lambda: now

        async def look() -> list[str]:
            nonlocal now
            now += FRESH_SECONDS + 1
            realtime(server).keeping.sweep()
            await server.data.retrieve(SipPeer, "bob")
            return [each.uri for each in server.sip.location.contacts("bob")]

        assert await look() == ["sip:bob@192.0.2.9;line=1"]
        (made,) = server.sip.location.contacts("bob")
        assert (made.reg_server, made.user_agent, made.expiration_time) == ("other", "Hall/2", SOON)
        assert realtime(server).registrations._changes == {}, "what a row says is not written to it"
        execute(database, f"UPDATE sippeers SET fullcontact = 'sip:bob@192.0.2.10', regseconds = {SOON + 9}")
        assert await look() == ["sip:bob@192.0.2.10"]
        execute(database, "UPDATE sippeers SET fullcontact = '', regseconds = 0, ipaddr = ''")
        assert await look() == []


async def test_our_own_registration_is_newer_than_a_row_that_is_not_written_yet(tmp_path: Path, database: Path) -> None:
    execute(database, f"UPDATE sippeers SET fullcontact = 'sip:old@192.0.2.9', regseconds = {SOON - 60}")
    async with running_server(config(tmp_path, database, "rtupdate=no\n"), tmp_path / "etc") as server:
        await server.data.create(contact())
        await server.data.retrieve(SipPeer, "bob")
        assert [each.uri for each in server.sip.location.contacts("bob")] == [URI]


@pytest.mark.parametrize(("option", "found"), [("", []), ("ignoreregexpire=yes\n", ["sip:bob@192.0.2.9"])])
async def test_a_row_whose_time_is_over(tmp_path: Path, database: Path, option: str, found: list[str]) -> None:
    execute(database, "UPDATE sippeers SET fullcontact = 'sip:bob@192.0.2.9', regseconds = 1000")
    async with running_server(config(tmp_path, database, option), tmp_path / "etc") as server:
        await server.data.retrieve(SipPeer, "bob")
        assert [each.uri for each in server.sip.location.contacts("bob")] == found


async def test_a_peer_is_found_by_its_address(tmp_path: Path, database: Path) -> None:
    insert(database, name="trunk", type="peer", host="192.0.2.50")
    execute(database, "ALTER TABLE sippeers ADD COLUMN insecure VARCHAR(20)")
    insert(database, name="any", type="peer", host="192.0.2.51", insecure="port,invite")
    execute(database, f"UPDATE sippeers SET ipaddr = '192.0.2.9', port = 5099, regseconds = {SOON} WHERE name = 'bob'")
    async with running_server(config(tmp_path, database), tmp_path / "etc") as server:
        at = realtime(server).at
        found = [await at(*place) for place in (("192.0.2.50", 5060), ("192.0.2.9", 5099), ("192.0.2.51", 6000))]
        assert [peer.name for peer in found if peer is not None] == ["trunk", "bob", "any"]
        assert await at("192.0.2.50", 6000) is None
        realtime(server)._absent.clear()
        connected = await at("192.0.2.50", 6000, any_port=True)
        assert connected is not None
        execute(database, "UPDATE sippeers SET regseconds = 1000 WHERE name = 'bob'")
        assert await at("192.0.2.9", 5099) is None, "a registration that is over"
        assert await at("192.0.2.77", 5060) is None
        assert await at("no\0host", 5060) is None
        insert(database, name="late", type="peer", host="192.0.2.77")
        assert await at("192.0.2.77", 5060) is None, "an address of nobody is not asked for again at once"


@pytest.mark.parametrize("cached", [True, False])
async def test_only_peers_that_stay_in_memory_are_checked_also_after_a_restart(
    tmp_path: Path, database: Path, cached: bool
) -> None:
    execute(database, "UPDATE sippeers SET qualify = 'yes'")
    files = config(tmp_path, database, "rtcachefriends=yes\nrtautoclear=no\n" if cached else "")
    async with running_server(files, tmp_path / "etc") as server:
        aor = await server.data.retrieve(Aor, "bob")
        assert aor is not None
        assert bool(aor.qualify_frequency) is cached
        await server.data.create(contact("sip:desk@127.0.0.1:9"))
    async with running_server(files, tmp_path / "etc") as server:
        (made,) = server.sip.location.registered("bob")
        if cached:
            await until(lambda: server.sip.location.state(made).status is not ContactStatus.NON_QUALIFIED, 5)
            assert "bob" in server.data.objects(SipPeer)
        else:
            assert "bob" not in server.data.objects(SipPeer)


async def test_a_contact_of_a_row_is_checked_where_peers_stay_in_memory(tmp_path: Path, database: Path) -> None:
    execute(database, f"UPDATE sippeers SET qualify = 'yes', fullcontact = 'sip:bob@127.0.0.1:9', regseconds = {SOON}")
    async with running_server(config(tmp_path, database, "rtcachefriends=yes\n"), tmp_path / "etc") as server:
        await server.data.retrieve(SipPeer, "bob")
        (made,) = server.sip.location.registered("bob")
        await until(lambda: server.sip.location.state(made).status is not ContactStatus.NON_QUALIFIED, 5)
