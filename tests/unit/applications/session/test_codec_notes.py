"""What is said of configured codecs that cannot be converted here."""

from __future__ import annotations

from asterism.applications.session import codec_notes as module
from asterism.applications.session.codec_notes import codec_notes
from asterism.sip.objects.codecs import ALLOW, CodecList
from asterism.sip.objects.endpoint import Endpoint


def endpoint(name: str, allow: str) -> Endpoint:
    made = Endpoint(name)
    made.allow = ALLOW.parse(allow, CodecList())
    return made


def test_one_note_for_each_codec_with_its_first_endpoint(monkeypatch):
    monkeypatch.setattr(module, "reason", lambda fmt: {"g729": "install libbcg729-0"}.get(fmt.name, ""))
    one, two, three = endpoint("one", "ulaw"), endpoint("two", "g729,ulaw"), endpoint("three", "!all,g729,h264,codec2")
    (note,) = codec_notes([one, two, three])
    assert note.first is two
    assert note.text == (
        "codec g729 (endpoint two and 1 more) can be passed on, but not converted: install libbcg729-0"
    )
    (note,) = codec_notes([three])
    assert "(endpoint three)" in note.text


def test_all_asks_for_what_there_is(monkeypatch):
    monkeypatch.setattr(module, "reason", lambda fmt: "install it")
    assert codec_notes([endpoint("one", "all")]) == []
    assert [note.first.id for note in codec_notes([endpoint("one", "!all,ulaw")])] == ["one"]


def test_what_can_be_converted_is_not_mentioned():
    assert codec_notes([endpoint("one", "ulaw,alaw,g722,opus")]) == []
