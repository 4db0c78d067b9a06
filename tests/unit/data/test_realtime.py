"""Realtime on SQLite: rows as objects, the cache, several backends, a database that goes away."""

from __future__ import annotations

from pathlib import Path

from realtime_kit import Host, execute, make_tables, write_files

from asterism.data import Missing
from asterism.sip.objects import Aor, Auth, DomainAlias, Endpoint, Identify, Registration


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
