"""No option is silently ignored: each has an effect that a test shows, or a reason why it has none."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from tests import option_effects

import asterism
from asterism.core.registry import Owner
from asterism.data import ConfiguredObject, Data, OptionSpec
from asterism.server.discovery import configured_types
from asterism.sip.objects import register_types

SOURCES = Path(asterism.__file__).parent
# What only stores, lists or checks options gives them no effect.
PASSIVE = ("sip/objects", "data", "command", "sip/cli", "chan_sip")
ALIASES = {
    "authenticate_qualify",  # only copied from AOR to contact
}

USERS = {
    "system": "system|settings|config",
    "global": "settings|config",
    "transport": "item|config|transport",
    "endpoint": "endpoint|found|winner|self.endpoint",
    "aor": "aor",
    "auth": "auth",
    "wizard": "wizard",
    "identify": "item|identify",
}


@pytest.fixture(scope="module")
def code() -> str:
    texts = []
    for path in SOURCES.rglob("*.py"):
        relative = path.relative_to(SOURCES).as_posix()
        # The wizard's file holds what its options do: the making of the other objects.
        if not relative.startswith(PASSIVE) or relative == "sip/objects/wizard.py":
            texts.append(path.read_text())
    return "\n".join(texts)


CASES = [
    pytest.param(cls, spec, id=f"{cls.TYPE}-{spec.name}")
    for cls in configured_types()
    if not cls.RUNTIME
    for spec in cls.OPTIONS
]


@pytest.mark.parametrize(("cls", "spec"), CASES)
def test_each_option_has_an_effect_or_a_reason(cls: type[ConfiguredObject], spec: OptionSpec, code: str) -> None:
    if spec.no_effect and spec.name not in ALIASES:
        # If this fails, the option does something now: take it out of WITHOUT_EFFECT.
        users = USERS.get(cls.TYPE, cls.TYPE)
        assert not re.search(rf"\b(?:{users})\.{spec.attribute}\b", code), f"{spec.name} is used"


EFFECTS = option_effects.read()
MOST_WITHOUT = 9
"""Options whose effect no test is known to show. Make it smaller as they get one, and never larger."""
READERS = {"test_objects_effect.py", "test_objects_options.py", "test_help_commands.py", "test_realtime.py"}
READ_BY_VALIDATE = {"auth_type", "threadpool_max_size"}


@pytest.fixture(scope="module")
def tests() -> str:
    paths = [path for path in (option_effects.ROOT / "tests").rglob("*.py") if path.name not in READERS]
    # The names of options often stand behind the \\n of a text.
    return "\n".join(path.read_text().replace("\\n", "\n") for path in paths)


@pytest.mark.parametrize("name", option_effects.options())
def test_the_effect_of_each_option_is_shown_by_a_test(name: str, code: str, tests: str) -> None:
    """The table says which test fails when the server ignores the option; ``make effects`` finds and verifies them."""
    test = EFFECTS.get(name, "-")
    if test == "-":
        # Not known yet: it must be read somewhere, and set by some test.
        spec = option_effects.options()[name][1]
        assert spec.name in READ_BY_VALIDATE or re.search(rf"\.{spec.into}\b|[\"']{spec.into}[\"']", code), name
        assert re.search(rf"(?<![\w.]){spec.name}\b", tests), f"no test sets {name}"
        return
    path, _, function = test.partition("::")
    text = (option_effects.ROOT / path).read_text()
    # Some tests are made by a function: test_x = made(...).
    assert re.search(rf"^(?:async def|def )?\s*{function}(?:\(| = )", text, re.M), f"{test} is gone: run make effects"


def test_ever_fewer_options_are_without_a_test() -> None:
    without = [name for name in option_effects.options() if EFFECTS.get(name, "-") == "-"]
    assert len(without) <= MOST_WITHOUT, f"make effects finds a test for those that have one: {without}"
    assert EFFECTS.keys() <= option_effects.options().keys()


SAMPLE = [
    pytest.param(name, marks=[pytest.mark.long] if number % 5 else [])
    for number, name in enumerate([name for name, test in EFFECTS.items() if test.startswith("tests/unit/")][::20])
]


@pytest.mark.parametrize("name", SAMPLE)
def test_the_table_is_true(name: str) -> None:
    """A sample, for all take long: with the option ignored the test fails, and without it passes."""
    assert option_effects.passes(EFFECTS[name])
    assert not option_effects.passes(EFFECTS[name], ignored=name)


def test_who_sets_one_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[t](!)\ntype=endpoint\nsend_aoc=yes\n[a](t)\nt38_udptl=no\n[b](t)\nsend_aoc=no\n[c]\ntype=aor\nauthenticate_qualify=yes\n"
    )
    data = Data(Owner("test"), logging.getLogger("test.effect"), tmp_path)
    register_types(data)
    data.load()
    data.reload()
    lines = [record.getMessage() for record in caplog.records if "option" in record.getMessage().partition("'")[0]]
    assert len(lines) == 2
    assert any(
        line.endswith("endpoint option 'send_aoc' is accepted and has no effect: there is no advice of charge")
        and "pjsip.conf:3" in line
        for line in lines
    )
