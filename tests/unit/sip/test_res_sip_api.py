"""The page that maps ``res_sip`` to Python: every name on it exists and does what the design says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sip_rig import MODULES, FakeFlow, Rig, turn

from asterism.core.errors import DuplicateError
from asterism.interception.authenticator_digest import AuthenticatorDigest
from asterism.sip.authentication import AuthenticationResult, DigestChallenge
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.rx import Rx
from asterism.sip.service import Service
from asterism.sip.works import Work
from asterism.stack.dialog import Dialog
from asterism.stack.digest import Challenge
from asterism.stack.message import Request, Response, make_response
from asterism.stack.parser import parse_message

PAGE = Path(__file__).parents[3] / "docs/development/res-sip-api.md"
ROWS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE)
HEADER = """
struct ast_sip_work, struct ast_sip_digest_challenge_data, ast_sip_digest_challenge_data.realm,
ast_sip_digest_challenge_data.is_md5, ast_sip_digest_challenge_data.auth.plain.username,
ast_sip_digest_challenge_data.auth.plain.password, ast_sip_digest_challenge_data.auth.md5,
ast_sip_digest_challenge_data.domain, ast_sip_digest_challenge_data.opaque, ast_sip_digest_challenge_data.nonce,
struct ast_sip_authenticator, ast_sip_authenticator.requires_authentication,
ast_sip_authenticator.authenticate_request, ast_sip_authenticator.get_authentication_credentials,
struct ast_sip_endpoint_identifier, ast_sip_endpoint_identifier.identify_endpoint, enum ast_sip_check_auth_result,
AST_SIP_AUTHENTICATION_CHALLENGE_SENT, AST_SIP_AUTHENTICATION_SUCCESS, AST_SIP_AUTHENTICATION_FAILED,
AST_SIP_AUTHENTICATION_NOT_REQUIRED, ast_sip_register_service, ast_sip_unregister_service,
ast_sip_register_authenticator, ast_sip_unregister_authenticator, ast_sip_register_endpoint_identifier,
ast_sip_unregister_endpoint_identifier, ast_sip_create_work, ast_sip_destroy_work, ast_sip_push_task,
ast_sip_send_request, ast_sip_requires_authentication, ast_sip_authenticate_request,
ast_sip_get_authentication_credentials, ast_sip_check_authentication, ast_sip_challenge_request,
ast_sip_identify_endpoint, ast_sip_add_header, ast_sip_add_body
"""


def test_the_page_has_every_name_of_the_header() -> None:
    assert [original for original, _ in ROWS] == [" ".join(name.split()) for name in HEADER.split(",")]


@pytest.mark.parametrize(("original", "name"), ROWS)
def test_the_name_exists(original: str, name: str) -> None:
    words = name.split(".")
    for length in range(len(words) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(words[:length]))
        except ModuleNotFoundError:
            continue
        break
    for word in words[length:]:
        # A field of a dataclass with slots is an attribute of the class too.
        found = getattr(found, word)
    assert found is not None


# What the rows below are tried with.


def arrived(rig: Rig, method: str = "MESSAGE", user: str = "alice", flow: FakeFlow | None = None) -> Rx:
    """A request that has arrived and that nobody has looked at."""
    request = parse_message(rig.request(method, "sip:pbx.test", user).replace("\n", "\r\n").encode())
    assert isinstance(request, Request)
    request.flow = flow or rig.flow
    return Rx(rig.sip, request, request.flow, rig.now)


def endpoint(rig: Rig, name: str = "alice") -> Endpoint:
    found = rig.data.get(Endpoint, name)
    assert isinstance(found, Endpoint)
    return found


@pytest.fixture
def bare(make_rig: Callable[..., Rig]) -> Rig:
    """A core without an authenticator."""
    return make_rig(modules=[module for module in MODULES if module is not AuthenticatorDigest])


class Gate:
    """An authenticator that lets ``X-Key: open`` in and notes what it was asked."""

    def __init__(self, challenges: Sequence[DigestChallenge] = (DigestChallenge("gate"),)) -> None:
        self.asked: list[str] = []
        self.challenges = challenges

    def requires_authentication(self, endpoint: Endpoint, rx: Rx) -> bool:
        self.asked.append("requires")
        return rx.request.get("X-Public") is None

    def authenticate_request(self, endpoint: Endpoint, rx: Rx) -> AuthenticationResult:
        self.asked.append("authenticate")
        if rx.request.get("X-Key") == "open":
            return AuthenticationResult.SUCCESS
        return AuthenticationResult.FAILED if rx.request.has("X-Key") else AuthenticationResult.CHALLENGE_SENT

    def get_authentication_credentials(self, endpoint: Endpoint, rx: Rx) -> Sequence[DigestChallenge]:
        self.asked.append("credentials")
        return self.challenges


class Named:
    """An identifier that knows one user name, and notes who was asked."""

    def __init__(self, rig: Rig, name: str, knows: str, asked: list[str]) -> None:
        self._rig, self._name, self._knows, self._asked = rig, name, knows, asked
        self.subjects: set[str] | None = None

    def identify_endpoint(self, rx: Rx) -> Endpoint | None:
        self._asked.append(self._name)
        return endpoint(self._rig, "alice") if rx.request.from_.uri.user == self._knows else None


# Structures.


def test_digest_challenge_data(rig: Rig) -> None:
    plain = DigestChallenge("realm", username="alice", password="secret", domain="sip:pbx.test")
    hashed = DigestChallenge("realm", md5="0" * 32)
    assert (plain.is_md5, hashed.is_md5) == (False, True)
    rx = arrived(rig)
    given = DigestChallenge("other", opaque="mine", nonce="once")
    rig.sip.challenge_request([plain, given], rx)
    response = rig.only(rig.flow.take())
    first, second = (Challenge.parse(value) for value in response.get_all("WWW-Authenticate"))
    # What was not given is provided; what was given is kept. No credential leaves the server.
    assert first.realm == "realm"
    assert first.nonce
    assert first.opaque
    assert 'domain="sip:pbx.test"' in response.get_all("WWW-Authenticate")[0]
    assert (second.realm, second.nonce, second.opaque) == ("other", "once", "mine")
    assert b"secret" not in response.to_bytes()


# Registration.


def test_services_are_called_from_registration_until_unregistration(rig: Rig) -> None:
    class Counter(Service):
        name = "counter"
        methods = frozenset({"MESSAGE"})
        started = stopped = seen = 0

        def start(self) -> None:
            self.started += 1

        def stop(self) -> None:
            self.stopped += 1

        def on_request(self, rx: Rx) -> bool:
            self.seen += 1
            rx.respond(200)
            return True

    service = Counter()
    rig.sip.register_service(service)
    assert rig.ask("MESSAGE").status == 200
    rig.sip.unregister_service(service)
    assert rig.ask("MESSAGE").status == 501
    assert (service.started, service.seen, service.stopped) == (1, 1, 1)


def test_one_authenticator_at_a_time(bare: Rig) -> None:
    first, second = Gate(), Gate()
    bare.sip.register_authenticator(first)
    with pytest.raises(DuplicateError):
        bare.sip.register_authenticator(second)
    assert bare.sip.requires_authentication(endpoint(bare), arrived(bare)) is True
    assert (first.asked, second.asked) == (["requires"], [])
    bare.sip.unregister_authenticator(first)
    bare.sip.register_authenticator(second)
    assert bare.sip.requires_authentication(endpoint(bare), arrived(bare)) is True
    assert (first.asked, second.asked) == (["requires"], ["requires"])


def test_without_an_authenticator(bare: Rig) -> None:
    rx = arrived(bare)
    assert bare.sip.requires_authentication(endpoint(bare), rx) is False
    assert bare.sip.authenticate_request(endpoint(bare), rx) is AuthenticationResult.SUCCESS
    assert bare.sip.get_authentication_credentials(endpoint(bare), rx) == ()
    assert bare.sip.check_authentication(endpoint(bare), rx) is AuthenticationResult.NOT_REQUIRED
    assert bare.flow.take() == []
    # The distributor is stricter: an endpoint that has a password does not get in without one.
    assert bare.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>").status == 503


def test_without_an_authenticator_by_option(make_rig: Callable[..., Rig], phones: str) -> None:
    rig = make_rig(
        phones + "[global]\ntype=global\nallow_without_authenticator=yes\n",
        modules=[module for module in MODULES if module is not AuthenticatorDigest],
    )
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>").status == 200


def test_identifiers_are_asked_in_order_until_one_knows(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(modules=())
    asked: list[str] = []
    first = Named(rig, "first", "ann", asked)
    second = Named(rig, "second", "ben", asked)
    rig.sip.register_endpoint_identifier(first, "first")
    rig.sip.register_endpoint_identifier(second, "second")
    found = rig.sip.identify_endpoint(arrived(rig, user="ann"))
    assert isinstance(found, Endpoint)
    assert asked == ["first"]
    rx = arrived(rig, user="ben")
    assert rig.sip.identify_endpoint(rx) is found
    assert (rx.endpoint, rx.identified_by) == (found, "second")
    assert asked == ["first", "first", "second"]
    assert rig.sip.identify_endpoint(arrived(rig, user="eve")) is None
    rig.sip.unregister_endpoint_identifier(second)
    asked.clear()
    assert rig.sip.identify_endpoint(arrived(rig, user="ben")) is None
    assert asked == ["first"]


def test_the_configured_order_of_identifiers_comes_first(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(modules=())
    asked: list[str] = []
    for name in ("one", "two", "three"):
        rig.sip.register_endpoint_identifier(Named(rig, name, "nobody", asked), name)
    rig.sip.identifiers.set_order(["three", "unknown"])
    rig.sip.identify_endpoint(arrived(rig))
    assert asked == ["three", "one", "two"]
    # As in the design, it needs no name; then it is asked before all others.
    rig.sip.register_endpoint_identifier(Named(rig, "nameless", "nobody", asked))
    asked.clear()
    rig.sip.identify_endpoint(arrived(rig))
    assert asked == ["nameless", "three", "one", "two"]


def test_an_identifier_without_subjects_is_not_asked(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(modules=())
    asked: list[str] = []
    known = Named(rig, "known", "a", asked)
    known.subjects = set()
    rig.sip.register_endpoint_identifier(known, "known")
    assert rig.sip.identify_endpoint(arrived(rig, user="a")) is None
    assert asked == []
    known.subjects.add("a")
    assert rig.sip.identify_endpoint(arrived(rig, user="a")) is not None
    assert asked == ["known"]


# Works (their rules in depth: test_sip_works.py).


def test_tasks_of_a_work_run_one_after_the_other(rig: Rig) -> None:
    async def scenario() -> None:
        work, other = rig.sip.create_work("one"), rig.sip.create_work("two")
        assert isinstance(work, Work)
        gate = asyncio.Event()
        order: list[str] = []

        async def slow() -> None:
            await gate.wait()
            order.append("slow")

        assert rig.sip.push_task(work, slow) is True
        assert rig.sip.push_task(work, order.append, "after") is True
        assert rig.sip.push_task(other, order.append, "other") is True
        await turn()
        assert order == ["other"]
        rig.sip.destroy_work(work)
        assert rig.sip.push_task(work, order.append, "too late") is False
        gate.set()
        await turn()
        assert order == ["other", "slow", "after"]
        assert work not in list(rig.sip.servants)

    asyncio.run(scenario())


# Common SIP methods.


def test_check_authentication_has_four_results(bare: Rig) -> None:
    gate = Gate()
    bare.sip.register_authenticator(gate)

    def check(*headers: tuple[str, str]) -> tuple[Any, list[Request | Response]]:
        rx = arrived(bare)
        for name, value in headers:
            rx.request.add_header(name, value)
        return bare.sip.check_authentication(endpoint(bare), rx), bare.flow.take()

    assert check(("X-Public", "yes")) == (AuthenticationResult.NOT_REQUIRED, [])
    assert gate.asked == ["requires"]
    assert check(("X-Key", "open")) == (AuthenticationResult.SUCCESS, [])
    result, sent = check()
    assert result is AuthenticationResult.CHALLENGE_SENT
    assert Challenge.parse(bare.only(sent).get("WWW-Authenticate") or "").realm == "gate"
    result, sent = check(("X-Key", "wrong"))
    assert result is AuthenticationResult.FAILED
    assert bare.only(sent).status == 401
    assert gate.asked[-3:] == ["requires", "authenticate", "credentials"]


def test_authenticator_callbacks_may_be_awaitable(bare: Rig) -> None:
    class Later(Gate):
        async def requires_authentication(self, endpoint: Endpoint, rx: Rx) -> bool:  # type: ignore[override]
            await asyncio.sleep(0)
            return super().requires_authentication(endpoint, rx)

        async def authenticate_request(self, endpoint: Endpoint, rx: Rx) -> AuthenticationResult:  # type: ignore[override]
            await asyncio.sleep(0)
            return super().authenticate_request(endpoint, rx)

    bare.sip.register_authenticator(Later())

    async def scenario() -> None:
        waiting: Any = bare.sip.check_authentication(endpoint(bare), arrived(bare))
        assert await waiting is AuthenticationResult.CHALLENGE_SENT
        assert bare.only(bare.flow.take()).status == 401

    asyncio.run(scenario())


def test_challenge_request_is_stateless(rig: Rig) -> None:
    rig.sip.challenge_request([DigestChallenge("realm")], arrived(rig))
    assert rig.only(rig.flow.take()).status == 401
    assert rig.layer.live_transactions == 0


def test_send_request_out_of_a_dialog_and_within(rig: Rig) -> None:
    async def scenario() -> None:
        flow = rig.transports.flow_for("198.51.100.9", 5060)
        waiting = asyncio.ensure_future(
            rig.sip.send_request("MESSAGE", "sip:x@198.51.100.9", body="hello", content_type="text/plain")
        )
        await turn()
        request = flow.take()[0]
        assert isinstance(request, Request)
        assert (request.method, request.body, request.to.tag) == ("MESSAGE", b"hello", None)
        rig.layer.receive(make_response(request, 202, to_tag="t").to_bytes(), flow, rig.now)
        assert (await asyncio.wait_for(waiting, 5)).status == 202

        text = rig.request("INVITE", "sip:pbx.test", "trunk", "Contact: <sip:t@198.51.100.9>", call_id="d")
        invite = parse_message(text.replace("\n", "\r\n").encode())
        assert isinstance(invite, Request)
        dialog = Dialog.uas(invite, "ours", "<sip:pbx@192.0.2.1>")
        waiting = asyncio.ensure_future(
            rig.sip.send_request("INFO", dialog=dialog, body="1", content_type="text/plain")
        )
        await turn()
        request = flow.take()[0]
        assert isinstance(request, Request)
        assert (request.method, request.call_id, request.from_.tag) == ("INFO", "d", "ours")
        assert (str(request.uri), request.to.tag, request.body) == ("sip:t@198.51.100.9", invite.from_.tag, b"1")
        rig.layer.receive(make_response(request, 200).to_bytes(), flow, rig.now)
        assert (await asyncio.wait_for(waiting, 5)).status == 200

    asyncio.run(scenario())


def test_headers_are_added_and_the_latest_body_replaces(rig: Rig) -> None:
    request = rig.sip.create_request("MESSAGE", "sip:x@198.51.100.9", body="one", content_type="text/plain")
    request.prepend_header("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx")
    request.add_header("X-One", "1")
    request.add_header("X-One", "2")
    with pytest.raises(ValueError, match=r"(?i)line|control|CR"):
        request.add_header("X-Two", "a\r\nX-Three: b")
    request.set_body("first", "text/plain")
    request.set_body("second and last", "text/html")
    sent = parse_message(request.to_bytes())
    assert sent.get_all("X-One") == ["1", "2"]
    assert (sent.body, sent.get("Content-Type"), sent.get("Content-Length")) == (
        b"second and last", "text/html", "15",
    )  # fmt: skip
