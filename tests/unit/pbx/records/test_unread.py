"""Sections and files of Asterisk's other writers of records: who comes with them is told that nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.config import ConfigFile
from asterism.pbx.records.cdr.settings import read_settings as read_cdr
from asterism.pbx.records.cel.settings import read_settings as read_cel
from asterism.pbx.records.unread import unread_files
from asterism.testing import running_server


@pytest.mark.parametrize(
    ("read", "section", "accepted"),
    [
        (read_cdr, "radius", "[general], [csv], [sql]"),
        (read_cdr, "odbc", "[general], [csv], [sql]"),
        (read_cel, "radius", "[general], [manager], [sql]"),
    ],
)
def test_a_section_that_nobody_reads_is_told(read: object, section: str, accepted: str) -> None:
    assert callable(read)
    file = ConfigFile.parse(f"[general]\nenable = yes\n\n[{section}]\nusegmtime = yes\n", "c.conf")
    (problem,) = read(file)[1]
    assert str(problem).startswith(f"c.conf:4: section [{section}] is not read")
    assert str(problem).endswith(accepted)


@pytest.mark.parametrize("read", [read_cdr, read_cel])
def test_sections_that_are_read_and_empty_ones_are_no_problem(read: object) -> None:
    assert callable(read)
    assert read(ConfigFile.parse("[csv]\n[sql]\n[manager]\n[radius]\n", "c.conf"))[1] == []


def test_a_file_of_another_writer_is_told_with_what_to_use(tmp_path: Path) -> None:
    (tmp_path / "cdr_pgsql.conf").write_text("[global]\nhostname = localhost\n")
    (tmp_path / "cdr_odbc.conf").write_text("[global]\n;dsn = MySQL-asterisk\n")  # as it comes with Asterisk
    (tmp_path / "cel_beanstalkd.conf").write_text("[general]\nhost = localhost\n")
    (told,) = map(str, unread_files(tmp_path, "cdr"))
    assert "cdr_pgsql.conf:2: cdr_pgsql.conf is not read" in told
    assert told.endswith("use section [sql] of cdr.conf")
    (told,) = map(str, unread_files(tmp_path, "cel"))
    assert told.endswith("use cel_custom.conf, or a Python program")


async def test_the_log_tells_of_such_files_where_records_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"cdr_adaptive_odbc.conf": "[first]\nconnection = mysql1\n", "cel_odbc.conf": "[first]\nconnection = x\n"}
    async with running_server(files, tmp_path / "without"):
        assert "is not read" not in capsys.readouterr().out
    files |= {"cdr.conf": "[general]\n", "cel.conf": "[general]\nenable = yes\n"}
    async with running_server(files, tmp_path / "with"):
        log = capsys.readouterr().out
        assert "cdr_adaptive_odbc.conf is not read" in log
        assert "cel_odbc.conf is not read" in log
