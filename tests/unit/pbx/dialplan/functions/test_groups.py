"""GROUP and its kin: counting calls."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, run, settle

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.functions.groups import MAX_CATEGORIES, GroupFunctions
from asterism.pbx.dialplan.language.foreign import foreign
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.flow import FunctionError


def loaded(server: FakeServer) -> tuple[GroupFunctions, Channel, Channel]:
    server.register_marked = lambda holder: None  # type: ignore[attr-defined]
    module = GroupFunctions()
    module.load(server)  # type: ignore[arg-type]
    return module, server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")


def test_a_channel_counts_in_one_group_of_each_category_until_it_ends() -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, bob = loaded(server)
        assert module.read_count(alice, "") == "0"
        module.write(alice, "", "sales")
        module.write(bob, "", "sales")
        module.write(alice, "trunk", "out")
        module.write(bob, "", "sales@queue")
        assert module.read(alice, "") == "sales"
        assert (module.read(alice, "trunk"), module.read(bob, "queue")) == ("out", "sales")
        assert [module.read_count(alice, args) for args in ("", "sales", "@trunk", "out@trunk", "out", "no")] == [
            "2", "2", "1", "1", "0", "0",
        ]  # fmt: skip
        assert (module.read_list(alice, ""), module.read_list(bob, "")) == ("sales out@trunk", "sales sales@queue")
        module.write(alice, "", "support")
        assert (module.read_count(bob, ""), module.read_count(None, "support")) == ("1", "1")
        bob.hang_up()
        await settle()
        assert module.read_count(alice, "sales") == "0"
        module.write(alice, "", "")
        module.write(alice, "trunk", "")
        assert len(module.groups) == 0
        assert (module.read_list(alice, ""), module.read_count(None, "")) == ("", "0")

    run(scenario)


def test_groups_are_counted_by_expressions_too() -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, bob = loaded(server)
        module.write(alice, "", "trunk-1")
        module.write(bob, "", "trunk-2")
        module.write(bob, "city", "trunk-3")
        assert [module.read_match_count(alice, args) for args in ("^trunk-", "1$", "runk@ci", "trunk@.", "", "x")] == [
            "2", "1", "1", "1", "0", "0",
        ]  # fmt: skip
        with pytest.raises(FunctionError):
            module.read_match_count(alice, "(")

    run(scenario)


def test_what_a_caller_sends_names_a_group_and_no_category_and_cannot_fill_the_memory() -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, _ = loaded(server)
        module.write(alice, "", foreign("1@2"))
        assert module.read(alice, "") == "1@2"
        assert module.read_count(alice, foreign("1@2")) == "1"
        for number in range(MAX_CATEGORIES - 1):
            module.write(alice, f"c{number}", "g")
        for category, name in (("one more", "g"), ("c1", "x" * 257), ("y" * 257, "g")):
            with pytest.raises(FunctionError):
                module.write(alice, category, name)
        assert len(module.groups.of(alice)) == MAX_CATEGORIES
        alice.hang_up()
        module.write(alice, "", "late")
        await settle()
        assert len(module.groups) == 0

    run(scenario)


def test_calls_that_are_not_counted_pay_nothing() -> None:
    async def scenario(server: FakeServer) -> None:
        before = len(server.bus.listeners[events.HANGUP])
        module, alice, _ = loaded(server)
        assert len(server.bus.listeners[events.HANGUP]) == before
        for _ in range(2):
            module.write(alice, "", "g")
            assert len(server.bus.listeners[events.HANGUP]) == before + 1

    run(scenario)


def test_the_console_lists_them() -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, bob = loaded(server)
        module.write(alice, "", "sales")
        module.write(bob, "trunk", "out")
        shown = module.show(CommandCall([], lambda _: None)).splitlines()
        assert shown[0].split() == ["Channel", "Group", "Category"]
        assert shown[1].split() == [alice.name, "sales", "(default)"]
        assert shown[2].split() == [bob.name, "out", "trunk"]
        assert shown[3] == "2 active channels in groups"
        assert module.show(CommandCall(["^s"], lambda _: None)).endswith("\n1 active channels in groups\n")
        with pytest.raises(UsageError):
            module.show(CommandCall(["("], lambda _: None))

    run(scenario)
