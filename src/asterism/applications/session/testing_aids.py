"""What tests are told of sessions (:mod:`asterism.core.test_events`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.core.test_events import TestEvents
    from asterism.stack.message import Response

_NONE = "<none>"


def tell_end(tests: TestEvents, endpoint: str, aor: str = "", contact: str = "") -> None:
    """A session ends; an outgoing one has an AOR and the id of a contact."""
    whose = ("Endpoint", endpoint)
    tests.send("SESSION_DESTROYING", (whose, ("AOR", aor or _NONE), ("Contact", contact or _NONE)))
    tests.send("SESSION_DESTROYED", (whose,))


def tell_late_answer(tests: TestEvents, endpoint: str, response: Response) -> None:
    """A 200 has come to an INVITE that was cancelled."""
    message = f"Response msg {response.status}/INVITE/cseq={response.cseq.number} (rdata{id(response):#x})"
    headers = (
        ("Endpoint", endpoint), ("Channel", ""), ("Message", message),
        ("SDP", "complete" if response.body else "incomplete"),
    )  # fmt: skip
    tests.send("PJSIP_SESSION_CANCELED", headers)
