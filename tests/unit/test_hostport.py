"""Hosts with ports as text, one way for all that read or write them."""

from __future__ import annotations

import pytest

from asterism.hostport import format_host_port, split_host_port


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("pbx.test", "pbx.test", None),
        ("pbx.test:5070", "pbx.test", 5070),
        (" 192.0.2.1:0 ", "192.0.2.1", 0),
        ("[::1]", "::1", None),
        ("[2001:db8::1]:5061", "2001:db8::1", 5061),
        ("2001:db8::1", "2001:db8::1", None),
        ("::1", "::1", None),
        (":5060", "", 5060),
        ("", "", None),
    ],
)
def test_split(text: str, host: str, port: int | None) -> None:
    assert split_host_port(text) == (host, port)
    if host and port is not None:
        assert split_host_port(format_host_port(host, port)) == (host, port)


@pytest.mark.parametrize(
    "text", ["a:", "a:x", "a:65536", "a:-1", "a:٣", "[::1", "[::1]5060", "[::1]:", "[a]:5060", "[]:1"]
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        split_host_port(text)


def test_format() -> None:
    assert format_host_port("::1") == "[::1]"
    assert format_host_port("::1", 5060) == "[::1]:5060"
    assert format_host_port("a.test", None) == "a.test"
