"""The configuration that pages print: it is read, and ``asterism check`` has nothing to say about it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from asterism.command.check import check
from asterism.config.file import ConfigFile

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for path in (ROOT / "README.md", ROOT / "samples/README.md", *(ROOT / "docs").rglob("*.md"))
    if not {"_build", "reference"} & set(path.parts)
)
CONFERENCES = "; confbridge.conf\n"
"""How a block of conference profiles begins."""
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def printed() -> list[tuple[str, str]]:
    """Page and text of each block that is configuration."""
    found = []
    for page in PAGES:
        text = page.read_text()
        blocks = [block for language, block in _FENCE.findall(text) if not language]
        indented = re.findall(r"(?:^ {4,}.*\n|^\n(?= {4}))+", _FENCE.sub("", text), re.MULTILINE)
        blocks += [re.sub(r"^ {4,7}", "", block, flags=re.MULTILINE) for block in indented]
        name = str(page.relative_to(ROOT))
        found += [
            (name, block)
            for block in blocks
            # test_guide_examples.py has the file that one explanation of the syntax includes.
            if re.search(r"^\[[\w-]+\]|^exten =>", block, re.MULTILINE) and "#include" not in block
        ]
    return found


@pytest.mark.parametrize(("page", "text"), [pytest.param(*one, id=f"{one[0]}-{n}") for n, one in enumerate(printed())])
def test_printed_configuration_is_right(page: str, text: str, tmp_path: Path) -> None:
    if not re.search(r"^\s*(?:[;#].*\n|\s*\n)*\[", text):
        text = f"[default]\n{text}"
    ConfigFile.parse(text, page)
    profiles = [block for name, block in printed() if name == page and block.startswith(CONFERENCES)]
    if profiles:  # which the dialplans of the page name
        (tmp_path / "confbridge.conf").write_text("".join(profiles))
    kind = (
        ""
        if text in profiles
        else "pjsip"
        if re.search(r"^type ?= ?", text, re.MULTILINE)
        else "extensions"
        if "exten =>" in text
        else ""
    )
    if kind or text in profiles:
        if kind:
            (tmp_path / f"{kind}.conf").write_text(text)
        # What the pages have one write, and the certificates that they name.
        shutil.copytree(ROOT / "docs/extending/examples", tmp_path / "modules")
        if re.search(r"(?<!PJ)SIP/", text):
            (tmp_path / "sip.conf").write_text("[general]\n")
        problems, _notes = check(tmp_path)
        assert [str(problem) for problem in problems if problem.option != "cert_file"] == []


def test_configuration_is_found() -> None:
    assert len(printed()) > 20
