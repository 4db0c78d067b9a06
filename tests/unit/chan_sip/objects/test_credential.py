"""Credentials of one realm, as peers and ``[authentication]`` write them."""

from __future__ import annotations

import pytest

from asterism.chan_sip.objects.credential import Credential, CredentialsKind

HASH = "0123456789abcdef0123456789ABCDEF"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mark:topsecret@example.org", Credential("mark", "example.org", "topsecret")),
        (f"mark#{HASH}@example.org", Credential("mark", "example.org", md5=HASH.lower())),
        ("mark:p@ss:w#rd@my realm", Credential("mark", "my realm", "p@ss:w#rd")),
        ("mark:@example.org", Credential("mark", "example.org")),
        ("ma#rk:secret@example.org", Credential("ma#rk", "example.org", "secret")),
    ],
)
def test_forms(text: str, expected: Credential) -> None:
    assert Credential.parse(text) == expected
    assert Credential.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "realm"),
        ("mark:secret", "realm"),
        ("mark:secret@", "realm"),
        ("mark@example.org", "neither"),
        (":secret@example.org", "no user"),
        ("mark#123@example.org", "MD5"),
        ("mark#zz23456789abcdef0123456789abcdef@example.org", "MD5"),
    ],
)
def test_broken_forms_say_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Credential.parse(text)


def test_every_line_adds_one() -> None:
    kind = CredentialsKind()
    both = kind.parse("b:2@two", kind.parse("a:1@one", ()))
    assert both == ("a:1@one", "b:2@two")
    with pytest.raises(ValueError, match="'@'"):
        kind.parse("nonsense", both)
