"""``sip explain``: what would happen to a request, and why, without anything happening."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import TYPE_CHECKING

from asterism.sip.decision import Decision, Outcome
from asterism.sip.dialogs import ExplainableUsage
from asterism.sip.distributor import OVERLOAD_METHODS, SCHEMES
from asterism.sip.extensions import unknown_extensions
from asterism.sip.rx import Rx
from asterism.stack.flow import Flow
from asterism.stack.message import Request
from asterism.stack.parser import parse_message

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.dialogs import DialogEntry

_LENGTH = re.compile(r"(?:Content-Length|l)[ \t]*:", re.IGNORECASE)


class DescribedFlow(Flow):
    """A flow that only says where a described request would come from."""

    __slots__ = ()

    def send(self, data: bytes) -> None:
        """Nothing is ever sent on it."""


@dataclass(slots=True)
class Line:
    """The decision of one step or service, as a line of the explanation."""

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
    challenged: bool = False
    """Whether credentials are asked for first; ``status`` is what is answered now, the other fields what follows."""

    def __str__(self) -> str:
        return "".join(f"  {line.name:<24} {_printable(line.text)}\n" for line in self.lines)


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


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


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
    if _settled_before_all(core, rx, result):
        return result
    for step in core.steps:
        if step.methods and request.method not in step.methods:
            continue
        if not step.explainable:
            result.lines.append(Line(step.name, "not explainable"))
            continue
        found = step.evaluate(rx)
        decision = found if found is None or isinstance(found, Decision) else await found
        if decision is None:
            result.lines.append(Line(step.name, "pass"))
            continue
        result.lines.append(Line(step.name, _words(decision), decision))
        if decision.outcome is Outcome.CHALLENGE and rx.endpoint is not None:
            # Go on as if the right credentials had come, to show what they would lead to.
            result.status = decision.status
            result.challenged = True
            result.lines.append(Line("", "with the right credentials:"))
        elif decision.outcome is not Outcome.PASS:
            result.status = result.status or decision.status
            break
    else:
        await _services(core, rx, result)
    if rx.endpoint is not None:
        result.endpoint, result.identified_by = rx.endpoint.id, rx.identified_by or "an identifier without a name"
        line = Line("endpoint", f"{result.endpoint}, identified by {result.identified_by}")
        result.lines.insert(0, line)
    return result


def _settled_before_all(core: SipCore, rx: Rx, result: Explanation) -> bool:
    """Repeat the checks that the distributor makes before any step: dialogs, overload, URI schemes."""
    request = rx.request
    method = request.method
    entry = core.dialogs.find(request) if request.to.tag else None
    if entry is not None:
        result.taken_by = entry.work.name
        result.lines.append(Line("dialog", f"goes to the usage of dialog {'/'.join(entry.dialog.id)}"))
        _in_dialog(core, rx, entry, result)
    elif request.to.tag and core.dialogs.expects(request):
        result.lines.append(Line("dialog", "begins a dialog that is waited for"))
    elif (request.to.tag and method != "REGISTER") or (not request.to.tag and method == "BYE"):
        result.status = 481
        result.lines.append(Line("dialog", "no such dialog: 481"))
    elif core.state.overloaded and method in OVERLOAD_METHODS:
        result.status = 503
        result.lines.append(Line("overload", "new requests are refused: 503"))
    elif request.uri.scheme not in SCHEMES:
        result.status = 416
        result.lines.append(Line("scheme", f"{request.uri.scheme} is not handled: 416"))
    else:
        return False
    return True


def _in_dialog(core: SipCore, rx: Rx, entry: DialogEntry, result: Explanation) -> None:
    """What the usages of a dialog would do with a request, as far as they say."""
    rx.dialog, rx.endpoint = entry, entry.endpoint
    unknown = unknown_extensions(core, rx.request) if rx.request.get("Require") is not None else ""
    if unknown:
        result.status = 420
        result.lines.append(Line("require", f"{unknown} is not understood: 420"))
        return
    for usage in tuple(entry.usages):
        found = usage.evaluate(rx) if isinstance(usage, ExplainableUsage) else None
        if found is not None:
            result.status = found.status
            result.lines.append(Line("", _words(found), found))
            return


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
            result.status = result.status or decision.status
            return
    result.lines.append(Line("", "nobody takes it"))


def _request(message: Request | bytes | str) -> Request:
    if isinstance(message, str):
        # Pasted text has other line ends than the wire, and so another length.
        head, _, body = message.lstrip("\r\n").replace("\r\n", "\n").partition("\n\n")
        lines = [line for line in head.split("\n") if line and not _LENGTH.match(line)]
        text = "\r\n".join([*lines, "", body.replace("\n", "\r\n")])
        message = text.encode("utf-8", "surrogateescape")
    if isinstance(message, bytes):
        parsed = parse_message(message)
        parsed.validate()
        if not isinstance(parsed, Request):
            raise TypeError("a response cannot be explained, only a request")
        return parsed
    return message
