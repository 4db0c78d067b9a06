"""The table of mailboxes: watchers, sums, bounds."""

from __future__ import annotations

from typing import Any

from asterism.pbx.states import mailboxes as module
from asterism.pbx.states.mailboxes import NONE, Mailboxes, MessageCounts


class Sink:
    """Stands for the bus and the device states."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def publish(self, _kind: object, *args: Any) -> None:
        self.told.append(args)

    def changed(self, device: str) -> None:
        self.told.append(device)

    def error(self, *args: Any, **more: Any) -> None:
        self.told.append("error")


def make() -> tuple[Mailboxes, Sink]:
    sink = Sink()
    return Mailboxes(sink, sink, sink), sink  # type: ignore[arg-type]


def test_only_changes_are_told() -> None:
    boxes, sink = make()
    seen: list[str] = []
    boxes.watch("a", seen.append)
    counts = MessageCounts(1)
    assert boxes.set("a", counts)
    assert boxes.set("a", counts)
    assert boxes.set("b", NONE)
    assert (seen, sink.told[:2]) == (["a"], [("a", counts), "MWI:a"])
    assert boxes.remove("a")
    assert not boxes.remove("a")
    assert seen == ["a", "a"]
    boxes.unwatch("a", seen.append)
    boxes.unwatch("nobody", seen.append)


def test_a_watcher_that_raises_does_not_keep_others_from_being_told() -> None:
    boxes, sink = make()
    seen: list[str] = []

    def bad(_mailbox: str) -> None:
        raise ValueError

    boxes.watch("a", bad)
    boxes.watch("a", seen.append)
    boxes.set("a", MessageCounts(1))
    assert seen == ["a"]
    assert "error" in sink.told


def test_totals() -> None:
    boxes, _ = make()
    boxes.set("a", MessageCounts(1, 2, 3, 4))
    boxes.set("b", MessageCounts(10))
    assert boxes.total(("a", "b", "c")) == MessageCounts(11, 2, 3, 4)
    assert boxes.total(()) == NONE


def test_bounds(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MAX_MAILBOXES", 2)
    boxes, _ = make()
    assert not boxes.set("", MessageCounts(1))
    assert not boxes.set("x" * 256, MessageCounts(1))
    assert boxes.set("a", MessageCounts(1))
    assert boxes.set("b", MessageCounts(1))
    assert not boxes.set("c", MessageCounts(1))
    assert boxes.set("a", MessageCounts(2))
    assert len(boxes.known()) == 2
