"""Realtime on SQLite: rows as objects, the cache, several backends, a database that goes away."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from realtime_kit import LOG, SORCERY, Host, execute, make_tables, write_files

from asterism.data import Change, Data, DataError, DataUnavailableError, Missing, Store
from asterism.sip.objects import Aor, Auth, Contact, DomainAlias, Endpoint, Identify, Registration


def url_of(folder: Path, name: str = "realtime.sqlite3") -> str:
    return f"sqlite+aiosqlite:///{folder / name}"


async def alice(url: str) -> None:
    await execute(
        url,
        "INSERT INTO ps_endpoints (id, context, disallow, allow, aors, auth, set_var, direct_media)"
        " VALUES ('alice', 'office', 'all', 'ulaw,alaw', 'alice', 'alice', 'A=1,B=2', 'no')",
        "INSERT INTO ps_auths (id, auth_type, username, password) VALUES ('alice', 'userpass', 'alice', 's^3Bx')",
        "INSERT INTO ps_aors (id, max_contacts, contact) VALUES ('alice', 2, 'sip:a@10.0.0.1^3Btransport=tcp')",
    )


async def test_rows_become_objects(tmp_path: Path) -> None:
    url = url_of(tmp_path)
    write_files(tmp_path, "sqlite:///realtime.sqlite3")
    await make_tables(url)
    await alice(url)
    await execute(
        url,
        "INSERT INTO ps_endpoint_id_ips (id, endpoint, \"match\") VALUES ('office', 'alice', '10.1.0.0/16,10.2.3.4')",
        "INSERT INTO ps_domain_aliases (id, domain) VALUES ('alias.example', 'example.org')",
        "INSERT INTO ps_registrations (id, server_uri, client_uri)"
        " VALUES ('trunk', 'sip:p.example', 'sip:me@p.example')",
    )
    host = Host(tmp_path)
    data = await host.start()
    assert data.get(Endpoint, "alice") is Missing.NOT_LOADED
    endpoint = await data.retrieve(Endpoint, "alice")
    assert endpoint is not None
    assert (endpoint.context, endpoint.direct_media, endpoint.rtp_symmetric) == ("office", False, False)
    assert endpoint.allow.names == ("ulaw", "alaw") if hasattr(endpoint.allow, "names") else str(endpoint.allow)
    assert endpoint.set_var == (("A", "1"), ("B", "2"))
    # What the endpoint refers to came with it.
    auth, aor = data.get(Auth, "alice"), data.get(Aor, "alice")
    assert isinstance(auth, Auth)
    assert auth.password == "s;x"
    assert isinstance(aor, Aor)
    assert (aor.max_contacts, aor.contact) == (2, ("sip:a@10.0.0.1;transport=tcp",))
    # Types that must be known as a whole are there without being asked.
    assert [(str(m)) for m in data.all(Identify)[0].match] == ["10.1.0.0/255.255.0.0", "10.2.3.4/255.255.255.255"]
    assert data.get(DomainAlias, "nowhere.example") is Missing.ABSENT
    assert data.all(Registration)[0].server_uri == "sip:p.example"
    await host.stop()


async def started(folder: Path, *statements: str, sorcery: str = SORCERY) -> tuple[Host, Data, str]:
    url = url_of(folder)
    write_files(folder, url, sorcery)
    await make_tables(url)
    await execute(url, *statements)
    host = Host(folder)
    return host, await host.start(), url


async def test_contacts_are_there_when_they_are_confirmed(tmp_path: Path) -> None:
    host, data, url = await started(tmp_path)
    contact = Contact("alice;@1", uri="sip:a@10.0.0.1;transport=tcp", expiration_time=2_000_000_000, user_agent="50^ a")
    await data.create(contact)
    assert await execute(url, "SELECT id, uri, user_agent, prune_on_boot, expiration_time FROM ps_contacts") == [
        ("alice^3B@1", "sip:a@10.0.0.1^3Btransport=tcp", "50^5E a", "no", 2_000_000_000)
    ]
    await data.update(contact.replace(via_port=5062, prune_on_boot=True))
    assert await execute(url, "SELECT via_port, prune_on_boot FROM ps_contacts") == [(5062, "yes")]
    await host.stop()
    # Another server's start reads them all, as they were.
    other = Host(tmp_path)
    data = await other.start()
    found = data.find(Contact, "aor", "alice")
    assert [(each.id, each.uri, each.user_agent, each.via_port) for each in found] == [
        ("alice;@1", "sip:a@10.0.0.1;transport=tcp", "50^ a", 5062)
    ]
    await data.delete(found[0])
    assert await execute(url, "SELECT id FROM ps_contacts") == []
    await other.stop()


async def test_asterisk_s_own_contacts_table_is_enough(tmp_path: Path) -> None:
    url = url_of(tmp_path)
    write_files(tmp_path, url)
    await execute(
        url,
        "CREATE TABLE ps_contacts (id VARCHAR(255) PRIMARY KEY, uri VARCHAR(511), expiration_time BIGINT,"
        " qualify_frequency INTEGER, qualify_timeout FLOAT, prune_on_boot VARCHAR(3), endpoint VARCHAR(40))",
    )
    host = Host(tmp_path)
    data = await host.start()
    await data.create(Contact("a;@1", uri="sip:a@b", cseq=7, qualify_timeout=2.5))
    assert await execute(url, "SELECT uri, qualify_timeout, endpoint FROM ps_contacts") == [("sip:a@b", 2.5, None)]
    await host.stop()


async def test_a_wrong_row_and_an_unknown_column_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host, data, url = await started(
        tmp_path,
        "ALTER TABLE ps_endpoints ADD COLUMN colour TEXT",
        "INSERT INTO ps_endpoints (id, dtmf_mode, colour) VALUES ('bad', 'loud', 'red')",
        "INSERT INTO ps_endpoints (id, dtmf_mode, colour) VALUES ('good', 'info', 'red')",
    )
    for _ in range(3):
        assert await data.retrieve(Endpoint, "bad") is None
        good = await data.retrieve(Endpoint, "good")
        assert good is not None
        for cache in data.caches():
            cache.expire()
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "column 'colour'" in line]) == 1
    wrong = [line for line in lines if "loud" in line]
    assert len(wrong) == 1
    assert wrong[0].startswith("table 'ps_endpoints' of database 'asterisk': endpoint 'bad': option 'dtmf_mode'")
    # A row that turns bad keeps the object as it was.
    await execute(url, "UPDATE ps_endpoints SET dtmf_mode = 'loud' WHERE id = 'good'")
    assert await data.retrieve(Endpoint, "good") is good
    await host.stop()


async def test_any_number_of_endpoints_costs_the_same(tmp_path: Path) -> None:
    host, data, url = await started(tmp_path)
    rows = [{"id": f"e{number}"} for number in range(10_000)]
    await execute(url, "INSERT INTO ps_endpoints (id, context) VALUES (:id, 'x')", rows=rows)
    cache = next(cache for cache in data.caches() if cache.table.cls is Endpoint)
    found = await asyncio.gather(*(data.retrieve(Endpoint, f"e{number}") for number in range(2_000)))
    assert all(found)
    assert cache.queries == 4
    assert len(await data.retrieve_all(Endpoint)) == 10_000
    queries = cache.queries
    assert all(isinstance(data.get(Endpoint, row["id"]), Endpoint) for row in rows)
    assert cache.queries == queries
    await host.stop()


async def test_a_database_that_is_away_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    host, data, url = await started(tmp_path)
    await alice(url)
    known = await data.retrieve(Endpoint, "alice")
    database = next(iter(host.module._databases.values()))
    await database.close()
    path, hidden = tmp_path / "realtime.sqlite3", tmp_path / "away"
    path.rename(hidden)
    path.mkdir()
    for cache in data.caches():
        cache.expire()
    with pytest.raises(DataUnavailableError):
        await data.retrieve(Endpoint, "bob")
    assert await data.retrieve(Endpoint, "alice") is known
    assert isinstance(data.get(Auth, "alice"), Auth)
    with pytest.raises(DataError):
        await data.create(Contact("alice;@1", uri="sip:a@b"))
    assert data.find(Contact, "aor", "alice") == []
    path.rmdir()
    hidden.rename(path)
    database._retry_at = 0.0
    assert await database.ping()
    await data.create(Contact("alice;@1", uri="sip:a@b"))
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "is not available (" in line]) == 1
    assert len([line for line in lines if "is available again" in line]) == 1
    await host.stop()


async def test_start_without_the_database(tmp_path: Path) -> None:
    url = url_of(tmp_path)
    write_files(tmp_path, url)
    (tmp_path / "realtime.sqlite3").mkdir()
    host = Host(tmp_path)
    data = await host.start()
    assert data.all(DomainAlias) == []
    (tmp_path / "realtime.sqlite3").rmdir()
    await make_tables(url)
    await execute(url, "INSERT INTO ps_domain_aliases (id, domain) VALUES ('a', 'b')")
    told: list[Change[DomainAlias]] = []
    data.observe(DomainAlias, told.append)
    for database in host.module._databases.values():
        database._retry_at = 0.0
    for cache in data.caches():
        cache.due = min(cache.due, 0.0) if cache.full else cache.due
    await host.module.refresh()
    assert [change.item.id for change in told] == ["a"]
    await host.stop()


async def test_a_second_database_steps_in(tmp_path: Path) -> None:
    first, second = url_of(tmp_path, "one.sqlite3"), url_of(tmp_path, "two.sqlite3")
    write_files(tmp_path, first, "[x]\nendpoint=realtime,ps_endpoints\n")
    (tmp_path / "extconfig.conf").write_text("[settings]\nps_endpoints => odbc,two,,2\nps_endpoints => odbc,one,,1\n")
    (tmp_path / "res_config_sqlalchemy.conf").write_text(f"[one]\nurl={first}\n[two]\nurl={second}\n")
    for url, context in ((first, "one"), (second, "two")):
        await make_tables(url)
        await execute(url, f"INSERT INTO ps_endpoints (id, context) VALUES ('a', '{context}'), ('b', '{context}')")
    host = Host(tmp_path)
    data = await host.start()
    endpoint = await data.retrieve(Endpoint, "a")
    assert endpoint is not None
    assert endpoint.context == "one"
    await host.module._databases["one"].close()
    (tmp_path / "one.sqlite3").unlink()
    (tmp_path / "one.sqlite3").mkdir()
    endpoint = await data.retrieve(Endpoint, "b")
    assert endpoint is not None
    assert endpoint.context == "two"
    await host.stop()


async def test_a_missing_table_says_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_files(tmp_path, url_of(tmp_path))
    host = Host(tmp_path)
    data = await host.start()
    with pytest.raises(DataUnavailableError, match="no table 'ps_endpoints'"):
        await data.retrieve(Endpoint, "alice")
    assert "asterism db upgrade" in caplog.text
    assert not any(database.down for database in host.module._databases.values())
    await host.stop()


async def test_the_store_keeps_contacts_by_default(tmp_path: Path) -> None:
    url = url_of(tmp_path)
    write_files(tmp_path, url, "[x]\nendpoint=realtime,ps_endpoints\n")
    await make_tables(url)
    await alice(url)
    store = Store(tmp_path / "store.sqlite3", log=LOG)
    host = Host(tmp_path, store)
    data = await host.start()
    assert await data.retrieve(Endpoint, "alice") is not None
    done: list[Any] = []
    data.create_now(Contact("alice;@1", uri="sip:a@b"))
    data.on_settled(Contact, lambda: done.append(True), lambda: done.append(False))
    assert done == []
    store.commit()
    assert done == [True]
    await host.stop()
    store.close()


async def test_a_database_file_that_is_replaced_is_opened_again(tmp_path: Path) -> None:
    host, data, url = await started(tmp_path)
    await alice(url)
    assert await data.retrieve(Endpoint, "alice") is not None
    copy = tmp_path / "copy.sqlite3"
    copy.write_bytes((tmp_path / "realtime.sqlite3").read_bytes())
    await execute(f"sqlite+aiosqlite:///{copy}", "UPDATE ps_endpoints SET context = 'other'")
    copy.rename(tmp_path / "realtime.sqlite3")
    for cache in data.caches():
        cache.expire()
    endpoint = await data.retrieve(Endpoint, "alice")
    assert endpoint is not None
    assert endpoint.context == "other"
    await host.stop()


async def test_rows_are_read_the_same_one_by_one_and_whole(tmp_path: Path) -> None:
    host, data, url = await started(tmp_path)
    await alice(url)
    one = await data.retrieve(Endpoint, "alice")
    assert one is not None
    assert next(item for item in await data.retrieve_all(Endpoint) if item.id == "alice") is one
    await execute(url, "UPDATE ps_endpoints SET callerid = 'Alice <1>'")
    again = next(item for item in await data.retrieve_all(Endpoint) if item.id == "alice")
    assert (again.context, again.allow.names, again.callerid.name) == ("office", ("ulaw", "alaw"), "Alice")
    for cache in data.caches():
        cache.expire()
    assert await data.retrieve(Endpoint, "alice") is again
    await host.stop()


async def test_columns_of_one_s_own(tmp_path: Path) -> None:
    host, data, url = await started(tmp_path)
    await execute(
        url,
        'ALTER TABLE ps_endpoints ADD COLUMN "@tenant" TEXT',
        "INSERT INTO ps_endpoints (id, \"@tenant\", context) VALUES ('a', 'red^3Bblue', 'x'), ('b', NULL, 'x')",
    )
    a, b = await data.retrieve(Endpoint, "a"), await data.retrieve(Endpoint, "b")
    assert a is not None
    assert b is not None
    assert (a.fields, a.context) == ({"tenant": "red;blue"}, "x")
    assert (b.fields, b.context) == ({}, "x")
    await host.stop()


async def test_contacts_of_another_server_are_seen_soon(tmp_path: Path) -> None:
    first, data, url = await started(tmp_path)
    second = Host(tmp_path)
    other = await second.start()
    told: list[str] = []
    other.observe(Contact, lambda change: told.append(f"{change.kind} {change.item.uri}"))

    async def look() -> None:
        for cache in other.caches():
            cache.look_due = min(cache.look_due, 0.0) if cache.table.cls is Contact else cache.look_due
        await second.module.refresh()

    await data.create(Contact("alice;@1", uri="sip:a@10.0.0.1", expiration_time=2_000_000_000))
    await look()
    assert [each.uri for each in other.find(Contact, "aor", "alice")] == ["sip:a@10.0.0.1"]
    await data.update(Contact("alice;@1", uri="sip:a@10.0.0.2", expiration_time=2_000_000_060))
    # Meanwhile this one changes another, which is not taken for the first server's doing.
    await other.create(Contact("bob;@1", uri="sip:b@10.0.0.3", expiration_time=2_000_000_000))
    await look()
    assert [each.uri for each in other.find(Contact, "aor", "alice")] == ["sip:a@10.0.0.2"]
    found = data.get(Contact, "alice;@1")
    assert isinstance(found, Contact)
    await data.delete(found)
    await look()
    assert other.find(Contact, "aor", "alice") == []
    assert told == [
        "added sip:a@10.0.0.1",
        "added sip:b@10.0.0.3",
        "changed sip:a@10.0.0.2",
        "removed sip:a@10.0.0.2",
    ]
    # Where nothing changed, no row is read.
    cache = next(cache for cache in other.caches() if cache.table.cls is Contact)
    queries = cache.queries
    await look()
    assert cache.queries == queries + 1
    # What cannot be compared now is compared later, and nothing is lost.
    await execute(url, "ALTER TABLE ps_contacts RENAME TO hidden")
    await look()
    assert len(other.all(Contact)) == 1
    assert cache.look_due > 0
    await first.stop()
    await second.stop()


@pytest.mark.parametrize(("line", "seconds"), [("", 1.0), (",object_lifetime_stale=9", 9.0), (",name=x", None)])
async def test_how_often_others_changes_are_looked_for(tmp_path: Path, line: str, seconds: float | None) -> None:
    sorcery = "[x]\ncontact=realtime,ps_contacts\n" + (f"contact/cache=memory_cache{line}\n" if line else "")
    host, data, _ = await started(tmp_path, sorcery=sorcery)
    cache = data.caches()[0]
    cache._clock = lambda: 100.0
    await cache.look()
    assert cache.look_due == (float("inf") if seconds is None else 100.0 + seconds)
    await host.stop()


async def test_a_column_that_comes_into_use_is_read(tmp_path: Path) -> None:
    host, data, url = await started(tmp_path)
    await execute(url, "INSERT INTO ps_endpoints (id, context) VALUES ('a', 'x'), ('b', 'y'), ('c', '')")

    async def read(key: str) -> Endpoint:
        for cache in data.caches():
            cache.expire()
        found = await data.retrieve(Endpoint, key)
        assert found is not None
        return found

    assert [(await read(key)).context for key in "abc"] == ["x", "y", "default"]
    # The first and the last column of a hundred and more, and one whose value is a number.
    columns = [spec.name for spec in Endpoint.OPTIONS]
    assert len(columns) > 100
    for statement in (
        "UPDATE ps_endpoints SET rtp_timeout = 0 WHERE id = 'a'",
        "UPDATE ps_endpoints SET webrtc = 'yes' WHERE id = 'b'",
        "UPDATE ps_endpoints SET accountcode = 'acc', rtp_timeout = 7 WHERE id = 'c'",
    ):
        await execute(url, statement)
    assert (await read("a")).rtp_timeout == 0
    assert (await read("b")).webrtc is True
    found = await read("c")
    assert (found.accountcode, found.rtp_timeout, found.context) == ("acc", 7, "default")
    await execute(url, "UPDATE ps_endpoints SET accountcode = NULL")
    assert (await read("c")).accountcode == ""
    await host.stop()


async def test_a_value_that_is_no_text_fails_its_own_request_and_is_no_outage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host, data, url = await started(tmp_path)
    await alice(url)
    database = next(iter(host.module._databases.values()))
    said: list[str] = []
    for key, text in (("a", "x"), ("b", "\udcff"), ("c", "y")):
        data.put_now(Contact(f"alice;@{key}", uri="sip:a@b", user_agent=text, expiration_time=2_000_000_000))
        data.on_settled(Contact, partial(said.append, "200"), partial(said.append, "500"), [f"alice;@{key}"])
    await data.drain()
    assert said == ["200", "500", "200"]
    assert await execute(url, "SELECT id FROM ps_contacts ORDER BY id") == [("alice^3B@a",), ("alice^3B@c",)]
    with pytest.raises(DataError):
        await data.create(Contact("alice;@d", uri="sip:a@b", expiration_time=1 << 70))
    # Asked for together with one that can be had, by whoever does not look at names before.
    loaded = await data._tables[Endpoint].backends[0].fetch(["\udcff", "alice", "\ud800"], {})
    assert list(loaded.objects) == ["alice"]
    assert await data._tables[Endpoint].retrieve_by({"context": "\udcff"}) == []
    assert not database.down
    assert await data.retrieve(Endpoint, "alice") is not None
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    await host.stop()


async def test_a_row_that_cannot_be_decoded_does_not_hide_the_others(tmp_path: Path) -> None:
    host, data, url = await started(tmp_path)
    await alice(url)
    await execute(
        url,
        "INSERT INTO ps_endpoints (id, context) VALUES ('bad', CAST(x'ff61' AS TEXT))",
        "INSERT INTO ps_contacts (id, uri, expiration_time) VALUES ('x^3B@1', 'sip:x@y', 2000000000)",
        "INSERT INTO ps_contacts (id, uri, expiration_time) VALUES ('x^3B@2', 'sip:x@z', 'soon')",
    )
    for name in ("bad", "alice"):
        endpoint = await data.retrieve(Endpoint, name)
        assert endpoint is not None
    assert {item.id for item in await data.retrieve_all(Endpoint)} == {"alice", "bad"}
    # A number that is none, in the column that other servers' changes are found by.
    for cache in data.caches():
        if cache.table.cls is Contact:
            await cache.look()
    assert [item.id for item in data.all(Contact)] == ["x;@1"]
    await host.stop()


async def test_a_new_database_file_is_for_its_owner_and_group_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_files(tmp_path, url_of(tmp_path))
        host = Host(tmp_path)
        await host.start()
        path = tmp_path / "realtime.sqlite3"
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        # Another program may have to read it, too: what somebody allowed stays.
        path.chmod(0o664)
        await host.stop()
        host = Host(tmp_path)
        await host.start()
        assert stat.S_IMODE(path.stat().st_mode) == 0o664
        await host.stop()
    finally:
        os.umask(before)
