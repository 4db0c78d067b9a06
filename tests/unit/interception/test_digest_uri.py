"""Credentials that do not belong to the request they come with: another target, a count that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from sip_rig import Rig

from asterism.stack.digest import Challenge, ClientSession, Credentials, ha1
from asterism.stack.errors import ParseError
from asterism.stack.message import Response
from asterism.stack.uri import Uri

CONF = (
    "[alice]\ntype=endpoint\naors=alice\nauth=alice\n[alice]\ntype=aor\nmax_contacts=5\n"
    "[alice]\ntype=auth\nusername=alice\npassword=pw\n"
)


def register(rig: Rig, uri: str, digest_uri: str, method: str = "REGISTER") -> Response:
    challenged = rig.only(rig.receive(rig.request("REGISTER", uri)))
    challenge = Challenge.parse(challenged.get("WWW-Authenticate") or "")
    session = ClientSession(challenge, "alice", ha1("alice", challenge.realm, "pw"), "cnonce")
    header = f"Authorization: {session.authorize(method, digest_uri)}"
    return rig.only(rig.receive(rig.request("REGISTER", uri, "alice", "Contact: <sip:a@192.0.2.10>", header)))


@pytest.mark.parametrize(
    ("uri", "digest_uri", "status"),
    [
        ("sip:pbx.test", "sip:pbx.test", 200),
        ("sip:pbx.test", "sip:PBX.test:5060", 200),
        ("sip:pbx.test:5060", "sip:pbx.test", 200),
        ("sip:pbx.test;transport=udp", "sip:pbx.test", 200),
        ("sip:pbx.test", "sips:pbx.test", 200),
        ("sip:[2001:db8::1]", "sip:[2001:db8:0::1]", 200),
        ("sip:pbx.test", "sip:nothing@attacker.example", 401),
        ("sip:pbx.test", "sip:x@pbx.test", 401),
        ("sip:pbx.test", "sip:pbx.test:5080", 200),  # the port that it sends to
        ("sip:pbx.test:5060", "sip:pbx.test:5080", 401),
        ("sip:pbx.test", "pbx.test", 401),
        ("sip:pbx.test", "tel:600", 401),
    ],
)
def test_the_uri_of_credentials_is_the_request_uri(tmp_path: Path, uri: str, digest_uri: str, status: int) -> None:
    assert register(Rig(tmp_path / "etc", CONF), uri, digest_uri).status == status


def test_a_proxy_that_changes_the_request_uri_can_be_allowed_for(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "etc", "[global]\ntype=global\ncheck_digest_uri=no\n" + CONF)
    assert register(rig, "sip:192.0.2.1", "sip:pbx.test").status == 200


def test_a_nonce_count_of_zero_is_refused(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "etc", CONF)
    challenge = Challenge.parse(rig.only(rig.receive(rig.request("REGISTER"))).get("WWW-Authenticate") or "")
    session = ClientSession(challenge, "alice", ha1("alice", challenge.realm, "pw"), "cnonce", count=-1)
    credentials = session.authorize("REGISTER", "sip:pbx.test")
    assert credentials.nc == "00000000"
    with pytest.raises(ParseError):
        Credentials.parse(str(credentials))
    header = f"Authorization: {credentials}"
    answer = rig.only(rig.receive(rig.request("REGISTER", "sip:pbx.test", "alice", "Contact: <sip:a@h>", header)))
    assert answer.status == 401


def test_targets_that_are_no_sip_uris_are_compared_too() -> None:
    credentials = Credentials("u", "r", "n", "tel:+1-555", "x")
    assert credentials.fits(Uri.parse("tel:+1555"))
    assert not credentials.fits(Uri.parse("tel:+1556"))
