"""``asterism check``: who writes the records of calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.command.check import check
from asterism.data.realtime import settings


def told(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (folder / name).write_text(text)
    return [str(problem) for problem in check(folder)[0]]


RIGHT = {
    "cdr.conf": "[general]\nenable=yes\n[csv]\nusegmtime=yes\n[sql]\nconnection=pbx\n",
    "cel.conf": "[general]\nenable=yes\n[sql]\nconnection=pbx\nalias eventtime => at\n",
    "cdr_custom.conf": "[mappings]\nMaster.csv => ${CDR(src)}\n",
    "cel_custom.conf": "[mappings]\nMaster.csv => ${eventtype}\n",
    "cdr_manager.conf": "[general]\nenabled=yes\n[mappings]\nlinkedid => Linkedid\n",
    "res_config_sqlalchemy.conf": "[pbx]\nurl=sqlite:///calls.sqlite3\n",
}


def test_what_is_right_is_no_problem(tmp_path: Path) -> None:
    assert told(tmp_path, RIGHT) == []


@pytest.mark.parametrize(
    ("file", "line", "problem"),
    [
        ("cdr.conf", "[csv]\nlog=x\n", "cdr.conf:8: option 'log': unknown in [csv]"),
        ("cdr.conf", "[sql]\nfilter src => 1\n", "cdr.conf:8: option 'filter src': unknown in [sql]"),
        ("cel.conf", "[sql]\nalias nosuch => x\n", "cel.conf:7: option 'alias nosuch': records have no field 'nosuch'"),
        ("cel.conf", "[sql]\nconnection=other\n", "cel.conf:7: option 'connection': there is no database 'other'"),
        ("cdr_custom.conf", "../x => y\n", "cdr_custom.conf:3: option '../x': it is not the name of a file below"),
        ("cel_custom.conf", "x =>\n", "cel_custom.conf:3: option 'x': it has no text"),
        ("cdr_manager.conf", "src => a b\n", "cdr_manager.conf:5: option 'src': 'a b' is not the name of a field"),
        ("cdr_custom.conf", "x => ${NOSUCH(a)}\n", "cdr_custom.conf:3: there is no function 'NOSUCH'"),
        (
            "cel_custom.conf",
            "x => ${CSV_QUOT(a)}\n",
            "cel_custom.conf:3: there is no function 'CSV_QUOT'; did you mean",
        ),
        ("cdr.conf", "[odbc]\ndsn=x\n", "cdr.conf:7: section [odbc] is not read, nothing writes records by it"),
        ("cel.conf", "[radius]\nradiuscfg=x\n", "cel.conf:6: section [radius] is not read"),
        ("cdr_manager.conf", "[maps]\na=b\n", "cdr_manager.conf:5: section [maps] has no effect"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, file: str, line: str, problem: str) -> None:
    (found,) = told(tmp_path, RIGHT | {file: RIGHT[file] + line})
    assert problem in found


def test_databases_without_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    found, another = told(tmp_path, RIGHT)
    assert "cel.conf:3: section [sql]" in another
    assert "needs SQLAlchemy" in found
    assert f"{tmp_path}/cdr.conf:5: section [sql]" in found


def test_files_of_writers_that_there_are_not(tmp_path: Path) -> None:
    (found,) = told(tmp_path, RIGHT | {"cdr_adaptive_odbc.conf": "[first]\nconnection=mysql1\ntable=cdr\n"})
    assert "cdr_adaptive_odbc.conf:2: cdr_adaptive_odbc.conf is not read" in found
    assert "[sql] of cdr.conf" in found


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"cdr_custom.conf": RIGHT["cdr_custom.conf"]},
            "cdr_custom.conf:2: cdr_custom.conf has no effect without a file",
        ),
        ({"cdr_manager.conf": RIGHT["cdr_manager.conf"]}, "cdr_manager.conf:4: cdr_manager.conf has no effect without"),
        ({"cel_custom.conf": RIGHT["cel_custom.conf"]}, "cel_custom.conf has no effect without a file cel.conf"),
        (
            {"cel_custom.conf": RIGHT["cel_custom.conf"], "cel.conf": "[general]\nevents=ALL\n"},
            "cel_custom.conf has no effect without 'enable = yes' in cel.conf",
        ),
    ],
)
def test_files_of_records_that_nobody_keeps(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    (found,) = told(tmp_path, files)
    assert problem in found


def test_records_that_are_switched_off_are_no_problem(tmp_path: Path) -> None:
    off = {"cdr.conf": "[general]\nenable=no\n", "cel.conf": "[general]\nenable=no\n"}
    assert told(tmp_path, {name: RIGHT[name] for name in RIGHT if "_custom" in name} | off) == []
