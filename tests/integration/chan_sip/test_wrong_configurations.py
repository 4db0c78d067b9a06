"""Mistakes in sip.conf: each is told with file, line and option, and the rest of the file counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from sip_conf_kit import FOLDER

from asterism.chan_sip.objects.peer import SipPeer
from asterism.command.check import check
from asterism.testing import running_server

WRONG = sorted(path.stem for path in (FOLDER / "wrong").glob("*.conf"))
UNREADABLE = ("headers", "include", "templates")


def told(folder: Path) -> list[str]:
    found = []
    for problem in check(folder)[0]:
        assert problem.position is not None
        assert problem.position.path == str(folder / "sip.conf")
        message = problem.message.partition("; accepted: ")[0].replace(f"{folder}/", "")
        found.append(f"{problem.position.line}: {message}")
    return found


@pytest.mark.parametrize("name", WRONG)
def test_what_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "sip.conf").write_text((FOLDER / "wrong" / f"{name}.conf").read_text())
    expected = (FOLDER / "wrong" / f"{name}.told").read_text().splitlines()
    assert expected
    assert told(tmp_path) == expected


@pytest.mark.parametrize("name", [name for name in WRONG if name not in UNREADABLE])
async def test_the_rest_of_the_file_counts(name: str) -> None:
    text = (FOLDER / "wrong" / f"{name}.conf").read_text()
    async with running_server({"sip.conf": text, "pjsip.conf": ""}) as server:
        names = [peer.id for peer in server.data.all(SipPeer)]
    assert names == [word for word in ("12", "21", "31", "41", "51", "71", "81", "91", "carrier", "other")
                     if f"[{word}]" in text]  # fmt: skip
