"""Digest authentication, access lists, failure limits and the events about them."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from sip_rig import MODULES, FakeFlow, Rig, turn

from asterism.core.commands import CommandCall
from asterism.interception.failures import FailureLimits
from asterism.interception.logger import LoggerModule
from asterism.interception.replay import ReplayTable
from asterism.sip.authentication import AuthenticationResult, DigestChallenge
from asterism.stack.message import Response

CONTACT = "Contact: <sip:alice@192.0.2.10>"


def challenge(rig: Rig, user: str = "alice", method: str = "REGISTER", flow: FakeFlow | None = None) -> Response:
    return rig.only(rig.receive(rig.request(method, "sip:pbx.test", user), flow))


def authorized(rig: Rig, response: Response, password: str = "alicepw", nc: int = 1, **more: Any) -> Response:
    user = more.pop("user", "alice")
    authorization = rig.answer(response, "REGISTER", "sip:pbx.test", more.pop("auth_user", user), password, nc)
    return rig.only(rig.receive(rig.request("REGISTER", "sip:pbx.test", user, CONTACT, authorization, **more)))


def header(response: Response) -> str:
    return response.get("WWW-Authenticate") or ""


def test_the_challenge_has_the_recorded_form(rig: Rig) -> None:
    assert re.fullmatch(
        r'Digest realm="asterisk",nonce="[^"]+",opaque="[0-9a-f]{16}",algorithm=MD5,qop="auth"', header(challenge(rig))
    )


def test_wrong_password_is_401_every_time(rig: Rig) -> None:
    response = challenge(rig)
    for _ in range(3):
        response = authorized(rig, response, "wrong")
        assert response.status == 401
        assert "stale" not in header(response)
    assert rig.sip.location.contacts("alice") == ()
    assert rig.layer.live_transactions == rig.layer.finished_transactions == 0


def test_unknown_users_look_like_wrong_passwords(rig: Rig) -> None:
    known, unknown = challenge(rig), challenge(rig, "ghost")
    shape = [name for name, _ in known.headers]
    assert [name for name, _ in unknown.headers] == shape
    again = authorized(rig, unknown, user="ghost")
    assert again.status == 401
    assert [name for name, _ in again.headers] == shape
    assert "stale" not in header(again)


def test_a_replay_is_stale(rig: Rig) -> None:
    response = challenge(rig)
    assert authorized(rig, response).status == 200
    replay = authorized(rig, response)
    assert replay.status == 401
    assert ",stale=true," in header(replay)
    assert authorized(rig, response, nc=2).status == 200
    assert authorized(rig, response, nc=2).status == 401
    assert authorized(rig, response, nc=1).status == 401


def test_an_expired_nonce_is_stale_and_a_new_one_works(rig: Rig) -> None:
    response = challenge(rig)
    rig.advance(33)
    late = authorized(rig, response)
    assert late.status == 401
    assert "stale=true" in header(late)
    assert authorized(rig, late).status == 200


def test_a_nonce_of_another_server_is_stale(make_rig: Callable[..., Rig]) -> None:
    response = challenge(make_rig())
    other = authorized(make_rig(), response)
    assert "stale=true" in header(other)


def test_an_altered_nonce_with_a_wrong_response_is_not_stale(rig: Rig) -> None:
    response = challenge(rig)
    forged = header(response).replace('nonce="', 'nonce="x')
    response.set_header("WWW-Authenticate", forged)
    assert "stale=true" in header(authorized(rig, response))
    assert "stale" not in header(authorized(rig, response, "wrong"))


@pytest.mark.parametrize("algorithm", ["SHA-256", "SHA-512-256"])
def test_other_algorithms(make_rig: Callable[..., Rig], phones: str, algorithm: str) -> None:
    rig = make_rig(phones.replace("password=alicepw", f"password=alicepw\nsupported_algorithms_uas={algorithm},MD5"))
    response = challenge(rig)
    headers = response.get_all("WWW-Authenticate")
    assert [f"algorithm={name}" in text for name, text in zip((algorithm, "MD5"), headers, strict=True)] == [True, True]
    assert authorized(rig, response).status == 200


def test_md5_cred_and_realm(make_rig: Callable[..., Rig], phones: str) -> None:
    from asterism.stack.digest import ha1

    secret = ha1("alice", "their.realm", "hidden")
    rig = make_rig(phones.replace("password=alicepw", f"auth_type=md5\nmd5_cred={secret}\nrealm=their.realm"))
    response = challenge(rig)
    assert 'realm="their.realm"' in header(response)
    assert authorized(rig, response, "hidden").status == 200


def test_garbage_credentials_are_challenged(rig: Rig) -> None:
    for value in ("Digest", "Digest username=", "Basic abc", 'Digest username="a", realm="b"', "Digest " + "x" * 500):
        text = rig.request("REGISTER", "sip:pbx.test", "alice", f"Authorization: {value}")
        assert rig.only(rig.receive(text)).status == 401


def test_options_without_authentication(make_rig: Callable[..., Rig], phones: str) -> None:
    rig = make_rig(phones.replace("[alice](phone)", "[alice](phone)\nallow_unauthenticated_options=yes"))
    assert challenge(rig, method="OPTIONS").status == 501
    assert challenge(rig).status == 401


def test_events_of_failures_in_recorded_order(rig: Rig) -> None:
    events = rig.record()
    authorized(rig, challenge(rig), "wrong")
    authorized(rig, challenge(rig, "ghost"), user="ghost")
    assert [(name, dict(fields)["AccountID"]) for name, fields in events] == [
        ("ChallengeSent", "alice"),
        ("ChallengeResponseFailed", "alice"),
        ("InvalidAccountID", "ghost"),
        ("ChallengeSent", "<unknown>"),
        ("InvalidAccountID", "ghost"),
        ("ChallengeResponseFailed", "<unknown>"),
    ]
    assert [name for name, _ in events[1][1]] == [
        "EventTV", "Severity", "Service", "EventVersion", "AccountID", "SessionID", "LocalAddress", "RemoteAddress",
        "Challenge", "Response", "ExpectedResponse",
    ]  # fmt: skip
    assert dict(events[0][1])["RemoteAddress"] == "IPV4/UDP/192.0.2.10/5060"


def test_endpoint_acl_hides_the_endpoint(rig: Rig) -> None:
    events = rig.record()
    response = rig.ask("REGISTER", CONTACT, user="frank")
    assert response.status == 401
    assert [name for name, _ in events] == ["FailedACL", "ChallengeSent", "FailedACL", "ChallengeResponseFailed"]
    assert dict(events[0][1])["ACLName"] == "not_match_endpoint_acl"
    inside = FakeFlow(("127.0.0.77", 5060))
    assert rig.ask("REGISTER", CONTACT, user="frank", flow=inside).status == 200


def test_acl_objects_apply_to_every_request(make_rig: Callable[..., Rig], phones: str) -> None:
    rig = make_rig(phones + "[all]\ntype=acl\nacl=bad\ndeny=203.0.113.9\n", acl="[bad]\ndeny=203.0.113.10\n")
    events = rig.record()
    for host in ("203.0.113.9", "203.0.113.10"):
        assert challenge(rig, flow=FakeFlow((host, 5060))).status == 403
    assert events == []
    assert challenge(rig, flow=FakeFlow(("203.0.113.11", 5060))).status == 401


def test_failures_are_limited_and_first_challenges_are_not(rig: Rig) -> None:
    limits = rig.sip.state.security.reports.limits
    limits.count = 3
    for _ in range(20):
        assert challenge(rig).status == 401
    for _ in range(4):
        assert authorized(rig, challenge(rig), "wrong").status == 401
    assert rig.receive(rig.request("REGISTER")) == []
    assert challenge(rig, flow=FakeFlow(("192.0.2.99", 5060))).status == 401
    rig.advance(11)
    assert challenge(rig).status == 401


def test_malformed_messages_of_a_connection_count(rig: Rig) -> None:
    rig.sip.state.security.reports.limits.count = 2
    flow = FakeFlow(transport="TCP")
    for _ in range(3):
        rig.receive(b"GARBAGE\r\n\r\n", flow)
    assert rig.receive(rig.request("REGISTER"), flow) == []


def test_forged_sources_lock_nobody_out(rig: Rig) -> None:
    """Garbage, strangers and guesses in somebody's name, by datagrams that may come from anywhere."""
    rig.sip.state.security.reports.limits.count = 2
    elsewhere = challenge(rig, flow=FakeFlow(("203.0.113.77", 5060)))
    for _ in range(5):
        rig.receive(b"GARBAGE\r\n\r\n")
        rig.receive(rig.request("INVITE", "sip:x@pbx.test", "nobody"))
        authorized(rig, elsewhere, "wrong")
    assert authorized(rig, challenge(rig)).status == 200


