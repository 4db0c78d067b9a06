"""Realms of challenges by transport, and by the domains of From and To."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.sip.objects.habits import Reception, Style
from asterism.sip.realms import usual_realm
from asterism.stack.message import Request
from asterism.stack.uri import Uri


def rx(from_: str, to: str, receptions: dict[str, Reception]) -> Any:
    request = Request("REGISTER", Uri.parse("sip:h"), [("From", from_), ("To", to)])
    state = SimpleNamespace(default_realm="asterisk", receptions=receptions)
    return SimpleNamespace(request=request, flow=SimpleNamespace(name="udp"), core=SimpleNamespace(state=state))


@pytest.mark.parametrize(
    ("from_", "to", "realm"),
    [
        ("<sip:a@one.example>", "<sip:a@two.example>", "one.example"),
        ("<sip:a@ONE.example>", "<sip:a@h>", "one.example"),
        ("<sip:a@h>", "<sip:a@two.example>", "two.example"),
        ("<sip:a@h>", "<sip:a@h>", "mine"),
        ("nonsense <", "<sip:a@two.example>", "mine"),
    ],
)
def test_domains_are_realms_where_that_is_asked_for(from_: str, to: str, realm: str) -> None:
    by_domain = Reception(Style(), realm="mine", realms=frozenset({"one.example", "two.example"}))
    assert usual_realm(rx(from_, to, {"udp": by_domain})) == realm
    assert usual_realm(rx(from_, to, {"udp": Reception(Style(), realm="mine")})) == "mine"


def test_other_transports_have_the_realm_of_all() -> None:
    assert usual_realm(rx("<sip:a@h>", "<sip:a@h>", {})) == "asterisk"
    assert usual_realm(rx("<sip:a@h>", "<sip:a@h>", {"udp": Reception(Style())})) == "asterisk"
