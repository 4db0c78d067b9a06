"""Sections of cdr.conf that are not the engine's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from records_kit import log

from asterism.pbx.records.writers.cdr_csv import CsvSettings, read_csv
from asterism.pbx.records.writers.sections import load_section


def server(folder: Path) -> tuple[Any, list[str]]:
    logger, lines = log()
    return SimpleNamespace(paths=SimpleNamespace(etc=folder), log=logger), lines


def test_problems_are_logged_and_a_missing_file_is_one_without_the_section(tmp_path: Path) -> None:
    host, lines = server(tmp_path)
    assert load_section(host, "cdr.conf", read_csv) == (None,)
    (tmp_path / "cdr.conf").write_text("[csv]\nusegmtime=yes\nfoo=1\n")
    assert load_section(host, "cdr.conf", read_csv) == (CsvSettings(usegmtime=True),)
    assert len(lines) == 1
    assert "unknown in [csv]" in lines[0]


def test_a_file_that_cannot_be_read_changes_nothing_and_is_told_of_by_its_owner(tmp_path: Path) -> None:
    host, lines = server(tmp_path)
    (tmp_path / "cdr.conf").write_text("[csv\n")
    assert load_section(host, "cdr.conf", read_csv) is None
    assert lines == []
