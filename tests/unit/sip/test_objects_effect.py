"""No option is silently ignored: each has an effect somewhere in the code, or a reason why it has none."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

import asterism
from asterism.core.registry import Owner
from asterism.data import ConfiguredObject, Data, OptionSpec
from asterism.sip.objects import TYPES, Contact, Wizard, register_types

SOURCES = Path(asterism.__file__).parent
# What only stores, lists or checks options gives them no effect.
PASSIVE = ("sip/objects", "data", "command", "sip/cli")
ALIASES = {
    "auth_type",  # Auth.validate asks for what google_oauth needs; the other words are names of one kind
    "threadpool_max_size",  # SystemSettings.validate makes it taskpool_max_size
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
    for cls in (*TYPES, Wizard)
    if cls is not Contact
    for spec in cls.OPTIONS
]

TESTS = Path(__file__).parents[2]
# What only reads, lists or describes options says nothing of their effect.
READERS = {"test_objects_effect.py", "test_objects_options.py", "test_config_help.py", "test_realtime.py"}


@pytest.mark.parametrize(("cls", "spec"), CASES)
def test_each_option_has_an_effect_or_a_reason(cls: type[ConfiguredObject], spec: OptionSpec, code: str) -> None:
    if spec.name in ALIASES:
        return
    if spec.no_effect:
        # If this fails, the option does something now: take it out of WITHOUT_EFFECT.
        users = USERS.get(cls.TYPE, cls.TYPE)
        assert not re.search(rf"\b(?:{users})\.{spec.attribute}\b", code), f"{spec.name} is used"
    else:
        assert re.search(rf"\.{spec.into}\b|[\"']{spec.into}[\"']", code), f"{spec.name} is used nowhere"


@pytest.fixture(scope="module")
def tests() -> str:
    paths = [path for path in TESTS.rglob("*.py") if path.name not in READERS]
    # The names of options often stand behind the \\n of a text.
    return "\n".join(path.read_text().replace("\\n", "\n") for path in paths)


@pytest.mark.parametrize(("cls", "spec"), [one for one in CASES if not one.values[1].no_effect])
def test_each_option_that_has_an_effect_is_set_by_a_test(
    cls: type[ConfiguredObject], spec: OptionSpec, tests: str
) -> None:
    """That the effect is there is for that test to show; without one nobody would notice it missing."""
    assert re.search(rf"(?<![\w.]){spec.name}\b", tests), f"no test sets {cls.TYPE} option {spec.name}"


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
