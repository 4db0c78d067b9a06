"""What an attempt tells its client."""

from __future__ import annotations

from typing import Any

import pytest

from asterism.sip.attempt import Attempt
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri


class Client:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def answered(self, attempt: Any, request: Request, response: Response) -> None:
        self.heard.append((attempt, request, response.status))

    def failed(self, attempt: Any, why: str) -> None:
        self.heard.append((attempt, why))


class Transaction:
    """As far as an attempt knows one."""

    request = Request("REGISTER", Uri.parse("sip:192.0.2.1"))


def told(what: str, *args: Any) -> tuple[Attempt[Client], list[Any]]:
    client = Client()
    attempt = Attempt(client, 60)
    getattr(attempt, what)(Transaction(), *args)
    return attempt, client.heard


@pytest.mark.parametrize("status", [200, 401, 603])
def test_final_responses_are_told_with_the_request_that_was_sent_last(status: int) -> None:
    attempt, heard = told("on_response", Response(status))
    assert heard == [(attempt, Transaction.request, status)]


def test_provisional_responses_are_not() -> None:
    assert told("on_response", Response(100))[1] == []


@pytest.mark.parametrize(
    ("what", "why"), [("on_timeout", "no answer came"), ("on_transport_error", "it could not be sent")]
)
def test_failures_are_told_with_the_reason(what: str, why: str) -> None:
    attempt, heard = told(what)
    assert heard == [(attempt, why)]
