"""Configurations as the public has them load, register and call: as they are, and after ``asterism migrate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from sip_conf_kit import FOLDER, SETUPS, WAYS, registered_there, running, way

from asterism.command.check import check

RUNS = [(name, how) for name in SETUPS for how in WAYS if (name, how) != ("realtime", "migrated")]
"""Rows of a database are not migrated; the report says so."""


def test_every_folder_is_called() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*SETUPS, "wrong"}


@pytest.mark.parametrize(("name", "how"), RUNS)
async def test_it_registers_and_calls(name: str, how: str, tmp_path: Path) -> None:
    async with running(name, how, tmp_path) as world:
        await registered_there(world)
        for caller, number, callee in world.setup.calls:
            await world.talk(world.phones[caller], number, world.phones[callee])
        for caller, number in world.setup.echo:
            call = await world.phones[caller].dial(number)
            await call.answered()
            call.play(440)
            await call.hears(440)
            await call.hangup()
        for caller, number, provider, arrives in world.setup.outgoing:
            seen = await world.talk(world.phones[caller], number, world.subscribers[provider])
            assert seen.request.uri.user == "subscriber"
            assert arrives in world.numbers[provider]
        for provider, number, callee in world.setup.incoming:
            await world.talk(world.subscribers[provider], number, world.phones[callee])
            for phone in world.phones.values():
                for call in [each for each in phone.calls if not each.over]:
                    await call.ended()


@pytest.mark.parametrize("name", SETUPS)
def test_check_finds_nothing_in_what_is_migrated(name: str, tmp_path: Path) -> None:
    setup = SETUPS[name]
    folder = way(name, "migrated", tmp_path, "127.0.0.1", dict.fromkeys(setup.providers, "127.0.0.2"))
    problems, _ = check(folder)
    assert [str(problem) for problem in problems] == []


def test_rows_of_databases_are_told(tmp_path: Path) -> None:
    way("realtime", "migrated", tmp_path, "127.0.0.1", {})
    report = (tmp_path / "new" / "migration-report.txt").read_text()
    assert "extconfig.conf:3: not translated: sippeers" in report
