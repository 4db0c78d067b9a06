"""Options of peers for credentials and access, as auths and options of endpoints."""

from __future__ import annotations

from peer_kit import peer


def test_its_password() -> None:
    found = peer("secret=pw", "realm=example")
    auth = found.auths["x/in"]
    assert (auth.username, auth.password, auth.realm) == ("x", "pw", "example")
    assert found.endpoint.auth == ("x/in",)
    assert found.auths["x/out"].password == "pw"
    assert peer().endpoint.auth == ()


def test_a_hash_goes_before_the_password() -> None:
    digest = "f17788a9c1b07eb20fec0aabd9580fce"
    found = peer(f"secret=pw\nmd5secret={digest}")
    for auth in found.auths.values():
        assert (auth.password, auth.password_digest) == ("", (f"MD5:{digest}",))


def test_what_it_is_told() -> None:
    found = peer("secret=pw\nremotesecret=other\ndefaultuser=me")
    auth = found.auths["x/out"]
    assert (auth.username, auth.password, auth.realm) == ("me", "other", "")
    assert found.endpoint.outbound_auth == ("x/out",)
    assert found.auths["x/in"].password == "pw"


def test_credentials_for_its_realms_and_those_of_all() -> None:
    general = "[authentication]\nauth=all:pw@c.example"
    found = peer("auth=u:p@a.example\nauth=v#0123456789abcdef0123456789abcdef@b.example\nsecret=pw", general)
    assert found.endpoint.outbound_auth == ("x/out1", "x/out2", "sip.conf/auth1", "x/out")
    first, second = found.auths["x/out1"], found.auths["x/out2"]
    assert (first.username, first.password, first.realm) == ("u", "p", "a.example")
    assert second.password_digest == ("MD5:0123456789abcdef0123456789abcdef",)


def test_addresses_that_are_let_in() -> None:
    endpoint = peer("deny=0.0.0.0/0.0.0.0\npermit=10.0.0.0/255.0.0.0\ndeny=10.1.0.0/16\nacl=office").endpoint
    assert [endpoint.address_rules.allows(host) for host in ("192.0.2.1", "10.2.0.1", "10.1.0.1")] == [
        False, True, False,
    ]  # fmt: skip
    assert endpoint.acl == ("office",)
