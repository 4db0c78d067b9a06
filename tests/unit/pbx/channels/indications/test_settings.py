"""``indications.conf``: the country, zones of its own, what is wrong."""

from __future__ import annotations

from pathlib import Path

from asterism.config import ConfigFile
from asterism.media.zones import ZONES
from asterism.pbx.channels.indications.settings import IndicationSettings, read_settings

SAMPLE = Path(__file__).parents[5] / "samples" / "indications.conf"


def read(text: str) -> tuple[IndicationSettings, list[str]]:
    settings, problems = read_settings(ConfigFile.parse(text, "indications.conf"))
    return settings, [str(problem) for problem in problems]


def test_without_a_file_every_zone_is_there() -> None:
    settings, problems = read("")
    assert (settings.country, problems) == ("us", [])
    assert settings.zones == ZONES


def test_a_country_and_a_zone_of_ones_own_in_the_place_of_a_built_in_one() -> None:
    settings, problems = read(
        "[general]\ncountry = de\n[DE]\ndescription = Mine\nringcadence = 1000,4000\ndial = 425\nbusy = 425/480,0/480\n"
        "[moon]\ndescription = Moon\ndial = !M69/100,!0/100,440*25\n"
    )
    assert problems == []
    assert settings.country == "de"
    assert dict(settings.zones["de"].tones) == {"dial": "425", "busy": "425/480,0/480"}
    assert (settings.zones["de"].description, settings.zones["de"].cadence) == ("Mine", (1000, 4000))
    assert settings.zones["moon"].tones["dial"] == "!M69/100,!0/100,440*25"
    assert settings.zones["uk"] is ZONES["uk"]


def test_what_is_wrong_is_told_and_left_out() -> None:
    settings, problems = read(
        "[general]\ncountry = atlantis\nvolume = 3\n[de]\ndial = loud\nbusy = 425\nringcadence = a,b\n"
    )
    assert settings.country == "us"
    assert dict(settings.zones["de"].tones) == {"busy": "425"}
    assert [text for text in problems if "atlantis" in text]
    assert [text for text in problems if "volume" in text]
    assert [text for text in problems if "not a tone: 'loud'" in text]
    assert [text for text in problems if "'a,b' is no ring" in text]
    assert len(problems) == 4


def test_a_file_cannot_grow_without_bounds() -> None:
    text = "".join(f"[z{number}]\ndial = 425\n" for number in range(600))
    settings, problems = read(text + "[us]\n" + "".join(f"t{number} = 425\n" for number in range(150)))
    assert len(settings.zones) == 500
    assert "more than 500 zones" in problems[0]
    settings, problems = read("[us]\n" + "".join(f"t{number} = 425\n" for number in range(150)))
    assert len(settings.zones["us"].tones) == 100
    assert "more than 100 tones" in problems[0]
    assert read(f"[us]\ndial = {'425/100,' * 400}425\n")[1]


def test_the_sample_says_what_is_built_in() -> None:
    settings, problems = read_settings(ConfigFile.load(SAMPLE))
    assert problems == []
    assert settings.zones == ZONES
