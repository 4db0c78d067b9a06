"""Objects made by pjsip_wizard.conf."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from asterism.core.registry import Owner
from asterism.data import Data, Missing
from asterism.sip.objects import Aor, Auth, Endpoint, Identify, Registration, register_types

TRUNK = """[trunk]
type=wizard
sends_auth=yes
sends_registrations=yes
remote_hosts=a.example.com,b.example.com:5070
outbound_auth/username=me
outbound_auth/password=pw
endpoint/context=in
endpoint/allow=ulaw
registration/expiration=99
"""


def load(folder: Path, text: str) -> Data:
    (folder / "pjsip_wizard.conf").write_text(text)
    data = Data(Owner("test"), logging.getLogger("test"), folder)
    register_types(data)
    return data


def test_a_trunk(tmp_path: Path) -> None:
    data = load(tmp_path, TRUNK)
    assert data.load().errors == []
    endpoint = data.get(Endpoint, "trunk")
    assert isinstance(endpoint, Endpoint)
    assert (endpoint.aors, endpoint.outbound_auth, endpoint.auth) == (("trunk",), ("trunk-oauth",), ())
    assert (endpoint.context, list(endpoint.allow), endpoint.fields) == ("in", ["ulaw"], {"pjsip_wizard": "trunk"})
    aor = data.get(Aor, "trunk")
    assert isinstance(aor, Aor)
    assert aor.contact == ("sip:a.example.com", "sip:b.example.com:5070")
    assert [auth.password for auth in data.all(Auth)] == ["pw"]
    assert [str(item) for item in data.all(Identify)[0].match] == ["a.example.com", "b.example.com:5070"]
    first, second = data.all(Registration)
    assert (first.id, first.server_uri, first.expiration) == ("trunk-reg-0", "sip:a.example.com", 99)
    assert second.client_uri == "sip:me@b.example.com:5070"


def test_patterns_of_uris_transport_and_proxy(tmp_path: Path) -> None:
    text = (
        "server_uri_pattern=sips:${REMOTE_HOST}\nclient_uri_pattern=sip:x-${USERNAME}@home.test\n"
        "contact_pattern=sip:${USERNAME}@${REMOTE_HOST}\ntransport=t\noutbound_proxy=sip:192.0.2.1\\;lr\n"
    )
    data = load(tmp_path, TRUNK + text)
    assert data.load().errors == []
    first = data.all(Registration)[0]
    assert (first.server_uri, first.client_uri) == ("sips:a.example.com", "sip:x-me@home.test")
    endpoint, aor = data.get(Endpoint, "trunk"), data.get(Aor, "trunk")
    assert isinstance(endpoint, Endpoint)
    assert isinstance(aor, Aor)
    assert aor.contact == ("sip:me@a.example.com", "sip:me@b.example.com:5070")
    assert (endpoint.transport, first.transport) == ("t", "t")
    assert {endpoint.outbound_proxy, aor.outbound_proxy, first.outbound_proxy} == {"sip:192.0.2.1;lr"}


def test_a_line_needs_no_identify(tmp_path: Path) -> None:
    data = load(tmp_path, TRUNK + "sends_line_with_registrations=yes\n")
    data.load()
    assert data.all(Identify) == []
    assert all(item.line and item.endpoint == "trunk" for item in data.all(Registration))


def test_a_phone_that_registers(tmp_path: Path) -> None:
    text = (
        "[p]\ntype=wizard\naccepts_auth=yes\naccepts_registrations=yes\ninbound_auth/username=p\naor/max_contacts=2\n"
    )
    data = load(tmp_path, text)
    assert data.load().errors == []
    endpoint, aor = data.get(Endpoint, "p"), data.get(Aor, "p")
    assert isinstance(endpoint, Endpoint)
    assert isinstance(aor, Aor)
    assert (endpoint.auth, aor.max_contacts, aor.contact) == (("p-iauth",), 2, ())


def test_what_has_no_effect_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = TRUNK + "has_phoneprov=yes\nendpoint/send_aoc=yes\n[other]\ntype=wizard\nendpoint/send_aoc=yes\n"
    data = load(tmp_path, text)
    assert data.load().errors == []
    data.reload()
    told = [record.getMessage().partition("pjsip_wizard.conf:")[2].partition(" is ")[0] for record in caplog.records]
    told = [one for one in told if "option" in one]
    assert told == ["12: endpoint option 'send_aoc'", "11: wizard option 'has_phoneprov'"]


def test_a_hint_needs_an_extension(tmp_path: Path) -> None:
    (error,) = load(tmp_path, "[p]\ntype=wizard\nhas_hint=yes\n").load().errors
    assert "'has_hint': it needs hint_exten" in error.message


def test_a_wizard_belongs_into_its_own_file(tmp_path: Path) -> None:
    data = load(tmp_path, TRUNK)
    (tmp_path / "pjsip.conf").write_text("[p]\ntype=wizard\n[a]\ntype=acl\n")
    data.load()
    assert [(section.name, section.get("type")) for section in data.unclaimed()] == [("p", "wizard")]


def test_errors_are_told_once_and_old_objects_kept(tmp_path: Path) -> None:
    data = load(tmp_path, TRUNK)
    data.load()
    (tmp_path / "pjsip_wizard.conf").write_text(
        "[trunk]\ntype=wizard\nnonsense=1\n[other]\ntype=wizard\naccepts_auth=yes\n"
    )
    errors = data.reload().errors
    assert [error.option for error in errors] == ["nonsense", "accepts_auth"]
    assert isinstance(data.get(Endpoint, "trunk"), Endpoint)
    assert len(data.all(Registration)) == 2
    assert data.get(Endpoint, "other") is Missing.ABSENT
