"""The manager's SorceryMemoryCache actions, and access lists in a table."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from realtime_kit import Host, execute, make_tables, write_files

from asterism.core.commands import marks_of
from asterism.data.realtime.commands import MemoryCacheModule
from asterism.sip.objects import Endpoint, NamedAcl


class Call:
    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields
        self.answer = ("", "")

    def get(self, key: str, default: str = "") -> str:
        return self._fields.get(key, default)

    def success(self, message: str = "", fields: Any = ()) -> None:
        self.answer = ("Success", message)

    def error(self, message: str) -> None:
        self.answer = ("Error", message)


async def ask(host: Host, name: str, **fields: str) -> str:
    module = MemoryCacheModule()
    module.load(host)  # type: ignore[arg-type]
    run = {mark.name: method for mark, method in marks_of(module) if mark.kind == "action"}[name]
    call = Call(fields)
    result = run(call)
    if inspect.isawaitable(result):
        await result
    assert call.answer[1]
    return call.answer[0]


async def test_the_manager_s_cache_actions(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'r.sqlite3'}"
    write_files(tmp_path, url)
    await make_tables(url)
    await execute(url, "INSERT INTO ps_endpoints (id, context) VALUES ('a', 'one'), ('b', 'one')")
    host = Host(tmp_path)
    data = await host.start()
    name = "res_pjsip/endpoint"
    assert await ask(host, "SorceryMemoryCachePopulate", Cache=name) == "Success"
    assert len(data.all(Endpoint)) == 2
    await execute(url, "UPDATE ps_endpoints SET context = 'two'")

    async def context() -> str:
        endpoint = await data.retrieve(Endpoint, "a")
        assert endpoint is not None
        return endpoint.context

    assert await context() == "one"
    assert await ask(host, "SorceryMemoryCacheExpireObject", Cache=name, Object="a") == "Success"
    assert await context() == "two"
    await execute(url, "UPDATE ps_endpoints SET context = 'three'")
    assert await ask(host, "SorceryMemoryCacheStaleObject", Cache=name, Object="a", Reload="true") == "Success"
    assert await context() == "three"
    await execute(url, "UPDATE ps_endpoints SET context = 'four'")
    assert await ask(host, "SorceryMemoryCacheStale", Cache=name) == "Success"
    assert await context() == "three"
    assert await ask(host, "SorceryMemoryCacheExpire", Cache=name) == "Success"
    assert await context() == "four"
    await host.stop()


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("SorceryMemoryCacheExpire", {}),
        ("SorceryMemoryCacheStale", {"Cache": "nosuch"}),
        ("SorceryMemoryCacheExpireObject", {"Cache": "res_pjsip/endpoint"}),
        ("SorceryMemoryCacheExpireObject", {"Cache": "res_pjsip/endpoint", "Object": "nosuch"}),
        ("SorceryMemoryCacheStaleObject", {"Cache": "res_pjsip/endpoint", "Object": "nosuch"}),
        ("SorceryMemoryCachePopulate", {"Cache": "res_pjsip/endpoint"}),
    ],
)
async def test_what_cannot_be_done_is_an_error(tmp_path: Path, action: str, fields: dict[str, str]) -> None:
    write_files(tmp_path, f"sqlite+aiosqlite:///{tmp_path / 'r.sqlite3'}")
    host = Host(tmp_path)
    await host.start()
    assert await ask(host, action, **fields) == "Error"
    await host.stop()


async def test_access_lists_in_a_table(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'r.sqlite3'}"
    write_files(tmp_path, url, "[x]\nnamed_acl=realtime,acls\n", "acls => odbc,asterisk\n")
    await make_tables(url)
    await execute(
        url, "INSERT INTO acls (permit, deny, id) VALUES ('10.0.0.0/8,192.0.2.1', '0.0.0.0/0.0.0.0', 'office')"
    )
    host = Host(tmp_path)
    data = await host.start()
    acl = data.get(NamedAcl, "office")
    assert isinstance(acl, NamedAcl)
    hosts = ("10.1.2.3", "192.0.2.1", "192.0.2.2")
    assert [acl.address_rules.allows(host) for host in hosts] == [True, True, False]
    await host.stop()
