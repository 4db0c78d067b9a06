"""Digest authentication: the RFCs' examples, and both sides against each other."""

import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.stack import ParseError, Request, Response, Uri
from asterism.stack.digest import (
    ALGORITHMS,
    AuthenticationInfo,
    Challenge,
    ClientSession,
    Credentials,
    NonceFactory,
    NonceState,
    challenges,
    compute_response,
    credentials,
    ha1,
    hash_hex,
    hash_user,
    response_auth,
)
from asterism.stack.digest.params import any_params, usual_params


def test_a_user_name_is_hashed_where_the_challenge_asks_for_it() -> None:
    """With the names of RFC 7616 3.9.2, one of which is not ASCII."""
    text = (
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", '
        'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true'
    )
    challenge = Challenge.parse(text)
    assert challenge.userhash
    assert Challenge.parse(str(challenge)) == challenge
    assert "userhash=true" in str(challenge)
    name = "J\u00e4s\u00f8n Doe"
    session = ClientSession(challenge, name, ha1(name, challenge.realm, "Secret, or not?", "SHA-512-256"), "c")
    credentials = session.authorize("GET", "/doe.json")
    assert credentials.username == "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    assert hash_user(name, "api@example.org", "SHA-512-256") == credentials.username
    assert Credentials.parse(str(credentials)) == credentials
    assert credentials.userhash
    assert credentials.verify(session.secret, "GET")
    plain = ClientSession(dataclasses.replace(challenge, userhash=False), name, session.secret, "c")
    assert plain.authorize("GET", "/doe.json").username == name
    assert plain.authorize("GET", "/doe.json").userhash is False


