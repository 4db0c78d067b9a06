"""Options S and L."""

from __future__ import annotations

import pytest
from dial_kit import dialling, run
from fake_technology import FakeServer, settle

from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.dial import limits
from asterism.pbx.dialplan.applications.dial.limits import Sounds, sounds_of, time_left
from asterism.pbx.vocabulary.controls import Control


@pytest.mark.parametrize(
    ("seconds", "names"),
    [
        (2, "vm-youhave digits/2 queue-seconds"),
        (60, "vm-youhave digits/1 queue-minutes"),
        (95, "vm-youhave digits/1 queue-minutes digits/30 digits/5 queue-seconds"),
        (7260, "vm-youhave digits/1 digits/hundred digits/20 digits/1 queue-minutes"),
        (3600, "vm-youhave digits/60 queue-minutes"),
        (0, ""),
    ],
)
def test_the_time_that_is_left(seconds: int, names: str) -> None:
    assert time_left(seconds, "en") == names.split()


def test_who_hears_what() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        assert sounds_of(alice) == Sounds(True, False, "", "", "")
        for name, value in (
            ("PLAYAUDIO_CALLER", "no"), ("PLAYAUDIO_CALLEE", "yes"), ("CONNECT_FILE", "a"), ("WARNING_FILE", "b"),
            ("TIMEOUT_FILE", "c"),
        ):  # fmt: skip
            alice.set_variable(f"LIMIT_{name}", value)
        assert sounds_of(alice) == Sounds(False, True, "a", "b", "c")
        alice.hang_up()
        await settle()

    run(scenario)


async def heard(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, options: str, variables: dict[str, str], each: float = 0.0
) -> list[tuple[str, str]]:
    """What was played to whom in a call with these options; each sound takes so many seconds."""
    said: list[tuple[str, str]] = []

    async def say(channel: Channel, names: list[str]) -> str:
        assert channel.away
        said.extend((channel.name.partition("-")[0].removeprefix("PJSIP/"), name) for name in names)
        await channel.park(each, 0)
        return ""

    monkeypatch.setattr(limits, "say", say)
    server.dialplan(("1", 1, "Dial", f"PJSIP/bob,20,{options}"))
    alice = server.sip.incoming("alice", "1")
    for name, value in variables.items():
        alice.set_variable(name, value)
    server.pbx.start(alice)
    await settle()
    (bob,) = server.sip.made
    bob.queue_control(Control.ANSWER)
    await settle()
    task = alice.task
    assert task is not None
    await task
    return said


def test_the_warnings_go_to_whom_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(server: FakeServer) -> None:
        variables = {"LIMIT_PLAYAUDIO_CALLEE": "yes", "LIMIT_CONNECT_FILE": "begins", "LIMIT_TIMEOUT_FILE": "over"}
        said = await heard(server, monkeypatch, "L(150:100:50)", {**variables, "LIMIT_WARNING_FILE": "soon"})
        assert sorted(said) == sorted(
            (who, name) for who in ("alice", "bob") for name in ("begins", "soon", "soon", "over")
        )
        assert [name for who, name in said if who == "bob"] == ["begins", "soon", "soon", "over"]

    run(scenario)


def test_without_variables_the_caller_hears_how_much_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(server: FakeServer) -> None:
        said = await heard(server, monkeypatch, "L(1050:1000)", {})
        assert said == [("alice", "vm-youhave"), ("alice", "digits/1"), ("alice", "queue-seconds")]

    run(scenario)


def test_a_warning_is_said_to_its_end_and_none_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(server: FakeServer) -> None:
        said = await heard(server, monkeypatch, "L(100:80:20)", {"LIMIT_WARNING_FILE": "soon"}, each=0.2)
        assert said == [("alice", "soon")]

    run(scenario)


def test_nobody_need_hear_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(server: FakeServer) -> None:
        assert await heard(server, monkeypatch, "L(60:40)", {"LIMIT_PLAYAUDIO_CALLER": "no"}) == []

    run(scenario)


def test_a_conversation_that_ends_before_leaves_no_timer() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,L(60000:30000)")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle()
        alice.queue_hangup(16)
        await settle()
        assert not [task for task in limits.asyncio.all_tasks() if task.get_name().startswith("limit of")]

    run(scenario)
