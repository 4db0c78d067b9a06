"""cdr_custom and cel_custom in a server: the recorded rows, byte for byte."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from record_files_kit import CDR_CUSTOM, CEL_CUSTOM, calls, events, in_zone, sections
from records_kit import call, event

from asterism.pbx.records.lines import BatchSettings
from asterism.pbx.records.writers.templates import Carrier
from asterism.testing import running_server

CDR = {"cdr.conf": "[general]\nenable=yes\n"}


async def test_every_recorded_row_of_calls(tmp_path: Path) -> None:
    conf = f"[mappings]\nMaster.csv => {CDR_CUSTOM}\nsub/dst => ${{CDR(dst)}}\n"
    records = [record for scenario in calls().values() for record in scenario]
    with in_zone("UTC"):
        async with running_server({**CDR, "cdr_custom.conf": conf}, tmp_path) as server:
            for record in records:
                server.pbx.records.calls.put(record)
    folder = tmp_path / "var/log/cdr-custom"
    lines = [line for scenario in sections("cdr-custom").values() for line in scenario]
    assert len(lines) > 40
    assert (folder / "Master.csv").read_text() == "".join(f"{line}\n" for line in lines)
    assert (folder / "sub/dst").read_text() == "".join(f"{record.dst}\n" for record in records)


async def test_every_recorded_row_of_channels(tmp_path: Path) -> None:
    conf = f"[mappings]\nMaster.csv => {CEL_CUSTOM}\n"
    records = [record for scenario in events().values() for record in scenario]
    async with running_server({"cel_custom.conf": conf}, tmp_path) as server:
        for record in records:
            server.pbx.records.channels.put(record)
    lines = [line for scenario in sections("cel-custom").values() for line in scenario]
    assert len(lines) > 400
    assert (tmp_path / "var/log/cel-custom/Master.csv").read_text() == "".join(f"{line}\n" for line in lines)


async def test_times_of_events_are_written_as_cel_conf_says(tmp_path: Path) -> None:
    files = {
        "cel.conf": "[general]\nenable=yes\ndateformat=%F %T\n",
        "cel_custom.conf": "[mappings]\nMaster.csv => ${eventtime}\n",
    }
    with in_zone("UTC"):
        async with running_server(files, tmp_path) as server:
            server.pbx.records.channels.put(event())
    assert (tmp_path / "var/log/cel-custom/Master.csv").read_text() == "2026-11-28 23:39:58\n"


async def test_text_from_outside_is_data(tmp_path: Path) -> None:
    """A caller's name neither ends a quoted field, nor a row, nor is it syntax of the dialplan."""
    conf = "[mappings]\nMaster.csv => ${CSV_QUOTE(${CDR(clid)})},${CDR(userfield)},${LEN(${CDR(src)})},${CDR(x)}\n"
    record = call(clid='")}${SYSTEMNAME}\r\n"x",', userfield="a\n1,2", src="1,2)", variables={"x": "${EPOCH}"})
    async with running_server({**CDR, "cdr_custom.conf": conf}, tmp_path) as server:
        server.pbx.records.calls.put(record)
        assert server.pbx.records.calls.names == ["CDR File custom bac"]
    text = (tmp_path / "var/log/cdr-custom/Master.csv").read_text()
    assert text == '""")}${SYSTEMNAME} ""x"",",a 1,2,4,${EPOCH}\n'


async def test_functions_that_take_time_and_variables_of_the_server(tmp_path: Path) -> None:
    files = {
        **CDR,
        "extensions.conf": "[globals]\nSITE=north\n",
        "cdr_custom.conf": "[mappings]\nMaster.csv => ${SITE},${CDR(dst)},${STRFTIME(0,UTC,%Y)},${nosuch}\n",
    }
    async with running_server(files, tmp_path) as server:
        server.pbx.records.calls.put(call())
    assert (tmp_path / "var/log/cdr-custom/Master.csv").read_text() == "north,6002,1970,\n"


async def test_the_file_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "var/log/cdr-custom"
    async with running_server({**CDR, "cdr_custom.conf": "[mappings]\n"}, tmp_path) as server:
        line, conf = server.pbx.records.calls, tmp_path / "cdr_custom.conf"
        assert line.names == []
        for text in ("[mappings]\na.csv => ${CDR(dst)}\n", "[mappings]\nb.csv => ${CDR(src)}\n", "[mappings\n"):
            conf.write_text(text)
            await server.reload("cdr_custom")
            line.put(call())
            assert line.names == ["CDR File custom bac"]
            await line.finish("CDR File custom bac")
    assert (folder / "a.csv").read_text() == "6002\n"
    assert (folder / "b.csv").read_text() == "6001\n6001\n"


async def test_a_file_that_cannot_be_read_has_what_comes_wait(tmp_path: Path) -> None:
    async with running_server({**CDR, "cdr_custom.conf": "[mappings\n"}, tmp_path) as server:
        server.pbx.records.calls.put(call())
    async with running_server({**CDR, "cdr_custom.conf": "[mappings]\na.csv => ${CDR(dst)}\n"}, tmp_path):
        pass
    assert (tmp_path / "var/log/cdr-custom/a.csv").read_text() == "6002\n"


async def test_the_loop_goes_on_while_many_rows_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = f"[mappings]\nMaster.csv => {CDR_CUSTOM}\n"
    async with running_server({**CDR, "cdr_custom.conf": conf}, tmp_path) as server:
        server.pbx.records.calls.batch = BatchSettings(enabled=True, size=10_000)
        for number in range(800):
            server.pbx.records.calls.put(call(sequence=number))
        server.pbx.records.calls.submit()
        turns, path = 0, tmp_path / "var/log/cdr-custom/Master.csv"
        made = Carrier.row
        during: set[int] = set()

        async def row(carrier: Carrier, template: str) -> bytes:
            during.add(turns)
            return await made(carrier, template)

        monkeypatch.setattr(Carrier, "row", row)
        while not path.exists() or not path.stat().st_size:
            await asyncio.sleep(0)
            turns += 1
    assert len(during) >= 35  # the loop had its turn between them
    assert len(path.read_text().splitlines()) == 800


@pytest.mark.parametrize("name", ["../x.csv", "/tmp/x.csv", ".x"])
async def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    conf = f"[mappings]\n{name} => ${{CDR(dst)}}\n"
    async with running_server({**CDR, "cdr_custom.conf": conf}, tmp_path) as server:
        assert server.pbx.records.calls.names == []


async def test_a_reload_without_mappings_writes_what_waits_and_keeps_no_journal(tmp_path: Path) -> None:
    conf = {"cdr.conf": "[general]\nenable=yes\nbatch=yes\n", "cdr_custom.conf": "[mappings]\na => ${CDR(dst)}\n"}
    async with running_server(conf, tmp_path) as server:
        line = server.pbx.records.calls
        line.put(call())
        (tmp_path / "cdr_custom.conf").write_text("[mappings]\n")
        await server.reload("cdr_custom")
        assert (tmp_path / "var/log/cdr-custom/a").read_text() == "6002\n"
        assert (line.names, line.wanted) == ([], False)