def test_many_guesses_by_nonces_of_other_addresses_are_not_looked_at(rig: Rig) -> None:
    """Else a second address would do to fetch nonces with, and the guesses of the first would never count."""
    limits = rig.sip.state.security.reports.limits
    limits.count = 2
    elsewhere = FakeFlow(("203.0.113.77", 5060))
    # A phone whose address changed is believed at first.
    assert authorized(rig, challenge(rig, flow=elsewhere)).status == 200
    for _ in range(3):
        authorized(rig, challenge(rig, flow=elsewhere), "wrong")
    refused = authorized(rig, challenge(rig, flow=elsewhere))
    assert (refused.status, "stale=true" in header(refused)) == (401, True)
    assert authorized(rig, refused, nc=1).status == 200
    rig.advance(11)
    assert authorized(rig, challenge(rig, flow=elsewhere)).status == 200


def test_an_ipv6_network_counts_as_one_source(rig: Rig) -> None:
    limits = rig.sip.state.security.reports.limits
    limits.count = 2
    for number in range(3):
        rig.receive(b"GARBAGE\r\n\r\n", FakeFlow((f"2001:db8:1:2::{number}", 5060), "TCP"))
    assert challenge_of(rig, "2001:db8:1:2:ffff::1") is None
    assert challenge_of(rig, "2001:db8:1:3::1") == 401


