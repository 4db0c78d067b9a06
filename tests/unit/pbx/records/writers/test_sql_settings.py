"""``[sql]`` of cdr.conf and cel.conf."""

from __future__ import annotations

from pathlib import Path

from asterism.config import ConfigFile
from asterism.pbx.records.writers.sql_rows import SOURCES
from asterism.pbx.records.writers.sql_settings import SqlSettings, reader

CDR, CEL = (reader(*SOURCES[file]) for file in ("cdr.conf", "cel.conf"))


def config(tmp_path: Path, text: str) -> ConfigFile:
    path = tmp_path / "cdr.conf"
    path.write_text(text)
    return ConfigFile.load(path)


def test_the_section_is_read(tmp_path: Path) -> None:
    file = config(
        tmp_path,
        '[sql]\nconnection=pbx\ntable=billing.calls\nusegmtime=yes\nalias Start => calldate\nalias rate = rate_id\n'
        'static "Asterism 1" => system\n',
    )  # fmt: skip
    aliases = {"start": "calldate", "rate": "rate_id"}
    assert CDR(file) == (SqlSettings("pbx", "billing.calls", True, aliases, {"system": "Asterism 1"}), [])


def test_without_the_section_nothing_is_written(tmp_path: Path) -> None:
    assert CDR(config(tmp_path, "[general]\nenable=yes\n")) == (None, [])


def test_tables_have_their_usual_names(tmp_path: Path) -> None:
    file = config(tmp_path, "[sql]\nconnection=pbx\n")
    assert [read(file)[0] for read in (CDR, CEL)] == [SqlSettings("pbx", "cdr"), SqlSettings("pbx", "cel")]


def test_what_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    text = "[sql]\nconnection=pbx\nalias start => a b\nusegmtime=perhaps\nfilter src => 1\nalias nosuch => x\n"
    settings, problems = CEL(config(tmp_path, text))
    assert settings == SqlSettings("pbx", "cel")
    words = ("not the name of a column", "neither yes nor no", "unknown in [sql]", "records have no field 'nosuch'")
    assert [word in str(problem) for word, problem in zip(words, problems, strict=True)] == [True] * 4
    settings, problems = CDR(config(tmp_path, "[sql]\ntable=cdr\n"))
    assert settings is None
    assert "no connection" in str(problems[0])
