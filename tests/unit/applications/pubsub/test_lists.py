"""Trees of resource lists: loops, duplicates, depth and length, whatever the lists say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.applications.pubsub.lists import Branch, ListError, ResourceList, expand, weight

NAMES = st.sampled_from("abcdefgh")


def a_list(name: str, items: tuple[str, ...]) -> ResourceList:
    """A list of presence."""
    found = ResourceList(name)
    found.event, found.list_item = "presence", items
    return found


def names(tree: Branch) -> list[str]:
    """All names of a tree."""
    return [tree.name, *(name for item in tree.items for name in names(item))]


def depth(tree: Branch) -> int:
    """How many lists are one in the other."""
    return 0 if tree.list is None else 1 + max((depth(item) for item in tree.items), default=0)


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=8).map(tuple), min_size=1))
def test_any_lists_come_to_an_end_and_name_all_that_can_be_reached_once(lists: dict[str, tuple[str, ...]]) -> None:
    table = {name: a_list(name, items) for name, items in lists.items()}
    root = next(iter(table.values()))
    tree = expand(table.get, root, 100, 100)
    reached, waiting = {root.id}, [root.id]
    while waiting:
        for name in lists.get(waiting.pop(), ()):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    assert sorted(names(tree)) == sorted(reached)
    assert weight(tree) == len(reached - table.keys())


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=8).map(tuple), min_size=1), st.integers(0, 8), st.integers(1, 8))
def test_a_tree_is_within_its_limits_or_refused(lists: dict[str, tuple[str, ...]], most: int, deepest: int) -> None:
    table = {name: a_list(name, items) for name, items in lists.items()}
    root = next(iter(table.values()))
    try:
        tree = expand(table.get, root, most, deepest)
    except ListError:
        whole = expand(table.get, root, 100, 100)
        assert len(names(whole)) - 1 > most or depth(whole) > deepest
    else:
        assert len(names(tree)) - 1 <= most
        assert depth(tree) <= deepest


def test_a_list_of_ten_thousand_is_refused_before_it_is_made() -> None:
    asked: list[str] = []

    def find(name: str) -> None:
        asked.append(name)

    with pytest.raises(ListError, match="max_list_items"):
        expand(find, a_list("all", tuple(str(number) for number in range(10_000))), 1000, 10)
    assert len(asked) == 1000
