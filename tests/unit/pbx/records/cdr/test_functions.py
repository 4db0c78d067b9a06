"""CDR, CDR_PROP, ForkCDR and ResetCDR."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from cdr_kit import Kept, Leg

from asterism.pbx.records.cdr.functions import CdrFunctions
from asterism.pbx.vocabulary.flow import FunctionError


class World:
    def __init__(self, **settings: Any) -> None:
        self.kept = Kept(**settings)
        self.functions = CdrFunctions(self.kept.engine)
        self.warnings: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: self.warnings.append(record.getMessage())
        log = logging.Logger("cdr-functions")
        log.addHandler(handler)
        self.pbx = SimpleNamespace(log=log)

    def channel(self, **options: Any) -> Any:
        leg: Any = self.kept.channel("T/1", **options)
        leg.pbx = self.pbx
        leg.set_accountcode = lambda code: setattr(leg, "accountcode", code)
        return leg


def test_fields_of_the_record_that_goes_on() -> None:
    world = World()
    alice = world.channel(up=True)
    world.kept.runs(alice, "NoOp", "x")
    read = world.functions.read
    found = [
        read(alice, field) for field in ("lastapp", "lastdata", "dst", "end", "disposition", "sequence", "answer,u")
    ]
    assert found == ["NoOp", "x", "100", "", "NO ANSWER", "1", f"{alice.answered_at:.6f}"]
    assert read(alice, "disposition,u") == "1"


def test_what_is_set_is_read_and_written_down() -> None:
    world = World()
    alice = world.channel()
    for name, value in (
        ("userfield", "u"), ("tag", "x"), ("accountcode", "acc"), ("amaflags", "billing"), ("AMAFLAGS", "1"),
    ):  # fmt: skip
        world.functions.write(alice, name, value)
    assert [world.functions.read(alice, name) for name in ("userfield", "TAG", "accountcode", "amaflags")] == [
        "u", "x", "acc", "OMIT",
    ]  # fmt: skip
    world.kept.ends(alice)
    (record,) = world.kept.records
    assert (record.userfield, dict(record.variables), record.accountcode, record.amaflags) == (
        "u",
        {"tag": "x"},
        "acc",
        1,
    )


def test_what_is_set_after_a_record_has_ended_changes_nothing() -> None:
    world = World()
    alice = world.channel()
    world.kept.ends_dialplan(alice)
    world.functions.write(alice, "userfield", "late")
    assert world.functions.read(alice, "userfield") == ""
    assert world.functions.read(alice, "disposition") == "FAILED"
    assert world.kept.records[0].userfield == ""


@pytest.mark.parametrize(("args", "value"), [("src", "1"), ("end", "1"), ("", "1"), ("amaflags", "4")])
def test_what_cannot_be_set_is_told(args: str, value: str) -> None:
    world = World()
    with pytest.raises(FunctionError):
        world.functions.write(world.channel(), args, value)


def test_without_records_the_fields_tell_of_the_channel() -> None:
    world = World()
    world.kept.engine.stop()
    alice: Any = Leg("T/9", 5.0, answered_at=6.0, application="Echo")
    alice.set_accountcode = lambda code: setattr(alice, "accountcode", code)
    world.functions.write(alice, "userfield", "u")
    world.functions.write(alice, "accountcode", "acc")
    found = [
        world.functions.read(alice, field) for field in ("lastapp", "start,u", "answer,u", "accountcode", "userfield")
    ]
    assert found == ["Echo", "5.000000", "6.000000", "acc", ""]


def test_a_channel_is_needed() -> None:
    with pytest.raises(FunctionError):
        World().functions.read(None, "src")


@pytest.mark.parametrize(("value", "count"), [("1", 0), ("0", 1)])
def test_records_of_a_channel_can_be_disabled(value: str, count: int) -> None:
    world = World()
    alice = world.channel(up=True)
    world.functions.set_property(alice, "disable", value)
    world.kept.ends(alice)
    assert len(world.kept.records) == count


def test_a_record_that_has_ended_before_is_written_all_the_same() -> None:
    world = World()
    alice = world.channel(up=True)
    world.kept.engine.fork(alice, end=True)
    world.functions.set_property(alice, "disable", "1")
    world.kept.ends(alice)
    assert len(world.kept.records) == 1


@pytest.mark.parametrize(("name", "value"), [("nosuch", "1"), ("disable", "maybe")])
def test_properties_that_there_are_not(name: str, value: str) -> None:
    world = World()
    with pytest.raises(FunctionError):
        world.functions.set_property(world.channel(), name, value)


def test_the_first_party_by_wish() -> None:
    world = World()
    alice = world.channel()
    world.functions.set_property(alice, "party_a", "1")
    assert world.kept.engine.parties[alice].preferred


@pytest.mark.parametrize(
    ("letters", "count", "kept"),
    [("", 2, ["x", "x"]), ("e", 2, ["x", "x"]), ("v", 2, ["x", None]), ("ar", 2, ["x", "x"])],
)
async def test_another_record(letters: str, count: int, kept: list[str | None]) -> None:
    world = World()
    alice = world.channel(up=True)
    world.functions.write(alice, "tag", "x")
    world.kept.now += 5
    await world.functions.fork_record(alice, letters)
    world.kept.ends(alice)
    assert [record.variables.get("tag") for record in world.kept.records] == kept
    assert len(world.kept.records) == count
    assert (world.kept.records[1].start > alice.created) is ("r" in letters)


async def test_anew_with_its_variables_or_without_and_enabled_again() -> None:
    for letters, tag in (("v", "x"), ("", None), ("ve", "x")):
        world = World()
        alice = world.channel(up=True)
        world.functions.write(alice, "tag", "x")
        world.kept.now += 100
        if "e" in letters:
            world.functions.set_property(alice, "disable", "1")
        await world.functions.reset_record(alice, letters)
        world.kept.ends(alice)
        (record,) = world.kept.records
        assert (record.variables.get("tag"), record.start - alice.created) == (tag, 100)


async def test_unknown_options_are_told_and_channels_without_records_left_alone() -> None:
    world = World()
    alice = world.channel()
    await world.functions.fork_record(alice, "xD")
    await world.functions.reset_record(alice, "q")
    assert len(world.warnings) == 2
    world.kept.engine.stop()
    await world.functions.fork_record(alice, "")
    await world.functions.reset_record(alice, "")
