"""Modules in files and in ``modules.conf`` on a live server: found, refused, renewed."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism import Server
from asterism.core.errors import ModuleError, NotAsyncError
from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.vocabulary.events import HANGUP
from asterism.server.server import read_plan
from asterism.testing import Phone, until
from asterism.testing.servers import write_config

MODULES_CONF = """\
; As Asterisk's basic-pbx has it: only what is named.
[modules]
autoload = no
load = app_dial.so
load = app_playback.so
load = app_stack.so
load = app_verbose.so
load = bridge_simple.so
load = chan_pjsip.so
load = codec_ulaw.so
load = format_wav.so
load = func_callerid.so
load = func_strings.so
load = pbx_config.so
load = res_pjproject.so
load = res_pjsip_authenticator_digest.so
load = res_pjsip_caller_id.so
load = res_pjsip_endpoint_identifier_user.so
load = res_pjsip_registrar.so
load = res_pjsip_sdp_rtp.so
load = res_pjsip_session.so
load = res_pjsip.so
load = res_rtp_asterisk.so
load = res_sorcery_config.so
load = res_timing_timerfd.so
"""
PJSIP = """\
[101]
type=endpoint
context=phones
allow=ulaw
aors=101
[101]
type=aor
max_contacts=1
"""
EXTENSIONS = """\
[phones]
exten => 600,1,Answer()
 same => n,Set(GREETING=hello)
 same => n,GotoIf($["${GREETING}" = "hello"]?talk)
 same => n,Hangup(21)
 same => n(talk),ExecIf(1?NoOp(there))
 same => n,Wait(0.1)
 same => n,Progress()
 same => n,Goto(601,1)
exten => 601,1,Hangup(16)
"""
GREETER = """\
from asterism.core.documentation import Documentation
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

class Greeter(PbxModule):
    name = "greeter"

    @application("Greet", Documentation("Greet.", "Greet()"))
    async def greet(self, channel, args):
        channel.set_variable("GREETING", "{word}")
