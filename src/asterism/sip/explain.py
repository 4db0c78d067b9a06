"""``sip explain``: what would happen to a request, and why, without anything happening."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import isawaitable
from typing import TYPE_CHECKING

from asterism.sip.decision import Decision, Outcome
from asterism.sip.rx import Rx
from asterism.stack.flow import Flow
from asterism.stack.message import Request
from asterism.stack.parser import parse_message

if TYPE_CHECKING:
    from asterism.sip.core import SipCore


class DescribedFlow(Flow):
    """A flow that only says where a described request would come from."""

    __slots__ = ()

    def send(self, data: bytes) -> None:
        """Nothing is ever sent on it."""


@dataclass(slots=True)
class Line:
    """What one step or service said."""

    name: str
    text: str
    decision: Decision | None = None


@dataclass(slots=True)
class Explanation:
    """The whole answer: the steps in order, then what becomes of the request."""

    lines: list[Line] = field(default_factory=list)
    endpoint: str = ""
    identified_by: str = ""
    status: int = 0
    taken_by: str = ""

    def __str__(self) -> str:
        return "".join(f"  {line.name:<24} {line.text}\n" for line in self.lines)


def _words(decision: Decision) -> str:
    text = decision.outcome.value
    if decision.status:
        text += f" {decision.status}"
    if decision.reason:
        text += f": {decision.reason}"
    if decision.object:
        text += f" [{decision.object}]"
    if decision.position is not None:
        text += f" ({decision.position})"
    return text


async def explain(core: SipCore, message: Request | bytes | str, flow: Flow | None = None) -> Explanation:
    """Run every ``evaluate`` and no ``apply``.

    ``message`` is a request or its text; ``flow`` tells where it would come from (the host in the request's
    top Via over UDP when not given). Raises ``ParseError`` for text that is no request.
    """
    request = _request(message)
    if flow is None:
        via = request.via
        flow = DescribedFlow("UDP", ("127.0.0.1", 5060), (via.received or via.host, via.port or 5060))
    rx = Rx(core, request, flow, 0.0)
    result = Explanation()
    if request.to.tag:
        entry = core.dialogs.find(request)
        if entry is not None:
            result.taken_by = entry.work.name
            result.lines.append(Line("dialog", f"goes to the usage of dialog {'/'.join(entry.dialog.id)}"))
        else:
            result.status = 481
            result.lines.append(Line("dialog", "no such dialog: 481"))
        return result
    for step in core.steps:
        if not step.explainable:
            result.lines.append(Line(step.name, "not explainable"))
            continue
        found = step.evaluate(rx)
        decision = found if found is None or isinstance(found, Decision) else await found
        if decision is None:
            result.lines.append(Line(step.name, "pass"))
            continue
        result.lines.append(Line(step.name, _words(decision), decision))
        if decision.outcome is not Outcome.PASS:
            result.status = decision.status
            break
    else:
        await _services(core, rx, result)
    result.endpoint = rx.endpoint.id if rx.endpoint is not None else ""
    result.identified_by = rx.identified_by
    return result


async def _services(core: SipCore, rx: Rx, result: Explanation) -> None:
    method = rx.request.method
    for service in core.services:
        if service.methods and method not in service.methods:
            result.lines.append(Line(service.name, f"does not handle {method}"))
        elif not service.accepts(rx):
            result.lines.append(Line(service.name, "does not accept this request"))
        elif not service.explainable:
            result.lines.append(Line(service.name, "not explainable"))
        else:
            found = service.evaluate(rx)
            decision = await found if isawaitable(found) else found
            if decision is None:
                result.lines.append(Line(service.name, "leaves it to the next"))
                continue
            result.lines.append(Line(service.name, _words(decision), decision))
            result.taken_by = service.name
            result.status = decision.status
            return


def _request(message: Request | bytes | str) -> Request:
    if isinstance(message, str):
        lines = message.strip("\r\n").replace("\r\n", "\n").replace("\n", "\r\n")
        message = (lines if "\r\n\r\n" in lines else lines + "\r\n\r\n").encode("utf-8", "surrogateescape")
    if isinstance(message, bytes):
        parsed = parse_message(message)
        if not isinstance(parsed, Request):
            raise TypeError("a response cannot be explained, only a request")
        return parsed
    return message
