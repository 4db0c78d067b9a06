"""Configurations as the public has them load, register and call: as they are, and after ``asterism migrate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from sip_conf_kit import FOLDER, SETUPS, WAYS, registered_there, running

WITHOUT_DATABASE = [name for name in SETUPS if name not in ("realtime", "freepbx")]


def test_every_folder_is_called() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*SETUPS, "wrong"}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", WITHOUT_DATABASE)
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
