"""Digest: several auth objects, algorithms, realms, stored hashes, lifetimes; both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sip_rig import FakeFlow, Rig

from asterism.sip.authentication import AuthenticationResult
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.rx import Rx
from asterism.stack.digest import Challenge, ClientSession, Credentials, ha1, hash_user
from asterism.stack.message import Request, Response, make_response
from asterism.stack.parser import parse_message

ENDPOINT = "[alice]\ntype=endpoint\naors=alice\nauth={auth}\n[alice]\ntype=aor\nmax_contacts=5\n"
ALL = "MD5,SHA-256,SHA-512-256"


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Rig]:
    return lambda conf, auth="a": Rig(tmp_path / "etc", ENDPOINT.format(auth=auth) + conf)


Make = Callable[..., Rig]


def challenges(rig: Rig) -> list[Challenge]:
    response = rig.only(rig.receive(rig.request("REGISTER")))
    assert response.status == 401
    return [Challenge.parse(value) for value in response.get_all("WWW-Authenticate")]


def login(rig: Rig, challenge: Challenge, user: str, password: str, secret: str = "", nc: int = 1) -> Response:
    """A REGISTER with credentials for one challenge."""
    key = secret or ha1(user, challenge.realm, password, challenge.algorithm or "MD5")
    session = ClientSession(challenge, user, key, "cnonce", nc - 1)
    header = f"Authorization: {session.authorize('REGISTER', 'sip:pbx.test')}"
    return rig.only(
        rig.receive(rig.request("REGISTER", "sip:pbx.test", "alice", "Contact: <sip:a@192.0.2.10>", header))
    )


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_every_algorithm_offered_is_accepted(make: Make, algorithm: str) -> None:
    rig = make(f"[a]\ntype=auth\nusername=alice\npassword=pw\nsupported_algorithms_uas={ALL}\n")
    offered = challenges(rig)
    assert [item.algorithm for item in offered] == ALL.split(",")
    assert len({item.nonce for item in offered}) == 1
    chosen = next(item for item in offered if item.algorithm == algorithm)
    assert login(rig, chosen, "alice", "wrong").status == 401
    assert login(rig, chosen, "alice", "pw").status == 200


def test_an_algorithm_that_was_not_offered_is_refused(make: Make) -> None:
    rig = make("[a]\ntype=auth\nusername=alice\npassword=pw\nsupported_algorithms_uas=SHA-256\n")
    (challenge,) = challenges(rig)
    md5 = Challenge(challenge.realm, challenge.nonce, algorithm="MD5", qop=challenge.qop, opaque=challenge.opaque)
    assert login(rig, md5, "alice", "pw").status == 401
    assert login(rig, challenge, "alice", "pw").status == 200


def test_the_global_algorithms_count_where_the_object_has_none(make: Make) -> None:
    rig = make(
        "[global]\ntype=global\ndefault_auth_algorithms_uas=SHA-256,MD5\n[a]\ntype=auth\nusername=alice\npassword=pw\n"
    )
    assert [item.algorithm for item in challenges(rig)] == ["SHA-256", "MD5"]


def test_several_auth_objects_one_realm(make: Make) -> None:
    conf = "[a]\ntype=auth\nusername=one\npassword=first\n[b]\ntype=auth\nusername=two\npassword=second\n"
    rig = make(conf, "a,b")
    (challenge,) = challenges(rig)
    assert challenge.realm == "asterisk"
    assert login(rig, challenge, "one", "second").status == 401
    assert login(rig, challenge, "two", "second").status == 200
    assert login(rig, challenges(rig)[0], "one", "first").status == 200
    assert login(rig, challenges(rig)[0], "three", "").status == 401


def test_a_challenge_per_realm(make: Make) -> None:
    conf = (
        "[global]\ntype=global\ndefault_realm=home\n"
        "[a]\ntype=auth\nusername=u\npassword=pa\nrealm=east\n"
        "[b]\ntype=auth\nusername=u\npassword=pb\nrealm=west\n"
        "[c]\ntype=auth\nusername=u\npassword=pc\n"
    )
    rig = make(conf, "a,b,c")
    passwords = {"east": "pa", "west": "pb", "home": "pc"}
    offered = challenges(rig)
    assert [item.realm for item in offered] == ["east", "west", "home"]
    for item in offered:
        assert login(rig, item, "u", passwords[item.realm]).status == 200
    wrong = next(item for item in challenges(rig) if item.realm == "east")
    assert login(rig, wrong, "u", "pb").status == 401


def test_a_nonce_is_good_for_its_realm_only(make: Make) -> None:
    conf = "[a]\ntype=auth\nusername=u\npassword=pa\nrealm=east\n[b]\ntype=auth\nusername=u\npassword=pb\nrealm=west\n"
    rig = make(conf, "a,b")
    east, west = challenges(rig)
    mixed = Challenge("west", east.nonce, algorithm="MD5", qop=west.qop)
    answer = login(rig, mixed, "u", "pb")
    assert answer.status == 401
    assert all(Challenge.parse(value).stale for value in answer.get_all("WWW-Authenticate"))


def test_nonce_lifetime(make: Make) -> None:
    rig = make("[a]\ntype=auth\nusername=alice\npassword=pw\nnonce_lifetime=5\n")
    (challenge,) = challenges(rig)
    rig.advance(4)
    assert login(rig, challenge, "alice", "pw").status == 200
    rig.advance(2)
    answer = login(rig, challenge, "alice", "pw", nc=2)
    assert answer.status == 401
    assert Challenge.parse(answer.get("WWW-Authenticate") or "").stale


def test_md5_cred(make: Make) -> None:
    rig = make(f"[a]\ntype=auth\nauth_type=md5\nusername=alice\nmd5_cred={ha1('alice', 'asterisk', 'pw')}\n")
    (challenge,) = challenges(rig)
    assert login(rig, challenge, "alice", "pw").status == 200
    assert login(rig, challenges(rig)[0], "alice", "other").status == 401


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_password_digest(make: Make, algorithm: str) -> None:
    digest = f"{algorithm}:{ha1('alice', 'here', 'pw', algorithm)}"
    rig = make(
        "[a]\ntype=auth\nauth_type=digest\nusername=alice\nrealm=here\n"
        f"password_digest={digest}\nsupported_algorithms_uas={ALL}\n"
    )
    chosen = next(item for item in challenges(rig) if item.algorithm == algorithm)
    assert login(rig, chosen, "alice", "pw").status == 200
    # There is no password to make another algorithm's hash of.
    other = next(item for item in challenges(rig) if item.algorithm != algorithm)
    assert login(rig, other, "alice", "").status == 401


def test_auth_int(make: Make) -> None:
    rig = make("[a]\ntype=auth\nusername=alice\npassword=pw\n")
    (challenge,) = challenges(rig)
    wanted = Challenge(challenge.realm, challenge.nonce, algorithm="MD5", qop=("auth-int",))
    assert login(rig, wanted, "alice", "pw").status == 200


OUTBOUND = """
[peer]
type=endpoint
outbound_auth=east,any
aors=peer
[peer]
type=aor
contact=sip:198.51.100.1:5080
[east]
type=auth
username=e
password=pe
realm=east
supported_algorithms_uac=SHA-256,MD5
[any]
type=auth
username=x
password=px
realm=*
"""


class User:
    """Collects what comes back."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def on_response(self, transaction: object, response: Response) -> None:
        self.statuses.append(response.status)

    def on_timeout(self, transaction: object) -> None:
        self.statuses.append(408)

    def on_transport_error(self, transaction: object) -> None:
        self.statuses.append(503)


