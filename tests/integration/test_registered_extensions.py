"""``regcontext``: extensions that come and go with registrations."""

from __future__ import annotations

from pathlib import Path

from call_kit import CONFIG, two_phones

from asterism.server.server import Server
from asterism.testing import Phone, running_server, until

PJSIP = (
    CONFIG["pjsip.conf"]
    .replace(
        "default_realm",
        "regcontext=registered\ncontact_expiration_check_interval=0\ndefault_realm",
    )
    .replace("max_contacts=2", "max_contacts=2\nminimum_expiration=1")
)

EXTENSIONS = (
    CONFIG["extensions.conf"]
    + """
exten => _7XX,1,Goto(registered,1${EXTEN:1},1)
[registered]
exten => _X.,2,Dial(PJSIP/${EXTEN},30)
"""
)


def extensions(server: Server) -> list[str]:
    """The extensions that have a priority 1."""
    context = server.pbx.dialplan.table.get("registered")
    assert context is not None
    return sorted(one.name for one in context.extensions.values() if 1 in one.priorities)


async def test_an_extension_lives_as_long_as_a_contact():
    async with two_phones({"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}, register=False) as world:
        server, ann, bob = world.server, world.ann, world.bob
        assert extensions(server) == []
        await ann.register()
        call = await ann.dial("702")
        assert await call.refused() == 603  # nobody there
        await bob.register()
        await until(lambda: extensions(server) == ["101", "102"])
        line = server.pbx.dialplan.find("registered", "102")
        assert line is not None
        assert (line.application, line.data) == ("NoOp", "102")
        call = await ann.dial("702")
        incoming = await bob.incoming()
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()
        # A second contact neither makes a second extension nor takes it with it.
        async with Phone("102", server, "bob's secret") as other:
            await other.register()
            await bob.unregister()
            assert extensions(server) == ["101", "102"]
            await other.register(1)
            await until(lambda: extensions(server) == ["101"], 5, "the extension did not expire")


async def test_stored_contacts_and_reloads(tmp_path: Path):
    config = {"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}
    async with running_server(config, tmp_path) as server, Phone("101", server, "ann's secret") as ann:
        await ann.register()
        await until(lambda: extensions(server) == ["101"])
    async with running_server({**config, "pjsip.conf": PJSIP}, tmp_path) as server:
        assert extensions(server) == ["101"]
        # A dialplan that is read again leaves it alone; so does one that has the extension itself.
        await server.modules.reload("pbx_config")
        assert extensions(server) == ["101"]
        path = tmp_path / "pjsip.conf"
        path.write_text(path.read_text().replace("regcontext=registered", "regcontext=elsewhere"))
        await server.modules.reload()
        assert extensions(server) == []
        assert server.pbx.dialplan.exists("elsewhere", "101")
        path.write_text(path.read_text().replace("regcontext=elsewhere", ""))
        await server.modules.reload()
        assert not server.pbx.dialplan.exists("elsewhere", "101")


async def test_a_line_of_the_file_stays():
    text = EXTENSIONS + "exten => 101,1,NoOp(mine)\n"
    async with two_phones({"pjsip.conf": PJSIP, "extensions.conf": text}, register=False) as world:
        await world.ann.register()
        line = world.server.pbx.dialplan.find("registered", "101")
        assert line is not None
        assert line.data == "mine"
        await world.ann.unregister()
        assert world.server.pbx.dialplan.exists("registered", "101")
