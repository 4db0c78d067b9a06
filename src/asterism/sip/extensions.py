"""``Require``: extensions that no service here supports are answered 420 (RFC 3261 8.2.2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.sip.decision import Decision, Outcome
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.service import InterceptionStep

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request


def unknown_extensions(core: SipCore, request: Request) -> str:
    """The option tags of ``Require`` that no service understands, separated by commas; ``""`` when all is well.

    ``[global] ignore_unknown_require=yes`` has it find nothing.

    Raises:
        ParseError: the header is malformed.
    """
    if core.data.single(GlobalSettings).ignore_unknown_require:
        return ""
    known = {tag for service in core.services for tag in service.extensions()}
    for service in core.services.by_method[request.method]:
        known |= service.unnamed_extensions
    return ", ".join(tag for tag in request.get_list("Require") if tag.lower() not in known)


def refuse(rx: Rx, unknown: str) -> None:
    """Answer 420 and name the option tags."""
    rx.respond(420, headers=(("Unsupported", unknown),))


class ExtensionStep(InterceptionStep):
    """Refuses requests that require what no service brings, once the sender has proved who it is."""

    name: ClassVar[str] = "require"
    priority: ClassVar[int] = 90

    def __init__(self, core: SipCore) -> None:
        self._core = core

    def evaluate(self, rx: Rx) -> Decision | None:
        """Compare ``Require`` with what the services understand."""
        request = rx.request
        if request.get("Require") is None:
            return None
        # The method comes first (8.2.1): an unsupported method is answered 501, whatever the request requires.
        unknown = unknown_extensions(self._core, request)
        if not unknown or not self._core.services.by_method[request.method]:
            return None
        return Decision(Outcome.REJECT, f"Require: {unknown} is not supported", 420, data=unknown)

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Answer 420."""
        refuse(rx, decision.data)
        return True
