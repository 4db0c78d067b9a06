"""The URIs of parties, with every kind of host."""

from __future__ import annotations

import pytest

from asterism.applications.session.identity import sip_uri
from asterism.stack.uri import Uri


@pytest.mark.parametrize("user", ["101", "a b", ""])
@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("pbx.test", "pbx.test"),
        ("pbx.test:5070", "pbx.test:5070"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("[2001:db8::1]:5070", "[2001:db8::1]:5070"),
    ],
)
def test_a_host_is_bracketed_once(user: str, host: str, place: str) -> None:
    text = sip_uri(user, host)
    assert text.endswith(place)
    parsed = Uri.parse(text)
    assert (parsed.user, parsed.host_port) == (user, place)
