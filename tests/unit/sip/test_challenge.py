"""The header of a challenge."""

from __future__ import annotations

from asterism.sip.authentication import DigestChallenge
from asterism.sip.challenge import challenge_headers


def test_parameters_in_order_and_quoted() -> None:
    full = DigestChallenge(
        'a "quoted\\" realm', domain='sip:"x"', nonce="n", opaque="o", algorithm="SHA-256", stale=True, userhash=True
    )
    plain = DigestChallenge("pbx", nonce="n", opaque="o", qop="")
    (name, value), other = challenge_headers([full, plain])
    assert name == "WWW-Authenticate"
    assert value == (
        r'Digest realm="a \"quoted\\\" realm",nonce="n",opaque="o",domain="sip:\"x\"",stale=true,'
        r'algorithm=SHA-256,qop="auth",userhash=true'
    )
    assert other == ("WWW-Authenticate", 'Digest realm="pbx",nonce="n",opaque="o",algorithm=MD5')


def test_nonce_and_opaque_are_made_where_there_are_none() -> None:
    (_, first), (_, second) = challenge_headers([DigestChallenge("pbx"), DigestChallenge("pbx")])
    assert first != second
    assert 'nonce=""' not in first
    assert 'opaque=""' not in first
