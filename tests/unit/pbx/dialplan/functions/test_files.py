"""STAT, FILE and their kin in the dialplan, and who may not use them."""

# ruff: noqa: ASYNC240

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from functions_kit import Functions, warnings

from asterism.core.restriction import DANGEROUS_FUNCTIONS, restricted
from asterism.pbx.dialplan.functions.files import FileFunctions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\nthree\n")
    path.chmod(0o640)
    return path


async def test_what_is_known_of_a_file(file: Path) -> None:
    functions = Functions(FileFunctions())
    found = {flag: await functions.read(f"STAT({flag},{file})") for flag in "defmsACM"}
    status = file.stat()
    assert found == {
        "d": "0", "e": "1", "f": "1", "m": "640", "s": "14", "A": str(int(status.st_atime)),
        "C": str(int(status.st_ctime)), "M": str(int(status.st_mtime)),
    }  # fmt: skip
    assert await functions.read(f"STAT(d,{file.parent})") == "1"
    with warnings(functions) as lines:
        assert [await functions.read(f"STAT({flag},{file}.no)") for flag in "defs"] == ["0", "0", "0", ""]
        assert await functions.read("STAT(q,/)") == await functions.read("STAT(e)") == ""
    assert len(lines) == 3


async def test_a_line_of_the_dialplan_reads_and_writes_files(file: Path) -> None:
    functions = Functions(FileFunctions())
    world = functions.world
    world.say(
        f"[default]\nexten => 100,1,Set(FILE({file},,,al)=four, and more)\n"
        f" same => n,NoOp([${{FILE({file},0,3)}}] ${{FILE_COUNT_LINE({file})}} ${{FILE_FORMAT({file})}})\n"
        f" same => n,Set(FILE({file},1,2,ld)=)\n"
        f" same => n,Set(LINE=${{IF($[${{FILE_COUNT_LINE({file})}} = 2]?${{FILE({file},1,1,l):0:-1}}:no)}})\n"
        " same => n,NoOp(${LINE} ${BASENAME(/var/lib/x.wav)} ${DIRNAME(/var/lib/x.wav)})\n"
    )
    await world.call()
    assert file.read_text() == "one\nfour, and more\n"
    assert [step for step in world.steps() if step.startswith("NoOp")] == [
        "NoOp([one] 4 u)", "NoOp(four, and more x.wav /var/lib)",
    ]  # fmt: skip


async def test_what_is_not_there_is_one_warning(tmp_path: Path) -> None:
    functions = Functions(FileFunctions())
    os.mkfifo(tmp_path / "fifo")
    for text, found in (("FILE", ""), ("FILE_COUNT_LINE", "-1"), ("FILE_FORMAT", "x")):
        for name in (tmp_path / "no", tmp_path / "fifo", tmp_path):
            with warnings(functions) as lines:
                assert await functions.read(f"{text}({name})") == found
            assert len(lines) == 1
    with warnings(functions) as lines:
        assert not await functions.write(f"FILE({tmp_path}/no/no)", "x")
        assert not await functions.write(f"FILE({tmp_path}/fifo)", "x")
        assert not await functions.write(f"FILE({tmp_path}/x,a)", "x")
        assert await functions.read(f"FILE({tmp_path}/x,,,,q)") == ""
    assert len(lines) == 4


async def test_writers_of_one_file_take_turns(file: Path) -> None:
    functions = Functions(FileFunctions())
    file.write_text("0" * 2000)
    await asyncio.gather(*(functions.write(f"FILE({file},{place},1)", "1") for place in range(0, 2000, 20)))
    assert file.read_text() == ("1" + "0" * 19) * 100
    assert not functions.modules[0]._writing


async def test_neither_read_nor_written_from_outside(file: Path) -> None:
    functions = Functions(FileFunctions())
    with restricted(DANGEROUS_FUNCTIONS), warnings(functions) as lines:
        for name in ("FILE", "FILE_COUNT_LINE", "FILE_FORMAT", "STAT"):
            assert await functions.read(f"{name}({file})") == ""
        assert await functions.read("EVAL($" + "{" + f"FILE({file})" + "})") == ""
        assert not await functions.write(f"FILE({file})", "evil")
    assert file.read_text() == "one\ntwo\nthree\n"
    assert len(lines) == 6
    assert all("live_dangerously" in line for line in lines)


async def test_a_caller_chooses_no_folder(file: Path) -> None:
    functions = Functions(FileFunctions())
    functions.caller_says("../" + file.parent.name + "/a.txt")
    with warnings(functions) as lines:
        assert await functions.read(f"FILE({file.parent}/${{SAID}})") == ""
    assert "would choose a folder" in lines[0]
    functions.caller_says("a.txt")
    assert await functions.read(f"FILE({file.parent}/${{SAID}})") == file.read_text()


@pytest.mark.parametrize(
    ("text", "base", "folder"), [("/", "/", "/"), ("", "", ""), ("a", "a", "."), ("/a/b/", "b", "/a")]
)
async def test_parts_of_names(text: str, base: str, folder: str) -> None:
    functions = Functions(FileFunctions())
    assert (await functions.read(f"BASENAME({text})"), await functions.read(f"DIRNAME({text})")) == (base, folder)
