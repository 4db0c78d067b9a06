"""Console commands as recorded: the same commands in the same order, on the same configuration."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from manager_kit import RECORD

from asterism.interfaces.console.runner import CommandRunner
from asterism.testing import running_server

CONFIGS = RECORD / "configs/asterisk22"

EXACT = (
    "core show channels", "core show channels concise", "core show channels verbose", "core show channels count",
    "core show channel nosuch", "core show calls", "core show hint 6001", "core show hint 9999",
    "core show channeltype bogus", "core show help nosuch", "core abort shutdown", "core ping", "nosuchcommand",
    "core show", "core", "core set verbose 5", "core set debug 1", "core set debug 0", "dialplan show internal",
    "dialplan show hints", "dialplan show 6002@internal", "dialplan show 9999@internal",
    "dialplan show nosuchcontext", "dialplan show 8123@internal", "dialplan reload", "dialplan show globals",
    "dialplan set global FOO bar", "dialplan add extension 6999,1,NoOp,hi into internal",
    "dialplan show 6999@internal", "dialplan remove extension 6999@internal", "module show like nosuch",
    "module load nosuch.so", "module unload nosuch.so", "module unload res_pjsip.so", "module reload res_pjsip.so",
    "module reload nosuch.so", "module reload app_dial.so", "logger reload", "logger rotate", "manager show users",
    "manager show user admin", "manager show user nosuch", "manager show connected", "manager reload",
    "database put fam key1 value1", 'database put fam key2 "two words"', "database show fam",
    "database show fam key1", "database showkey key1", "database get fam key1", "database get fam nosuch",
    "database del fam key1", "database del fam nosuch", "database deltree fam", "devstate list",
    "devstate change Custom:lamp INUSE", "devstate change PJSIP/alice INUSE",
    "devstate change Custom:lamp NOT_INUSE", "presencestate list",
    "presencestate change CustomPresence:carol away,,lunch", "presencestate change CustomPresence:carol available",
    "rtp show settings", "rtp set debug on", "rtp set debug off", "rtcp set debug on", "rtcp set debug off",
    "rtcp set stats on", "rtcp set stats off", "channel request hangup nosuch", "channel request hangup all",
    "acl show", "core waitfullybooted", "core show image formats", "core show function nosuch",
    "core show application nosuch", "sip show peers", "reload", "core reload",
)  # fmt: skip
"""Commands whose text is the same to the letter."""


def _in_any_order(text: str) -> str:
    return "\n".join(sorted(text.splitlines()))


def _numbers(text: str) -> str:
    text = re.sub(r"(?:\d+ (?:weeks?|days?|hours?|minutes?|seconds?)(?:, )?)+", "*", text)
    return re.sub(r"\d+", "*", text)


def _labels(text: str) -> str:
    """The names of what is shown, and how far right they reach."""
    return "\n".join(re.findall(r"^ +[A-Z][^:]*: *", text, re.M))


def _head(text: str) -> str:
    return "\n".join(text.splitlines()[:2])


def _port(text: str) -> str:
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:*****", text)


ALIKE: dict[str, Callable[[str], str]] = {
    "core show uptime": _numbers,
    "core show uptime seconds": _numbers,
    "core show hints": _in_any_order,
    "core show sysinfo": lambda text: _numbers(_labels(text)),
    "core show channeltypes": _head,
    "module show like res_pjsip_xpidf": _head,
    "manager show commands": _head,
    "manager show settings": _port,
    "manager show events": _head,
    "core show applications like PJSIP": lambda text: text.splitlines()[0],
    "core show functions like PJSIP": _head,
    "core show file formats": _head,
    'database query "select count(*) from astdb"': _numbers,
}
"""Commands whose text is the same apart from what these functions take away."""


def recorded() -> list[tuple[str, str]]:
    text = (RECORD / "core_cli.txt").read_text()
    return re.findall(
        r"^### \[Asterisk 22\.10\] \*CLI> (.*?)   \(state: idle\)\n(.*?)(?=^###|\Z)", text, re.DOTALL | re.MULTILINE
    )


def test_the_record_is_read() -> None:
    commands = {command for command, _ in recorded()}
    assert len(EXACT) + len(ALIKE) > 90
    assert commands >= {*EXACT, *ALIKE}


async def test_the_console_says_what_is_recorded(tmp_path: Path) -> None:
    files = {name: (CONFIGS / name).read_text() for name in ("extensions.conf", "logger.conf", "rtp.conf")}
    files["manager.conf"] = (CONFIGS / "manager.conf").read_text().replace("port=15039", "port=0")
    pjsip = (CONFIGS / "pjsip.conf").read_text()
    # Without the certificates and the ports of the machine that was recorded.
    pjsip = re.sub(r"^\[transport-(?!udp\b|tcp\b)[^\]]*\]\n(?:(?!\[).*\n)*", "", pjsip, flags=re.MULTILINE)
    files["pjsip.conf"] = re.sub(r"^(bind=127\.0\.0\.1):\d+", r"\1:0", pjsip, flags=re.MULTILINE)
    wrong: list[str] = []
    async with running_server(files, tmp_path) as server:
        runner = CommandRunner(server)
        for command, expected in recorded():
            written: list[str] = []
            await runner.run(command, written.append)
            # The record's blocks end in blank lines of their own.
            text, expected = "".join(written).rstrip("\n"), expected.rstrip("\n")
            reduce = ALIKE.get(command, str)
            if (command in EXACT or command in ALIKE) and reduce(text) != reduce(expected):
                wrong.append(f"*CLI> {command}\n{text}\n--- recorded:\n{expected}")
    assert not wrong, "\n\n".join(wrong)


async def test_every_command_has_help_usage_and_completes() -> None:
    async with running_server({}) as server:
        runner = CommandRunner(server)
        for entry in server.commands:
            words = entry.name.split()
            usage = runner.help(words)
            assert usage.startswith(f"Usage: {words[0]}"), usage
            assert len(usage.splitlines()) >= 2
            assert all(len(line) <= 120 for line in usage.splitlines())
            for count in range(len(words)):
                assert words[count] in runner.complete(" ".join([*words[:count], ""]))
            for typed in ("", "x", "x ", "x y ", 'x "y', "\\"):
                assert isinstance(runner.complete(f"{entry.name} {typed}"), list)


async def test_completion_is_of_what_there_is() -> None:
    pjsip = "[alice]\ntype=endpoint\ncontext=default\n[bob]\ntype=endpoint\ncontext=default\n"
    async with running_server({"pjsip.conf": pjsip}) as server:
        complete = CommandRunner(server).complete
        assert complete("pjsip show endpoint ") == ["alice", "bob"]
        assert complete("core show application Dia") == ["Dial"]
        assert complete("core show function CALLERID") == ["CALLERID"]
        assert "res_pjsip.so" in complete("module reload res_pj")
        assert complete("manager show command Orig") == ["Originate"]
        assert complete("core show help core show cha") == ["channel", "channels", "channeltype", "channeltypes"]
        assert complete("core set verb") == ["verbose"]


async def test_aliases(tmp_path: Path) -> None:
    aliases = (
        "[general]\ntemplate = ours\n[ours]\nwho=core show channels\npeers=pjsip show endpoints\n"
        "core show uptime=core show version\nloop=loop more\n"
    )
    async with running_server({"cli_aliases.conf": aliases}, tmp_path) as server:
        runner = CommandRunner(server)

        async def run(line: str) -> str:
            written: list[str] = []
            await runner.run(line, written.append)
            return "".join(written)

        assert await run("who count") == "0 active channels\n0 active calls\n0 calls processed\n"
        assert (await run("core show uptime")).startswith("System uptime")
        assert "who " in await run("cli show aliases")
        assert runner.complete("who ver") == ["verbose"]
        assert "loop" not in await run("cli show aliases")
        (tmp_path / "cli_aliases.conf").write_text("")
        await server.reload("res_clialiases")
        assert "No such command" in await run("who")


async def test_includes_and_ignored_patterns_are_edited(tmp_path: Path) -> None:
    extensions = "[one]\nexten => 1,1,NoOp()\n[two]\nexten => 2,1,NoOp()\n"
    async with running_server({"extensions.conf": extensions}, tmp_path) as server:
        runner = CommandRunner(server)

        async def run(line: str) -> tuple[int, str]:
            written: list[str] = []
            return await runner.run(line, written.append), "".join(written)

        assert (await run("dialplan add include two into one"))[0] == 0
        assert server.pbx.dialplan.exists("one", "2")
        assert "Include =>        'two'" in (await run("dialplan show one"))[1]
        assert (await run("dialplan add include two into one"))[0] == 1
        assert (await run("dialplan remove include two from one"))[0] == 0
        assert not server.pbx.dialplan.exists("one", "2")
        assert (await run("dialplan remove include two from one"))[0] == 1
        assert (await run("dialplan add ignorepat 9 into one"))[0] == 0
        assert "Ignore pattern =>  '9' " in (await run("dialplan show one"))[1]
        assert (await run("dialplan remove ignorepat 9 from one"))[0] == 0
        assert (await run("dialplan remove context two"))[0] == 0
        assert (await run("dialplan show two"))[1].startswith("There is no existence of 'two' context")
        assert (await run("dialplan add include two in one"))[1].startswith("Usage: dialplan add include")
