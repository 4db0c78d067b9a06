"""The ``cc_*`` options of endpoints, for the channels of their calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module
from asterism.pbx.calls.completion.parameters import DEFAULT, NAMES, Parameters, kept

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.stack.message import Request


def parameters_of_endpoint(endpoint: Endpoint) -> Parameters:
    """An endpoint's options."""
    return Parameters(**{name: getattr(endpoint, name) for name in NAMES})


class CompletionOptions(SessionSupplement):
    """Gives a new channel its endpoint's options; ``CALLCOMPLETION`` changes them for that channel."""

    name = "completion_options"
    priority = 100
    methods = frozenset(("INVITE",))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint has any."""
        return parameters_of_endpoint(endpoint) != DEFAULT

    def on_begin(self, session: Session) -> None:
        """The channel of a call that is to be made."""
        self._mark(session)

    def on_channel(self, session: Session, request: Request) -> None:
        """The channel of a call that has come."""
        self._mark(session)

    def _mark(self, session: Session) -> None:
        if session.channel is not None:
            kept(session.channel).parameters = parameters_of_endpoint(session.endpoint)


class CompletionOptionsModule(Module):
    """Registers :class:`CompletionOptions`."""

    name = "session_completion"
    part_of = ("session",)
    requires = ("session",)
    description = "Call completion options of endpoints"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(CompletionOptions())
