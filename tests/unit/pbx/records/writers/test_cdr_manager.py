"""The manager's event Cdr: the recorded fields."""

from __future__ import annotations

from pathlib import Path

from record_files_kit import calls, in_zone, sections
from records_kit import call

from asterism.config import ConfigFile
from asterism.pbx.records.writers.cdr_manager import CDR, ManagerSettings, read_settings
from asterism.testing import running_server


def test_every_recorded_event() -> None:
    records, compared = calls(), 0
    with in_zone("UTC"):
        for scenario, lines in sections("manager").items():
            blocks = "\n".join(lines).split("\n\n")
            for record, block in zip(records[scenario], blocks, strict=True):
                fields = [f"{name}: {value}" for name, value in CDR.render(record, {"linkedid": "Linkedid"})]
                assert ["Event: Cdr", "Privilege: cdr,all", *fields] == block.split("\n"), scenario
                compared += 1
    assert compared > 30
    assert CDR.privilege == "cdr"


def test_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cdr_manager.conf"
    path.write_text("[general]\nenabled=yes\nfoo=1\n[mappings]\nlinkedid => Linkedid\nrate => My Rate\n")
    settings, problems = read_settings(ConfigFile.load(path))
    assert settings == ManagerSettings(True, {"linkedid": "Linkedid"})
    assert ["unknown" in str(problems[0]), "not the name of a field" in str(problems[1])] == [True, True]


async def test_it_is_sent_where_it_is_enabled(tmp_path: Path) -> None:
    conf = "[general]\nenabled={}\n[mappings]\nrate => Rate\n"
    async with running_server({"cdr_manager.conf": conf.format("no")}, tmp_path) as server:
        heard: list[dict[str, object]] = []
        server.subscribe(CDR, lambda kind, args: heard.append(dict(kind.render(*args))))
        server.pbx.records.calls.put(call())
        assert (heard, server.pbx.records.calls.names) == ([], [])
        (tmp_path / "cdr_manager.conf").write_text(conf.format("yes"))
        await server.reload("cdr_manager")
        server.pbx.records.calls.put(call(variables={"Rate": "3"}))
        assert (heard[0]["Source"], heard[0]["Rate"]) == ("6001", "3")
        (tmp_path / "cdr_manager.conf").write_text(conf.format("no"))
        await server.reload("cdr_manager")
        server.pbx.records.calls.put(call())
        assert len(heard) == 1
