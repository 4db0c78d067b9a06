"""The page "From chan_sip" from its beginning: its files, its commands, what it prints, and calls in both ways."""

from __future__ import annotations

import re
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from server_process import COMMAND
from sip_conf_kit import Provider, arrivals, own_host, provider_files

from asterism.server.server import Server
from asterism.testing import Phone, running_server, until

PAGE = (Path(__file__).parents[2] / "docs/guide/from-chan-sip.md").read_text()
BLOCKS = re.findall(r"```\w*\n(.*?)```", PAGE, re.DOTALL)


def asterism(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the page's files and commands were tried, and what ``migrate`` printed."""
    folder = tmp_path_factory.mktemp("page")
    files = re.findall(r"^`(office/[a-z.]+)`[^\n]*:\n\n```ini\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert [name for name, _ in files] == ["office/asterisk.conf", "office/sip.conf", "office/extensions.conf"]
    (folder / "office").mkdir()
    for name, text in files:
        (folder / name).write_text(text)
    assert asterism(folder, "check", "--no-bind", "office") == (0, "office: no problems found\n")
    status, printed = asterism(folder, "migrate", "office", "--out", "office-new")
    assert status == 1
    status, checked = asterism(folder, "check", "--no-bind", "office-new")
    assert status == 0, checked
    return folder, printed


def test_what_is_printed(tried: tuple[Path, str]) -> None:
    folder, printed = tried
    [line] = [block for block in BLOCKS if block.startswith("sip.conf:")]
    assert line.partition(" (")[0] in printed
    [section] = [block for block in BLOCKS if block.startswith("[31](")]
    pjsip = (folder / "office-new/pjsip.conf").read_text()
    for each in section.splitlines():
        assert f"{each}\n" in pjsip
    [changed] = [block for block in BLOCKS if "PJSIP_INHERITABLE_HEADER" in block]
    extensions = (folder / "office-new/extensions.conf").read_text()
    assert all(f"{each}\n" in extensions for each in changed.splitlines())
    assert (folder / "office-new/migration-report.txt").exists()


@pytest.mark.parametrize("name", ["office", "office-new"])
async def test_it_registers_and_calls(tried: tuple[Path, str], name: str, tmp_path: Path) -> None:
    host, there = own_host(), own_host()
    for path in (tried[0] / name).glob("*.conf"):
        text = path.read_text().replace("127.0.0.1:5060", f"{host}:5060").replace("127.0.0.2", there)
        (tmp_path / path.name).write_text(text)
    files = provider_files(there, Provider((), "4935550100", "apfelbaum"), host)
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(running_server(files))
        numbers = arrivals(provider)
        server = Server.from_config(tmp_path)
        stack.push_async_callback(server.stop)
        await server.start()
        subscriber = await stack.enter_async_context(Phone("subscriber", (there, 5060), "secret", host=there))
        desk = await stack.enter_async_context(Phone("31", (host, 5060), "apfel31", host=host))
        workshop = await stack.enter_async_context(Phone("32", (host, 5060), "apfel32", host=host))
        for phone in (subscriber, desk, workshop):
            await phone.register()
            phone.auto_answer = True
        await until(lambda: provider.sip.location.contacts("4935550100"), 10, "not registered")
        for caller, number in ((desk, "32"), (desk, "0301234"), (subscriber, "4935550100"), (workshop, "600")):
            call = await caller.dial(number)
            await call.answered()
            await call.hangup()
        assert numbers == ["301234"]