"""


async def console(server: Server, line: str) -> str:
    """What a console command prints."""
    texts: list[str] = []
    await CommandRunner(server).run(line, texts.append)
    return "".join(texts)


def errors_of(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    errors: list[str] = []
    monkeypatch.setattr(server.log, "error", lambda text, *args, **more: errors.append(text % args))
    return errors


async def test_what_asterisk_has_built_in_is_there_without_autoload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"modules.conf": MODULES_CONF, "pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}
    write_config(tmp_path, files)
    server = Server.from_config(tmp_path)
    errors = errors_of(server, monkeypatch)
    variables: list[dict[str, str]] = []
    async with server, Phone("101", server) as phone:
        await phone.register()
        call = await phone.dial("600")
        await call.answered()
        server.subscribe(HANGUP, lambda _type, args: variables.append(dict(args[0].variables)))
        assert "600@phones" in await console(server, "core show channels")
        assert "101" in await console(server, "pjsip show endpoints")
        for command in (
            "core show applications",
            "database show",
            "http show status",
            "core show hints",
            "bridge show all",
        ):
            assert "No such command" not in await console(server, command)
        await call.ended()
        assert [found["GREETING"] for found in variables] == ["hello"]
        # And nothing that was not asked for.
        for name in ("app_echo", "func_db", "res_pjsip_history", "websocket"):
            assert not server.modules.is_loaded(name)
    assert not errors


async def test_what_comes_with_a_module_stays_out_by_name_only(tmp_path: Path) -> None:
    write_config(tmp_path, {"modules.conf": "[modules]\nautoload=no\nnoload=pbx_originate\nnoload=app_verbose\n"})
    async with Server.from_config(tmp_path) as server:
        assert not server.modules.is_loaded("pbx_originate")
        assert not server.modules.is_loaded("sip_cli")
        # Asterisk's app_verbose is only a part of what this module does: Set is not lost with it.
        assert server.pbx.applications.get("Set") is not None
        # What is part of a module comes with it later too.
        await server.modules.load("res_pjsip")
        assert server.modules.is_loaded("sip_cli")


async def test_every_file_is_run_once(tmp_path: Path) -> None:
    write_config(tmp_path, {})
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "counting.py").write_text(f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n")
    (folder / "linked.py").symlink_to(folder / "counting.py")
    (folder / "_helper.py").write_text("raise SystemExit('not a module')\n")
    async with Server.from_config(tmp_path) as server:
        with pytest.raises(ModuleError, match="does not exist"):
            await server.modules.load("nosuch")
        await server.reload()
    assert (tmp_path / "runs").read_text() == "x"


async def test_a_new_file_is_found_and_new_code_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extensions = "[phones]\nexten => 600,1,Answer(,i)\n same => n,Greet()\n same => n,Wait(5)\n"
    write_config(tmp_path, {"pjsip.conf": PJSIP, "extensions.conf": extensions})
    folder = tmp_path / "modules"
    folder.mkdir()
    server = Server.from_config(tmp_path)
    errors = errors_of(server, monkeypatch)
    async with server, Phone("101", server) as phone:

        async def greeting() -> str | None:
            call = await phone.dial("600")
            await call.answered()
            (channel,) = server.pbx.channels
            await until(lambda: channel.application == "Wait")
            found = channel.get_variable("GREETING")
            await call.hangup()
            return found

        assert "Unable to load module greeter" in await console(server, "module load greeter")
        assert any("'greeter' does not exist" in each for each in errors)
        (folder / "greeter.py").write_text(GREETER.format(word="one"))
        assert await console(server, "module load greeter") == "Loaded greeter\n"
        assert await greeting() == "one"

        # As long as before and within the same second: a cache of compiled code must not be taken.
        (folder / "greeter.py").write_text(GREETER.format(word="two"))
        assert "reloaded successfully" in await console(server, "module reload greeter")
        assert await greeting() == "two"
        assert "does not support reloads" in await console(server, "module reload greeter")

        errors.clear()
        for wrong, complaint in (
            ("def broken(:\n", "SyntaxError"),
            (GREETER.format(word="x").replace('"greeter"', '"app_dial"'), "'app_dial' is the module 'app_dial'"),
            (GREETER.format(word="x").replace("async def", "def"), "must be an 'async def'"),
        ):
            (folder / "greeter.py").write_text(wrong)
            answer = await console(server, "module reload greeter")
            assert complaint in answer
            assert any(complaint in each for each in errors)
            assert await greeting() == "two"

        (folder / "greeter.py").write_text(GREETER.format(word="six"))
        await server.reload()
        assert await greeting() == "six"

        # Unloaded and loaded again is new code as well.
        await server.modules.unload("greeter")
        (folder / "greeter.py").write_text(GREETER.format(word="ten"))
        await server.modules.load("greeter")
        assert await greeting() == "ten"


async def test_new_code_waits_while_the_module_is_in_use(tmp_path: Path) -> None:
    extensions = "[phones]\nexten => 600,1,Answer(,i)\n same => n,Greet()\n"
    write_config(tmp_path, {"pjsip.conf": PJSIP, "extensions.conf": extensions})
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "greeter.py").write_text(GREETER.format(word="one") + "        await channel.wait(60)\n")
    async with Server.from_config(tmp_path) as server, Phone("101", server) as phone:
        call = await phone.dial("600")
        await call.answered()
        (channel,) = server.pbx.channels
        await until(lambda: channel.application == "Greet")
        (folder / "greeter.py").write_text(GREETER.format(word="two"))
        assert "is in use (1): its old code goes on" in await console(server, "module reload greeter")
        await call.hangup()


async def test_names_that_collide_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, {})
    folder = tmp_path / "modules"
    folder.mkdir()
    text = "from asterism.core.module import Module\nclass Mine(Module):\n    name = '{}'\n    aliases = ({!r},)\n"
    (folder / "a.py").write_text(text.format("mine", "registrar"))
    (folder / "b.py").write_text(text.format("app_dial", "other"))
    (folder / "c.py").write_text(text.format("good", "app_good"))
    (folder / "d.py").write_text(text.format("good", "app_better"))
    (folder / "e.py").write_text(text.format("no name", "e"))
    server = Server.from_config(tmp_path)
    errors = errors_of(server, monkeypatch)
    async with server:
        assert server.modules.find("mine") is None
        assert server.modules.is_loaded("good")
        registrar = server.modules.find("registrar")
        assert registrar is not None
        assert registrar.path is None
        expected = ("a.py: module 'mine'", "b.py: module 'app_dial'", "d.py: module 'good'", "e.py: 'no name'")
        for complaint in expected:
            assert any(complaint in each for each in errors), (complaint, errors)


async def test_functions_that_nobody_could_await_are_refused(tmp_path: Path) -> None:
    write_config(tmp_path, {})
    async with Server.from_config(tmp_path) as server:

        async def subscriber(event_type: object, args: object) -> None: ...

        def extension(channel: object) -> None: ...

        with pytest.raises(NotAsyncError, match=r"extension 1@phones must be an 'async def': .*extension is not"):
            server.pbx.extension("phones", "1")(extension)
        with pytest.raises(NotAsyncError, match="subscriber of Hangup must be a plain 'def'"):
            server.subscribe(HANGUP, subscriber)  # type: ignore[arg-type]


def test_a_plan_is_read_with_arrows_and_suffixes(tmp_path: Path) -> None:
    (tmp_path / "modules.conf").write_text(MODULES_CONF.replace(" = ", " => "))
    server = Server.from_config(tmp_path)
    server.modules.discover()
    selection = server.modules.catalog.select(read_plan(tmp_path, server.log))
    assert {"app_dial", "sip_cli", "session", "pbx_variables"} <= {known.name for known in selection.modules}
    server.store.close()


async def test_a_file_that_cannot_be_run_is_told_to_who_loads_it(tmp_path: Path) -> None:
    """The console says what is wrong with the file, not only that there is no module."""
    write_config(tmp_path, {"pjsip.conf": PJSIP})
    folder = tmp_path / "modules"
    folder.mkdir()
    async with Server.from_config(tmp_path) as server:
        (folder / "broken.py").write_text("class Broken(\n")
        said = await console(server, "module load broken")
        assert "broken.py cannot be run: SyntaxError: '(' was never closed" in said
        assert "Unable to load module broken" in said