def challenge_of(rig: Rig, host: str) -> int | None:
    """The status of the answer to a first request from an address."""
    answers = rig.receive(rig.request("REGISTER", "sip:pbx.test"), FakeFlow((host, 5060), "TCP"))
    return answers[0].status if answers else None


def test_few_credentials_of_a_request_are_looked_at(rig: Rig) -> None:
    first = challenge(rig)
    right = rig.answer(first, "REGISTER", "sip:pbx.test", "alice", "alicepw", 1)
    wrong = [rig.answer(first, "REGISTER", "sip:pbx.test", "alice", "wrong", 1)] * 8
    request = rig.request("REGISTER", "sip:pbx.test", "alice", CONTACT, *wrong, right)
    assert rig.only(rig.receive(request)).status == 401
    request = rig.request("REGISTER", "sip:pbx.test", "alice", CONTACT, *wrong[1:], right)
    assert rig.only(rig.receive(request)).status == 200


def test_a_long_list_of_bindings_goes_only_to_who_is_there(rig: Rig) -> None:
    """By its name somebody else's address could be flooded with answers many times as large as their requests."""
    elsewhere = FakeFlow(("203.0.113.77", 5060))
    many = ", ".join(f"<sip:alice@192.0.2.{number};x={'y' * 440}>" for number in range(2))
    first = challenge(rig)
    answer = rig.answer(first, "REGISTER", "sip:pbx.test", "alice", "alicepw", 1)
    request = rig.request("REGISTER", "sip:pbx.test", "alice", f"Contact: {many}", answer)
    assert rig.only(rig.receive(request)).status == 200
    first = challenge(rig, flow=elsewhere)
    refused = rig.only(rig.receive(query(rig, first)))
    assert (refused.status, "stale=true" in header(refused)) == (401, True)
    assert len(rig.only(rig.receive(query(rig, refused))).contacts) == 2


def query(rig: Rig, response: Response) -> str:
    """A REGISTER that only asks."""
    answer = rig.answer(response, "REGISTER", "sip:pbx.test", "alice", "alicepw", 1)
    return rig.request("REGISTER", "sip:pbx.test", "alice", answer)


def test_log_lines_have_no_control_characters(rig: Rig) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    rig.log.addHandler(Keep())
    rig.receive(rig.request("REGISTER", "sip:pbx.test", "gh%0aost").replace("Call-ID: c", "Call-ID: \x1b[31m"))
    found = [line for line in lines if "No matching endpoint found" in line]
    assert len(found) <= 1
    assert all(line.isprintable() for line in lines)


