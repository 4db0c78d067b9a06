"""The tones of countries."""

from __future__ import annotations

import pytest

from asterism.media.tones import parse_tone
from asterism.media.zones import ZONES

NEEDED = ("dial", "busy", "ring", "congestion", "callwaiting", "dialrecall", "record", "info", "stutter")


@pytest.mark.parametrize("name", ZONES)
def test_each_zone_has_every_tone(name: str) -> None:
    zone = ZONES[name]
    assert zone.name == name
    assert zone.description
    assert len(zone.cadence) % 2 == 0
    assert set(NEEDED) <= set(zone.tones)
    for tone in zone.tones.values():
        for part in parse_tone(tone, {}):
            assert part.frequencies == (0,) or all(15 <= one <= 2000 for one in part.frequencies)


@pytest.mark.parametrize(
    ("zone", "tone", "frequencies", "on_off"),
    [
        ("de", "busy", (425,), [480, 480]),
        ("uk", "ring", (400, 450), [400, 200, 400, 2000]),
        ("fr", "ring", (440,), [1500, 3500]),
        ("us", "busy", (480, 620), [500, 500]),
        ("it", "dial", (425,), [200, 200, 600, 1000]),
        ("jp", "busy", (400,), [500, 500]),
    ],
)
def test_tones_that_everybody_knows(zone: str, tone: str, frequencies: tuple[int, ...], on_off: list[int]) -> None:
    parts = parse_tone(ZONES[zone].tones[tone], {})
    assert parts[0].frequencies == frequencies
    assert [part.ms for part in parts] == on_off
