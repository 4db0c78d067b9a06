"""Two servers on one database: a phone that registers at one is called through the other."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from asterism.command.database import run_database
from asterism.server.server import Server
from asterism.sip.objects import Contact
from asterism.testing import Phone, free_port, running_server, until

FAMILIES = ("ps_endpoints", "ps_auths", "ps_aors", "ps_contacts")


def prepare(folder: Path, name: str, database: Path) -> dict[str, str]:
    """The configuration of one of the servers."""
    folder.mkdir()
    places = {
        "etc": folder,
        "run": folder / "run",
        "db": folder / "var",
        "varlib": folder / "lib",
        "log": folder / "log",
    }
    directories = "".join(f"ast{key}dir => {value}\n" for key, value in places.items())
    config = {
        "asterisk.conf": f"[directories]\n{directories}[options]\nsystemname={name}\n",
        "modules.conf": "[modules]\nautoload=yes\nnoload=manager\nnoload=http\nnoload=console\n",
        "pjsip.conf": f"[t]\ntype=transport\nbind=127.0.0.1:{free_port()}\n",
        "extensions.conf": "[phones]\nexten => _XXX,1,Dial(PJSIP/${EXTEN},10)\n",
        "sorcery.conf": "[res_pjsip]\n" + "".join(f"{family[3:-1]}=realtime,{family}\n" for family in FAMILIES),
        "extconfig.conf": "[settings]\n" + "".join(f"{family} => sqlite3,db\n" for family in FAMILIES),
        "res_config_sqlalchemy.conf": f"[db]\nurl=sqlite:///{database}\n",
    }
    for file, text in config.items():
        (folder / file).write_text(text)
    return config


def fill(folder: Path, database: Path) -> None:
    assert run_database(["upgrade", str(folder)]) == 0
    with closing(sqlite3.connect(database)) as db, db:
        for number in ("100", "101"):
            db.execute(
                "INSERT INTO ps_endpoints (id, context, allow, aors, auth, rewrite_contact)"
                " VALUES (?1, 'phones', 'ulaw', ?1, ?1, 'no')",
                (number,),
            )
            db.execute(
                "INSERT INTO ps_auths (id, auth_type, username, password) VALUES (?1, 'userpass', ?1, 'x')", (number,)
            )
            db.execute("INSERT INTO ps_aors (id, max_contacts) VALUES (?1, 1)", (number,))


async def test_a_phone_of_the_other_server_is_called(tmp_path: Path) -> None:
    database = tmp_path / "shared.sqlite3"
    left, right = prepare(tmp_path / "left", "left", database), prepare(tmp_path / "right", "right", database)
    await asyncio.to_thread(fill, tmp_path / "left", database)
    async with (
        running_server(left, tmp_path / "left") as one,
        running_server(right, tmp_path / "right") as two,
        Phone("100", one, "x") as ann,
        Phone("101", two, "x") as bob,
    ):
        await bob.register()
        await until(lambda: len(one.sip.location.contacts("101")) == 1, 10, "the binding was not seen")
        assert [contact.reg_server for contact in one.data.all(Contact)] == ["right"]
        call = await ann.dial("101")
        incoming = await bob.incoming()
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()
        await bob.unregister()
        await until(lambda: not one.sip.location.contacts("101"), 10, "the removal was not seen")


async def test_a_start_leaves_the_other_server_s_bindings_alone(tmp_path: Path) -> None:
    database = tmp_path / "shared.sqlite3"
    left, right = prepare(tmp_path / "left", "left", database), prepare(tmp_path / "right", "right", database)
    await asyncio.to_thread(fill, tmp_path / "left", database)

    async def bindings(server: Server) -> list[str]:
        await server.data.drain()
        with closing(sqlite3.connect(database)) as db:
            return sorted(row[0] for row in db.execute("SELECT via_addr FROM ps_contacts"))

    async with running_server(left, tmp_path / "left") as one:
        for name in ("left", "right"):
            await one.data.create(
                Contact(
                    f"100;@{name}",
                    uri="sip:a@10.0.0.1",
                    reg_server=name,
                    expiration_time=2_000_000_000,
                    prune_on_boot=True,
                    via_addr=f"{name}.example",
                )
            )
    async with running_server(right, tmp_path / "right") as two:
        # What hung on a connection to the server that starts is gone, what hangs on one to the other is not.
        assert await bindings(two) == ["left.example"]
        location = two.sip.location
        expired = location.wall_clock() - 1
        await two.data.create(
            Contact("101;@left", uri="sip:b@10.0.0.1", reg_server="left", expiration_time=int(expired), via_addr="late")
        )
        # The other server removes what expired there; if it does not, this one does after a while.
        location.expire()
        assert "late" in await bindings(two)
        location.wall_clock = lambda: expired + 120
        location.expire()
        assert await bindings(two) == ["left.example"]
