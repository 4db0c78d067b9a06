"""``mwi =>`` in its whole grammar, and what breaks it."""

from __future__ import annotations

import pytest

from asterism.chan_sip.objects.mwi_line import MwiLine, MwiLinesKind


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1234@host/1234", MwiLine("1234", "host", "1234")),
        ("1234:password@host/1234", MwiLine("1234", "host", "1234", secret="password")),
        ("1234:password@host:6969/1234", MwiLine("1234", "host", "1234", 6969, "password")),
        ("1234:password:auth@host/1234", MwiLine("1234", "host", "1234", secret="password", auth_user="auth")),
        ("1234::auth@host:6969/box", MwiLine("1234", "host", "box", 6969, auth_user="auth")),
        ("1234:p@ss@[2001:db8::1]:6969/box", MwiLine("1234", "2001:db8::1", "box", 6969, "p@ss")),
    ],
)
def test_forms(text: str, expected: MwiLine) -> None:
    found = MwiLine.parse(text)
    assert found == expected
    assert MwiLine.parse(str(found)) == found


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no '@'"),
        ("1234", "no '@'"),
        ("1234:password@host", "mailbox"),
        ("1234:password@host/", "mailbox"),
        ("@host/1", "no user"),
        ("1234@/1", "no host"),
        ("1234@:5060/1", "no host"),
        ("1234@host:x/1", "no port"),
        ("1234@host/a,b", "no mailbox"),
        ("a:b:c:d@host/1", "more than two ':'"),
        ("tcp://1234:s@host/1", "UDP only"),
        ("1234\0@host/1", "NUL"),
        ("x" * 3000 + "@host/1", "more than"),
    ],
)
def test_broken_forms_say_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        MwiLine.parse(text)


def test_every_line_adds_one() -> None:
    kind = MwiLinesKind()
    both = kind.parse("b@two:7/9", kind.parse("a:1@one/8", ()))
    assert both == ("a:1@one/8", "b@two:7/9")
    with pytest.raises(ValueError, match="'@'"):
        kind.parse("nonsense", both)
