"""``regcontext`` of ``sip.conf``: extensions that come and go with registrations and answers."""

from __future__ import annotations

import time

from asterism.server.server import Server
from asterism.sip.contacts import Contact, ContactStatus
from asterism.sip.objects import contact_id
from asterism.testing import free_port, running_server, until
from asterism.testing.servers import write_config

SIP = """[general]
udpbindaddr=127.0.0.1:{port}
regcontext=registered&others
{extra}
[alice]
type=friend
host=dynamic
regexten=100&200@others&300@nowhere
qualify=yes
[bob]
type=friend
host=dynamic
"""


def extensions(server: Server) -> list[str]:
    """The extensions that have a priority 1, with their contexts."""
    return sorted(
        f"{one.name}@{context.name}"
        for context in (server.pbx.dialplan.table.get(name) for name in ("registered", "others"))
        if context is not None
        for one in context.extensions.values()
        if 1 in one.priorities
    )


def register(server: Server, name: str) -> Contact:
    uri = f"sip:{name}@127.0.0.1:9"
    made = Contact(contact_id(name, uri), aor=name, uri=uri, expiration_time=int(time.time()) + 100)
    server.data.create_now(made)
    return made


ALICE = ["100@others", "100@registered", "200@others"]


async def test_extensions_live_as_long_as_contacts() -> None:
    sip = SIP.format(port=free_port(), extra="")
    async with running_server({"sip.conf": sip}) as server:
        assert extensions(server) == []
        alice, bob = register(server, "alice"), register(server, "bob")
        await until(lambda: extensions(server) == sorted([*ALICE, "bob@others", "bob@registered"]))
        line = server.pbx.dialplan.find("others", "200")
        assert line is not None
        assert (line.application, line.data) == ("NoOp", "alice")
        server.data.delete_now(bob)
        await until(lambda: extensions(server) == ALICE)
        # Answers make no difference unless that is asked for.
        server.sip.location.set_reachability(alice, ContactStatus.UNREACHABLE)
        assert extensions(server) == ALICE
        # What is changed in the file is followed.
        write_config(server.paths.etc, {"sip.conf": sip.replace("regexten=100&200@others&300@nowhere", "regexten=700")})
        await server.modules.reload("chan_sip")
        assert extensions(server) == ["700@others", "700@registered"]
        write_config(server.paths.etc, {"sip.conf": sip.replace("registered&others", "registered")})
        await server.modules.reload("chan_sip")
        assert extensions(server) == ["100@registered"]
        write_config(server.paths.etc, {"sip.conf": sip.replace("regcontext=", ";")})
        await server.modules.reload("chan_sip")
        assert extensions(server) == []


async def test_extensions_go_while_a_peer_does_not_answer() -> None:
    async with running_server({"sip.conf": SIP.format(port=free_port(), extra="regextenonqualify=yes")}) as server:
        alice = register(server, "alice")
        await until(lambda: extensions(server) == ALICE)
        server.sip.location.set_reachability(alice, ContactStatus.UNREACHABLE)
        assert extensions(server) == []
        server.sip.location.set_reachability(alice, ContactStatus.REACHABLE, 0.01)
        assert extensions(server) == ALICE
