"""Options of peers for identities, as options of endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from peer_kit import peer


@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        ("fromdomain=example.org:5070", "from_domain", "example.org:5070"),
        ("trustrpid=yes", "trust_id_inbound", True),
        ("sendrpid=yes", "send_rpid", True),
        ("sendrpid=rpid", "send_rpid", True),
        ("sendrpid=pai", "send_pai", True),
        ("rpid_update=yes", "connected_line_method", "update"),
        ("rpid_immediate=yes", "rpid_immediate", True),
        ("trust_id_outbound=yes", "trust_id_outbound", True),
    ],
)
def test_options_of_general_and_of_peers(line: str, attribute: str, value: Any) -> None:
    assert getattr(peer().endpoint, attribute) != value
    assert getattr(peer(line).endpoint, attribute) == value
    assert getattr(peer("", general=line).endpoint, attribute) == value


@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        ("fromuser=me", "from_user", "me"),
        ("callingpres=prohib", "callerid_privacy", "prohib"),
        ("cid_tag=red", "callerid_tag", "red"),
    ],
)
def test_options_of_peers(line: str, attribute: str, value: Any) -> None:
    assert getattr(peer().endpoint, attribute) != value
    assert getattr(peer(line).endpoint, attribute) == value


@pytest.mark.parametrize(
    ("lines", "name", "number"),
    [
        ('callerid="Ann \\"Q\\" B" <12>', 'Ann "Q" B', "12"),
        ("callerid=12", "", "12"),
        ("callerid=Ann <12>\nfullname=Bea", "Bea", "12"),
        ("callerid=Ann <12>\ncid_number=13", "Ann", "13"),
        ("callerid=Ann <12>\ntrunkname=T", "", "12"),
        ("fullname=Bea", "Bea", ""),
    ],
)
def test_caller_ids(lines: str, name: str, number: str) -> None:
    assert peer(lines).endpoint.callerid == (name, number)
    assert peer(lines).endpoint.callerid != peer().endpoint.callerid


def test_the_callerid_of_general_is_nobodys_in_particular() -> None:
    assert peer("", general="callerid=Office <1>").endpoint.callerid == ("", "")
