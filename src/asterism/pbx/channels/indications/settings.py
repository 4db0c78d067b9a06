"""``indications.conf``: the country of the server, and zones that replace the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.core.errors import ConfigError, UsageError
from asterism.media.tones import parse_tone
from asterism.media.zones import DEFAULT, ZONES, Zone

if TYPE_CHECKING:
    from asterism.config import ConfigFile, Section

FILE = "indications.conf"
MAX_ZONES = 500
MAX_TONES = 100
"""Tones of one zone."""
_MAX_CADENCE = 100
_NO_NAMES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class IndicationSettings:
    """The whole file."""

    country: str = DEFAULT
    zones: Mapping[str, Zone] = field(default_factory=lambda: ZONES)
    """All zones, the built-in ones among them, by their names."""


def read_settings(file: ConfigFile) -> tuple[IndicationSettings, list[ConfigError]]:
    """The zones of ``indications.conf`` over the built-in ones, and what is wrong: a wrong tone is left out."""
    zones = dict(ZONES)
    problems: list[ConfigError] = []
    country, named = DEFAULT, None
    for section in file:
        if section.name.lower() == "general":
            found = section.find("country")
            if found is not None:
                country, named = found.value.strip().lower(), found
            problems += [
                option.error(f"[general] has no option '{option.name}'", "country")
                for option in section.options
                if option.name.lower() != "country"
            ]
        elif len(zones) >= MAX_ZONES:
            problems.append(ConfigError(f"more than {MAX_ZONES} zones", section.position, section.name))
        else:
            name = section.name.lower()
            zones[name] = _zone(name, section, problems)
    if country not in zones:
        assert named is not None
        problems.append(named.error(f"there is no zone '{country}'", ", ".join(sorted(zones))))
        country = DEFAULT
    return IndicationSettings(country, MappingProxyType(zones)), problems


def _zone(name: str, section: Section, problems: list[ConfigError]) -> Zone:
    description = ""
    cadence: tuple[int, ...] = ()
    tones: dict[str, str] = {}
    for option in section.options:
        key, value = option.name.lower(), option.value.strip()
        if key == "description":
            description = value
        elif key == "ringcadence":
            numbers = [word.strip() for word in value.split(",")]
            if all(one.isascii() and one.isdigit() and len(one) < 7 for one in numbers) and len(numbers) < _MAX_CADENCE:
                cadence = tuple(int(one) for one in numbers)
            else:
                problems.append(option.error(f"'{value}' is no ring", "milliseconds on, off, on, off, ..."))
        elif len(tones) >= MAX_TONES:
            problems.append(option.error(f"more than {MAX_TONES} tones in zone '{name}'", ""))
        else:
            try:
                parse_tone(value, _NO_NAMES)
            except UsageError as error:
                problems.append(option.error(str(error), "freq[+freq][*freq]/milliseconds, joined by commas"))
            else:
                tones[key] = value
    return Zone(name, description, MappingProxyType(tones), cadence)
