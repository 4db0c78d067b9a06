"""The prompts that are shipped: the list and the files are one, speech is speech, and what is said has its prompts."""

from __future__ import annotations

import ast
import datetime
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asterism.media.formats import SLIN
from asterism.media.g711 import ulaw_to_linear
from asterism.media.soundfiles import Sounds
from asterism.pbx.calls.features.settings import OPTIONS
from asterism.pbx.calls.parking.announcing import FAILED, NOBODY_THERE
from asterism.pbx.channels.saying.dates import moment_names
from asterism.pbx.channels.saying.languages import rules_of
from asterism.pbx.channels.saying.rules import MOST
from asterism.pbx.channels.saying.spelling import CASES, digits, letters, phonetic

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy with other tests."""

FOLDER = Path(__file__).resolve().parents[3] / "src/asterism/media/sounds/en"
LIST = {
    name: text.partition(" | ")[0]
    for name, _, text in (
        line.partition(": ") for line in (FOLDER / "prompts.txt").read_text().splitlines() if line[:1] not in ("", "#")
    )
}
SPEECH = sorted(name for name, text in LIST.items() if not text.startswith("("))
ENGLISH = rules_of("en")
NO_PROMPTS = frozenset({"letters/ascii", "priv-callerintros"})
"""What looks like a prompt in the source and is none."""
MOMENTS = st.integers(-62_000_000_000, 253_000_000_000).map(
    lambda seconds: datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
)


def samples(name: str) -> np.ndarray:
    """A shipped file as linear samples."""
    return np.frombuffer(ulaw_to_linear((FOLDER / f"{name}.ulaw").read_bytes()), "<i2").astype(float)


def shipped(names: list[str]) -> None:
    """Fail for names without a file."""
    assert [name for name in names if name not in LIST] == []


def test_the_list_and_the_files_are_one() -> None:
    files = {str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.ulaw")}
    assert files == set(LIST)


def test_the_set_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.ulaw")) < 3.25 * 1024 * 1024


def test_no_two_texts_share_a_file() -> None:
    texts: dict[bytes, set[str]] = {}
    for name in SPEECH:
        sound = hashlib.sha256((FOLDER / f"{name}.ulaw").read_bytes()).digest()
        texts.setdefault(sound, set()).add(re.sub(r"[^a-z0-9]", "", LIST[name].lower().replace("oh", "o")))
    assert [said for said in texts.values() if len(said) > 1] == []


@pytest.mark.parametrize("name", SPEECH)
def test_speech_is_no_tone_and_as_loud_as_the_others(name: str) -> None:
    said = samples(name)
    spectrum = np.abs(np.fft.rfft(said)) ** 2
    width = max(1, round(40 * len(said) / 8000))  # of 40 Hz
    strongest = np.convolve(spectrum, np.ones(width), "same").max() / spectrum.sum()
    assert strongest < 0.85, f"one frequency has {strongest:.0%} of the energy"
    pieces = said[: len(said) // 80 * 80].reshape(-1, 80)
    level = np.sqrt((pieces**2).mean(axis=1))
    loud = np.sqrt((level[level > level.max() / 8] ** 2).mean())
    assert 1800 < loud < 3600
    assert level[-1] < loud / 10, "it is cut off"
    seconds = len(said) / 8000
    assert 0.1 < seconds < 1.2 + 0.12 * len(LIST[name])
    assert (level < loud / 30).mean() < 0.5, "it is mostly silence"


@PATIENT
@given(st.integers(-MOST, MOST), st.sampled_from(["", "m", "f", "n", "c"]))
def test_every_number_has_its_prompts(number: int, gender: str) -> None:
    shipped(ENGLISH.number(number, gender))
    shipped(ENGLISH.ordinal(number, gender))


def test_each_number_to_ten_thousand_has_its_prompts() -> None:
    for number in range(10_000):
        shipped(ENGLISH.number(number))
        shipped(ENGLISH.ordinal(number))


@PATIENT
@given(st.integers(0, MOST), st.integers(0, 99), st.booleans())
def test_every_amount_has_its_prompts(whole: int, cents: int, negative: bool) -> None:
    shipped(ENGLISH.money(whole, cents, negative))


@PATIENT
@given(st.text(), st.sampled_from(CASES))
def test_every_text_has_its_prompts(text: str, case: str) -> None:
    shipped([*digits(text), *letters(text, case), *phonetic(text)])


def test_every_character_has_its_prompt() -> None:
    text = "".join(map(chr, range(32, 127)))
    shipped([*digits(text), *letters(text, "a"), *phonetic(text)])
    assert len(list(letters(text))) == len(text)


@PATIENT
@given(MOMENTS)
def test_every_moment_has_its_prompts(moment: datetime.datetime) -> None:
    now = datetime.datetime(2024, 2, 29, 12)
    shipped(moment_names(ENGLISH, moment, now))
    shipped(moment_names(ENGLISH, moment, now, "AaBbhmdeYIlHkMNPpSRTQq"))


@pytest.mark.parametrize("days", range(-8, 9))
def test_every_day_around_now_has_its_prompts(days: int) -> None:
    now = datetime.datetime(2024, 2, 29, 12)
    shipped(moment_names(ENGLISH, now + datetime.timedelta(days=days), now, "Q q"))


def test_what_settings_play_by_default_is_there() -> None:
    shipped(
        [FAILED, NOBODY_THERE, *(spec.default for spec in OPTIONS.values() if spec.kind == "sound" and spec.default)]
    )


def test_another_language_without_prompts_has_the_english_ones() -> None:
    sounds = Sounds()
    assert sounds.find("digits/7", "de") == FOLDER / "digits/7.ulaw"
    assert sounds.load("digits/7", "de", SLIN).seconds == pytest.approx(len(samples("digits/7")) / 8000)


def test_what_the_source_plays_by_name_is_there() -> None:
    kinds = "agent|auth|conf|confbridge|pbx|priv|privacy|queue|screen|vm"
    named = re.compile(rf"(?:{kinds})-[a-z-]+|letters/[a-z_]+|beep(?:err)?")
    files = sorted((FOLDER.parents[2] / "pbx").rglob("*.py"))
    found = {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and named.fullmatch(node.value)
    }
    assert {"vm-youhave", "beep", "priv-callpending", "pbx-transfer"} <= found
    shipped(sorted(found - NO_PROMPTS))
