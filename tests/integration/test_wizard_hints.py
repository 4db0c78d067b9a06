"""``has_hint``: extensions with hints for endpoints that ``pjsip_wizard.conf`` makes."""

from __future__ import annotations

from pathlib import Path

from asterism.pbx.states.hints import ExtensionState
from asterism.server.server import Server
from asterism.testing import Phone, running_server, until

WIZARD = """
[101]
type=wizard
accepts_auth=yes
accepts_registrations=yes
inbound_auth/username=101
inbound_auth/password=secret
aor/max_contacts=1
endpoint/context=phones
endpoint/allow=ulaw
has_hint=yes
hint_exten=8101
hint_application=Hangup(17)
[102]
type=wizard
has_hint=yes
hint_exten=8102
hint_context=lamps
[103]
type=wizard
"""
EXTENSIONS = "[phones]\nexten => 600,1,Answer()\n"


def hints(server: Server) -> list[tuple[str, str, str]]:
    return sorted(server.pbx.dialplan.hint_lines())


async def test_hints_of_the_wizard() -> None:
    config = {"pjsip_wizard.conf": WIZARD, "extensions.conf": EXTENSIONS}
    async with running_server(config) as server, Phone("101", server, "secret") as phone:
        assert hints(server) == [("lamps", "8102", "PJSIP/102"), ("phones", "8101", "PJSIP/101")]
        assert server.pbx.dialplan.find("lamps", "8102") is None
        assert server.pbx.hints.state("phones", "8101")[0] is ExtensionState.UNAVAILABLE
        await phone.register()
        await until(lambda: server.pbx.hints.state("phones", "8101")[0] is ExtensionState.IDLE)
        assert await (await phone.dial("8101")).refused() == 486


async def test_reloads_and_unloading(tmp_path: Path) -> None:
    config = {"pjsip_wizard.conf": WIZARD, "extensions.conf": EXTENSIONS}
    async with running_server(config, tmp_path) as server:
        await server.modules.reload("pbx_config")
        assert len(hints(server)) == 2
        path = tmp_path / "pjsip_wizard.conf"
        text = WIZARD.replace("hint_exten=8101", "hint_exten=8201")
        path.write_text(text.replace("has_hint=yes\nhint_exten=8102", "hint_exten=8102"))
        await server.modules.reload()
        assert hints(server) == [("phones", "8201", "PJSIP/101")]
        assert not server.pbx.dialplan.exists("phones", "8101")
        await server.modules.unload("res_pjsip_config_wizard")
        assert hints(server) == []
        assert not server.pbx.dialplan.exists("phones", "8201")


async def test_a_line_of_the_file_stays() -> None:
    extensions = EXTENSIONS + "exten => 8101,hint,Custom:mine\nexten => 8101,1,Hangup(1)\n"
    async with running_server({"pjsip_wizard.conf": WIZARD, "extensions.conf": extensions}) as server:
        assert ("phones", "8101", "Custom:mine") in hints(server)
        line = server.pbx.dialplan.find("phones", "8101")
        assert line is not None
        assert line.data == "1"
