"""Data: loading, reloading, backends, staged changes, observers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from asterism.core.registry import Owner
from asterism.data import Change, ConfiguredObject, Data, DataError, Missing, Store, derived, option
from asterism.data.backends import Backend, Loaded
from asterism.data.kinds import BOOL, NAMES, TEXT, UINT, Choice, Variables

LOG = logging.getLogger("test.data")


class Thing(ConfiguredObject, type="thing"):
    """A thing.

    For these tests.
    """

    size = option(UINT, 3, "How large.")
    color = option(Choice("red", "green"), "red", "Its color.")
    on = option(BOOL, False, "Whether it is on.")
    key = option(TEXT, "", "Its key.", secret=True)


class Note(ConfiguredObject, type="note"):
    """A stored note."""

    SOURCES = ("astdb,notes",)
    INDEXES = ("owner",)

    first = derived("")
    owner = option(TEXT, "", "Whose it is.")
    tags = option(NAMES, (), "Tags.")
    text = option(TEXT, "", "What it says.")
    read = option(BOOL, False, "Whether it was read.")
    count = option(UINT, 0, "A number.")
    variables = option(Variables(), (), "Variables.")

    def restored(self) -> None:
        self.first = self.text[:1]


def write(folder: Path, text: str, name: str = "pjsip.conf") -> None:
    (folder / name).write_text(text)


def make(folder: Path, store: Store | None = None) -> Data:
    data = Data(Owner("test"), LOG, folder, store)
    data.register_type(Thing)
    data.register_type(Note)
    return data


def found(data: Data, name: str) -> Thing:
    thing = data.get(Thing, name)
    assert isinstance(thing, Thing)
    return thing


def test_each_of_several_names(tmp_path: Path) -> None:
    write(tmp_path, "[a]\ntype=thing\n[b]\ntype=thing\n")
    data = make(tmp_path)
    data.load()
    assert data.get_each(Thing, ("b", "absent", "a")) == [data.get(Thing, "b"), data.get(Thing, "a")]
    assert data.get_each(Thing, ()) == []
    assert list(data.objects(Thing)) == ["a", "b"]


def test_sections_become_objects(tmp_path: Path) -> None:
    write(tmp_path, "[t](!)\ntype=thing\nsize=9\n[a](t)\ncolor=GREEN\non=perhaps\n@x=1\n[b]\ntype=other\n")
    data = make(tmp_path)
    report = data.load()
    assert report.errors == []
    assert report.changes == {"thing": 1}
    thing = found(data, "a")
    assert (thing.size, thing.color, thing.on, thing.fields) == (9, "green", False, {"x": "1"})
    assert str(thing.position) == f"{tmp_path}/pjsip.conf:4"
    assert data.get(Thing, "b") is Missing.ABSENT
    assert [item.get("type") for item in data.unclaimed()] == ["other"]


def test_a_bad_object_is_refused_and_the_others_load(tmp_path: Path) -> None:
    write(tmp_path, "[a]\ntype=thing\nsize=x\ncolour=red\n[b]\ntype=thing\n")
    data = make(tmp_path)
    errors = [str(error) for error in data.load().errors]
    place = f"{tmp_path}/pjsip.conf"
    assert errors == [
        (
            f"{place}:3: thing 'a': option 'size' cannot be 'x': it is not a whole number;"
            " accepted: a whole number, 0 or more"
        ),
        f"{place}:4: thing 'a': there is no option 'colour'; did you mean 'color'?",
    ]
    assert [thing.id for thing in data.all(Thing)] == ["b"]
    assert found(data, "b").size == 3


def test_a_name_that_is_given_twice_has_the_type_refused(tmp_path: Path) -> None:
    write(tmp_path, "[b]\ntype=thing\n[c]\ntype=thing\n[b]\ntype=other\n")
    data = make(tmp_path)
    assert data.load().errors == []
    write(tmp_path, "[b]\ntype=thing\nsize=1\n[c]\ntype=thing\nsize=1\n[b]\ntype=thing\nsize=2\n")
    [error] = data.reload().errors
    assert str(error).endswith(
        f":7: thing 'b' is already defined at {tmp_path}/pjsip.conf:1: which of them counts is unknown, "
        "so no thing of this file is taken"
    )
    # A reload keeps what was there; at a start there is nothing.
    assert [(thing.id, thing.size) for thing in data.all(Thing)] == [("b", 3), ("c", 3)]
    again = make(tmp_path)
    again.load()
    assert again.all(Thing) == []


def test_reload_keeps_what_the_new_file_gets_wrong(tmp_path: Path) -> None:
    write(tmp_path, "[a]\ntype=thing\nsize=1\n[b]\ntype=thing\nsize=1\n[c]\ntype=thing\n")
    data = make(tmp_path)
    data.load()
    told: list[tuple[str, str]] = []
    data.observe(Thing, lambda change: told.append((change.kind, change.item.id)))
    same = found(data, "c")

    write(tmp_path, "[a]\ntype=thing\nsize=2\n[c]\n\ntype=thing\n[a\n")
    report = data.reload()
    assert [error.position.line for error in report.errors if error.position] == [7]
    assert (report.changes, found(data, "a").size, told) == ({}, 1, [])

    write(tmp_path, "[a]\ntype=thing\nsize=2\n[b]\ntype=thing\nsize=-1\n[c]\n;\ntype=thing\n[d]\ntype=thing\nsize=?\n")
    report = data.reload()
    assert len(report.errors) == 2
    assert [found(data, name).size for name in "ab"] == [2, 1]
    assert data.get(Thing, "d") is Missing.ABSENT
    assert found(data, "c") is same
    assert told == [("changed", "a")]

    write(tmp_path, "[e]\ntype=thing\n")
    data.reload()
    assert told[1:] == [("removed", "a"), ("removed", "b"), ("removed", "c"), ("added", "e")]


def test_secrets_stay_out_of_errors_and_listings(tmp_path: Path) -> None:
    thing = Thing("a", key="hunter2")
    assert dict(thing.listing())["key"] == "<hidden>"
    assert dict(thing.manager_fields())["Key"] == "<hidden>"
    assert dict(thing.listing(show_secrets=True))["key"] == "hunter2"
    assert dict(Thing("b").listing())["key"] == ""


def test_documentation_comes_from_the_table() -> None:
    documentation = Thing.documentation()
    assert documentation.synopsis == "A thing."
    assert documentation.arguments[1].description == "Its color. Accepted: red, green."


def test_a_single_object_has_defaults(tmp_path: Path) -> None:
    data = make(tmp_path)
    data.load()
    assert data.single(Thing).size == 3
    write(tmp_path, "[thing]\nsize=8\n")
    data.reload()
    assert data.single(Thing).size == 8


def test_changes_are_seen_by_others_once_committed(tmp_path: Path) -> None:
    turns: list[object] = []
    store = Store(tmp_path / "s.sqlite3", log=LOG, call_soon=turns.append)
    data = make(tmp_path, store)
    data.load()
    told: list[str] = []
    data.observe(Note, lambda change: told.append(change.kind))
    note = Note("n1", owner="a", text="x")
    data.create_now(note)
    assert data.get(Note, "n1") is Missing.ABSENT
    assert data.find(Note, "owner", "a") == []
    assert data.get_staged(Note, "n1") is note
    assert data.find_staged(Note, "owner", "a") == [note]
    with pytest.raises(DataError, match="already"):
        data.create_now(Note("n1"))
    data.update_now(note.replace(owner="b"))
    data.create_now(Note("n2", owner="b"))
    data.delete_now(data.get_staged(Note, "n2") or note)
    assert told == []
    store.commit()
    assert told == ["added", "changed", "added", "removed"]
    assert [item.id for item in data.find(Note, "owner", "b")] == ["n1"]
    assert data.find(Note, "owner", "a") == []
    assert data.find_staged(Note, "owner", "b") == data.find(Note, "owner", "b")
    with pytest.raises(DataError, match="no note"):
        data.update_now(Note("n2"))
    store.close()


def test_a_failed_commit_never_happened(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite3", log=LOG, call_soon=[].append)  # type: ignore[arg-type]
    data = make(tmp_path, store)
    data.load()
    data.create_now(Note("kept", owner="a"))
    store.commit()
    data.create_now(Note("n1", owner="a"))
    data.delete_now(Note("kept"))
    store.write("INSERT INTO nowhere VALUES (1)")
    assert not store.commit()
    assert [item.id for item in data.all(Note)] == ["kept"]
    assert [item.id for item in data.find_staged(Note, "owner", "a")] == ["kept"]
    assert data.get_staged(Note, "n1") is None
    store.close()


def test_stored_objects_come_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    store = Store(path, log=LOG, call_soon=[].append)  # type: ignore[arg-type]
    data = make(tmp_path, store)
    data.load()
    note = Note("n1", owner="a", tags=("x", "y"), text="hello", read=True, count=7, variables=(("A", "1,2"), ("B", "")))
    data.create_now(note)
    data.create_now(Note("n2"))
    data.delete_now(Note("n2"))
    store.close()

    store = Store(path, log=LOG)
    data = make(tmp_path, store)
    data.load()
    again = data.get(Note, "n1")
    assert isinstance(again, Note)
    assert again.replace(first="").same_options(note)
    assert again.first == "h"
    assert [item.id for item in data.find(Note, "owner", "a")] == ["n1"]
    assert data.count(Note) == 1
    data.reload()
    assert data.get(Note, "n1") is again
    store.close()


def test_new_options_become_new_columns(tmp_path: Path) -> None:
    class Old(ConfiguredObject, type="growing"):
        """Before."""

        SOURCES = ("astdb",)
        one = option(TEXT, "", "One.")

    class New(ConfiguredObject, type="growing"):
        """After."""

        SOURCES = ("astdb",)
        one = option(TEXT, "", "One.")
        two = option(UINT, 5, "Two.")

    store = Store(tmp_path / "s.sqlite3", log=LOG, call_soon=[].append)  # type: ignore[arg-type]
    for cls in (Old, New):
        data = Data(Owner("x"), LOG, tmp_path, store)
        data.register_type(cls)
        data.load()
        if cls is Old:
            data.create_now(Old("a", one="1"))
            store.commit()
        else:
            item = data.get(New, "a")
            assert isinstance(item, New)
            assert (item.one, item.two) == ("1", 5)
    store.close()


def test_the_async_calls_return_when_committed(tmp_path: Path) -> None:
    async def run() -> None:
        store = Store(tmp_path / "s.sqlite3", log=LOG)
        data = make(tmp_path, store)
        data.load()
        note = Note("n1", owner="a")
        await data.create(note)
        assert data.get(Note, "n1") is note
        assert await data.retrieve(Note, "n1") is note
        assert await data.retrieve_by(Note, owner="a") == [note]
        creating = asyncio.ensure_future(data.create(Note("n2")))
        await asyncio.sleep(0)
        store.write("INSERT INTO nowhere VALUES (1)")
        with pytest.raises(DataError, match="could not be stored"):
            await creating
        await data.update(note.replace(owner="b"))
        await data.delete(note)
        assert await data.retrieve(Note, "n1") is None
        store.close()

    asyncio.run(run())


def test_files_take_no_changes(tmp_path: Path) -> None:
    write(tmp_path, "[a]\ntype=thing\n")
    data = make(tmp_path)
    data.load()
    with pytest.raises(DataError, match="no backend"):
        data.update_now(found(data, "a"))


def test_sorcery_chooses_backends(tmp_path: Path) -> None:
    write(
        tmp_path,
        "[res_things]\nthing=config,things.conf\nthing=memory\nthing/cache=memory_cache\nnote=nowhere,x\n",
        "sorcery.conf",
    )
    write(tmp_path, "[general]\n[a]\nsize=5\n", "things.conf")
    data = make(tmp_path)
    errors = data.load().errors
    assert [error.option for error in errors] == ["note"]
    assert found(data, "a").size == 5
    data.create_now(Thing("b"))
    assert [thing.id for thing in data.all(Thing)] == ["a", "b"]
    data.reload()
    assert [thing.id for thing in data.all(Thing)] == ["a", "b"]
    with pytest.raises(DataError):
        data.delete_now(found(data, "a"))
    data.delete_now(found(data, "b"))
    assert data.count(Thing) == 1


class Remote(Backend):
    """Answers only what it is asked."""

    name = "remote"
    remote = True

    async def fetch(self, keys: Collection[str], known: Mapping[str, ConfiguredObject]) -> Loaded:
        return Loaded({key: Thing(key, size=77) for key in keys if key == "far"})

    async def fetch_by(self, fields: Mapping[str, Any], known: Mapping[str, ConfiguredObject]) -> Loaded:
        return Loaded({"far": Thing("far", size=77)} if fields == {"size": 77} else {})


def test_a_backend_that_is_asked(tmp_path: Path) -> None:
    write(tmp_path, "[x]\nthing=remote\n", "sorcery.conf")
    data = make(tmp_path)
    data.register_backend("remote", lambda cls, arguments: Remote(cls))
    assert data.load().errors == []
    assert data.get(Thing, "far") is Missing.NOT_LOADED
    thing = asyncio.run(data.retrieve(Thing, "far"))
    assert thing is not None
    assert data.get(Thing, "far") is thing
    assert asyncio.run(data.retrieve(Thing, "near")) is None
    assert [item.id for item in asyncio.run(data.retrieve_by(Thing, size=77))] == ["far"]


def test_releasing_the_owner_forgets_its_types_and_observers(tmp_path: Path) -> None:
    write(tmp_path, "[a]\ntype=thing\n")
    data = make(tmp_path)
    module = Owner("module")
    view = data.bound(module)

    class Extra(ConfiguredObject, type="extra"):
        """One of a module."""

    told: list[Change[Thing]] = []
    view.register_type(Extra)
    view.observe(Thing, told.append)
    assert Extra in data.types()
    module.release()
    assert Extra not in data.types()
    data.load()
    assert told == []


def test_a_failing_observer_harms_nobody(tmp_path: Path) -> None:
    write(tmp_path, "[a]\ntype=thing\n")
    data = make(tmp_path)
    told: list[str] = []
    data.observe(Thing, lambda change: 1 // 0)  # type: ignore[arg-type]
    undo = data.observe(Thing, lambda change: told.append(change.item.id))
    data.load()
    assert told == ["a"]
    undo()


def test_unknown_attributes_are_refused() -> None:
    with pytest.raises(TypeError, match="no option"):
        Thing("a", sise=1)


def test_a_value_the_store_does_not_take_fails_its_own_request_as_a_whole(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite3", log=LOG, call_soon=[].append)  # type: ignore[arg-type]
    data = make(tmp_path, store)
    data.load()
    data.create_now(Note("old", owner="a"))
    assert store.commit()
    data.create_now(Note("another", count=1))
    with pytest.raises(DataError, match="count is too large a number"):
        data.change_now([Note("n1"), Note("n2", count=1 << 63)], data.find(Note, "owner", "a"))
    with pytest.raises(DataError, match="too large"):
        data.put_now(Note("n3", count=-(1 << 63) - 1))
    assert store.commit()
    assert {note.id for note in data.all(Note)} == {"old", "another"}
    data.change_now([Note("n1", count=(1 << 63) - 1)], data.find(Note, "owner", "a"))
    assert store.commit()
    assert {note.id for note in data.all(Note)} == {"n1", "another"}


def test_no_more_changes_wait_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterism.data.data.MAX_STAGED", 3)
    store = Store(tmp_path / "s.sqlite3", log=LOG, call_soon=[].append)  # type: ignore[arg-type]
    data = make(tmp_path, store)
    data.load()
    data.change_now([Note("a"), Note("b")])
    data.change_now([Note("c")])
    with pytest.raises(DataError, match="3 changes of note objects wait"):
        data.change_now([Note("d")])
    # What makes room for others is always taken.
    data.delete_now(data.get_staged(Note, "a") or Note("a"))
    assert store.commit()
    data.change_now([Note("d")])
    assert store.commit()
    assert {note.id for note in data.all(Note)} == {"b", "c", "d"}


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    odd = b"caf\xe9 \x00".decode("utf-8", "surrogateescape")
    store = Store(path, log=LOG, call_soon=[].append)  # type: ignore[arg-type]
    data = make(tmp_path, store)
    data.load()
    data.create_now(Note(odd, text=odd, owner="\u00e9"))
    assert store.commit()
    store.close()
    store = Store(path, log=LOG)
    data = make(tmp_path, store)
    assert data.load().errors == []
    note = data.get(Note, odd)
    assert isinstance(note, Note)
    assert (note.text, note.owner) == (odd, "\u00e9")
    store.close()
