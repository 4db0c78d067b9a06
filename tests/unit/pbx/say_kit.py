"""What Asterisk's Say applications asked for: the record in ``tests/data/record/say_prompts.txt``."""

from __future__ import annotations

import re
from pathlib import Path

RECORD = (Path(__file__).resolve().parents[2] / "data/record/say_prompts.txt").read_text()
ABSENT = frozenset(re.findall(r"File (\S+) does not exist", RECORD))
"""Prompts that the recorded server had not: it said nothing after one of them."""


def recorded(application: str) -> list[tuple[str, list[str]]]:
    """The arguments of each recorded call of an application, and the prompts that were played."""
    found = re.findall(rf"^{application}\((.*)\)  =>  (.*)$", RECORD, re.MULTILINE)
    assert found, application
    return [(args, [] if names == "(nothing)" else names.split()) for args, names in found]


def recorded_files() -> list[tuple[str, str]]:
    """The arguments of each recorded ``SAYFILES`` and what it gave."""
    found = re.findall(r"^\$\{SAYFILES\((.*)\)\}  =>  (.*)$", RECORD, re.MULTILINE)
    assert found
    return found


def heard_until_absent(names: list[str]) -> list[str]:
    """Of the prompts that are asked for, those that the recorded server played."""
    absent = next((place for place, name in enumerate(names) if name in ABSENT), len(names))
    return names[:absent]
