from __future__ import annotations

import pytest

from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import DuplicateError, UndocumentedError
from asterism.core.registry import Owner, Registry

DOCUMENTED = Documentation("Does something.")


def test_an_owner_s_entries_go_when_it_is_released() -> None:
    registry: Registry[int] = Registry("thing")
    first, second = Owner("first"), Owner("second")
    registry.add(first, "one", 1, DOCUMENTED)
    registry.add(second, "two", 2, DOCUMENTED)
    first.release()
    assert [entry.name for entry in registry] == ["two"]
    assert registry.get("one") is None


def test_release_undoes_in_reverse_order() -> None:
    undone: list[int] = []
    owner = Owner("module")
    for number in range(3):
        owner.on_release(lambda number=number: undone.append(number))  # type: ignore[misc]
    owner.release()
    assert undone == [2, 1, 0]


def test_an_undo_that_fails_does_not_keep_the_others_from_running() -> None:
    undone: list[int] = []
    owner = Owner("module")

    def broken() -> None:
        raise RuntimeError("broken")

    owner.on_release(lambda: undone.append(0))
    owner.on_release(broken)
    owner.on_release(lambda: undone.append(2))
    with pytest.raises(RuntimeError, match="broken"):
        owner.release()
    assert undone == [2, 0]
    owner.release()


def test_an_entry_removed_early_is_not_removed_twice() -> None:
    registry: Registry[int] = Registry("thing")
    owner = Owner("module")
    remove = registry.add(owner, "one", 1, DOCUMENTED)
    remove()
    registry.add(Owner("other"), "one", 2, DOCUMENTED)
    owner.release()
    assert registry.get("one") == 2


def test_a_name_is_taken_once() -> None:
    registry: Registry[int] = Registry("thing", str.lower)
    registry.add(Owner("a"), "Name", 1, DOCUMENTED)
    with pytest.raises(DuplicateError, match="'NAME' is already registered by a"):
        registry.add(Owner("b"), "NAME", 2, DOCUMENTED)


def test_nothing_comes_in_without_documentation() -> None:
    registry: Registry[int] = Registry("thing")
    with pytest.raises(UndocumentedError):
        registry.add(Owner("a"), "name", 1, Documentation(""))
    assert len(registry) == 0


def test_what_others_explain_is_documented_while_they_are_there() -> None:
    registry: Registry[int] = Registry("thing", str.lower)
    owner, other = Owner("a"), Owner("b")
    registry.explain(other, "Name", "item", (("late", "added"),))
    registry.add(owner, "NAME", 1, Documentation("A thing", arguments=(Argument("item", values=(("own", ""),)),)))
    registry.explain(other, "name", "nothing", (("x", "of an argument that there is not"),))

    def words() -> list[str]:
        (entry,) = registry
        assert entry == registry.entry("name")
        return [word for argument in entry.documentation.arguments for word, _ in argument.values]

    assert words() == ["own", "late"]
    other.release()
    assert words() == ["own"]
    owner.release()
    assert len(registry) == 0