def sent(flow: FakeFlow) -> Request:
    (request,) = (message for message in flow.take() if isinstance(message, Request))
    return request


def answer(rig: Rig, flow: FakeFlow, request: Request, status: int, name: str, *values: str) -> None:
    response = make_response(request, status, to_tag="p")
    for value in values:
        response.add_header(name, value)
    rig.layer.receive(response.to_bytes(), flow, rig.now)


@pytest.mark.parametrize(("status", "asked", "given"), [
    (401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization"),
])  # fmt: skip
def test_our_requests_answer_challenges_of_several_realms(make: Make, status: int, asked: str, given: str) -> None:
    rig = make(OUTBOUND)
    endpoint = rig.data.get(Endpoint, "peer")
    assert isinstance(endpoint, Endpoint)
    user = User()
    flow = rig.transports.flow_for("198.51.100.1", 5080)
    rig.sip.send(rig.sip.create_request("MESSAGE", "sip:198.51.100.1:5080", endpoint), user, endpoint)
    first = sent(flow)
    answer(
        rig, flow, first, status, asked,
        'Digest realm="east", nonce="n1", algorithm=SHA-512-256, qop="auth"',
        'Digest realm="east", nonce="n1", algorithm=SHA-256, qop="auth"',
        'Digest realm="east", nonce="n1", algorithm=MD5, qop="auth"',
        'Digest realm="west", nonce="n2", algorithm=MD5, qop="auth"',
    )  # fmt: skip
    second = sent(flow)
    assert second.cseq.number == first.cseq.number + 1
    found = [Credentials.parse(value) for value in second.get_all(given)]
    assert [(item.realm, item.username, item.algorithm) for item in found] == [
        ("east", "e", "SHA-256"), ("west", "x", "MD5"),
    ]  # fmt: skip
    assert found[0].verify(ha1("e", "east", "pe", "SHA-256"), "MESSAGE")
    assert found[1].verify(ha1("x", "west", "px"), "MESSAGE")
    # The same again means that they are wrong: there is no third attempt.
    answer(rig, flow, second, status, asked, 'Digest realm="east", nonce="n3", algorithm=SHA-256, qop="auth"')
    assert not flow.sent
    assert user.statuses == [status]


def test_challenges_of_foreign_realms_are_not_answered(make: Make) -> None:
    rig = make(OUTBOUND.replace("outbound_auth=east,any", "outbound_auth=east"))
    endpoint = rig.data.get(Endpoint, "peer")
    assert isinstance(endpoint, Endpoint)
    user = User()
    flow = rig.transports.flow_for("198.51.100.1", 5080)
    rig.sip.send(rig.sip.create_request("MESSAGE", "sip:198.51.100.1:5080", endpoint), user, endpoint)
    answer(rig, flow, sent(flow), 401, "WWW-Authenticate", 'Digest realm="phishing", nonce="n1", qop="auth"')
    assert not flow.sent
    assert user.statuses == [401]


# Hashed user names, RFC 7616 3.4.4

HASHED = "[global]\ntype=global\nauth_userhash=yes\n"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_a_hashed_user_name_is_asked_for_and_accepted(make: Make, algorithm: str) -> None:
    rig = make(f"{HASHED}[a]\ntype=auth\nusername=alice\npassword=pw\nsupported_algorithms_uas={ALL}\n")
    chosen = next(item for item in challenges(rig) if item.algorithm == algorithm)
    assert chosen.userhash
    assert login(rig, chosen, "alice", "pw").status == 200
    assert login(rig, challenges(rig)[0], "alice", "wrong").status == 401
    assert login(rig, challenges(rig)[0], "alicf", "pw").status == 401


def test_without_the_option_no_hash_is_asked_for_but_one_is_taken(make: Make) -> None:
    rig = make("[a]\ntype=auth\nusername=alice\npassword=pw\n")
    answer = rig.only(rig.receive(rig.request("REGISTER")))
    assert "userhash" not in (answer.get("WWW-Authenticate") or "")
    (challenge,) = challenges(rig)
    assert login(rig, replace(challenge, userhash=True), "alice", "pw").status == 200


def test_a_client_that_knows_no_hashes_still_gets_in(make: Make) -> None:
    rig = make(f"{HASHED}[a]\ntype=auth\nusername=alice\npassword=pw\n")
    (challenge,) = challenges(rig)
    assert login(rig, replace(challenge, userhash=False), "alice", "pw").status == 200


def test_the_challenge_to_nobody_asks_for_a_hash_as_all_others_do(make: Make) -> None:
    rig = make(f"{HASHED}[a]\ntype=auth\nusername=alice\npassword=pw\n")
    answer = rig.only(rig.receive(rig.request("REGISTER", user="nobody")))
    assert Challenge.parse(answer.get("WWW-Authenticate") or "").userhash


def test_a_hash_of_another_algorithm_or_of_none_is_refused(make: Make) -> None:
    rig = make(f"{HASHED}[a]\ntype=auth\nusername=alice\npassword=pw\nsupported_algorithms_uas={ALL}\n")
    md5 = challenges(rig)[0]
    credentials = ClientSession(md5, "alice", ha1("alice", md5.realm, "pw"), "c").authorize("REGISTER", "sip:pbx.test")
    for username, algorithm in ((hash_user("alice", md5.realm, "SHA-256"), "MD5"), (credentials.username, "ROT13")):
        header = f"Authorization: {replace(credentials, username=username, algorithm=algorithm)}"
        assert rig.only(rig.receive(rig.request("REGISTER", "sip:pbx.test", "alice", header))).status == 401


def account(name: str, username: str = "") -> str:
    return (
        f"[{name}]\ntype=endpoint\naors={name}\nauth={name}\nidentify_by=auth_username\n"
        f"[{name}]\ntype=aor\nmax_contacts=5\n[{name}]\ntype=auth\nusername={username or name}\npassword=pw\n"
    )


def anonymous_register(rig: Rig, user: str) -> int:
    """The status of a REGISTER that names its user nowhere but in the hash."""
    answer = rig.only(rig.receive(rig.request("REGISTER", user="anonymous")))
    challenge = replace(Challenge.parse(answer.get("WWW-Authenticate") or ""), userhash=True)
    session = ClientSession(challenge, user, ha1(user, challenge.realm, "pw"), "cnonce")
    header = f"Authorization: {session.authorize('REGISTER', 'sip:pbx.test')}"
    request = rig.request("REGISTER", "sip:pbx.test", "anonymous", "Contact: <sip:a@192.0.2.10>", header)
    return rig.only(rig.receive(request)).status


def test_an_endpoint_is_identified_by_the_hash_of_its_name(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "etc", HASHED + account("alice") + account("bob"))
    assert [anonymous_register(rig, user) for user in ("alice", "bob", "carol")] == [200, 200, 401]
    # The hashes follow the realm, and the objects.
    rig.sip.state.default_realm = "elsewhere"
    assert anonymous_register(rig, "bob") == 200
    path = tmp_path / "etc" / "pjsip.conf"
    path.write_text(HASHED + account("alice", "alison") + account("carol"))
    rig.data.reload()
    assert [anonymous_register(rig, user) for user in ("alice", "bob", "carol")] == [401, 401, 200]


def test_without_the_option_nobody_is_looked_for_by_a_hash(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "etc", account("alice"))
    assert anonymous_register(rig, "alice") == 401


@pytest.mark.parametrize(
    ("password", "result"),
    [
        ("", AuthenticationResult.CHALLENGE_SENT),
        ("pw", AuthenticationResult.SUCCESS),
        ("wrong", AuthenticationResult.FAILED),
    ],
)
def test_authenticate_request_tells_what_becomes_of_credentials(
    make: Make, password: str, result: AuthenticationResult
) -> None:
    rig = make("[a]\ntype=auth\nusername=alice\npassword=pw\n")
    challenge = challenges(rig)[0]
    headers = []
    if password:
        session = ClientSession(challenge, "alice", ha1("alice", challenge.realm, password, "MD5"), "cnonce", 0)
        headers.append(f"Authorization: {session.authorize('MESSAGE', 'sip:pbx.test')}")
    text = rig.request("MESSAGE", "sip:pbx.test", "alice", *headers)
    request = parse_message(text.replace("\n", "\r\n").encode())
    assert isinstance(request, Request)
    request.flow = rig.flow
    rx = Rx(rig.sip, request, rig.flow, rig.now)
    endpoint = rig.data.get(Endpoint, "alice")
    assert rig.sip.authenticate_request(endpoint, rx) is result  # type: ignore[arg-type]
    # It decides and reports, and sends nothing itself.
    assert rig.flow.take() == []
    if result is AuthenticationResult.SUCCESS:
        # The use of the nonce was noted: the same count again is a replay.
        assert rig.sip.authenticate_request(endpoint, rx) is not AuthenticationResult.SUCCESS  # type: ignore[arg-type]
