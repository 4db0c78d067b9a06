"""A server whose phones are all in a database: registration, restart, calls, listings."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from asterism.applications.pubsub.registry import pubsub
from asterism.command.database import run_database
from asterism.data import Missing
from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.sip.objects import Endpoint
from asterism.testing import Phone, free_port, running_server, until

FAMILIES = ("ps_endpoints", "ps_auths", "ps_aors", "ps_endpoint_id_ips")

SORCERY = """\
[res_pjsip]
endpoint=realtime,ps_endpoints
endpoint/cache=memory_cache,name=phones
auth=realtime,ps_auths
aor=realtime,ps_aors
[res_pjsip_endpoint_identifier_ip]
identify=realtime,ps_endpoint_id_ips
"""


def prepare(folder: Path, count: int) -> dict[str, str]:
    config = {
        "modules.conf": "[modules]\nautoload=yes\nnoload=manager\nnoload=http\n",
        "pjsip.conf": f"[t]\ntype=transport\nbind=127.0.0.1:{free_port()}\n",
        "extensions.conf": "[phones]\nexten => _XXXX,1,Dial(PJSIP/${EXTEN},10)\nexten => 2001,hint,PJSIP/2001\n",
        "sorcery.conf": SORCERY,
        "extconfig.conf": "[settings]\n" + "".join(f"{family} => sqlite3,db\n" for family in FAMILIES),
        "res_config_sqlalchemy.conf": "[db]\nurl=sqlite:///phones.sqlite3\n",
    }
    for name, text in config.items():
        (folder / name).write_text(text)
    assert run_database(["upgrade", str(folder)]) == 0
    numbers = range(2000, 2000 + count)
    with closing(sqlite3.connect(folder / "var" / "phones.sqlite3")) as db, db:
        db.executemany(
            "INSERT INTO ps_endpoints (id, context, allow, aors, auth, device_state_busy_at)"
            " VALUES (?1, 'phones', 'ulaw', ?1, ?1, 1)",
            [(str(number),) for number in numbers],
        )
        db.executemany(
            "INSERT INTO ps_auths (id, auth_type, username, password) VALUES (?1, 'userpass', ?1, 'secret')",
            [(str(number),) for number in numbers],
        )
        db.executemany("INSERT INTO ps_aors (id, max_contacts) VALUES (?1, 1)", [(str(number),) for number in numbers])
    return config


async def console(server: Any, line: str) -> str:
    written: list[str] = []
    await CommandRunner(server).run(line, written.append)
    return "".join(written)


async def test_functions_see_what_is_only_in_the_database(tmp_path: Path) -> None:
    config = await asyncio.to_thread(prepare, tmp_path, 300)
    config["extensions.conf"] += (
        "exten => look,1,Set(GLOBAL(e)=${PJSIP_ENDPOINT(2002,context)})\n"
        " same => n,Set(which=2003)\n"
        " same => n,Set(GLOBAL(a)=${PJSIP_AOR(${which},max_contacts)})\n"
        " same => n,Set(GLOBAL(c)=${PJSIP_CONTACT(${PJSIP_AOR(2001,contact)},uri)})\n"
        " same => n,Set(GLOBAL(d)=${PJSIP_DIAL_CONTACTS(2001,2001)})\n"
        " same => n,Set(GLOBAL(s)=${DEVICE_STATE(PJSIP/2004)})\n"
        " same => n,Set(GLOBAL(x)=$[${PJSIP_ENDPOINT(2005,device_state_busy_at)} + 1])\n"
        " same => n,Set(GLOBAL(n)=${PJSIP_ENDPOINT(nosuch,context)}none)\n"
        " same => n,Set(GLOBAL(done)=1)\n"
    )
    async with running_server(config, tmp_path) as server, Phone("2001", server, "secret") as bob:
        await bob.register()
        await server.stop()
        async with running_server(config, tmp_path) as again:
            assert again.data.get(Endpoint, "2002") is Missing.NOT_LOADED
            request = bob.create_request("MESSAGE", bob.uri("look"))
            request.set_body("x", "text/plain")
            assert (await bob.request(request)).status == 202
            found = again.pbx.dialplan.globals
            await until(lambda: "done" in found, 5, "the dialplan did not run")
            uri = f"sip:2001@127.0.0.1:{bob.port}"
            assert (found["e"], found["a"], found["c"], found["d"]) == ("phones", "1", uri, f"PJSIP/2001/{uri}")
            assert (found["s"], found["x"], found["n"]) == ("UNAVAILABLE", "2", "none")


async def test_phones_of_a_database_call_each_other(tmp_path: Path) -> None:
    config = await asyncio.to_thread(prepare, tmp_path, 300)
    async with running_server(config, tmp_path) as server, Phone("2001", server, "secret") as bob:
        await bob.register()
        address = server.sip_address()
        assert {item.id for item in server.data.all(Endpoint)} == {"2001"}
        async with Phone("2001", server, "wrong") as stranger:
            assert (await stranger.try_register()).status == 401
        await server.stop()
        # After a restart nothing is in memory; the binding is in the store, the rest in the database.
        async with running_server(config, tmp_path) as again:
            assert again.sip_address() == address
            assert again.data.get(Endpoint, "2000") is Missing.NOT_LOADED
            # A hint watches 2001, so it was asked for.
            await until(lambda: isinstance(again.data.get(Endpoint, "2001"), Endpoint))
            async with Phone("2000", again, "secret") as ann:
                call = await ann.dial("2001")
                incoming = await bob.incoming()
                incoming.answer()
                await call.answered()
                await call.hangup()
                await incoming.ended()
            assert {item.id for item in again.data.all(Endpoint)} == {"2000", "2001"}
            assert "Number of objects within cache: 2\n" in await console(again, "sorcery memory cache show phones")
            assert "    2001  (fresh)\n" in await console(again, "sorcery memory cache dump phones")
            await console(again, "sorcery memory cache stale phones 2001")
            assert "    2001  (stale)\n" in await console(again, "sorcery memory cache dump phones")
            assert "does not exist" in await console(again, "sorcery memory cache show nosuch")
            # A listing has them all, not only those that were used.
            assert "Objects found: 300" in await console(again, "pjsip list endpoints")
            assert "max_contacts" in await console(again, "pjsip show aor 2222")


async def test_subscriptions_of_endpoints_in_a_database_go_on_after_a_restart(tmp_path: Path) -> None:
    config = await asyncio.to_thread(prepare, tmp_path, 3)
    async with running_server(config, tmp_path) as server:
        phone = Phone("2000", server, "secret")
        watch = await phone.subscribe("2001", "presence")
        await watch.next()
    async with running_server(config, tmp_path) as server:
        assert server.data.get(Endpoint, "2002") is Missing.NOT_LOADED
        await watch.next()
        assert [one.endpoint.id for one in pubsub(server)] == ["2000"]
        assert (await watch.renew()).status == 200
        await watch.end()
    phone.close()


async def test_publications_of_endpoints_in_a_database_go_on_after_a_restart(tmp_path: Path) -> None:
    config = await asyncio.to_thread(prepare, tmp_path, 3)
    config["pjsip.conf"] += (
        "[lamps]\ntype=inbound-publication\nevent_asterisk-devicestate=ap\n"
        "[ap]\ntype=asterisk-publication\ndevice_state=yes\n"
    )
    async with running_server(config, tmp_path) as server, Phone("2000", server, "secret") as phone:
        request = phone.create_request("PUBLISH", phone.uri("lamps"))
        request.add_header("Event", "asterisk-devicestate")
        request.add_header("Expires", "300")
        body = '{"type":"devicestate","device":"Custom:x","state":"INUSE","cachable":1,"eid":"00:00:00:00:00:01"}'
        request.set_body(body, "application/json")
        assert (await phone.request(request)).status == 200
    async with running_server(config, tmp_path) as server:
        assert server.data.get(Endpoint, "2002") is Missing.NOT_LOADED
        await until(lambda: len(pubsub(server).publications) == 1)
        assert server.pbx.device_states.get("Custom:x") is DeviceState.INUSE
