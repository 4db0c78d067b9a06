"""What digits mean while a channel is spied on."""

from __future__ import annotations

import pytest

from asterism.pbx.calls.spying.keys import Doing, Key, Keys, next_volume
from asterism.pbx.calls.spying.settings import parse
from asterism.pbx.calls.spying.spying import Mode


def typed(options: str, digits: str, names: bool = True) -> list[Key]:
    keys = Keys(parse(options), names=names)
    found = [keys.take(digit) for digit in digits]
    return [key for key in found if key.doing is not Doing.NOTHING]


NEXT, EXIT, VOLUME = Key(Doing.NEXT), Key(Doing.EXIT), Key(Doing.VOLUME)


@pytest.mark.parametrize(
    ("options", "digits", "meaning"),
    [
        ("", "*", [NEXT]),
        ("", "##", [VOLUME, VOLUME]),
        ("", "1234#5#", [Key(Doing.CHANNEL, digits="1234"), Key(Doing.CHANNEL, digits="5")]),
        ("", "12*#", [NEXT, VOLUME]),
        ("", "A", []),
        ("", "1" * 100 + "#", [Key(Doing.CHANNEL, digits="1" * 32)]),
        ("c(9)", "9*#", [NEXT, VOLUME]),
        ("x(1)", "1", [EXIT]),
        ("d", "4567#", [*(Key(Doing.MODE, mode=mode) for mode in (Mode.LISTEN, Mode.WHISPER, Mode.BARGE)), VOLUME]),
        ("u", "12#", [VOLUME]),
        ("X", "12#", [VOLUME]),
    ],
)
def test_what_is_typed(options: str, digits: str, meaning: list[Key]) -> None:
    assert typed(options, digits) == meaning


def test_an_extension_has_no_names_to_choose_from() -> None:
    assert typed("", "12#", names=False) == [VOLUME]


def test_the_volume_goes_around() -> None:
    seen = [0]
    for _ in range(9):
        seen.append(next_volume(seen[-1]))
    assert seen == [0, 1, 2, 3, 4, -4, -3, -2, -1, 0]
