"""Peers of sip.conf in a database: what is made of a row, and how long memory keeps it."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import pytest
from sippeers_kit import TABLE, config, execute, insert

from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.realtime.keeping import FRESH_SECONDS, IDLE_SECONDS
from asterism.chan_sip.realtime.module import realtime_of
from asterism.server.server import Server
from asterism.sip.contacts import Contact
from asterism.sip.objects import Aor, Auth, Endpoint
from asterism.sip.objects.contact import contact_id
from asterism.sip.rx import Rx
from asterism.stack.flow import Flow
from asterism.stack.message import Request
from asterism.stack.parser import parse_message
from asterism.testing import running_server


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with one peer."""
    path = tmp_path / "db.sqlite3"
    execute(path, TABLE)
    insert(path, name="bob", type="friend", host="dynamic", context="phones", secret="x", disallow="all",
           allow="ulaw;alaw", call_limit=3, canreinvite="no")  # fmt: skip
    return path


def objects(server: Server, name: str = "bob") -> list[bool]:
    """Whether peer, endpoint, AOR and auth are in memory."""
    data = server.data
    return [name in data.objects(cls) for cls in (SipPeer, Endpoint, Aor)] + [f"{name}/in" in data.objects(Auth)]


async def test_a_row_is_a_peer_with_all_that_is_made_of_it(tmp_path: Path, database: Path) -> None:
    files = config(tmp_path, database, "[bob2]\ntype=friend\ncontext=file\n")
    async with running_server(files, tmp_path / "etc") as server:
        data = server.data
        assert objects(server) == [False] * 4
        endpoint = await data.retrieve(Endpoint, "bob")
        assert endpoint is not None
        assert (endpoint.context, list(endpoint.allow), endpoint.aors) == ("phones", ["ulaw", "alaw"], ("bob",))
        auth = await data.retrieve(Auth, "bob/in")
        assert auth is not None
        assert auth.password == "x"
        assert await data.retrieve(Aor, "bob") is not None
        peer = data.get(SipPeer, "bob")
        assert isinstance(peer, SipPeer)
        assert (peer.origin, peer.call_limit, peer.kind) == ("sippeers", 3, "friend")
        assert str(peer.position) == "table 'sippeers' of database 'db', row 'bob'"
        of_file = await data.retrieve(Endpoint, "bob2")
        assert of_file is not None
        assert of_file.context == "file"
        assert await data.retrieve(Endpoint, "nobody") is None


async def test_the_file_comes_first_and_stays_first(tmp_path: Path, database: Path) -> None:
    files = config(tmp_path, database)
    async with running_server(files, tmp_path / "etc") as server:
        assert (await server.data.retrieve(Endpoint, "bob")) is not None
        path = tmp_path / "etc" / "sip.conf"
        path.write_text(path.read_text() + "[bob]\ntype=friend\ncontext=file\n")
        server.data.reload()
        endpoint = await server.data.retrieve(Endpoint, "bob")
        assert endpoint is not None
        assert endpoint.context == "file"


async def test_general_counts_for_rows_also_after_a_reload(tmp_path: Path, database: Path) -> None:
    insert(database, name="carl", type="friend", host="dynamic")
    files = config(tmp_path, database, "context=one\n")
    async with running_server(files, tmp_path / "etc") as server:
        carl = await server.data.retrieve(Endpoint, "carl")
        assert carl is not None
        assert carl.context == "one"
        path = tmp_path / "etc" / "sip.conf"
        path.write_text(path.read_text().replace("context=one", "context=two"))
        server.data.reload()

        for _ in range(500):
            carl = await server.data.retrieve(Endpoint, "carl")
            assert carl is not None
            if carl.context == "two":
                break
            await asyncio.sleep(0.01)
        assert carl.context == "two"


