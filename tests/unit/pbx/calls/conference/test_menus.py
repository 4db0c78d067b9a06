"""Entries of menus: digits and actions."""

from __future__ import annotations

import pytest

from asterism.pbx.calls.conference.menus import (
    ACTIONS,
    ADMIN_ACTIONS,
    MOST_ENTRIES,
    Action,
    Menu,
    parse_actions,
    parse_digits,
)


def test_actions_and_their_arguments() -> None:
    one, two, three = parse_actions(" toggle_mute , playback( a & b/c&),dialplan_exec(ctx, 7999)")
    assert (one, two.sounds, three.place) == (Action("toggle_mute"), ["a", "b/c"], ("ctx", "7999", "1"))
    assert str(parse_actions("dialplan_exec(internal,7999,1)")[0]) == "dialplan_exec(internal,7999,1)"
    assert parse_actions("Leave_Conference") == (Action("leave_conference"),)
    assert len(ADMIN_ACTIONS) == 3


@pytest.mark.parametrize("name", ACTIONS)
def test_each_action_is_read(name: str) -> None:
    arguments = {"playback": "(a)", "playback_and_continue": "(a)", "dialplan_exec": "(a,b,1)"}
    assert [each.name for each in parse_actions(name + arguments.get(name, ""))] == [name]


@pytest.mark.parametrize(
    "text",
    ["", "nosuch", "toggle_mute,", "playback", "playback()", "playback(a", "toggle_mute(1)", "dialplan_exec(a)",
     "dialplan_exec(a,)", ",".join(["no_op"] * 51)],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_actions(text)


@pytest.mark.parametrize("text", ["", "x", "1" * 12, "1 2", "١"])
def test_what_are_no_digits(text: str) -> None:
    with pytest.raises(ValueError, match="is not up to 11"):
        parse_digits(text)


def test_a_longer_entry_is_waited_for() -> None:
    menu = Menu().having("*", (Action("no_op"),)).having("*1", (Action("no_op"),))
    assert menu.begins("*")
    assert not menu.begins("*1")
    assert not menu.begins("1")


def test_a_menu_is_bounded() -> None:
    menu = Menu("m", {str(number): () for number in range(MOST_ENTRIES)})
    assert menu.having("1", (Action("no_op"),)).entries["1"]
    with pytest.raises(ValueError, match="at most"):
        menu.having("*", ())