def test_another_authenticator_takes_over(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(modules=[module for module in MODULES if module.__name__ != "AuthenticatorDigest"])
    assert challenge(rig).status == 503
    rig.sip.state.allow_without_authenticator = True
    assert rig.ask("REGISTER", CONTACT).status == 200
    asked: list[str] = []

    class Table:
        def requires_authentication(self, endpoint: Any, rx: Any) -> bool:
            return True

        async def authenticate_request(self, endpoint: Any, rx: Any) -> AuthenticationResult:
            await asyncio.sleep(0)
            asked.append(endpoint.id)
            return AuthenticationResult.SUCCESS if rx.request.has("X-Secret") else AuthenticationResult.CHALLENGE_SENT

        def get_authentication_credentials(self, endpoint: Any, rx: Any) -> list[DigestChallenge]:
            return [DigestChallenge("table")]

    table = Table()
    rig.sip.register_authenticator(table)

    async def run() -> None:
        flow = FakeFlow()
        rig.receive(rig.request("REGISTER", "sip:pbx.test", "alice", CONTACT), flow)
        await turn()
        refused = rig.only(flow.take())
        assert (refused.status, 'realm="table"' in header(refused)) == (401, True)
        rig.receive(rig.request("REGISTER", "sip:pbx.test", "alice", CONTACT, "X-Secret: yes"), flow)
        await turn()
        rig.commit()
        assert rig.only(flow.take()).status == 200

    asyncio.run(run())
    assert asked == ["alice", "alice"]
    rig.sip.unregister_authenticator(table)


def test_replay_table_is_bounded() -> None:
    table = ReplayTable(limit=3)
    for number in range(5):
        table.use(f"n{number}", 1, float(number), 100.0, 10.0)
    assert len(table) == 3
    assert not table.fresh("n0", 2, 0.0)
    assert table.fresh("n4", 2, 4.0)
    assert not table.fresh("n4", 1, 4.0)
    assert table.fresh("never used", 1, 9.0)
    table.use("later", 1, 150.0, 200.0, 150.0)
    assert len(table) == 1


def test_failure_table_is_bounded() -> None:
    limits = FailureLimits(count=1, period=10, table_limit=3)
    for number in range(5):
        limits.failed(f"h{number}", float(number), proved=True)
        limits.failed(f"h{number}", float(number), proved=False)
    assert len(limits) == 6
    limits.failed("h4", 4.5, proved=True)
    assert limits.blocked("h4", 5.0)
    assert not limits.blocked("h4", 14.5)
    limits.prune(100)
    assert len(limits) == 0


def test_trace_logger_filters_and_hides_keys(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(modules=(*MODULES, LoggerModule))
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    rig.log.addHandler(Keep())

    def run(words: str, *args: str) -> str:
        command = rig.commands.get(words)
        assert command is not None
        result = command.run(CommandCall(list(args), lambda text: None))
        assert isinstance(result, str)
        return result

    assert rig.transports.on_trace is None
    assert run("pjsip set logger on") == "PJSIP Logging enabled\n"
    flow = FakeFlow(("127.0.0.1", 15291))
    data = b"INVITE sip:x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\na=crypto:1 X inline:c2VjcmV0\r\n"
    rig.transports.on_trace("in", data, flow)  # type: ignore[misc]
    assert lines[-1].startswith(
        f"<--- Received SIP request ({len(data)} bytes) from UDP:127.0.0.1:15291 --->\nINVITE sip"
    )
    assert "c2VjcmV0" not in lines[-1]
    assert run("pjsip set logger host", "192.0.2.0/24") == "PJSIP Logging Enabled for host: 192.0.2.0/24\n"
    count = len(lines)
    rig.transports.on_trace("in", data, flow)  # type: ignore[misc]
    assert len(lines) == count
    run("pjsip set logger on")
    assert run("pjsip set logger method", "BYE") == "PJSIP Logging Enabled for SIP Methods: BYE\n"
    assert run("pjsip set logger methodadd", "ACK") == "PJSIP Logging Enabled for SIP Methods: ACK, BYE\n"
    rig.transports.on_trace("in", data, flow)  # type: ignore[misc]
    assert len(lines) == count
    rig.transports.on_trace("out", b"SIP/2.0 200 OK\r\nCSeq: 2 BYE\r\n\r\n", flow)  # type: ignore[misc]
    assert lines[-1].startswith("<--- Transmitting SIP response (31 bytes) to UDP:127.0.0.1:15291 --->")
    run("pjsip set logger off")
    assert rig.transports.on_trace is None
