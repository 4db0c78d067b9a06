"""Which space a call gets, and what is said of spaces."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from asterism.pbx.calls.parking.lots import Lot
from asterism.pbx.calls.parking.settings import LotSettings
from asterism.pbx.vocabulary.device_state import DeviceState


def lot(findslot: str = "first", *taken: int) -> Lot:
    made = Lot(LotSettings("a", parkpos=(701, 704), findslot=findslot))
    call: Any = SimpleNamespace()
    made.calls.update(dict.fromkeys(taken, call))
    return made


def test_the_first_free_space() -> None:
    assert lot().find_free() == 701
    assert lot("first", 701, 703).find_free() == 702
    assert lot("first", 701, 702, 703, 704).find_free() is None


def test_the_next_free_space_after_the_one_taken_last() -> None:
    found = lot("next", 703)
    for last, expected in ((0, 701), (701, 702), (702, 704), (704, 701), (999, 701)):
        found.last = last
        assert found.find_free() == expected


def test_any_free_space() -> None:
    assert {lot().find_free(scattered=True) for _ in range(200)} == {701, 702, 703, 704}
    assert {lot("first", 701, 704).find_free(scattered=True) for _ in range(100)} == {702, 703}
    assert lot("first", 701, 702, 703, 704).find_free(scattered=True) is None


def test_spaces_as_devices() -> None:
    found = lot("first", 702, 900)
    assert found.device(702) == "park:702@parkedcalls"
    assert (found.state(702), found.state(701)) == (DeviceState.INUSE, DeviceState.NOT_INUSE)
    assert found.spaces == [701, 702, 703, 704, 900]  # one is there since the lot had more spaces
    assert found.has_space(900)
    assert not found.has_space(705)
    found.enabled = False
    assert found.spaces == [702, 900]
