"""The programs that the guides print: they run, and do what is said of them."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest

from asterism import Channel
from asterism.command.check import check
from asterism.config.file import ConfigFile
from asterism.core.commands import CommandCall
from asterism.core.errors import AsterismError
from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.calls.conference.conference import Conference, User
from asterism.pbx.vocabulary.events import HANGUP
from asterism.server.server import Server
from asterism.testing import Phone, PhoneAudio, PhoneCall, assert_idle, running_server, until
from asterism.testing.servers import write_config
from asterism.testing.tone import prompt

GUIDE = Path(__file__).parents[2] / "docs/guide"
PJSIP = """
[101]
type=endpoint
context=phones
allow=ulaw
aors=101
[101]
type=aor
max_contacts=1
[102]
type=endpoint
context=phones
allow=ulaw
aors=102
[102]
type=aor
max_contacts=1
"""


def blocks(page: str, language: str = "python") -> list[str]:
    """The code of a page, in order."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", (GUIDE / page).read_text(), re.DOTALL | re.MULTILINE)
    return [text for kind, text in found if kind == language]


def load(text: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run a program as an import would, in a folder."""
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {"__name__": name}
    exec(compile(text, name, "exec"), names)
    return names


async def test_the_program_with_extensions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A jump to one of them, and an include that reaches them.
    extensions = "[elsewhere]\ninclude => phones\n[phones]\nexten => 730,1,Goto(elsewhere,720,1)\n"
    write_config(tmp_path / "etc", {"pjsip.conf": PJSIP, "extensions.conf": extensions})
    names = load(blocks("python-extensions.md")[0], "office", tmp_path, monkeypatch)
    server: Server = names["server"]
    lines: list[str] = []
    monkeypatch.setattr(server.log, "notice", lambda message, *args: lines.append(message % args))
    async with server, Phone("101", server) as ann, Phone("102", server) as bob:
        await ann.register()
        call = await bob.dial("700")
        await call.answered()
        call.send_digits("1")
        incoming = await ann.incoming()
        incoming.answer()
        await incoming.answered()
        await incoming.hangup()
        await call.ended()
        assert "reception: ANSWER" in lines

        loud = {}
        for number in ("711", "713"):
            call = await bob.dial(number)
            await call.answered()
            call.play(440)
            await call.hears(440)
            samples = array("h", b"".join(call.audio.packets[-10:]))
            loud[number] = max(map(abs, samples))
            await call.hangup()
        assert loud["713"] == pytest.approx(3 * loud["711"], rel=0.1)
        variables: list[dict[str, str]] = []
        server.subscribe(names["HANGUP"], lambda _type, args: variables.append(dict(args[0].variables)))
        for number, digits in (("720", "4711"), ("720", "47"), ("730", "4711")):
            call = await bob.dial(number)
            await call.answered()
            call.send_digits(digits)
            if len(digits) == 4:
                await call.ended()
            else:
                await call.hangup()
        await assert_idle(server)
        assert [found["DOOR"] for found in variables] == ["open", "shut", "open"]
        assert any(line.endswith("s") and "talked for" in line for line in lines)


async def test_the_module_with_an_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = load(blocks("python-extensions.md")[2], "office_module", tmp_path, monkeypatch)
    write_config(tmp_path / "etc", {"pjsip.conf": PJSIP})
    server = Server.from_config(tmp_path / "etc")
    server.modules.add(names["Office"])
    async with server, Phone("101", server) as ann:
        call = await ann.dial("701")
        await call.answered()
        await server.modules.unload("office")
        await call.hangup()
        again = await ann.dial("701")
        assert await again.refused() == 404
        await assert_idle(server)


def test_the_complete_test(tmp_path: Path) -> None:
    (tmp_path / "test_office.py").write_text(blocks("testing.md")[0])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_office.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_names_in_the_tables_exist() -> None:
    text = (GUIDE / "python-extensions.md").read_text()
    table = text.partition("## The channel")[2].partition("Sounds are")[0]
    for name in re.findall(r"(?:`|await |in )([a-z_]+)\(", table):
        assert callable(getattr(Channel, name)), name
    attributes = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", table, re.MULTILINE)
    for name in re.findall(r"`([a-z_]+)`", " ".join(attributes)):
        assert name in Channel.__slots__ or hasattr(Channel, name), name
    table = (GUIDE / "testing.md").read_text().partition("## What there is")[2]
    for cls, row in ((PhoneCall, "`PhoneCall`"), (PhoneAudio, "`call.audio`"), (Phone, "`Phone(user")):
        line = next(line for line in table.splitlines() if line.startswith(f"| {row}"))
        for name in re.findall(r"`([a-z_]+)`", line.partition("|")[2].partition("|")[2].partition("transport")[0]):
            assert callable(getattr(cls, name)), name


def test_the_syntax_of_the_configuration_guide(tmp_path: Path) -> None:
    text = blocks("configuration.md", "")[0].replace("/usr/bin/program", "/bin/true")
    (tmp_path / "other.conf").write_text("[other]\nincluded = yes\n")
    (tmp_path / "main.conf").write_text("[template](!)\nkept = yes\n[other](!)\n" + text)
    file = ConfigFile.load(tmp_path / "main.conf", allow_exec=True)
    section = next(one for one in file.sections if one.name == "section" and one.get("option"))
    assert (section.get("option"), section.get("kept")) == ("valuemore", "yes")
    assert not any(one.name == "base" for one in file.sections)
    assert any(one.get("included") == "yes" for one in file.sections)


def test_the_objects_of_the_configuration_guide(tmp_path: Path) -> None:
    found = [text for text in blocks("configuration.md", "") if "type = " in text]
    assert len(found) == 2
    (tmp_path / "pjsip.conf").write_text("\n".join(found))
    acl = next(text for text in blocks("configuration.md", "") if text.startswith("; acl.conf"))
    (tmp_path / "acl.conf").write_text(acl)
    problems, _ = check(tmp_path)
    assert [str(problem) for problem in problems if problem.option != "cert_file"] == []


async def test_what_reads_a_file_again() -> None:
    text = (GUIDE / "configuration.md").read_text()
    table = text.partition("## Files")[2].partition("`core reload`")[0]
    commands: set[str] = set()
    for row in (line for line in table.splitlines() if line.startswith("| `")):
        how = row.rsplit("|", 2)[1].strip()
        if not how.startswith("a restart"):
            found = re.findall("`([^`]+)`", how)
            assert found, row
            commands.update(found)
    assert "dialplan reload" in commands
    async with running_server({"pjsip.conf": PJSIP, "sip.conf": "[general]\nudpenable=no\n"}) as server:
        for command in sorted(commands):
            assert await CommandRunner(server).run(command, lambda _text: None) == 0, command


def dialplan_names(page: str, heading: str) -> set[str]:
    """The names in the table below a heading."""
    text = (GUIDE / page).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`([A-Za-z0-9_]+)`", "".join(re.findall(r"^\| .*$", text, re.MULTILINE))))


async def test_the_dialplan_guide_names_what_there_is() -> None:
    async with running_server({}) as server:
        assert dialplan_names("dialplan.md", "Applications") == {entry.name for entry in server.pbx.applications}
        assert dialplan_names("dialplan.md", "Functions") == {entry.name for entry in server.pbx.functions}


async def test_the_dialplans_of_the_guide() -> None:
    found = {block[1 : block.index("]")]: block for block in blocks("dialplan.md", "")}  # by their contexts
    del found["messages"]  # test_messages.py runs it
    expressions = found["expressions"]
    expected = dict(re.findall(r"Set\((\w)=.*; (\w[\w.]*)(?::.*)?$", expressions, re.MULTILINE))
    assert len(expected) == 6
    extra = "[phones](+)\nexten => 900,1,Goto(expressions,s,1)\nexten => _50X,1,Goto(support,${EXTEN},1)\n"
    extra += "exten => 700,1,Goto(paging,700,1)\nexten => 901,1,Set(CALLERID(num)=5550100)\n"
    extra += " same => n,Goto(reception,100,1)\n"
    dialplan = "".join(found.values()) + extra
    async with running_server({"pjsip.conf": PJSIP, "extensions.conf": dialplan}) as server:
        values: list[dict[str, str]] = []
        server.subscribe(HANGUP, lambda _type, args: values.append(dict(args[0].variables)))
        async with Phone("101", server) as phone:
            call = await phone.dial("600")
            await call.answered()
            await call.hangup()
            # Nobody is registered there.
            call = await phone.dial("102")
            assert await call.refused() == 403
            call = await phone.dial("500")
            await call.answered()
            (waiting,) = server.pbx.bridges.values()
            assert (waiting.name, waiting.technology) == ("room", "holding_bridge")
            await call.hangup()
            server.astdb.put("privacy", "boss/5550100", "kill")
            call = await phone.dial("901")
            await call.hears_sound(prompt("goodbye"))
            await call.ended()
            call = await phone.dial("700")
            await call.answered()
            await until(lambda: server.pbx.conferences)
            await call.hangup()
            call = await phone.dial("900")
            assert await call.refused() == 603
            await assert_idle(server)
    assert {name: values[-1].get(name) for name in expected} == expected


COMMAND = re.compile(
    r"^((?:core|pjsip|dialplan|module|manager|logger|database|channel|sip|devstate|rtp|bridge)"
    r" [a-z]+ ?[a-z]*(?: [a-z]+)?)"
)


async def test_every_console_command_in_the_docs_exists() -> None:
    async with running_server({"sip.conf": "[general]\nudpenable=no\n"}) as server:
        names = [entry.name for entry in server.commands]
        runner = CommandRunner(server)
        wrong = []
        for page in (
            *GUIDE.glob("*.md"),
            *GUIDE.parent.joinpath("extending").glob("*.md"),
            GUIDE.parent / "realtime.md",
        ):
            text = page.read_text()
            spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text) + re.findall(r"\*CLI> (.*)", text)
            spans += re.findall(r"-rx \"([^\"]+)\"", text)
            for span in spans:
                found = COMMAND.match(span)
                if found is None or span.endswith((".conf", ".py")) or "=" in span:
                    continue
                words = found.group(1).split()
                begins = any(name.split()[: len(words)] == words for name in names)
                if not begins and runner.find(words) is None:
                    wrong.append(f"{page.name}: {span}")
    assert wrong == []


async def test_the_manager_program_and_its_configuration(tmp_path: Path) -> None:
    conf = blocks("manager.md", "")[0].replace("port = 5038", "port = 0")
    (tmp_path / "hangups.py").write_text(blocks("manager.md")[0])
    extensions = "[phones]\nexten => 600,1,Hangup(17)\n"
    config = {"pjsip.conf": PJSIP, "manager.conf": conf, "extensions.conf": extensions}
    async with running_server(config) as server, Phone("101", server) as phone:
        host, port = server.modules.find("manager").instance.address  # type: ignore[attr-defined]
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "hangups.py",
            *(host, str(port), "dialer", "a long random text"),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
        )
        assert program.stdout is not None
        try:
            await until(lambda: "dialer" in shown(server, "manager show connected"), 10)
            call = await phone.dial("600")
            assert await call.refused() == 486
            line = await asyncio.wait_for(program.stdout.readline(), 10)
        finally:
            program.kill()
            await program.wait()
        assert line.decode() == "PJSIP/101-00000000 User busy\n"


def shown(server: Server, line: str) -> str:
    """What a console command that does not wait prints."""
    entry = server.commands.entry(line)
    assert entry is not None
    return str(entry.item.run(CommandCall([], lambda _text: None)))


async def test_the_log_channels_of_the_guide(tmp_path: Path) -> None:
    conf = next(text for text in blocks("logging-and-security.md", "") if "[logfiles]" in text)
    conf = conf.replace("syslog.local0 => warning,error\n", "")
    async with running_server({"pjsip.conf": PJSIP, "logger.conf": conf}, tmp_path) as server:
        async with Phone("101", server) as phone:
            call = await phone.dial("404")
            await call.refused()
        for name in ("messages.log", "full.log", "security.log", "calls.json"):
            assert name in shown(server, "logger show channels")


@pytest.mark.parametrize("required", [False, True])
async def test_a_port_that_is_taken(required: bool) -> None:
    text = (GUIDE / "operations.md").read_text()
    conf = re.sub(r"^    ", "", text[text.index("    [modules]") :].partition("\n\n")[0], flags=re.MULTILINE)
    assert "require = res_pjsip" in conf
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        bind = f"[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{taken.getsockname()[1]}\n"
        config = {"pjsip.conf": PJSIP + bind, "modules.conf": conf if required else "[modules]\nautoload=yes\n"}
        if required:
            with pytest.raises(AsterismError, match=r"pjsip\.conf:\d+: transport 'udp': cannot bind"):
                async with running_server(config):
                    pass
        else:
            async with running_server(config) as server:
                assert server.booted
                assert server.sip.listening() == []


async def test_the_conference_of_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "from asterism import Channel\n" + blocks("conferences.md")[0]
    names = load(program, "conferences", tmp_path, monkeypatch)
    async with (
        running_server({"pjsip.conf": PJSIP}) as server,
        Phone("101", server) as ann,
        Phone("102", server) as bob,
    ):
        names["server"] = server
        for exten, name in (("801", "host"), ("802", "guest")):
            server.pbx.extension("phones", exten)(names[name])
        greeting = asyncio.ensure_future(names["greet"]())
        guest = await bob.dial("802")
        await guest.answered()
        conference = server.pbx.conference("team")
        await until(lambda: len(conference.users) == 1)
        (user,) = conference.users.values()
        assert (user.waiting, user.muted) == (True, True)
        host = await ann.dial("801")
        await host.answered()
        await until(lambda: not user.waiting)
        conference.mute(user, False)
        host.audio.play(440)
        guest.audio.play(700)
        await asyncio.gather(host.audio.hears(700), guest.audio.hears(440))
        await host.hangup()
        await guest.ended()
        await asyncio.wait_for(greeting, 5)
        await assert_idle(server)


async def test_the_recording_of_a_program_whose_caller_hangs_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = load(blocks("recording.md")[0], "recording", tmp_path, monkeypatch)
    async with (
        running_server({"pjsip.conf": PJSIP}) as server,
        Phone("101", server) as ann,
        Phone("102", server) as bob,
    ):
        await bob.register()
        server.pbx.extension("phones", "700")(names["agent"])
        call = await ann.dial("700")
        other = await bob.incoming()
        other.answer()
        await call.answered()
        call.play(440)
        await other.hears(440)
        await call.hangup()
        await other.ended()
        await assert_idle(server)
    (seconds,) = capsys.readouterr().out.splitlines()[-1].split()  # and no error
    assert float(seconds) > 0


async def test_the_supervisor_of_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = blocks("spying.md")[0].replace("PJSIP/agent", "PJSIP/101")
    names = load(program, "spying", tmp_path, monkeypatch)
    pjsip = PJSIP + PJSIP.replace("10", "20")
    dialplan = "[phones]\nexten => _10X,1,Dial(PJSIP/${EXTEN})\n"
    async with (
        running_server({"pjsip.conf": pjsip, "extensions.conf": dialplan}) as server,
        Phone("101", server) as agent,
        Phone("102", server) as customer,
        Phone("201", server) as supervisor,
    ):
        await customer.register()
        server.pbx.extension("phones", "700")(names["supervisor"])
        call = await agent.dial("102")
        other = await customer.incoming()
        other.answer()
        await call.answered()
        spy = await supervisor.dial("700")
        await spy.answered()
        spy.play(880)
        await call.hears(880)
        spy.send_digits("6")
        await other.hears(880)
        await call.hangup()
        await other.ended()
        await spy.ended()
        await assert_idle(server)


def test_the_table_of_conferences_names_what_there_is() -> None:
    table = (GUIDE / "conferences.md").read_text().partition("## From Python")[2].partition("All of it raises")[0]
    rows = "\n".join(line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `"))
    for name in {*re.findall(r"(?<!\.)\b([a-z_]+)\(", rows), *re.findall(r"`([a-z_]+) =", rows)}:
        assert hasattr(Conference, name), name
    assert callable(User.do)
