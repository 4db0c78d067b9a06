"""Which zone a channel has, and zones that are changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.core.errors import UsageError
from asterism.pbx.channels.indications.settings import IndicationSettings
from asterism.pbx.channels.indications.table import ToneZones


def channel(zone: str) -> Any:
    return SimpleNamespace(tone_zone=zone)


def test_the_zone_of_a_channel() -> None:
    zones = ToneZones()
    assert zones.of(channel("")).name == "us"
    assert zones.of(channel("DE")).name == "de"
    assert zones.of(channel("atlantis")).name == "us"
    zones.settings = IndicationSettings("uk", zones.settings.zones)
    assert zones.of(channel("")).name == "uk"


def test_a_tone_is_added_and_removed() -> None:
    zones = ToneZones()
    zones.add("de", "Doorbell", "700/300,600/300,0/2000")
    assert zones.of(channel("de")).tones["doorbell"] == "700/300,600/300,0/2000"
    zones.add("moon", "dial", "440")
    assert zones.of(channel("moon")).tones == {"dial": "440"}
    with pytest.raises(UsageError, match="not a tone"):
        zones.add("de", "dial", "loud")
    assert zones.remove("de", "doorbell")
    assert not zones.remove("de", "doorbell")
    assert not zones.remove("mars")
    assert zones.remove("moon")
    assert zones.get("moon") is None
    with pytest.raises(UsageError, match="country of the server"):
        zones.remove("us")
    assert ToneZones().get("de") == zones.get("de")