async def test_bad_rows_are_named_and_the_rest_counts(tmp_path: Path, database: Path) -> None:
    execute(database, "ALTER TABLE sippeers ADD COLUMN secert VARCHAR(10)")
    insert(database, name="odd", type="friend", host="dynamic", dtmfmode="loud", context="phones")
    insert(database, name="none", type="phone", host="dynamic")
    said: list[str] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    async with running_server(config(tmp_path, database), tmp_path / "etc") as server:
        server.log.addHandler(Notes())
        odd = await server.data.retrieve(Endpoint, "odd")
        assert odd is not None
        assert odd.context == "phones"
        assert await server.data.retrieve(Endpoint, "none") is None
    place = "table 'sippeers' of database 'db'"
    assert [line.partition("; ")[0] for line in said if place in line] == [
        f"column 'secert' of {place} has no effect: peers have no such option",
        f"{place}, row 'odd': friend 'odd': option 'dtmfmode' cannot be 'loud': it is not one of the accepted words",
        f"{place}, row 'none': 'none' is left out: 'phone' is no type",
    ]


async def test_peers_that_are_not_cached_are_read_again_and_leave(tmp_path: Path, database: Path) -> None:
    async with running_server(config(tmp_path, database), tmp_path / "etc") as server:
        realtime = realtime_of(server)
        assert realtime is not None
        now = time.monotonic()
        realtime.keeping._clock = lambda: now
        for cls in (Endpoint, Aor):
            assert await server.data.retrieve(cls, "bob") is not None
        execute(database, "UPDATE sippeers SET context = 'other'")
        assert isinstance(server.data.get(Endpoint, "bob"), Endpoint)
        now += FRESH_SECONDS + 1
        realtime.keeping.sweep()
        endpoint = await server.data.retrieve(Endpoint, "bob")
        assert endpoint is not None
        assert endpoint.context == "other", "it was asked for before it was used"
        peer = server.data.get(SipPeer, "bob")
        assert isinstance(peer, SipPeer)
        assert not realtime.listed(peer)
        assert realtime.shown(peer) == "yes"
        for _ in range(2):
            now += IDLE_SECONDS + 1
            realtime.keeping.sweep()
        assert objects(server) == [False] * 4


async def test_cached_peers_stay_until_they_are_pruned(tmp_path: Path, database: Path) -> None:
    files = config(tmp_path, database, "rtcachefriends=yes\nrtautoclear=no\n")
    insert(database, name="ann", type="friend", host="dynamic", context="phones")
    async with running_server(files, tmp_path / "etc") as server:
        realtime = realtime_of(server)
        assert realtime is not None
        now = time.monotonic()
        realtime.keeping._clock = lambda: now
        for name in ("ann", "bob"):
            await server.data.retrieve(Endpoint, name)
        execute(database, "UPDATE sippeers SET context = 'other'")
        now += 10_000
        realtime.keeping.sweep()
        assert objects(server)[:2] == [True, True]
        endpoint = await server.data.retrieve(Endpoint, "bob")
        assert endpoint is not None
        assert endpoint.context == "phones"
        peer = server.data.get(SipPeer, "bob")
        assert isinstance(peer, SipPeer)
        assert realtime.listed(peer)
        assert realtime.shown(peer) == "cached"
        assert realtime.prune(lambda name: name == "bob") == 1
        assert objects(server) == [False] * 4
        assert objects(server, "ann")[:2] == [True, True]
        endpoint = await server.data.retrieve(Endpoint, "bob")
        assert endpoint is not None
        assert endpoint.context == "other"
        assert realtime.prune(lambda _name: True) == 2
        assert realtime.prune(lambda _name: True) == 0


async def test_cached_peers_are_cleared_when_they_are_not_registered_any_more(tmp_path: Path, database: Path) -> None:
    files = config(tmp_path, database, "rtcachefriends=yes\nrtautoclear=50\n")
    async with running_server(files, tmp_path / "etc") as server:
        realtime = realtime_of(server)
        assert realtime is not None
        now = time.monotonic()
        realtime.keeping._clock = lambda: now
        await server.data.retrieve(Endpoint, "bob")
        uri = "sip:bob@127.0.0.1:5099"
        until_when = int(time.time()) + 600
        await server.data.create(Contact(contact_id("bob", uri), uri=uri, expiration_time=until_when))
        now += 51
        realtime.keeping.sweep()
        assert objects(server)[0], "a peer that is registered stays"
        await server.data.delete(server.data.find(Contact, "aor", "bob")[0])
        now += 2
        realtime.keeping.sweep()
        assert objects(server) == [False] * 4


