"""Variables that change the INVITE: what is taken of their text, and what is told to be no use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.chan_sip.variables import _SETTINGS, _codecs, _replace
from asterism.media.formats import FORMATS, G726_NON_STANDARD
from asterism.stack.message import Request
from asterism.stack.uri import Uri

ULAW, ALAW, GSM = (FORMATS[name] for name in ("ulaw", "alaw", "gsm"))


def _taken(name: str, text: str) -> tuple[str, Any]:
    session = SimpleNamespace(from_domain="", max_forwards=None, target=Uri.parse("sip:55@h.example:5070;lr"))
    return _SETTINGS[name](session, text), session  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["override.example.test", "override.example.test:5070", "192.0.2.1", "[2001:db8::1]"])
def test_the_domain_of_from(text: str) -> None:
    why, session = _taken("SIPFROMDOMAIN", text)
    assert (why, session.from_domain) == ("", text)


@pytest.mark.parametrize("text", ["a b", "evil>;x=<", "a\r\nVia: b", "h:99999", "@"])
def test_what_is_no_domain(text: str) -> None:
    why, session = _taken("SIPFROMDOMAIN", text)
    assert why
    assert session.from_domain == ""


@pytest.mark.parametrize(("text", "number"), [("12", 12), (" 255 ", 255), ("1", 1)])
def test_the_hops(text: str, number: int) -> None:
    why, session = _taken("SIP_MAX_FORWARDS", text)
    assert (why, session.max_forwards) == ("", number)


@pytest.mark.parametrize("text", ["0", "256", "-1", "x", "1e2", "12\r\n", "\u0661"])
def test_what_is_no_number_of_hops(text: str) -> None:
    why, session = _taken("SIP_MAX_FORWARDS", text)
    assert why
    assert session.max_forwards is None


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("user=phone", "sip:55@h.example:5070;lr;user=phone"),
        (";a;b=c", "sip:55@h.example:5070;lr;a;b=c"),
    ],
)
def test_parameters_of_the_uri(text: str, uri: str) -> None:
    why, session = _taken("SIP_URI_OPTIONS", text)
    assert (why, str(session.target)) == ("", uri)


@pytest.mark.parametrize(
    "text", ["x?Subject=y", "x>", "x SIP/2.0", "x\r\nVia: b", "@evil.example", "a" * 2000, "a;;b", "a=", ";"]
)
def test_what_is_more_than_parameters(text: str) -> None:
    why, session = _taken("SIP_URI_OPTIONS", text)
    assert why
    assert str(session.target) == "sip:55@h.example:5070;lr"


def _channel(**variables: str) -> tuple[Any, list[str]]:
    said: list[str] = []
    log: Any = SimpleNamespace(
        notice=lambda text, *args: said.append(text % args), warning=lambda text, *args: said.append(text % args)
    )
    channel = SimpleNamespace(get_variable=variables.get, name="SIP/a", pbx=SimpleNamespace(log=log))
    return channel, said


@pytest.mark.parametrize(
    ("variables", "chosen"),
    [
        ({}, ()),
        ({"SIP_CODEC": "alaw"}, (ALAW,)),
        ({"SIP_CODEC_OUTBOUND": "gsm,ALAW, gsm", "SIP_CODEC": "ulaw"}, (GSM, ALAW)),
        ({"SIP_CODEC_INBOUND": "alaw"}, ()),
    ],
)
def test_the_codecs_that_are_chosen(variables: dict[str, str], chosen: Any) -> None:
    channel, said = _channel(**variables)
    assert _codecs(channel, "SIP_CODEC_OUTBOUND", (ULAW, ALAW, GSM), (ULAW, ALAW, GSM)) == chosen
    assert said == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "unrecognized/not configured codec nonsense"),
        ("gsm", "unrecognized/not configured codec gsm"),
        ("alaw", "not shared by both ends: alaw"),
    ],
)
def test_a_codec_that_cannot_be_used_is_told(text: str, told: str) -> None:
    channel, said = _channel(SIP_CODEC=text)
    assert _codecs(channel, "SIP_CODEC_INBOUND", (ULAW, ALAW), (ULAW,)) == ()
    assert len(said) == 1
    assert told in said[0]


def test_another_call_is_replaced_only_by_a_whole_replaces() -> None:
    channel, said = _channel()
    request = Request("INVITE", Uri.parse("sip:a@b"))
    _replace(request, channel, "no tags")
    assert said
    assert not request.has("Replaces")
    _replace(request, channel, "c@d;to-tag=1;from-tag=2")
    assert request.get("Replaces") == "c@d;to-tag=1;from-tag=2"
    assert request.get("Require") == "replaces"


def test_a_name_is_the_format_that_the_peer_has_by_it() -> None:
    channel, said = _channel(SIP_CODEC="g726")
    own = (ULAW, G726_NON_STANDARD)
    assert _codecs(channel, "SIP_CODEC_OUTBOUND", own, own) == (G726_NON_STANDARD,)
    assert said == []