def test_rfc_2617_example() -> None:
    secret = ha1("Mufasa", "testrealm@host.com", "Circle Of Life")
    assert secret == "939e7578ed9e3c518a452acee763bce9"
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    assert (
        compute_response(secret, "GET", "/dir/index.html", nonce, qop="auth", nc="00000001", cnonce="0a4f113b")
        == "6629fae49393a05397450978507c4ef1"
    )
    assert compute_response(secret, "GET", "/dir/index.html", nonce) == "670fd8c2df070c60b045671b8b24ff02"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_example(algorithm: str, expected: str) -> None:
    secret = ha1("Mufasa", "http-auth@example.org", "Circle of Life", algorithm)
    response = compute_response(
        secret,
        "GET",
        "/dir/index.html",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        algorithm=algorithm,
        qop="auth",
        nc="00000001",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert response == expected


def test_rfc_7616_sha_512_256_example() -> None:
    """Section 3.9.2 as erratum 4897 has it: the RFC's own figures are of a draft of the hash."""
    assert hash_hex("SHA-512-256", "J\u00e4s\u00f8n Doe:api@example.org") == (
        "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    )
    sent = Credentials.parse(
        'Digest username="Jäsøn Doe", realm="api@example.org", uri="/doe.json", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", nc=00000001, '
        'cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", qop=auth, '
        'response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5", '
        'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS"'
    )
    secret = ha1("J\u00e4s\u00f8n Doe", "api@example.org", "Secret, or not?", "SHA-512-256")
    assert sent.verify(secret, "GET")
    assert not sent.verify(secret, "PUT")


SIP_BODY = (
    b"v=0\r\no=bob 2890844526 2890844526 IN IP4 media.biloxi.com\r\ns=-\r\nc=IN IP4 media.biloxi.com\r\nt=0 0\r\n"
    b"m=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n"
    b"m=video 53000 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n"
)


@pytest.mark.parametrize(
    ("algorithm", "qop", "expected"),
    [
        ("", "", "bf57e4e0d0bffc0fbaedce64d59add5e"),
        ("MD5", "auth", "89eb0059246c02b2f6ee02c7961d5ea3"),
        ("MD5-sess", "auth", "e4e4ea61d186d07a92c9e1f6919902e9"),
        ("MD5", "auth-int", "bdbeebb2da6adb6bca02599c2239e192"),
        ("MD5-sess", "auth-int", "91984da2d8663716e91554859c22ca70"),
    ],
)
def test_examples_for_sip(algorithm: str, qop: str, expected: str) -> None:
    """draft-smith-sipping-auth-examples-01, sections 3.1 to 3.6: what others check themselves by."""
    offered = (qop,) if qop else ()
    challenge = Challenge("biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", algorithm, offered)
    session = ClientSession(challenge, "bob", ha1("bob", "biloxi.com", "zanzibar"), "0a4f113b")
    sent = session.authorize("INVITE", "sip:bob@biloxi.com", SIP_BODY)
    assert sent.response == expected
    assert Credentials.parse(str(sent)).verify(session.secret, "INVITE", SIP_BODY)


def test_session_form_differs_by_cnonce_and_from_the_plain_form() -> None:
    secret = ha1("u", "r", "p", "SHA-512-256")
    values = {
        compute_response(secret, "M", "sip:a", "n", algorithm=name, qop="auth", nc="00000001", cnonce=cnonce)
        for name in ("SHA-512-256", "SHA-512-256-sess")
        for cnonce in ("a", "b")
    }
    assert len(values) == 4
    assert {len(value) for value in values} == {64}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("qop", [(), ("auth",), ("auth-int",), ("auth", "auth-int")])
def test_both_sides_agree(algorithm: str, qop: tuple[str, ...]) -> None:
    challenge = Challenge.parse(str(Challenge("asterisk", "n1", algorithm, qop, opaque='o"q')))
    assert challenge.supported
    secret = ha1("bob", "asterisk", "p€", algorithm)
    session = ClientSession(challenge, "bob", secret, "c1")
    for count in (1, 2):
        sent = Credentials.parse(str(session.authorize("INVITE", "sip:x@y", b"body")))
        assert sent.verify(secret, "INVITE", b"body")
        assert (sent.cnonce == "c1") is (bool(qop) or algorithm.endswith("-sess"))
        assert not sent.verify(secret, "BYE", b"body")
        assert not sent.verify(ha1("bob", "asterisk", "wrong", algorithm), "INVITE", b"body")
        assert sent.verify(secret, "INVITE", b"other") == (sent.qop != "auth-int")
        assert sent.count == (count if qop else 0)
        assert sent.opaque == 'o"q'


def test_next_nonce_restarts_the_count_and_server_proof() -> None:
    secret = ha1("bob", "r", "p")
    session = ClientSession(Challenge("r", "n1", qop=("auth",)), "bob", secret, "c")
    first = session.authorize("REGISTER", "sip:r")
    info = AuthenticationInfo.parse(
        str(AuthenticationInfo("n2", "auth", response_auth(secret, first), "c", "00000001"))
    )
    assert session.check_server(info, first)
    assert not session.check_server(dataclasses.replace(info, rspauth="0" * 32), first)
    session.update(info)
    second = session.authorize("REGISTER", "sip:r")
    assert (second.nonce, second.nc) == ("n2", "00000001")


@pytest.mark.parametrize(("value", "stale"), [("true", True), ("TRUE", True), ('"True"', True), ("false", False)])
def test_stale_is_read_in_any_case(value: str, stale: bool) -> None:
    assert Challenge.parse(f'Digest realm="r", nonce="n", stale={value}').stale is stale


def test_several_challenges_in_one_response() -> None:
    response = Response(401, "Unauthorized")
    for algorithm in ("SHA-512-256", "SHA-256", "MD5"):
        response.add_header("WWW-Authenticate", str(Challenge("r", "n", algorithm, ("auth",), stale=True)))
    response.add_header("WWW-Authenticate", 'Basic realm="x"')
    response.add_header("WWW-Authenticate", "Digest broken")
    found = challenges(response)
    assert [one.algorithm for one in found] == ["SHA-512-256", "SHA-256", "MD5"]
    assert all(one.stale for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Digest",
        "Digest username",
        'Digest username="a", realm="r"',
        'Digest username="a',
        'Digest username="a", realm="r", nonce="n", uri="u", response="x", qop=auth',
        'Digest username="a", realm="r", nonce="n", uri="u", response="x", nc=1',
        'Digest username="a", username="b", realm="r", nonce="n", uri="u", response="x"',
    ],
)
def test_bad_credentials(text: str) -> None:
    with pytest.raises(ParseError):
        Credentials.parse(text)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("username", "Realm", " nc", "x-y", "", "é", "a b")),
            st.sampled_from(("=", " = ", "=\t", "")),
            st.sampled_from(("1", "a=b", '"a"', '"a b"', '"a,b"', r'"a\"b"', '""', '"', '"\x01"', "\udcff", "a b", "")),
            st.sampled_from((",", ", ", " ,", "", " ", ",,")),
        ).map("".join),
        max_size=4,
    ).map("".join)
)
def test_the_short_way_through_parameters_finds_what_the_long_one_does(text: str) -> None:
    short = usual_params(text)
    if short is not None:
        assert short == any_params(text)


