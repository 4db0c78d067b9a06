"""A service that answers a method of its own: GREET."""

from asterism.core.module import Module
from asterism.sip.decision import Decision, Outcome
from asterism.sip.rx import Rx
from asterism.sip.server import SipServer
from asterism.sip.service import Service


class Greeter(Service):
    """Answers GREET requests of known endpoints with a line of text."""

    name = "greeter"
    priority = 100
    methods = frozenset(("GREET",))

    def __init__(self, greeting: str) -> None:
        self._greeting = greeting

    def evaluate(self, rx: Rx) -> Decision | None:
        """Decide, changing nothing."""
        if rx.endpoint is None or not rx.request.uri.user:
            return None
        return Decision(Outcome.TAKE, f"greets {rx.endpoint.id}", 200)

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Answer."""
        assert rx.endpoint is not None
        text = f"{self._greeting}, {rx.endpoint.id}"
        rx.respond(decision.status, headers=[("Subject", "greeting")], body=text, content_type="text/plain")


class GreeterModule(Module):
    """Registers the service."""

    name = "greeter"
    requires = ("sip_authentication",)
    description = "Answers to GREET"

    def load(self, server: SipServer) -> None:
        """Register."""
        server.sip.register_service(Greeter("Good morning"))
