"""AST_CONFIG: options of files, and who may not read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from functions_kit import Functions, warnings

from asterism.core.restriction import DANGEROUS_FUNCTIONS, restricted
from asterism.pbx.dialplan.functions.configuration import ConfigurationFunction


def reading(folder: Path) -> Functions:
    (folder / "my.conf").write_text("[general]\na = 1\na = 2\nb = x, \\; y\n[Other]\nA=3\n")
    functions = Functions()
    functions.world.server.paths.etc = folder
    ConfigurationFunction().load(functions.world.server)
    return functions


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ("my.conf,general,a", "1"), ("my.conf,general,a,1", "2"), ("my.conf,general,a,-1", "2"),
        ("my.conf,general,a,2", ""),
        ("my.conf,general,b", "x, ; y"), ("my.conf,other,a", "3"), ("my.conf,general,nosuch", ""), ("my.conf,no,a", ""),
    ],
)  # fmt: skip
async def test_an_option_is_read(tmp_path: Path, args: str, found: str) -> None:
    functions = reading(tmp_path)
    with warnings(functions) as lines:
        assert await functions.read(f"AST_CONFIG({args})") == found
        assert await functions.read(f"AST_CONFIG({tmp_path}/{args})") == found
    assert lines == []


async def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    functions = reading(tmp_path)
    os.mkfifo(tmp_path / "fifo.conf")
    (tmp_path / "bad.conf").write_text("[a\n")
    (tmp_path / "run.conf").write_text(f"[a]\n#exec touch {tmp_path}/ran\n")
    for args in (
        "run.conf,a,b",
        "no.conf,a,b",
        "my.conf,a",
        "my.conf,general,a,x",
        "fifo.conf,a,b",
        "bad.conf,a,b",
        "",
    ):
        with warnings(functions) as lines:
            assert await functions.read(f"AST_CONFIG({args})") == ""
        assert len(lines) == 1, args
    assert not (tmp_path / "ran").exists()


async def test_neither_a_manager_client_nor_a_caller_chooses_a_file(tmp_path: Path) -> None:
    functions = reading(tmp_path)
    with restricted(DANGEROUS_FUNCTIONS), warnings(functions) as lines:
        assert await functions.read("AST_CONFIG(my.conf,general,a)") == ""
    assert len(lines) == 1
    functions.caller_says("../" + tmp_path.name + "/my.conf")
    with warnings(functions) as lines:
        assert await functions.read("AST_CONFIG(${SAID},general,a)") == ""
    assert "would choose a folder" in lines[0]
