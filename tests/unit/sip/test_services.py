"""What services see beside requests: what goes out, transactions, their own start and stop."""

from __future__ import annotations

from typing import Any

from sip_rig import Rig

from asterism.sip.service import Service
from asterism.stack.message import Request, Response, make_response
from asterism.stack.transactions.state import TransactionState


class Watcher(Service):
    name = "watcher"

    def __init__(self) -> None:
        self.seen: list[tuple[str, object]] = []

    def start(self) -> None:
        self.seen.append(("start", None))

    def stop(self) -> None:
        self.seen.append(("stop", None))

    def on_outgoing_request(self, request: Request, endpoint: Any) -> None:
        self.seen.append(("request", request.method))
        request.add_header("X-Seen", "yes")

    def on_outgoing_response(self, response: Response, rx: Any) -> None:
        self.seen.append(("response", response.status))
        response.add_header("X-Seen", rx.request.method)

    def on_transaction_state(self, transaction: Any) -> None:
        self.seen.append(("state", transaction.state))


class Nothing:
    def on_response(self, transaction: object, response: Response) -> None:
        pass

    def on_timeout(self, transaction: object) -> None:
        pass

    def on_transport_error(self, transaction: object) -> None:
        pass


def test_nobody_is_asked_where_nobody_wants_to_see(rig: Rig) -> None:
    class Plain(Service):
        name = "plain"

    rig.sip.register_service(Plain())
    assert rig.sip.state.request_hooks == ()
    assert rig.sip.state.response_hooks == ()
    assert rig.layer.on_state is None


def test_a_service_sees_what_goes_out(rig: Rig) -> None:
    watcher = Watcher()
    rig.sip.register_service(watcher)
    assert watcher.seen == [("start", None)]
    challenge = rig.only(rig.receive(rig.request("REGISTER")))
    assert challenge.get("X-Seen") == "REGISTER"
    accepted = rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>")
    assert accepted.get("X-Seen") == "REGISTER"
    assert ("response", 401) in watcher.seen
    assert ("response", 200) in watcher.seen
    watcher.seen.clear()
    flow = rig.transports.flow_for("198.51.100.1", 5080)
    rig.sip.send(rig.sip.create_request("OPTIONS", "sip:198.51.100.1:5080"), Nothing())
    (request,) = flow.take()
    assert isinstance(request, Request)
    assert request.get("X-Seen") == "yes"
    rig.layer.receive(make_response(request, 200, to_tag="x").to_bytes(), flow, rig.now)
    assert watcher.seen[0] == ("request", "OPTIONS")
    assert ("state", TransactionState.COMPLETED) in watcher.seen
    rig.sip.unregister_service(watcher)
    assert watcher.seen[-1] == ("stop", None)
    assert rig.sip.state.response_hooks == ()
    assert rig.layer.on_state is None
    assert rig.only(rig.receive(rig.request("REGISTER"))).get("X-Seen") is None


def test_a_hook_that_fails_harms_nothing(rig: Rig) -> None:
    class Broken(Service):
        name = "broken"

        def on_outgoing_response(self, response: Response, rx: Any) -> None:
            raise RuntimeError("oops")

        def on_transaction_state(self, transaction: Any) -> None:
            raise RuntimeError("oops")

    rig.sip.register_service(Broken())
    watcher = Watcher()
    rig.sip.register_service(watcher)
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>").status == 200
    assert ("response", 200) in watcher.seen
    assert rig.sip.distributor.counters["failed"] == 0


def test_a_service_stops_when_its_module_is_unloaded(rig: Rig) -> None:
    from asterism.core.registry import Owner

    owner = Owner("module")
    watcher = Watcher()
    rig.sip.bound(owner).register_service(watcher)
    owner.release()
    assert watcher.seen == [("start", None), ("stop", None)]
    assert rig.sip.state.request_hooks == ()
