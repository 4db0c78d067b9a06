"""The programs that the guides print: they run, and do what is said of them."""

from __future__ import annotations

import re
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest

from asterism.pbx.channel import Channel
from asterism.server.server import Server
from asterism.testing import Phone, PhoneAudio, PhoneCall, assert_idle
from asterism.testing.servers import write_config

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
    write_config(tmp_path / "etc", {"pjsip.conf": PJSIP})
    names = load(blocks("python-extensions.md")[0], "office", tmp_path, monkeypatch)
    server: Server = names["server"]
    lines: list[str] = []
    monkeypatch.setattr(server.log, "notice", lambda message, *args: lines.append(message % args))
    server.subscribe(names["HANGUP"], names["on_hangup"])
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
        for digits in ("4711", "47"):
            call = await bob.dial("720")
            await call.answered()
            call.send_digits(digits)
            if len(digits) == 4:
                await call.ended()
            else:
                await call.hangup()
        await assert_idle(server)
        assert [found["DOOR"] for found in variables] == ["open", "shut"]
        assert any(line.endswith("s") and "talked for" in line for line in lines)


async def test_the_module_with_an_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = load(blocks("python-extensions.md")[1], "office_module", tmp_path, monkeypatch)
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
