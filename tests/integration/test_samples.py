"""The sample files: without a problem, complete, and a server runs with them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asterism.command.check import check
from asterism.config.asterisk_conf import AsteriskConf, Options
from asterism.config.file import ConfigFile
from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, free_port, running_server

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
FILES = sorted(SAMPLES.glob("*.conf"))
CERTIFICATES = ("cert_file", "tlscertfile", "directory")
"""What these name is not where the tests run."""
DATABASES = ("cdr.conf", "cel.conf", "extconfig.conf", "res_config_sqlalchemy.conf", "sorcery.conf")
"""They make sense together only."""


def files(*names: str) -> dict[str, str]:
    """The samples (all, or some) with addresses and ports of our own."""
    found = {path.name: path.read_text() for path in FILES if not names or path.name in names}
    pjsip = found.get("pjsip.conf", "")
    if pjsip:
        found["pjsip.conf"] = pjsip.replace("bind = 127.0.0.1:5060", f"bind = 127.0.0.1:{free_port()}")
    sip = found.get("sip.conf", "")
    if sip:
        found["sip.conf"] = sip.replace("udpbindaddr = 127.0.0.1:5062", f"udpbindaddr = 127.0.0.1:{free_port()}")
    found.pop("asterisk.conf", None)
    return found


@asynccontextmanager
async def sample_server(*names: str, **changes: str) -> AsyncIterator[Server]:
    async with running_server({**files(*names), **{f"{name}.conf": text for name, text in changes.items()}}) as server:
        yield server


async def console(server: Server, line: str) -> str:
    printed: list[str] = []
    await CommandRunner(server).run(line, printed.append)
    return "".join(printed)


def test_every_file_that_is_read_has_a_sample() -> None:
    read = set()
    for path in (ROOT / "src/asterism").rglob("*.py"):
        if not {"command", "testing", "migrate"} & set(path.parts):
            read |= set(re.findall(r"\"(?:config,)?([a-z_]+\.conf)[\",]", path.read_text()))
    assert {path.name for path in FILES} >= read
    listed = set(re.findall(r"\]\(([a-z_]+\.conf)\)", (SAMPLES / "README.md").read_text()))
    assert listed == {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_a_server_runs_with_each(path: Path) -> None:
    async with sample_server(path.name) as server:
        assert server.booted
        assert "No such command" not in await console(server, "core show settings")


def test_check_finds_nothing() -> None:
    problems, _ = check(SAMPLES)
    assert [str(problem) for problem in problems] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_commented_out_is_right_too(path: Path, tmp_path: Path) -> None:
    """Without the semicolons of lines that are no prose: a sample must not teach what is not accepted."""
    for other in FILES:
        text = other.read_text()
        if other == path or (path.name in DATABASES and other.name in DATABASES):
            text = re.sub(r"^;(?=\[|[a-z_/()]+ *=)", "", text, flags=re.MULTILINE)
        (tmp_path / other.name).write_text(text)
    problems, _ = check(tmp_path)
    assert [str(problem) for problem in problems if problem.option not in CERTIFICATES] == []


def test_asterisk_conf_is_read_and_names_only_known_options(tmp_path: Path) -> None:
    text = re.sub(r"^;(?=[a-z_]+ =)", "", (SAMPLES / "asterisk.conf").read_text(), flags=re.MULTILINE)
    (tmp_path / "asterisk.conf").write_text(text)
    conf = AsteriskConf.load(tmp_path / "asterisk.conf")
    assert conf.options.unknown == {}
    assert conf.problems == []
    # What is commented out says what is so without it.
    named = {option.name for option in ConfigFile.load(tmp_path / "asterisk.conf").options("options")}
    examples = {"runuser", "rungroup", "systemname"}
    for name in named - examples:
        assert getattr(conf.options, name) == getattr(Options(), name), name


async def test_the_dialplan_of_the_samples() -> None:
    async with sample_server() as server:
        pjsip = server.paths.etc / "pjsip.conf"
        assert "change-me-101" in pjsip.read_text()
        async with Phone("101", server, "change-me-101") as ann, Phone("201", server, "change-me-201") as wizard:
            await ann.register()
            await wizard.register()
            call = await wizard.dial("101")
            incoming = await ann.incoming()
            incoming.ring()
            await call.ringing()
            incoming.reject(486)
            assert await call.refused() == 486
            call = await ann.dial("600")
            await call.answered()
            call.play(440)
            await call.audio.hears(440)
            await call.hangup()
            for count in ("1", "2"):
                call = await ann.dial("602")
                await call.refused()
                assert server.astdb.get("calls", "101") == count
            call = await ann.dial("603")
            await call.answered()
            call.send_digits("4711")
            await call.ended()
            assert server.astdb.get("night", "extension") == "4711"
        await assert_idle(server)


async def test_the_access_lists_and_users_of_the_samples() -> None:
    async with sample_server() as server:
        assert "office" in await console(server, "acl show")
        assert "dialer" in await console(server, "manager show users")
        assert "RING_SECONDS=30" in await console(server, "dialplan show globals")
        channels = await console(server, "logger show channels")
        assert "security.log" in channels
        assert "hangup request" in await console(server, "cli show aliases")
        assert await console(server, "help core show version") == await console(
            server, "core show help core show version"
        )