async def test_a_database_that_is_away_leaves_what_is_known(tmp_path: Path, database: Path) -> None:
    async with running_server(config(tmp_path, database), tmp_path / "etc") as server:
        realtime = realtime_of(server)
        assert realtime is not None
        now = time.monotonic()
        realtime.keeping._clock = lambda: now
        for cls in (Endpoint, Aor):
            assert await server.data.retrieve(cls, "bob") is not None
        execute(database, "DROP TABLE sippeers")
        now += FRESH_SECONDS + 1
        realtime.keeping.sweep()
        for cls in (Endpoint, Aor):
            assert await server.data.retrieve(cls, "bob") is not None


async def test_users_of_their_own_family(tmp_path: Path, database: Path) -> None:
    execute(database, "CREATE TABLE sipusers (name TEXT, secret TEXT, context TEXT, type TEXT)")
    insert(database, "sipusers", name="web", secret="w", context="web")
    insert(database, "sipusers", name="bob", secret="u", context="users")
    execute(database, "UPDATE sippeers SET type = 'peer'")
    async with running_server(config(tmp_path, database, "", "sippeers", "sipusers"), tmp_path / "etc") as server:
        web = await server.data.retrieve(SipPeer, "web")
        assert web is not None
        assert (web.kind, web.origin) == ("user", "sipusers")
        bob, user = await server.data.retrieve(SipPeer, "bob"), await server.data.retrieve(SipPeer, "bob/user")
        assert bob is not None
        assert user is not None
        assert (bob.kind, bob.context, user.kind, user.context) == ("peer", "phones", "user", "users")
        assert user.name == "bob"
        assert await server.data.retrieve(SipPeer, "web/user") is None


async def test_nothing_is_made_without_families(tmp_path: Path) -> None:
    files = {"sip.conf": "[general]\n[bob]\ntype=friend\n", "modules.conf": "[modules]\nautoload=yes\nnoload=manager\n"}
    async with running_server(files, tmp_path / "etc") as server:
        realtime = realtime_of(server)
        assert realtime is not None
        assert not realtime.active
        assert [cache.table.cls for cache in server.data.caches()] == []
        assert realtime.prune(lambda _name: True) == 0
        assert await realtime.at("127.0.0.1", 5060) is None


class Silent(Flow):
    """Sends nothing."""

    __slots__ = ()

    def send(self, data: bytes) -> None:
        """Nothing."""


@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
async def test_a_row_of_an_endpoint_s_name_lets_nobody_in(method: str, tmp_path: Path, database: Path) -> None:
    """An endpoint of pjsip.conf that is known by its address only stays so, whatever rows there are."""
    files = config(tmp_path, database)
    files["pjsip.conf"] = (
        "[bob]\ntype=endpoint\nidentify_by=ip\ncontext=office\n[bob]\ntype=identify\nendpoint=bob\nmatch=198.51.100.1\n"
    )
    text = (
        f"{method} sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:bob@h>;tag=1\r\n"
        f"To: <sip:bob@h>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    async with running_server(files, tmp_path / "etc") as server:
        for source, expected in (("203.0.113.9", None), ("198.51.100.1", "bob")):
            request = parse_message(text.encode())
            assert isinstance(request, Request)
            request.flow = flow = Silent("UDP", ("192.0.2.1", 5060), (source, 5060), reliable=False)
            found = server.sip.identifiers.identify(Rx(server.sip, request, flow, 0.0))
            endpoint = found if found is None or isinstance(found, Endpoint) else await found
            if expected is None:
                assert endpoint is None or endpoint.id != "bob"
            else:
                assert endpoint is not None
                assert endpoint.id == expected
