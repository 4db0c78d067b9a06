"""The table of kinds."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from asterism.media.formats import FORMATS, G723, GSM, SLIN, ULAW
from asterism.media.soundfiles import SoundError
from asterism.media.soundfiles.table import by_extension, decodes, kind_of, kinds, linear_of, open_contents, unreadable


def test_each_extension_is_of_one_kind() -> None:
    every = [extension for kind in kinds() for extension in kind.extensions]
    assert len(every) == len(set(every)) == len(by_extension())
    assert len({kind.name for kind in kinds()}) == len(kinds())


def test_there_are_files_of_every_codec_but_of_some_that_have_none() -> None:
    held = {kind.format for kind in kinds()}
    assert {fmt.name for fmt in FORMATS.values() if fmt not in held} == {"opus", "lpc10", "g726aal2"}
    assert kind_of(Path("x.opus")).name == "ogg_opus"


def test_the_case_of_letters_matters() -> None:
    assert kind_of(Path("x.WAV")).format is GSM
    assert kind_of(Path("x.wav")).format is SLIN
    with pytest.raises(SoundError, match="unknown kind of sound file; known: WAV, al, "):
        kind_of(Path("x.Wav"))


def test_what_is_decoded() -> None:
    assert decodes(ULAW)
    assert linear_of(ULAW) is SLIN
    assert not decodes(G723)
    assert unreadable(kind_of(Path("x.g723"))) == "is not decoded: no codec"
    assert unreadable(kind_of(Path("x.wav"))) == ""


def test_errors_name_the_file() -> None:
    with pytest.raises(SoundError, match=r"/there/x\.wav: is no WAV file"):
        open_contents(Path("/there/x.wav"), io.BytesIO(b"nonsense"), print)


def test_whatever_a_reader_raises_is_an_error_of_the_file() -> None:
    class Failing(io.BytesIO):
        def read(self, *args):
            raise OSError(5, "Input/output error")

    with pytest.raises(SoundError, match=r"x\.wav: cannot be read: .*Input/output error"):
        open_contents(Path("x.wav"), Failing(), print)
