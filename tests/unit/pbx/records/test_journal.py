"""The journal: what is read is what was written, whatever a crash or a full disk left in its files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records_kit import call

from asterism.pbx.records import journal as module
from asterism.pbx.records.encoding import MAX_LINE, decode, encode
from asterism.pbx.records.journal import Journal, read_lines
from asterism.pbx.records.record import CallRecord


def sequences(journal: Journal, place: int = 0, most: int = 1 << 20) -> list[int]:
    """The sequence numbers of the records that can be read, as a writer reads them."""
    found: list[int] = []
    while place < journal.end:
        read = read_lines(list(journal.pieces), place, journal.end, most, MAX_LINE)
        assert read.end > place
        place = read.end
        records = [decode(CallRecord, line) for line in read.lines]
        found += [record.sequence for record in records if record is not None]
    return found


def written(folder: Path, numbers: range) -> Journal:
    journal = Journal(folder, "calls")
    for number in numbers:
        assert journal.append(encode(call(sequence=number)))
    return journal


def test_pieces_are_read_in_order_and_deleted_when_done_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 2000)
    journal = written(tmp_path, range(30))
    assert len(journal.pieces) > 3
    assert sequences(journal) == list(range(30))
    assert sequences(journal, most=1) == list(range(30))
    second = journal.pieces[1].start
    journal.release(second)
    assert len(list(tmp_path.iterdir())) == len(journal.pieces)
    assert journal.start == second
    journal.close()
    journal.release(journal.end)
    assert list(tmp_path.iterdir()) == []


def test_another_run_reads_on_and_appends_to_a_file_of_its_own(tmp_path: Path) -> None:
    first = written(tmp_path, range(3))
    first.close()
    second = written(tmp_path, range(3, 6))
    assert sequences(second) == list(range(6))
    assert len(second.pieces) == 2


def test_a_full_journal_keeps_the_oldest(tmp_path: Path) -> None:
    line = encode(call())
    journal = Journal(tmp_path, "calls", limit=3 * len(line))
    assert [journal.append(line) for _ in range(4)] == [True, True, True, False]
    journal.close()
    journal.release(journal.end)
    assert journal.append(line)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = written(tmp_path, range(2))
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
    with pytest.raises(OSError, match="No space left"):
        journal.append(encode(call(sequence=2)))
    assert journal.remember(encode(call(sequence=2)))
    with pytest.raises(OSError, match="No space left"):
        journal.append(encode(call(sequence=3)))
    monkeypatch.undo()
    assert journal.append(encode(call(sequence=3)))
    assert sequences(journal) == [0, 1, 2, 3]
    assert journal.in_memory == 0
    journal.close()
    assert sequences(Journal(tmp_path, "calls")) == [0, 1, 2, 3]


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = encode(call())
    monkeypatch.setattr(module, "MEMORY_LIMIT", 2 * len(line))
    journal = Journal(tmp_path, "calls")
    assert [journal.remember(line) for _ in range(3)] == [True, True, False]
    assert list(tmp_path.iterdir()) == []
    journal.release(journal.end)
    assert journal.in_memory == 0
    assert journal.remember(line)


def test_a_file_that_vanishes_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 1)
    journal = written(tmp_path, range(3))
    path = journal.pieces[1].path
    assert path is not None
    path.unlink()
    assert sequences(journal) == [0, 2]


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, 3000), tail=st.binary(max_size=700), most=st.sampled_from([1, 500, 4096]))
def test_what_a_crash_leaves_at_the_end_costs_nothing_else(tmp_path_factory, cut: int, tail: bytes, most: int) -> None:
    folder = tmp_path_factory.mktemp("journal")
    lines = [encode(call(sequence=number)) for number in range(5)]
    whole = b"".join(lines)
    (folder / f"calls.{0:020}.journal").write_bytes(whole[:cut] + tail)
    journal = written(folder, range(5, 7))
    complete = sum(cut >= sum(map(len, lines[: number + 1])) for number in range(5))
    found = sequences(journal, most=most)
    assert found[-2:] == [5, 6]
    # A tail may complete the line that was cut, but makes no other record.
    assert found[:-2] in (list(range(complete)), list(range(complete + 1)))


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 2000), damage=st.binary(min_size=1, max_size=300))
def test_damage_costs_the_records_that_it_is_in(tmp_path_factory, place: int, damage: bytes) -> None:
    folder = tmp_path_factory.mktemp("journal")
    lines = [encode(call(sequence=number)) for number in range(8)]
    whole = bytearray(b"".join(lines))
    whole[place : place + len(damage)] = damage
    (folder / f"calls.{0:020}.journal").write_bytes(whole)
    starts = [sum(map(len, lines[:number])) for number in range(9)]
    untouched = [n for n in range(8) if starts[n + 1] <= place or starts[n] > place + len(damage)]
    found = sequences(Journal(folder, "calls"))
    assert found == sorted(found)
    assert set(untouched) <= set(found)


def test_a_piece_that_is_written_to_a_file_while_it_is_read_is_read_all_the_same(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "calls")
    line = encode(call(sequence=1))
    assert journal.remember(line)
    piece = journal.pieces[0]

    class Turning(module.Piece):
        """Is written to a file as soon as its text was looked at."""

        asked = False

        def __getattribute__(self, name: str) -> object:
            value = super().__getattribute__(name)
            if name == "text" and not Turning.asked:
                Turning.asked = True
                journal.write_remembered()
                self.text = None
            return value

    turning = Turning(piece.start, piece.size, tmp_path / "none", bytearray(line))
    assert turning.read(0, len(line)) == line
