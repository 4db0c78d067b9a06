"""cdr_csv: the recorded rows, and accounts that are no names of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_files_kit import calls, in_zone, sections
from records_kit import call

from asterism.config import ConfigFile
from asterism.pbx.records.writers.cdr_csv import CsvSettings, read_csv, row_of
from asterism.testing import running_server

AS_RECORDED = CsvSettings(usegmtime=True, loguniqueid=True, loguserfield=True)
CONF = "[general]\nenable=yes\n[csv]\nusegmtime=yes\nloguniqueid=yes\nloguserfield=yes\n"


def config(tmp_path: Path, text: str) -> ConfigFile:
    path = tmp_path / "cdr.conf"
    path.write_text(text)
    return ConfigFile.load(path)


def test_every_recorded_row_byte_for_byte() -> None:
    recorded, records = sections("cdr-csv"), calls()
    assert len(recorded) > 25
    for scenario, lines in recorded.items():
        rows = [row_of(record, AS_RECORDED).decode() for record in records[scenario]]
        assert rows == [f"{line}\n" for line in lines], scenario


def test_columns_and_times_that_options_change() -> None:
    record = call(answer=None, userfield="u", linkedid="l", peeraccount="p", sequence=7)
    with in_zone("Europe/Berlin"):
        fields = row_of(record, CsvSettings(newcdrcolumns=True)).decode().strip().split(",")
    assert fields[10:13] == ['"2026-11-29 00:39:58"', "", '"2026-11-29 00:40:00"']
    assert fields[-4:] == ['"DOCUMENTATION"', '"p"', '"l"', "7"]
    whole = row_of(record, CsvSettings(loguniqueid=True, loguserfield=True, newcdrcolumns=True)).decode()
    assert whole.endswith('"1795909198.604","u","p","l",7\n')


def test_text_from_outside_makes_no_row_and_no_field() -> None:
    row = row_of(call(clid='"x","y"\r\nz', userfield="\udcff"), CsvSettings(loguserfield=True))
    assert b',"""x"",""y"" z",' in row
    assert row.endswith(b',"\xff"\n')
    assert row.count(b"\n") == 1


def test_the_section_is_read(tmp_path: Path) -> None:
    assert read_csv(config(tmp_path, CONF)) == (AS_RECORDED, [])
    assert read_csv(config(tmp_path, "[general]\n")) == (None, [])
    settings, problems = read_csv(config(tmp_path, "[csv]\naccountlogs=maybe\nfile=x\n"))
    assert settings == CsvSettings()
    assert ["neither yes nor no" in str(problems[0]), "unknown" in str(problems[1])] == [True, True]


async def test_files_of_a_server(tmp_path: Path) -> None:
    folder = tmp_path / "var/log/cdr-csv"
    async with running_server({"cdr.conf": CONF}, tmp_path) as server:
        for account in ("acc1", "", "../../evil", ".hidden", "a/b", "x" * 300, "master", "a\nb"):
            server.pbx.records.calls.put(call(accountcode=account))
    assert sorted(path.name for path in folder.iterdir()) == ["Master.csv", "acc1.csv"]
    assert len((folder / "Master.csv").read_text().splitlines()) == 8
    assert len((folder / "acc1.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize(("accountlogs", "files"), [("yes", ["Master.csv", "acc1.csv"]), ("no", ["Master.csv"])])
async def test_accountlogs(tmp_path: Path, accountlogs: str, files: list[str]) -> None:
    async with running_server({"cdr.conf": f"{CONF}accountlogs={accountlogs}\n"}, tmp_path) as server:
        server.pbx.records.calls.put(call())
    assert sorted(path.name for path in (tmp_path / "var/log/cdr-csv").iterdir()) == files


async def test_a_reload_changes_what_is_written_and_ends_it(tmp_path: Path) -> None:
    async with running_server({"cdr.conf": "[general]\nenable=yes\n"}, tmp_path) as server:
        line = server.pbx.records.calls
        assert "csv" not in line.names
        (tmp_path / "cdr.conf").write_text(CONF)
        await server.reload("cdr_csv")
        line.put(call())
        await line.finish("csv")
        (tmp_path / "cdr.conf").write_text("[general]\nenable=yes\n")
        await server.reload("cdr_csv")
        assert "csv" not in line.names
        line.put(call())
    assert len((tmp_path / "var/log/cdr-csv/Master.csv").read_text().splitlines()) == 1


async def test_a_reload_without_the_section_writes_what_waits_and_keeps_no_journal(tmp_path: Path) -> None:
    batched = CONF.replace("enable=yes", "enable=yes\nbatch=yes")
    async with running_server({"cdr.conf": batched, "cdr_manager.conf": ""}, tmp_path) as server:
        line = server.pbx.records.calls
        line.put(call())
        (tmp_path / "cdr.conf").write_text("[general]\nenable=yes\nbatch=yes\n")
        await server.reload("cdr_csv")
        assert len((tmp_path / "var/log/cdr-csv/Master.csv").read_text().splitlines()) == 1
        assert (line.names, line.wanted) == ([], False)
        (tmp_path / "cdr.conf").write_text(batched)
        await server.reload("cdr_csv")
        line.put(call())
    assert len((tmp_path / "var/log/cdr-csv/Master.csv").read_text().splitlines()) == 2


async def test_an_account_whose_file_cannot_be_written_is_told_of_once_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    folder = tmp_path / "var/log/cdr-csv"
    (folder / "bad.csv").mkdir(parents=True)
    async with running_server({"cdr.conf": CONF}, tmp_path) as server:
        lines: list[str] = []
        monkey = server.log.warning

        def warning(text: str, *values: object) -> None:
            lines.append(text % values)
            monkey(text, *values)

        server.log.warning = warning  # type: ignore[assignment]
        for account in ("bad", "acc1", "bad"):
            server.pbx.records.calls.put(call(accountcode=account))
            server.pbx.records.calls.submit()
    assert len((folder / "Master.csv").read_text().splitlines()) == 3
    assert len((folder / "acc1.csv").read_text().splitlines()) == 1
    assert len([line for line in lines if "are only in Master.csv" in line]) == 1
