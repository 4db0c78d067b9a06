"""The distributor: services, parking, dialogs, refusals, explanations, sending."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sip_rig import FakeFlow, Rig, turn

from asterism.core.errors import DuplicateError
from asterism.sip.decision import Decision, Outcome
from asterism.sip.rx import Rx
from asterism.sip.sending import SendError
from asterism.sip.service import InterceptionStep, Service
from asterism.stack.dialog import Dialog
from asterism.stack.errors import ParseError
from asterism.stack.message import Request, Response

pytestmark = pytest.mark.filterwarnings(
    "error:Exception ignored in. <coroutine:pytest.PytestUnraisableExceptionWarning"
)
"""A request that is given up leaves no coroutine that nobody awaits."""


class Plain(Service):
    name = "plain"
    methods = frozenset({"MESSAGE"})

    def __init__(self) -> None:
        self.seen: list[Rx] = []

    def on_request(self, rx: Rx) -> bool:
        self.seen.append(rx)
        rx.respond(202)
        return True


class Slow(Service):
    """Answers when its gate opens."""

    name = "slow"
    priority = 10

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def on_request(self, rx: Rx) -> bool:
        await self.gate.wait()
        rx.respond(200)
        return True


def trunk() -> FakeFlow:
    return FakeFlow(("198.51.100.7", 5060))


def test_services_are_asked_by_priority_and_method(rig: Rig) -> None:
    order: list[str] = []

    class First(Service):
        name = "first"
        priority = 1

        def on_request(self, rx: Rx) -> bool:
            order.append("first")
            return False

    plain = Plain()
    rig.sip.register_service(plain)
    rig.sip.register_service(First())
    assert rig.ask("MESSAGE", user="trunk", flow=trunk()).status == 202
    assert order == ["first"]
    assert plain.seen[0].endpoint is not None
    assert plain.seen[0].identified_by == "ip"
    rig.sip.unregister_service(plain)
    assert rig.ask("MESSAGE", user="trunk", flow=trunk()).status == 501
    with pytest.raises(DuplicateError):
        rig.sip.register_service(First())


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("INFO", 501),
        ("FOOBAR", 501),
        ("INVITE", 501),
        ("SUBSCRIBE", 489),
        ("PUBLISH", 489),
        ("BYE", 481),
        ("PRACK", 481),
    ],
)
def test_what_nobody_takes(rig: Rig, method: str, status: int) -> None:
    assert rig.ask(method, user="trunk", flow=trunk()).status == status


@pytest.mark.parametrize(("method", "status"), [("PRACK", 401), ("UPDATE", 401), ("INFO", 401), ("BYE", 481)])
def test_outside_a_dialog_all_but_bye_must_say_who_they_are_first(rig: Rig, method: str, status: int) -> None:
    """Section 4 of the architecture; BYE by the record and RFC 3261 15.1.2."""
    assert rig.ask(method, user="nobody").status == status
    assert rig.layer.live_transactions == 0


def test_unknown_dialogs_and_schemes(rig: Rig) -> None:
    assert rig.ask("INFO", user="trunk", flow=trunk(), to="<sip:x@pbx.test>;tag=nobody").status == 481
    assert rig.ask("INFO", user="trunk", flow=trunk(), uri="http://pbx.test").status == 416
    assert rig.layer.live_transactions == 0


def test_a_failing_service_is_a_500_and_no_more(rig: Rig) -> None:
    class Broken(Service):
        name = "broken"

        def on_request(self, rx: Rx) -> bool:
            raise RuntimeError("boom")

    broken = Broken()
    rig.sip.register_service(broken)
    assert rig.ask("MESSAGE", user="trunk", flow=trunk()).status == 500
    rig.sip.unregister_service(broken)
    assert rig.ask("MESSAGE", user="trunk", flow=trunk()).status == 501


@pytest.mark.parametrize("kind", [RuntimeError, TimeoutError, asyncio.CancelledError, SystemExit])
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("where", ["service", "step", "later service", "later step"])
def test_who_fails_is_named_and_the_request_answered(
    rig: Rig, caplog: pytest.LogCaptureFixture, kind: type[BaseException], waits: bool, where: str
) -> None:
    async def fail_later() -> None:
        await asyncio.sleep(0)
        raise kind("broken")

    def fail() -> Any:
        if waits:
            return fail_later()
        raise kind("broken")

    async def nothing() -> None:
        await asyncio.sleep(0)

    class Before(Service):
        name = "before"
        priority = 1

        def on_request(self, rx: Rx) -> Any:
            return nothing()

    class BeforeStep(InterceptionStep):
        name = "before"
        priority = 1

        def evaluate(self, rx: Rx) -> Any:
            return nothing()

    class Broken(Service):
        name = "broken"
        priority = 2

        def on_request(self, rx: Rx) -> Any:
            return fail()

    class BrokenStep(InterceptionStep):
        name = "broken"
        priority = 2

        def evaluate(self, rx: Rx) -> Any:
            return fail()

    async def main() -> None:
        if where.startswith("later"):
            rig.sip.register_service(Before()) if "service" in where else rig.sip.register_step(BeforeStep())
        rig.sip.register_service(Broken()) if "service" in where else rig.sip.register_step(BrokenStep())
        flow = trunk()
        answers = rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk"), flow)
        await turn()
        await turn()
        assert rig.only([*answers, *flow.take()]).status == 500
        assert len(rig.sip.distributor.parking) == 0

    rig.sip.log.addHandler(caplog.handler)
    asyncio.run(main())
    named = [record.__dict__.get("extension") for record in caplog.records if record.levelname == "ERROR"]
    assert named == ["SIP service 'broken'" if "service" in where else "interception step 'broken'"]


def test_a_service_that_cannot_be_used_or_started_is_not_registered(rig: Rig) -> None:
    class Letters(Service):
        name = "letters"
        methods = "MESSAGE"  # type: ignore[assignment]

    class Unordered(Service):
        name = "unordered"
        priority = None

    class Unstarted(Service):
        name = "unstarted"

        def start(self) -> None:
            raise RuntimeError("not started")

    before = list(rig.sip.services)
    for service in (Letters(), Unordered(), Unstarted()):
        with pytest.raises((TypeError, RuntimeError)):
            rig.sip.register_service(service)
    assert list(rig.sip.services) == before
    rig.sip.register_service(Plain())


def test_overload_refuses_new_requests(rig: Rig) -> None:
    rig.sip.state.overloaded = True
    response = rig.ask("REGISTER")
    assert (response.status, response.get("Retry-After")) == (503, "5")
    assert rig.ask("INFO", user="trunk", flow=trunk()).status == 501


def parked(rig: Rig, scenario: Callable[[Slow], Awaitable[None]]) -> None:
    async def run() -> None:
        slow = Slow()
        rig.sip.register_service(slow)
        await scenario(slow)
        await turn()
        assert len(rig.sip.distributor.parking) == 0
        assert len(rig.sip.servants) == 0

    asyncio.run(run())


def test_a_parked_request_absorbs_retransmissions(rig: Rig) -> None:
    async def scenario(slow: Slow) -> None:
        flow = trunk()
        text = rig.request("MESSAGE", "sip:pbx.test", "trunk")
        assert rig.receive(text, flow) == []
        assert len(rig.sip.distributor.parking) == 1
        assert rig.receive(text, flow) == []
        slow.gate.set()
        await turn()
        assert [message.status for message in flow.take()] == [200]
        assert rig.only(rig.receive(text, flow)).status == 200

    parked(rig, scenario)


def test_a_parked_invite_gets_100_and_can_be_cancelled(rig: Rig) -> None:
    async def scenario(slow: Slow) -> None:
        flow = trunk()
        text = rig.request("INVITE", "sip:pbx.test", "trunk", "Contact: <sip:t@198.51.100.7>", cseq=7)
        assert rig.receive(text, flow) == []
        await turn()
        rig.advance(0.25)
        assert rig.only(flow.take()).status == 100
        cancel = text.replace("INVITE sip", "CANCEL sip").replace("7 INVITE", "7 CANCEL")
        assert rig.only(rig.receive(cancel, flow)).status == 200
        await turn()
        assert rig.only(flow.take()).status == 487

    parked(rig, scenario)


def test_a_parked_request_is_given_up(rig: Rig) -> None:
    async def scenario(slow: Slow) -> None:
        rig.sip.distributor.parking.timeout = 0.01
        flow = trunk()
        rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk"), flow)
        for _ in range(500):
            if flow.sent:
                break
            await asyncio.sleep(0.005)
        assert rig.only(flow.take()).status == 503

    parked(rig, scenario)


def test_no_more_than_the_limit_is_parked(rig: Rig) -> None:
    async def scenario(slow: Slow) -> None:
        parking = rig.sip.distributor.parking
        assert (parking.limit, parking.timeout) == (1000, 10.0)
        parking.limit = 2
        flow = trunk()
        for _ in range(2):
            assert rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk"), flow) == []
        refused = rig.only(rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk"), flow))
        assert (refused.status, refused.get("Retry-After")) == (503, "5")
        slow.gate.set()
        await turn()
        assert sorted(message.status for message in flow.take()) == [200, 200]
        assert parking.refused == 1

    parked(rig, scenario)


def test_one_call_id_does_not_take_the_places_of_others(rig: Rig) -> None:
    async def scenario(slow: Slow) -> None:
        parking = rig.sip.distributor.parking
        assert parking.limit_per_call * 10 <= parking.limit
        parking.limit_per_call = 2
        flow = trunk()
        for _ in range(2):
            assert rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk", call_id="one"), flow) == []
        text = rig.request("MESSAGE", "sip:pbx.test", "trunk", call_id="one")
        assert rig.only(rig.receive(text, flow)).status == 503
        assert rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk", call_id="two"), flow) == []
        slow.gate.set()
        await turn()
        await turn()
        assert sorted(message.status for message in flow.take()) == [200, 200, 200]
        assert parking._sources == {}

    parked(rig, scenario)


def test_one_source_does_not_take_the_places_of_others(rig: Rig) -> None:
    async def scenario(slow: Slow) -> None:
        parking = rig.sip.distributor.parking
        assert parking.limit_per_source < parking.limit
        parking.limit_per_source = 1
        flow, other = trunk(), FakeFlow(("198.51.100.8", 5060))
        assert rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk"), flow) == []
        assert rig.only(rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk"), flow)).status == 503
        rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk"), other)
        slow.gate.set()
        await turn()
        assert parking.refused == 1
        assert parking._sources == {}

    parked(rig, scenario)


def test_requests_in_one_dialog_are_no_overload(rig: Rig) -> None:
    from asterism.sip.distributor import MAX_WAITING_IN_DIALOG
    from asterism.sip.works import HIGH_WATER
    from asterism.stack.parser import parse_message

    assert MAX_WAITING_IN_DIALOG * 2 < HIGH_WATER

    async def scenario() -> None:
        text = rig.request("INVITE", "sip:pbx.test", "trunk", "Contact: <sip:t@198.51.100.7>", call_id="d", cseq=5)
        invite = parse_message(text.replace("\n", "\r\n").encode())
        assert isinstance(invite, Request)
        dialog, usage = Dialog.uas(invite, "ours", "<sip:pbx@192.0.2.1>"), Usage()
        work = rig.sip.create_work("dialog")
        rig.sip.dialogs.add(dialog, usage, work)
        gate = asyncio.Event()
        work.push(gate.wait)
        flow, tag = trunk(), invite.from_.tag
        for number in range(700):
            for method in ("INFO", "ACK"):
                message = rig.request(
                    method, "sip:x", "trunk", to="<sip:trunk@pbx.test>;tag=ours", call_id="d", cseq=6 + number
                )
                rig.receive(message.replace(f";tag=f{rig._serial}", f";tag={tag}"), flow)
        assert work.queued == MAX_WAITING_IN_DIALOG
        assert not rig.sip.state.overloaded
        gate.set()
        await turn()
        assert work.idle
        work.close()

    asyncio.run(scenario())


def test_a_closed_flow_ends_a_parked_request(rig: Rig) -> None:
    async def scenario(slow: Slow) -> None:
        flow = FakeFlow(("198.51.100.7", 5060), "TCP")
        rig.receive(rig.request("MESSAGE", "sip:pbx.test", "trunk"), flow)
        await turn()
        flow.closed = True
        flow.failed(None)
        await turn()
        assert flow.sent == []

    parked(rig, scenario)


def test_an_awaitable_identifier_parks(rig: Rig) -> None:
    class Later:
        async def identify_endpoint(self, rx: Rx) -> Any:
            await asyncio.sleep(0)
            return rig.data.get(type(rig.data.all(_endpoint())[0]), "trunk")

    rig.sip.register_endpoint_identifier(Later(), "later")
    plain = Plain()
    rig.sip.register_service(plain)

    async def run() -> None:
        flow = FakeFlow()
        rig.receive(rig.request("MESSAGE", "sip:pbx.test", "nobody"), flow)
        for _ in range(20):
            await asyncio.sleep(0)
        assert rig.only(flow.take()).status == 202
        assert plain.seen[0].identified_by == "later"

    asyncio.run(run())


def _endpoint() -> Any:
    from asterism.sip.objects.endpoint import Endpoint

    return Endpoint


class Usage:
    def __init__(self) -> None:
        self.requests: list[str] = []
        self.acks = 0

    def on_request(self, rx: Rx) -> bool | None:
        self.requests.append(rx.request.method)
        rx.respond(200)
        return None

    def on_ack(self, request: Request) -> None:
        self.acks += 1


def test_in_dialog_requests_reach_their_usage_in_order(rig: Rig) -> None:
    from asterism.stack.parser import parse_message

    text = rig.request("INVITE", "sip:pbx.test", "trunk", "Contact: <sip:t@198.51.100.7>", call_id="d", cseq=5)
    invite = parse_message(text.replace("\n", "\r\n").encode())
    assert isinstance(invite, Request)
    dialog = Dialog.uas(invite, "ours", "<sip:pbx@192.0.2.1>")
    work = rig.sip.create_work("dialog")
    usage = Usage()
    rig.sip.dialogs.add(dialog, usage, work)

    def inside(method: str, cseq: int) -> Response:
        message = rig.request(
            method, "sip:pbx.test", "trunk", to="<sip:trunk@pbx.test>;tag=ours", call_id="d", cseq=cseq
        )
        message = message.replace(f";tag=f{rig._serial}", f";tag={invite.from_.tag}")
        return rig.only(rig.receive(message, trunk()))

    assert inside("INFO", 6).status == 200
    assert inside("INFO", 6).status == 500
    assert inside("BYE", 7).status == 200
    assert usage.requests == ["INFO", "BYE"]
    rig.sip.dialogs.remove(dialog, usage)
    assert inside("INFO", 8).status == 481
    assert len(rig.sip.dialogs) == 0


def test_explain_tells_and_changes_nothing(rig: Rig) -> None:
    from asterism.sip.explain import DescribedFlow

    def state() -> tuple[object, ...]:
        return (dict(rig.sip.distributor.counters), rig.layer.live_transactions, len(rig.sip.servants), rig.flow.sent)

    before = state()

    async def run() -> None:
        challenged = await rig.sip.explain(rig.request("REGISTER"))
        assert (challenged.status, challenged.endpoint, challenged.identified_by) == (401, "alice", "username")
        assert "no credentials were given" in str(challenged)
        flow = DescribedFlow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060))
        text = rig.request("REGISTER", "sip:pbx.test", "trunk", "Contact: <sip:t@198.51.100.7>")
        taken = await rig.sip.explain(text, flow)
        assert (taken.status, taken.taken_by, taken.identified_by) == (200, "registrar", "ip")
        other = await rig.sip.explain(rig.request("REGISTER", "sip:x", "trunk", to="<sip:alice@x>"), flow)
        assert other.status == 404
        unknown = await rig.sip.explain(rig.request("INVITE", "sip:100@x", "ghost"))
        assert (unknown.status, unknown.endpoint) == (401, "")

    asyncio.run(run())
    assert state() == before


def test_a_step_without_evaluate_is_not_explained(rig: Rig) -> None:
    rig.sip.register_service(Plain())

    async def run() -> str:
        from asterism.sip.explain import DescribedFlow

        flow = DescribedFlow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060))
        return str(await rig.sip.explain(rig.request("MESSAGE", "sip:x", "trunk"), flow))

    assert "not explainable" in asyncio.run(run())


def test_send_request_takes_an_endpoint_for_the_target(rig: Rig) -> None:
    async def run() -> None:
        endpoint = rig.data.get(_endpoint(), "trunk")
        assert endpoint is not None
        task = asyncio.ensure_future(rig.sip.send_request("OPTIONS", endpoint))  # type: ignore[arg-type]
        await turn()
        (request,) = rig.transports.flows[("198.51.100.1", 5080)].take()
        assert (request.method, str(request.uri)) == ("OPTIONS", "sip:198.51.100.1:5080")
        assert rig.sip.create_request("MESSAGE", endpoint).uri == request.uri  # type: ignore[arg-type]
        task.cancel()
        with pytest.raises(SendError, match="endpoint 'alice' has no contact"):
            await rig.sip.send_request("OPTIONS", rig.data.get(_endpoint(), "alice"))  # type: ignore[arg-type]

    asyncio.run(run())


def test_send_request_answers_a_challenge(make_rig: Callable[..., Rig], phones: str) -> None:
    rig = make_rig(
        phones.replace("[trunk](phone)", "[trunk](phone)\noutbound_auth=out\nfrom_user=me\nfrom_domain=us.test")
        + "[out]\ntype=auth\nusername=me\npassword=secret\nrealm=their.realm\n"
    )

    async def run() -> None:
        endpoint = rig.data.get(_endpoint(), "trunk")
        task = asyncio.ensure_future(rig.sip.send_request("OPTIONS", endpoint=endpoint))  # type: ignore[arg-type]
        await turn()
        flow = rig.transports.flows[("198.51.100.1", 5080)]
        request = flow.take()[0]
        assert isinstance(request, Request)
        assert str(request.from_.uri) == "sip:me@us.test"
        assert request.get("Contact") == "<sip:me@192.0.2.1:5060>"
        assert str(request.to) == "<sip:198.51.100.1>"

        def reply(request: Request, status: int, *headers: tuple[str, str]) -> None:
            from asterism.stack.message import make_response

            response = make_response(request, status, to_tag="t")
            for name, value in headers:
                response.add_header(name, value)
            rig.layer.receive(response.to_bytes(), flow, rig.now)

        challenge = 'Digest realm="their.realm", nonce="n", algorithm=MD5, qop="auth"'
        reply(request, 401, ("WWW-Authenticate", challenge))
        again = flow.take()[0]
        assert isinstance(again, Request)
        assert again.cseq.number == request.cseq.number + 1
        assert 'realm="their.realm"' in (again.get("Authorization") or "")
        reply(again, 401, ("WWW-Authenticate", challenge))
        assert flow.take() == []
        response = await asyncio.wait_for(task, 5)
        assert response.status == 401

    asyncio.run(run())


def test_a_challenge_of_another_realm_is_not_answered(make_rig: Callable[..., Rig], phones: str) -> None:
    from asterism.sip.outbound_authentication import authorize
    from asterism.stack.message import make_response

    rig = make_rig(phones + "[out]\ntype=auth\nusername=me\npassword=secret\nrealm=ours\n")
    from asterism.sip.objects.auth import Auth

    request = rig.sip.create_request("OPTIONS", "sip:x@198.51.100.1")
    response = make_response(request, 401)
    response.add_header("WWW-Authenticate", 'Digest realm="theirs", nonce="n"')
    auth = rig.data.get(Auth, "out")
    assert isinstance(auth, Auth)
    assert authorize(request, response, [auth]) is None


def test_decision_words() -> None:
    assert repr(Decision(Outcome.REJECT, "because", 403)) == "<Decision reject 403 because>"


def test_an_ack_that_cannot_be_handled_is_logged_and_no_more(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: Request) -> None:
        raise RuntimeError("boom")

    rig.sip.log.addHandler(caplog.handler)
    monkeypatch.setattr(rig.sip.dialogs, "find", fail)
    ack = rig.request("ACK", "sip:pbx.test", "trunk", to="<sip:trunk@pbx.test>;tag=ours", call_id="d")
    assert rig.receive(ack, trunk()) == []
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "an ACK could not be handled"
    ]


def test_an_ack_with_a_malformed_field_counts_as_malformed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: Request) -> None:
        raise ParseError("no To")

    monkeypatch.setattr(rig.sip.dialogs, "find", fail)
    before = rig.sip.distributor.counters["malformed"]
    ack = rig.request("ACK", "sip:pbx.test", "trunk", to="<sip:trunk@pbx.test>;tag=ours", call_id="d")
    assert rig.receive(ack, trunk()) == []
    assert rig.sip.distributor.counters["malformed"] == before + 1


@pytest.mark.parametrize("fails", [False, True])
def test_a_cancel_reaches_the_user_of_its_invite(rig: Rig, caplog: pytest.LogCaptureFixture, fails: bool) -> None:
    told: list[str] = []

    class Ringing(Service):
        """Keeps an INVITE without a final answer."""

        name = "ringing"
        methods = frozenset({"INVITE"})

        def on_request(self, rx: Rx) -> bool:
            rx.respond(180)
            assert rx.transaction is not None
            rx.transaction.user = self
            return True

        def on_cancel(self, transaction: object, request: Request) -> None:
            told.append(request.method)
            if fails:
                raise RuntimeError("boom")

    rig.sip.log.addHandler(caplog.handler)
    rig.sip.register_service(Ringing())
    flow = trunk()
    invite = rig.request("INVITE", "sip:pbx.test", "trunk", "Contact: <sip:t@198.51.100.7>", call_id="c")
    rig.receive(invite, flow)
    answers = rig.receive(invite.replace("INVITE", "CANCEL"), flow)
    # The CANCEL itself is answered by the stack, whatever the user makes of it.
    assert [answer.status for answer in answers if answer.cseq.method == "CANCEL"] == [200]
    assert told == ["CANCEL"]
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == (["a CANCEL could not be handled"] if fails else [])


@pytest.mark.parametrize("next_one", ["later", "at once", "nobody"])
def test_the_next_identifier_is_asked_when_an_awaited_one_found_nobody(rig: Rig, next_one: str) -> None:
    asked: list[str] = []

    def known() -> Any:
        return rig.data.get(_endpoint(), "trunk")

    class Nobody:
        async def identify_endpoint(self, rx: Rx) -> Any:
            await asyncio.sleep(0)
            asked.append("first")

    class AtOnce:
        def identify_endpoint(self, rx: Rx) -> Any:
            asked.append("second")
            return known() if next_one == "at once" else None

    class Later:
        async def identify_endpoint(self, rx: Rx) -> Any:
            await asyncio.sleep(0)
            asked.append("third")
            return known() if next_one == "later" else None

    for name, identifier in (("first", Nobody()), ("second", AtOnce()), ("third", Later())):
        rig.sip.register_endpoint_identifier(identifier, name)
    plain = Plain()
    rig.sip.register_service(plain)

    async def run() -> None:
        flow = FakeFlow()
        rig.receive(rig.request("MESSAGE", "sip:pbx.test", "stranger"), flow)
        for _ in range(20):
            await asyncio.sleep(0)
        if next_one == "nobody":
            assert rig.only(flow.take()).status == 401
            assert plain.seen == []
        else:
            assert rig.only(flow.take()).status == 202
            assert plain.seen[0].identified_by == ("third" if next_one == "later" else "second")

    asyncio.run(run())
    assert asked == ["first", "second"] if next_one == "at once" else ["first", "second", "third"]
