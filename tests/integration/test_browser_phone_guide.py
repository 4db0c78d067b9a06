"""What docs/guide/browser-phone.md says is so: its options, configurations, numbers and messages.

Its commands are run by server/test_docs_commands.py; coturn takes its credentials in e2e/test_browser_phone_turn.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asterism.command.check import check
from asterism.command.demo import certificate, configuration
from asterism.config.file import ConfigFile
from asterism.interfaces.http.settings import read_settings as read_http
from asterism.interfaces.phone.pages import load_pages
from asterism.interfaces.phone.settings import CREDENTIALS_SECONDS, read_settings
from asterism.testing import Phone, free_port, running_server

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guide" / "browser-phone.md").read_text()
PAGE = b"".join(page.content for name, page in load_pages().items() if not name.startswith("vendor/")).decode()
BLOCKS = re.findall(r"^```\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that begins with ``heading``, but for its head."""
    table = GUIDE.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def read(text: str):
    return read_settings(ConfigFile.parse(text, "browser_phone.conf"))


def test_the_options_are_these() -> None:
    """Each of the table is taken, and those that a wrong one's message names are all in the table, as in the sample."""
    named = [option.strip("`") for option, _ in rows("option")]
    examples = {"enabled": "yes", "domain": "pbx.example", "ice_server": "stun:stun.example"}
    assert read("[general]\n" + "".join(f"{name} = {examples[name]}\n" for name in named))[1] == []
    (error,) = read("[general]\nother = 1\n")[1]
    assert str(error).endswith(f"({', '.join(named)})") or ", ".join(named) in str(error)
    sample = (ROOT / "samples" / "browser_phone.conf").read_text()
    assert set(re.findall(r"^;?(\w+) = ", sample, re.MULTILINE)) == set(named)
    for form in re.findall(r"`((?:stun|turn):HOST.*?)`", GUIDE):
        text = re.sub(r"\[(.*?)\]", r"\1", form).replace("HOST", "h.example").replace("PORT", "3478")
        assert read(f"[general]\nice_server = {text}\n")[1] == [], form


def test_the_numbers_are_these() -> None:
    assert f"expire after {CREDENTIALS_SECONDS // 3600} hours" in GUIDE
    assert f"good for {certificate._DAYS} days" in GUIDE
    assert f"less than {certificate._LEFT_DAYS} days are left" in GUIDE
    assert f"`demo/{configuration._CERTIFICATE}`" in GUIDE
    accounts = set(re.findall(r"`(10\d)`", GUIDE))
    assert accounts == set(configuration.BROWSER_ACCOUNTS)
    known = " ".join(f"{numbers} {meaning}" for numbers, meaning in configuration.EXTENSIONS)
    for number in set(re.findall(r"`([6-8]\d\d)`", GUIDE)):
        assert number in known, number


def test_what_the_page_says_is_what_it_can_say() -> None:
    said = [row[0] for row in rows("the page says")]
    assert len(said) > 7
    for message in said:
        for part in message.replace("microphone", "...").split("..."):
            assert part.strip().lower() in re.sub(r"\$\{\w+\}", "...", PAGE).lower(), message
    for name in re.findall(r"\*([A-Z][^*]+)\*", GUIDE):
        assert name in PAGE, name


def test_files_and_options_of_others_that_it_names_exist() -> None:
    settings, errors = read_http(ConfigFile.parse("[general]\nprefix = pbx\n", "http.conf"))
    assert (settings.prefix, errors) == ("/pbx", [])
    rtp = (ROOT / "samples" / "rtp.conf").read_text() + (ROOT / "docs/guide/nat-and-browsers.md").read_text()
    for option in ("ice_loopback", "turnpassword"):
        assert f"`{option}" in GUIDE
        assert option in rtp
    for path in re.findall(r"`((?:src|tests)/[^`]+)`", GUIDE):
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", GUIDE):
        assert link.startswith("https") or (ROOT / "docs/guide" / link).exists(), link


async def test_the_server_of_the_guide(tmp_path: Path) -> None:
    """Its two blocks, as they are, make a server with the page and an account that a browser can use."""
    phone_conf, pjsip = BLOCKS
    files = {
        "browser_phone.conf": phone_conf,
        "pjsip.conf": f"[transport]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{free_port()}\n{pjsip}",
        "http.conf": "[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport=0\n",
        "extensions.conf": "[phones]\nexten => 600,1,Answer()\n",
    }
    password = re.findall(r"^password = (.*)$", pjsip, re.MULTILINE)[0]
    async with running_server(files, tmp_path) as server, Phone("alice", server, password) as phone:
        assert any(entry.name == "/phone/..." for entry in server.routes)
        await phone.register()
        call = await phone.dial("600")
        # An endpoint for browsers takes nothing that is not encrypted.
        assert await call.refused() == 488
    assert [str(problem) for problem in check(tmp_path)[0]] == []


@pytest.mark.parametrize("name", ["samples/office", "samples"])
def test_it_is_off_where_one_starts_from(name: str) -> None:
    path = ROOT / name / "browser_phone.conf"
    assert not path.exists() or not read(path.read_text())[0].enabled


def test_it_is_off_in_what_init_writes(tmp_path: Path) -> None:
    from asterism.command.init import run_init

    assert run_init([str(tmp_path / "etc")]) == 0
    assert not (tmp_path / "etc" / "browser_phone.conf").exists()
