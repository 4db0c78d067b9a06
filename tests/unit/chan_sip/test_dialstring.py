"""Dial strings of the technology ``SIP``: the grammar, and that nothing from outside is taken for it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.chan_sip.dialstring import SECRET, DialString, parse
from asterism.core.log import Multiline, ServerLogger
from asterism.pbx.dialplan.language.foreign import foreign, joined


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("alice", DialString("alice")),
        ("alice/100", DialString("alice", user="100")),
        ("100@trunk", DialString("trunk", user="100")),
        ("trunk:5070", DialString("trunk", 5070)),
        ("100@trunk:5070", DialString("trunk", 5070, "100")),
        ("100@192.0.2.1", DialString("192.0.2.1", user="100")),
        ("100@[2001:db8::1]:5062", DialString("[2001:db8::1]", 5062, "100")),
        ("100@[2001:db8::1]", DialString("[2001:db8::1]", user="100")),
        ("100@2001:db8::1", DialString("2001:db8::1", user="100")),
        ("bob:pw@example.com", DialString("example.com", user="bob", secret="pw")),
        ("bob:pw:00ff:bobby:TCP@example.com:5080",
         DialString("example.com", 5080, "bob", "pw", "00ff", "bobby", "tcp")),
        ("bob::::tls@example.com", DialString("example.com", user="bob", transport="tls")),
        ("bob:p/w@example.com", DialString("example.com", user="bob", secret="p/w")),
        ("trunk/100/192.0.2.9", DialString("trunk", user="100", remote="192.0.2.9")),
        ("trunk//192.0.2.9", DialString("trunk", remote="192.0.2.9")),
        ("bob@example.com//192.0.2.9:5070", DialString("example.com", user="bob", remote="192.0.2.9:5070")),
        ("100@trunk!200", DialString("trunk", user="100", to_user="200")),
        ("100@trunk!200@there.example",
         DialString("trunk", user="100", to_user="200", to_domain="there.example")),
        ("100@trunk!!me@here.example", DialString("trunk", user="100", from_user="me", from_domain="here.example")),
        ("100@trunk!@there.example!@here.example",
         DialString("trunk", user="100", to_domain="there.example", from_domain="here.example")),
    ],
)  # fmt: skip
def test_the_forms(text: str, found: DialString) -> None:
    assert parse(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "100@", "/100", ":5060", "trunk:0", "trunk:65536", "trunk:http", "bob::::sctp@example.com", "a\nb@c",
     "100@trunk!to\r\nVia: x"],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@pytest.mark.parametrize("dialled", ["1@evil.example", "1/9", "1:5060", "1!x@y!a@b", "1:s:m:a:tls@x"])
def test_text_from_outside_divides_nothing(dialled: str) -> None:
    assert parse(joined((foreign(dialled), "@trunk"))) == DialString("trunk", user=dialled)
    assert parse(joined(("trunk/", foreign(dialled)))) == DialString("trunk", user=dialled)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30))
def test_whatever_is_dialled_goes_to_the_peer(dialled: str) -> None:
    try:
        found = parse(joined((foreign(dialled), "@trunk:5070")))
    except ValueError:
        assert not dialled.isprintable()
    else:
        assert (found.where, found.port, found.user) == ("trunk", 5070, dialled)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except ValueError:
        return
    assert found.where
    assert all(one.isprintable() for one in found if isinstance(one, str))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('Dial("SIP/a-1", "SIP/bob:se/c@ret@h.example,30") in', 'Dial("SIP/a-1", "SIP/bob:***@h.example,30") in'),
        ("sip/bob:x:md5:auth:tls@h:5060", "sip/bob:***@h:5060"),
        ("SIP/a&SIP/bob:s1@h&SIP/ann:s2@i", "SIP/a&SIP/bob:***@h&SIP/ann:***@i"),
        ("SIP/:only@h", "SIP/:***@h"),
        ("SIP/bob:one,two@h", "SIP/bob:***@h"),
        ("SIP/bob:5060@h", "SIP/bob:***@h"),
        ("SIP/bob:5060,30,U(a^b@c)", None),
        ("SIP/200@trunk:5080", None),
        ("PJSIP/200@trunk:5080&PJSIP/x:y@z", None),
        ("SIP/alice: no such user x@y", None),
        ("Via: SIP/2.0/UDP 127.0.0.1:5060\nFrom: <sip:a@h>", None),
    ],
)
def test_secrets_are_left_out_of_the_log(line: str, shown: str | None) -> None:
    log = ServerLogger("test")
    log.secrets.append(SECRET)
    record = log.makeRecord("test", 30, "f", 1, "%s", (Multiline(line),), None)
    assert record.getMessage() == (line if shown is None else shown)


def test_looking_for_secrets_takes_no_time() -> None:
    for text in ("SIP/x:" * 20000, "SIP/x:" + "&" * 100000, "SIP/" + "a" * 100000, "SIP/x:&aaaaaaaa" * 8000):
        begun = time.process_time()
        assert SECRET.search(text) is None
        assert time.process_time() - begun < 1
