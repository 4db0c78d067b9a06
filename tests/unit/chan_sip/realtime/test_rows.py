"""Rows of sippeers: lines of a section, registrations, and columns that mean nothing."""

from __future__ import annotations

import pytest

from asterism.chan_sip.realtime.rows import Registration, registration_of, section_of, unknown_columns
from asterism.core.errors import ConfigError

PLACE = "table 'sippeers' of database 'db'"


def lines(**row: str) -> list[tuple[str, str]]:
    section, _ = section_of({"name": "bob", **row}, PLACE, "friend")
    return [(line.name, line.value) for line in section]


def test_columns_are_lines_and_semicolons_divide_them() -> None:
    found = lines(allow="ulaw;alaw", disallow="all", setvar="A=1;B=x^3By", username="bob", canreinvite="no")
    assert found.index(("disallow", "all")) < found.index(("allow", "ulaw"))
    assert ("allow", "alaw") in found
    assert [value for name, value in found if name == "setvar"] == ["A=1", "B=x;y"]
    assert ("username", "bob") in found
    assert ("canreinvite", "no") in found, "names of older versions are columns, too"


def test_permit_goes_on_from_deny() -> None:
    found = lines(permit="127.0.0.0/8", deny="0.0.0.0/0", contactpermit="10.0.0.0/8", contactdeny="0.0.0.0/0")
    assert [name for name, _ in found].index("permit") > [name for name, _ in found].index("deny")
    assert [name for name, _ in found].index("contactpermit") > [name for name, _ in found].index("contactdeny")


def test_the_port_is_an_option_of_a_peer_that_does_not_register() -> None:
    assert lines(host="dynamic", port="5099", ipaddr="192.0.2.1", regseconds="5") == [("host", "dynamic")]
    assert lines(host="192.0.2.1", port="5099", ipaddr="") == [("host", "192.0.2.1"), ("port", "5099")]


def test_the_type_is_the_row_s_or_the_family_s_and_a_wrong_one_is_told() -> None:
    assert section_of({"name": "a"}, PLACE, "user")[1] == "user"
    assert section_of({"name": "a", "type": "Peer"}, PLACE, "user")[1] == "peer"
    with pytest.raises(ConfigError, match=r"table 'sippeers' of database 'db', row 'a': .*'freind' is no type.*friend"):
        section_of({"name": "a", "type": "freind"}, PLACE, "user")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, Registration()),
        ({"regseconds": "0", "fullcontact": "sip:a@h"}, Registration()),
        ({"regseconds": "soon", "fullcontact": "sip:a@h"}, Registration()),
        ({"regseconds": "9" * 30, "fullcontact": "sip:a@h"}, Registration()),
        (
            {"regseconds": "70", "fullcontact": "sip:a@h^3Btransport=tcp", "useragent": "X", "regserver": "s"},
            Registration("sip:a@h;transport=tcp", 70, "s", "X"),
        ),
        (
            {"regseconds": "70", "ipaddr": "192.0.2.1", "port": "5099", "defaultuser": "bob"},
            Registration("sip:bob@192.0.2.1:5099", 70),
        ),
        ({"regseconds": "70", "ipaddr": "2001:db8::1", "port": "0"}, Registration("sip:[2001:db8::1]", 70)),
    ],
)
def test_a_registration(row: dict[str, str], expected: Registration) -> None:
    assert registration_of({"name": "bob", **row}) == expected


def test_columns_that_are_no_options_are_known() -> None:
    found = unknown_columns(("id", "NAME", "secret", "call-limit", "canreinvite", "regseconds", "mask", "secert",
                             "udpbindaddr", "@tag"))  # fmt: skip
    assert list(found) == ["secert", "udpbindaddr"]
    assert "secret" in found["secert"]
    assert "[general]" in found["udpbindaddr"]
