"""What is said before a channel is spied on."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_technology import settle
from spying_kit import Spied, spied

from asterism.pbx.calls.spying import announcing
from asterism.pbx.calls.spying.announcing import announce
from asterism.pbx.calls.spying.settings import parse


@pytest.mark.parametrize(
    ("options", "phone", "there", "said"),
    [
        ("", "12", (), ["beep", *(f"letters/{one}" for one in "pjsip"), "digits/1", "digits/2"]),
        ("", "ann", ("spy-sip",), ["beep", "spy-sip", "letters/a", "letters/n", "letters/n"]),
        ("", "1", ("spy-sip", "spy-pjsip"), ["beep", "spy-pjsip", "digits/1"]),
        ("s", "1", ("spy-sip",), ["beep", "digits/1"]),
        ("n", "1", ("voicemail/default/1/greet",), ["beep", "{spool}/voicemail/default/1/greet"]),
        ("n(7@office)", "1", ("voicemail/office/7/greet",), ["beep", "{spool}/voicemail/office/7/greet"]),
        ("n(../7)s", "1", ("voicemail/7/greet",), ["beep", "digits/1"]),
        ("ns", "1", (), ["beep", "digits/1"]),
        ("s", "x" * 100, (), ["beep", *["letters/x"] * 32]),
    ],
)
def test_who_it_is(
    options: str, phone: str, there: tuple[str, ...], said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in there:
        path = tmp_path / (name if "/" in name else f"sounds/en/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".ulaw").write_bytes(b"\xff" * 160)
    spoken: list[str] = []

    async def scenario(world: Spied) -> None:
        async def say(_channel: object, names: list[str], interrupt: str) -> str:
            assert "*" in interrupt
            spoken.extend(names)
            return "5"

        monkeypatch.setattr(announcing, "say", say)
        await announce(world.carol, world.channel(phone), parse(options))
        assert await world.carol.read_digit(0) == "5"  # it ended that, and means what it means

    spied(scenario, folder=tmp_path)
    assert spoken == [name.format(spool=tmp_path) for name in said]


def test_it_is_played_to_the_spy() -> None:
    async def scenario(world: Spied) -> None:
        task = world.server.pbx.loop.create_task(announce(world.carol, world.alice, parse("s")))
        await settle()
        world.carol.queue_digit("1", 100)
        await settle()
        world.carol.queue_digit("1", 100)
        await task
        assert world.heard(world.carol)

    spied(scenario)
