from __future__ import annotations

from pathlib import Path

from asterism.core.errors import ConfigError
from asterism.data.backends import Backend, ConfigBackend, Files, MemoryBackend
from asterism.data.cache_options import CacheOptions
from asterism.data.kinds import TEXT
from asterism.data.options import ConfiguredObject, option
from asterism.data.sources import Sources


class Card(ConfiguredObject, type="card"):
    """What an office knows of a caller."""

    owner = option(TEXT, "", "Who it is.")


class Extra(Backend):
    name = "extra"


def sources(folder: Path, sorcery: str = "") -> Sources:
    (folder / "sorcery.conf").write_text(f"[cards]\n{sorcery}")
    found = Sources(Files(folder), None)
    found.factories["extra"] = lambda cls, arguments: Extra(cls)
    return found


def kinds(found: Sources, errors: list[ConfigError]) -> list[type[Backend]]:
    return [type(backend) for backend in found.backends(Card, errors)]


def test_a_type_comes_from_its_file_unless_sorcery_conf_says_otherwise(tmp_path: Path) -> None:
    errors: list[ConfigError] = []
    assert kinds(sources(tmp_path), errors) == [ConfigBackend]
    assert kinds(sources(tmp_path, "card = astdb\nCARD = extra,x\n"), errors) == [MemoryBackend, Extra]
    assert not errors


def test_what_a_module_adds_is_asked_last_whatever_sorcery_conf_says(tmp_path: Path) -> None:
    for sorcery, others in (("", [ConfigBackend]), ("card = memory\n", [MemoryBackend])):
        found = sources(tmp_path, sorcery)
        found.added[Card] = ["extra"]
        assert kinds(found, []) == [*others, Extra]


def test_a_line_that_names_no_backend_is_told_with_its_place_and_the_others_count(tmp_path: Path) -> None:
    errors: list[ConfigError] = []
    assert kinds(sources(tmp_path, "card = nowhere,x\ncard = extra\n"), errors) == [Extra]
    assert [(error.option, error.position and error.position.line) for error in errors] == [("card", 2)]
    assert "there is no backend 'nowhere'" in str(errors[0])


def test_a_wrong_cache_is_told_and_the_usual_one_taken(tmp_path: Path) -> None:
    errors: list[ConfigError] = []
    found = sources(tmp_path, "card/cache = memory_cache,maximum_objects=7\n")
    assert found.cache_options(Card, errors).maximum_objects == 7
    assert not errors
    found = sources(tmp_path, "card/cache = shelf\n")
    assert found.cache_options(Card, errors) == CacheOptions()
    assert ["'shelf' is no cache" in str(error) for error in errors] == [True]
