"""SAYFILES against the record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from say_kit import recorded_files

from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.functions.saying import SayFilesFunction
from asterism.pbx.dialplan.functions.strings import MAX_TEXT
from asterism.pbx.vocabulary.flow import FunctionError


@pytest.mark.parametrize(("args", "names"), recorded_files())
def test_the_files_are_those_of_the_record(args: str, names: str) -> None:
    function = SayFilesFunction()
    if args.endswith("nosuch"):
        with pytest.raises(FunctionError, match="'nosuch' is none of"):
            function.files(None, args)
    else:
        assert function.files(None, args) == names


def test_the_channels_language_decides() -> None:
    there = {"digits/20-and"}
    sounds = SimpleNamespace(find=lambda name, language: name if name in there else None)
    server = SimpleNamespace(media=SimpleNamespace(sounds=sounds))
    channel = cast(Channel, SimpleNamespace(language="es", pbx=SimpleNamespace(server=server)))
    assert SayFilesFunction().files(channel, "101,number") == "digits/100-and&digits/1"
    there.clear()
    assert SayFilesFunction().files(channel, "101,number") == "digits/1&digits/hundred&digits/1"


def test_a_million_digits_are_bounded() -> None:
    text = "7" * 1_000_000
    for kind in ("digits", "alpha", "phonetic"):
        assert len(SayFilesFunction().files(None, f"{text},{kind}")) <= MAX_TEXT
    with pytest.raises(FunctionError, match="more than 12"):
        SayFilesFunction().files(None, f"{text},number")
