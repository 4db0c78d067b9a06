"""Which formats can be converted on this machine, and why others cannot."""

from __future__ import annotations

from pathlib import Path

from asterism.media import codecs
from asterism.media.codecs import discovery
from asterism.media.codecs.codec import Codec, Loaded
from asterism.media.codecs.discovery import (
    all_codecs,
    codec_steps,
    converts,
    decodes,
    encodes,
    passed_only,
    reason,
    shortcomings,
)  # fmt: skip
from asterism.media.codecs.library import MissingLibraryError
from asterism.media.formats import FORMATS, G722, G723, LINEAR, OPUS, PASSED, ULAW


def test_each_file_with_a_codec_is_found():
    folder = Path(codecs.__path__[0])
    files = {path.stem for path in folder.glob("*.py") if "\nCODEC = " in path.read_text("utf-8")}
    assert {"g711", "g722", "opus", "gsm"} <= files
    assert len(all_codecs()) == len(files)


def test_a_plain_install_converts_these():
    for fmt in (ULAW, G722, OPUS, *LINEAR.values()):
        assert converts(fmt)
        assert reason(fmt) == ""
    assert decodes(FORMATS["gsm"])


def test_what_no_codec_is_for_is_passed_on_only():
    assert not decodes(G723)
    assert not encodes(G723)
    assert reason(G723) == "no codec"
    assert sorted((G723, ULAW, OPUS), key=passed_only) == [ULAW, OPUS, G723]
    video = PASSED["video"]["h264"]
    assert sorted((video, G723), key=passed_only) == [video, G723]
    assert shortcomings([ULAW, G723, video]) == {G723: "no codec"}


def test_no_two_codecs_bring_the_same_step():
    pairs = [(step.source, step.target) for step in codec_steps()]
    assert len(pairs) == len(set(pairs))
    assert all(step.source is not step.target for step in codec_steps())


def test_a_missing_library_is_the_reason(monkeypatch):
    def load() -> Loaded:
        raise MissingLibraryError("install libnone")

    monkeypatch.setattr(discovery, "all_codecs", lambda: (Codec((G723,), load),))
    assert reason.__wrapped__(G723) == "install libnone"
