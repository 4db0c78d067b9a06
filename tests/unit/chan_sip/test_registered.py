"""Which extensions a peer's ``regexten`` asks for."""

from __future__ import annotations

import pytest

from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.registered import MOST, extensions_of


@pytest.mark.parametrize(
    ("regexten", "contexts", "expected"),
    [
        ("", ["phones"], [("alice", "phones")]),
        ("100", ["phones"], [("100", "phones")]),
        ("100&200@other", ["phones", "other"], [("100", "phones"), ("100", "other"), ("200", "other")]),
        ("100@nowhere&&", ["phones"], [("100", "")]),
        ("@phones", ["phones"], []),
    ],
)
def test_extensions(regexten: str, contexts: list[str], expected: list[tuple[str, str]]) -> None:
    assert extensions_of(SipPeer("alice", regexten=regexten), contexts) == expected


def test_their_number_is_limited() -> None:
    assert len(extensions_of(SipPeer("alice", regexten="&".join(["1"] * 1000)), ["phones"])) == MOST
