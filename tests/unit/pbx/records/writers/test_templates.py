"""``[mappings]``: names of files and lines of dialplan."""

from __future__ import annotations

from pathlib import Path

from asterism.config import ConfigFile
from asterism.pbx.records.writers.templates import Mapping, read_mappings


def test_mappings_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    path = tmp_path / "cdr_custom.conf"
    path.write_text(
        "[mappings]\nMaster.csv => ${CDR(src)},${CDR(dst)}\nMaster.csv => again\nsub/b = x\n"
        "../c => x\nempty =>\n[other]\na => b\nc => d\n"
    )
    mappings, problems = read_mappings(ConfigFile.load(path))
    assert mappings == [
        Mapping("Master.csv", "${CDR(src)},${CDR(dst)}"), Mapping("Master.csv", "again"), Mapping("sub/b", "x")
    ]  # fmt: skip
    words = ("section 'other' has no effect", "not the name of a file below", "no text to make rows of")
    assert [word in str(problem) for word, problem in zip(words, problems, strict=True)] == [True] * 3
