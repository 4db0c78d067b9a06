"""How endpoints are recognised."""

from __future__ import annotations

import pytest

from asterism.chan_sip.migrate.identify import add_identify
from asterism.chan_sip.migrate.names import PlainNames
from asterism.chan_sip.reading import read
from asterism.chan_sip.translation.translate import translate
from asterism.config.file import ConfigFile

PEER = "[general]\n{general}\n[x]\ntype={kind}\nhost={host}\nsecret=s\n{more}\n"


@pytest.mark.parametrize(
    ("kind", "host", "more", "match", "by"),
    [
        ("peer", "192.0.2.1", "", "192.0.2.1", "ip"),
        ("peer", "192.0.2.1", "insecure=port,invite", "192.0.2.1", "ip"),
        ("friend", "sip.example.org", "", "sip.example.org", ""),
        ("friend", "192.0.2.1:5070", "", "192.0.2.1", ""),
        ("peer", "2001:db8::1", "", "2001:db8::1", "ip"),
        ("friend", "dynamic", "", "", ""),
        ("peer", "dynamic", "defaultip=192.0.2.9", "192.0.2.9", "username,ip"),
        ("user", "192.0.2.1", "", "", ""),
    ],
)
def test_by_address(kind: str, host: str, more: str, match: str, by: str) -> None:
    conf = read(ConfigFile.parse(PEER.format(kind=kind, host=host, more=more, general="")))
    made = translate(conf, PlainNames())
    add_identify(conf, PlainNames(), made)
    found = made.sections.get("identify", [])
    assert [section.get("match") for section in found] == ([match] if match else [])
    assert all(section.name == section.get("endpoint") == "x" for section in found)
    [endpoint] = made.sections["endpoint"]
    assert endpoint.get("identify_by") == by
    add_identify(conf, PlainNames(), made)
    assert len(made.sections.get("identify", [])) == len(found)


def test_by_the_name_in_credentials() -> None:
    text = PEER.format(kind="friend", host="dynamic", more="", general="match_auth_username=yes")
    conf = read(ConfigFile.parse(text))
    made = translate(conf, PlainNames())
    add_identify(conf, PlainNames(), made)
    assert made.sections["endpoint"][0].get("identify_by") == "auth_username,username"
