"""Names of files, and MixMonitor's options."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.core.restriction import DANGEROUS_APPLICATIONS, restricted
from asterism.media.recording.mixdown import Output, Source
from asterism.pbx.calls.recording.settings import RecordingError, file_path, parse_mixmonitor
from asterism.pbx.dialplan.language.foreign import foreign, joined

FOLDER = Path("/spool/monitor")
NO_NAMES = [".", "./.", "/.", "//.", "/", "..", "a/..", "/tmp/.."]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("one.wav", "/spool/monitor/one.wav"),
        ("a/b/one.wav", "/spool/monitor/a/b/one.wav"),
        ("/tmp/one.wav", "/tmp/one.wav"),
        ("/tmp/../etc/one.wav", "/tmp/../etc/one.wav"),  # absolute ones are the administrator's
        ("one", "/spool/monitor/one.raw"),
        ("one.wav49", "/spool/monitor/one.WAV"),
        (" one.wav ", "/spool/monitor/one.wav"),
        ("..one.wav", "/spool/monitor/..one.wav"),
        ("./one.wav", "/spool/monitor/one.wav"),
    ],
)
def test_names(name: str, path: str) -> None:
    assert file_path(name, FOLDER) == Path(path)


@pytest.mark.parametrize(
    "name", ["", " ", "../one.wav", "a/../../one.wav", "a/../one.wav", "one\0.wav", "folder/", *NO_NAMES]
)
def test_names_that_lead_out_or_are_none(name: str) -> None:
    with pytest.raises(RecordingError):
        file_path(name, FOLDER)


def test_the_text_of_a_caller_chooses_no_folder() -> None:
    assert file_path(joined(["calls/", foreign("Ann B."), ".wav"]), FOLDER) == FOLDER / "calls/Ann B..wav"
    assert file_path(joined(["/tmp/", foreign("a-b"), ".wav"]), FOLDER) == Path("/tmp/a-b.wav")
    for parts in ((foreign("/etc/x"), ".wav"), ("/tmp/", foreign("../x"), ".wav"), (foreign("../x"), ".wav")):
        with pytest.raises(RecordingError):
            file_path(joined(parts), FOLDER)


def test_all_options() -> None:
    settings, problems = parse_mixmonitor(
        "one.wav", "abB(7)cdi(ID)npPr(in.wav)s(2.5)St(out.wav)V(2)v(-4)", " echo ", FOLDER
    )
    assert problems == []
    assert settings.outputs == (
        Output(FOLDER / "one.wav", Source.MIXED, True),
        Output(FOLDER / "in.wav", Source.RECEIVED, True, sparse=True),
        Output(FOLDER / "out.wav", Source.SENT, True, sparse=True),
    )
    assert settings.bridged_only
    assert settings.delete
    assert settings.beep_at_start
    assert settings.beep_at_end
    assert (settings.beep, settings.skip) == (7.0, 2.5)
    assert (settings.gain_received, settings.gain_sent) == (2.0, -1 / -4)
    assert (settings.variable, settings.command) == ("ID", "echo")


def test_defaults_stereo_and_both_gains() -> None:
    settings, _ = parse_mixmonitor("one.raw", "", "", FOLDER)
    assert settings.outputs == (Output(FOLDER / "one.raw"),)
    assert not any((settings.bridged_only, settings.delete, settings.beep, settings.skip, settings.command))
    assert settings.gain_received == settings.gain_sent == 1.0
    settings, problems = parse_mixmonitor("one.raw", "DBW(9)", "", FOLDER)
    assert settings.outputs[0].source is Source.STEREO
    assert settings.beep == 15.0
    assert settings.gain_received == settings.gain_sent == 4.0
    assert problems == []


def test_only_the_directions_apart() -> None:
    settings, _ = parse_mixmonitor("", "r(in.wav)", "", FOLDER)
    assert settings.outputs == (Output(FOLDER / "in.wav", Source.RECEIVED),)
    assert settings.path(Source.MIXED, Source.STEREO) is None
    with pytest.raises(RecordingError):
        parse_mixmonitor("", "ab", "", FOLDER)


def test_what_is_warned_of() -> None:
    settings, problems = parse_mixmonitor("one.wav", "Zr()B(x)v(loud)s(no)m(1000@default)", "", FOLDER)
    assert len(problems) == 6
    assert any("1000@default" in problem for problem in problems)
    assert settings.beep == 15.0
    assert len(settings.outputs) == 1


def test_the_text_of_a_caller_is_no_option() -> None:
    settings, _ = parse_mixmonitor("one.wav", joined(["b", foreign("(d)")]), "", FOLDER)
    assert settings.bridged_only
    assert not settings.delete


def test_a_manager_client_without_the_class_system_writes_below_the_folder_only() -> None:
    with restricted(DANGEROUS_APPLICATIONS):
        assert file_path("a/one.wav", FOLDER) == FOLDER / "a/one.wav"
        assert file_path(f"{FOLDER}/one.wav", FOLDER) == FOLDER / "one.wav"
        for name in ("/tmp/one.wav", f"{FOLDER}/../one.wav"):
            with pytest.raises(RecordingError, match="class system"):
                file_path(name, FOLDER)


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_of_a_folder_from_outside_is_refused_as_any_other(name: str) -> None:
    for text in (name, foreign(name)):
        with pytest.raises(RecordingError):
            parse_mixmonitor(text, "", "", FOLDER)
