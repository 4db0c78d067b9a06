"""``core show file formats``."""

from __future__ import annotations

import sys

import pytest

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.media.soundfiles.commands import FileFormats

RECORDED = """\
Format     Name       Extensions
------     ----       ----------
g722       g722       g722
ulaw       au         au
alaw       alaw       alaw|al|alw
ulaw       pcm        pcm|ulaw|ul|mu|ulw
g726       g726-32    g726-32
g729       g729       g729
ilbc       iLBC       ilbc
slin48     ogg_opus   opus
g723       g723sf     g723|g723sf
slin192    sln192     sln192
slin96     sln96      sln96
slin48     sln48      sln48
slin44     sln44      sln44
slin32     sln32      sln32
slin24     sln24      sln24
slin12     sln12      sln12
slin       sln        sln|slin|raw
speex16    ogg_speex16 spx16
speex      ogg_speex  spx
gsm        gsm        gsm
slin       ogg_vorbis ogg
slin16     wav16      wav16
slin       wav        wav
gsm        wav49      WAV|wav49
"""
"""The rows of Asterisk 22.10's listing for what is here as well."""


def shown() -> list[str]:
    call = CommandCall([], print)
    return FileFormats().show_file_formats(call).splitlines()


def test_the_rows_are_those_recorded() -> None:
    lines = shown()
    assert [line.rstrip() for line in lines[:2]] == RECORDED.splitlines()[:2]
    assert lines[2].startswith(f"{lines[2].split()[0]:<10} ")
    assert lines[-1] == f"{len(lines) - 3} file formats registered."
    for row in RECORDED.splitlines()[2:]:
        assert any(line.partition(" (")[0].rstrip() == row for line in lines), row


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not next(line for line in shown() if " mp3 " in line).endswith(")")
    monkeypatch.setitem(sys.modules, "av", None)
    row = next(line for line in shown() if " mp3 " in line)
    assert row.startswith("slin16     mp3        mp3                  (needs PyAV: pip install 'asterism[formats]'")


def test_there_are_no_arguments() -> None:
    with pytest.raises(UsageError):
        FileFormats().show_file_formats(CommandCall(["wav"], print))