def test_usual_credentials_take_the_short_way() -> None:
    assert usual_params('username="u1",realm="asterisk", nc=00000001,qop=auth, uri="sip:a;b=c",opaque=""') == {
        "username": "u1",
        "realm": "asterisk",
        "nc": "00000001",
        "qop": "auth",
        "uri": "sip:a;b=c",
        "opaque": "",
    }


@pytest.mark.parametrize("scheme", ["Digest ", "digest ", "DIGEST\t", " Digest  ", "Digest   "])
def test_the_scheme_of_credentials_in_any_spelling(scheme: str) -> None:
    found = Credentials.parse(f'{scheme}username="u", realm="r", nonce="n", uri="sip:h", response="1"')
    assert (found.scheme, found.username, found.response) == ("Digest", "u", "1")


def test_unknown_algorithm_is_wrong_not_an_error() -> None:
    assert not Credentials("a", "r", "n", "u", "x", "ROT13").verify("s", "M")
    assert not Credentials("a", "r", "n", "u", "ü\udcff").verify("s", "M")
    assert not Challenge("r", "n", "ROT13").supported


def test_credentials_cannot_break_a_line() -> None:
    assert "\r" not in str(Credentials('a"\r\nX: y', "r", "n", "u", "x"))
    with pytest.raises(ValueError, match="line break"):
        str(Credentials("a", "r", "n", "u", "x", "MD5\r\n"))


def test_nonces_prove_themselves() -> None:
    factory = NonceFactory(b"key", lambda size: bytes(range(size)), lifetime=30)
    nonce = factory.issue(1000.5, "r")
    assert factory.check(nonce, 1000.5, "r") is NonceState.VALID
    assert factory.check(nonce, 1030.4, "r") is NonceState.VALID
    assert factory.check(nonce, 1030.5, "r") is NonceState.STALE
    assert factory.check(nonce, 900.0, "r") is NonceState.STALE
    assert factory.check(nonce, 1000.5, "other") is NonceState.FOREIGN
    assert NonceFactory(b"other", bytes).check(nonce, 1000.5, "r") is NonceState.FOREIGN
    assert factory.issued_at(nonce) == 1000.5
    for position in range(len(nonce)):
        changed = nonce[:position] + ("A" if nonce[position] != "A" else "B") + nonce[position + 1 :]
        assert factory.check(changed, 1000.5, "r") is NonceState.FOREIGN


@given(st.text(max_size=50))
def test_any_nonce_can_be_checked(text: str) -> None:
    assert NonceFactory(b"k", bytes).check(text, 0) is NonceState.FOREIGN


@given(st.text(max_size=80).map("Digest ".__add__) | st.text('Digest ="\\,naucr', max_size=60))
def test_any_text_parses_or_is_a_parse_error(text: str) -> None:
    for kind in (Credentials, Challenge):
        with contextlib.suppress(ParseError):
            kind.parse(text)


@pytest.mark.parametrize(
    ("proxy", "asks", "answers"),
    [(False, "WWW-Authenticate", "Authorization"), (True, "Proxy-Authenticate", "Proxy-Authorization")],
)
def test_401_and_407_from_challenge_to_proof(proxy: bool, asks: str, answers: str) -> None:
    secret = ha1("bob", "r", "pw", "SHA-256")
    factory = NonceFactory(b"key", lambda size: bytes(size), lifetime=10)
    stale = factory.issue(0.0, "r")
    request = Request("INVITE", Uri.parse("sip:a@b"))
    for now, nonce in ((0.0, stale), (11.0, factory.issue(11.0, "r"))):
        response = Response(407 if proxy else 401, "Prove it")
        response.add_header(asks, str(Challenge("r", nonce, "SHA-256", ("auth",), stale=now > 0)))
        assert challenges(response, not proxy) == []
        (challenge,) = challenges(response, proxy)
        assert challenge.stale == (now > 0)
        request.set_header(answers, str(ClientSession(challenge, "bob", secret, "c").authorize("INVITE", "sip:a@b")))
        assert credentials(request, not proxy) == []
        (sent,) = credentials(request, proxy)
        assert sent.verify(secret, "INVITE")
        assert factory.check(sent.nonce, now, "r") is NonceState.VALID
    assert factory.check(stale, 11.0, "r") is NonceState.STALE
