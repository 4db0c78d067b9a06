"""Texts as prompts: the kinds of SAYFILES, the prefixes of Playback's ``say``, times."""

from __future__ import annotations

import time
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from say_kit import RECORD, heard_until_absent, recorded, recorded_files

from asterism.pbx.channels.saying.kinds import (
    KINDS,
    MOST_CHARACTERS,
    amount,
    is_text,
    names_of,
    time_names,
    whole_number,
)

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy with other tests."""


@pytest.mark.parametrize(("args", "names"), recorded("SayNumber"))
def test_numbers_are_those_of_the_record(args: str, names: list[str]) -> None:
    text = args.partition(",")[0]
    if names:
        assert KINDS["number"](text, "en") == names
    else:
        with pytest.raises(ValueError, match="could not be parsed as a number"):
            KINDS["number"](text, "en")


@pytest.mark.parametrize(("text", "names"), recorded("SayMoney"))
def test_money_is_that_of_the_record_up_to_what_the_recorded_server_lacked(text: str, names: list[str]) -> None:
    assert heard_until_absent(list(KINDS["money"](text, "en"))) == names


@pytest.mark.parametrize(("args", "names"), [*recorded("SayUnixTime"), *recorded("DateTime")])
def test_times_are_those_of_the_record(args: str, names: list[str]) -> None:
    told: list[str] = []
    epoch, zone, form = [*args.split(",", 2), ""][:3]
    found = time_names(epoch, zone, form, "en", lambda letter, place: told.append(f"{letter}: {form} at pos {place}"))
    assert found == names
    assert all(f"Unknown character in datetime format {text}" in RECORD for text in told)
    assert bool(told) == (not names)


@pytest.mark.parametrize(("args", "joined"), recorded_files())
def test_files_are_those_of_the_record(args: str, joined: str) -> None:
    text, _, kind = args.partition(",")
    if not joined:
        if kind in KINDS:
            with pytest.raises(ValueError, match="number"):
                KINDS[kind](text, "en")
        return
    assert "&".join(KINDS[kind or "alpha"](text, "en")) == joined


def test_a_million_digits_cost_nothing() -> None:
    text = "9" * 1_000_000
    before = time.perf_counter()
    with pytest.raises(ValueError, match="1000000 digits, more than 12"):
        KINDS["number"](text, "en")
    assert KINDS["number"]("0" * 1_000_000 + "7", "en") == ["digits/7"]
    with pytest.raises(ValueError, match="digits"):
        KINDS["money"](text, "en")
    assert len(list(KINDS["digits"](text, "en"))) == MOST_CHARACTERS
    assert len(list(islice(KINDS["alpha"](text, "en"), MOST_CHARACTERS + 1))) == MOST_CHARACTERS
    assert time.perf_counter() - before < 1


@PATIENT
@given(st.text())
def test_whatever_is_no_number_is_a_clause_for_the_log(text: str) -> None:
    for kind in KINDS.values():
        try:
            names = list(kind(text, "en"))
        except ValueError as error:
            names = [str(error)]
        assert all(name.isprintable() and name for name in names)


@pytest.mark.parametrize(
    ("text", "found"),
    [("12.34", (12, 34, False)), ("$1,234.5", (1234, 50, False)), ("-.999", (0, 99, True)), ("7", (7, 0, False)),
     ("0.", (0, 0, False))],
)  # fmt: skip
def test_amounts(text: str, found: tuple[int, int, bool]) -> None:
    assert amount(text) == found


@pytest.mark.parametrize("text", ["", ".", "abc", "$"])
def test_no_amounts(text: str) -> None:
    with pytest.raises(ValueError, match="parsed as an amount"):
        amount(text)


@pytest.mark.parametrize(("text", "number"), [("7", 7), (" -12 ", -12), ("+3", 3), ("-0", 0), ("000", 0)])
def test_whole_numbers(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "1.5", "abc", "1e3", "٣", "0x10", "1_000", "--1"])
def test_no_whole_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="could not be parsed as a number"):
        whole_number(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("num:21", "digits/20 digits/1"), ("enum:21", "digits/20 digits/h-1"), ("char:a1", "letters/a digits/1"),
        ("digit:*2", "digits/star digits/2"), ("phonetic:z", "phonetic/z_p"), ("money:2", "digits/2 dollars"),
        ("date:Y:1700000000", "digits/2 digits/thousand digits/20 digits/3"),
        ("datetime:'at:x' Y:1700000000", "at:x digits/2 digits/thousand digits/20 digits/3"),
    ],
)  # fmt: skip
def test_prefixes(text: str, names: str) -> None:
    assert list(names_of(text)) == names.split()


def test_times_without_a_format_have_that_of_their_prefix() -> None:
    moment = 1_700_000_000
    assert list(names_of(f"date:{moment}", "de")) == time_names(str(moment), "", "dBY", "de")
    assert list(names_of(f"time:{moment}")) == time_names(str(moment), "", "HM")
    assert list(names_of(f"datetime:{moment}")) == time_names(str(moment))


@pytest.mark.parametrize("text", ["", "21", "nosuch:21", "num", "num:x", "datetime:Y:x", "date:"])
def test_what_means_nothing_is_refused_or_is_now(text: str) -> None:
    if text == "date:":
        assert names_of(text)
        return
    with pytest.raises(ValueError, match=r"."):
        names_of(text)


@pytest.mark.parametrize(("epoch", "zone"), [("1e30", ""), ("nan", ""), ("x", ""), ("0", "No/Where"), ("0", "../x")])
def test_what_is_no_time_is_refused(epoch: str, zone: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        time_names(epoch, zone)


def test_fractions_and_times_before_1970() -> None:
    assert time_names("0.9", "UTC", "S") == ["digits/0"]
    assert time_names("-1", "UTC", "Y") == ["digits/19", "digits/60", "digits/9"]


def test_what_is_a_text_to_say_and_what_a_file() -> None:
    assert all(map(is_text, ["num:1", "datetime:1", "DIGITS:", "date:Y:1"]))
    assert not any(map(is_text, ["", "num", "digits/1", "hello:1", ":1"]))
