"""The listings of codecs, as recorded, and what they say of a codec whose library is missing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.media import codec_commands
from asterism.media.codec_commands import CodecCommands, translation_table
from asterism.media.codecs.discovery import converts
from asterism.media.formats import FORMATS, G723, OPUS

RECORD = Path(__file__).parents[2] / "data" / "record"


def call(*args: str) -> CommandCall:
    return CommandCall(list(args), print)


def test_each_codec_is_listed_as_recorded():
    recorded = (RECORD / "core_show_codecs.txt").read_text("utf-8").splitlines()
    shown = CodecCommands().show_codecs(call()).splitlines()
    assert shown[:4] == recorded[:4]
    rows = [line for line in shown[4:] if not line.startswith("Not converted here")]
    assert [row for row in rows if row not in recorded and "av1" not in row] == []
    assert len(rows) == len(set(rows)) > 30


def test_a_kind_of_its_own():
    rows = CodecCommands().show_codecs(call("text")).splitlines()[4:]
    assert [row.split()[2] for row in rows] == ["red", "t140"]
    with pytest.raises(UsageError):
        CodecCommands().show_codecs(call("smell"))


def test_what_is_missing_is_said_behind_the_list(monkeypatch):
    monkeypatch.setattr(
        codec_commands, "shortcomings", lambda shown: {OPUS: "install libopus0"} if OPUS in shown else {}
    )
    assert CodecCommands().show_codecs(call("audio")).endswith("\nNot converted here: opus: install libopus0\n")
    assert "Not converted" not in CodecCommands().show_codecs(call("video"))


def test_one_codec():
    assert CodecCommands().show_codec(call("26")) == "         26 G722\n"
    assert CodecCommands().show_codec(call("999")) == "Codec 999 not found\n"
    for args in ((), ("x",), ("\u0661",)):
        with pytest.raises(UsageError):
            CodecCommands().show_codec(call(*args))


def test_the_costs_are_laid_out_as_recorded_and_measured():
    recorded = (RECORD / "core_show_translation.txt").read_text("utf-8").splitlines()
    shown = asyncio.run(CodecCommands().show_translation(call())).splitlines()
    assert shown[:3] == recorded[:3]
    names = shown[3].split()
    known = recorded[3].split()
    assert [name for name in names if name in known] == [name for name in known if name in names]
    assert {"ulaw", "slin8", "slin192", "g722", "opus"} <= set(names)
    widths = {name: max(5, len(name)) for name in known}
    assert recorded[3] == " " * 9 + "".join(f" {name:>{widths[name]}}" for name in known)
    assert shown[3] == " " * 9 + "".join(f" {name:>{max(5, len(name))}}" for name in names)
    for row, name in zip(shown[4:], names, strict=True):
        cells = row.split()
        assert cells[0] == name
        assert cells[1 + names.index(name)] == "-"
        assert row.startswith(f"{name:>9} ")
        assert len(cells) == len(names) + 1
    cost = shown[4 + names.index("ulaw")].split()[1 + names.index("opus")]
    assert int(cost) > 100
    with pytest.raises(UsageError):
        asyncio.run(CodecCommands().show_translation(call("x")))


def test_what_cannot_be_converted_is_in_no_row():
    assert not converts(G723)
    assert "g723" not in translation_table().split()
    assert set(FORMATS) > {"g723"}
