"""Requests of CURL: which URLs, which headers; what a server does with them is in test_curl.py."""

from __future__ import annotations

import socket
import ssl

import pytest

from asterism.pbx.dialplan.functions import fetching
from asterism.pbx.dialplan.functions.fetching import Fetch
from asterism.pbx.vocabulary.flow import FunctionError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://a.test/b%20c?d=%26", "http://a.test/b%20c?d=%26"),
        ("a.test:8080/b", "http://a.test:8080/b"),
        ("HTTPS://a.test", "https://a.test"),
        ("http://a.test/ü", "http://a.test/%C3%BC"),
    ],
)
def test_a_url_is_sent_as_it_is(text: str, found: str) -> None:
    assert str(fetching._url(text)).rstrip("/") == found


@pytest.mark.parametrize("text", ["gopher://a/", "http://", "http://a\r\nHost: b/", "http://a/b c", "http://[::1/"])
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(FunctionError):
        fetching._url(text)


def test_headers_of_ones_own_go_before() -> None:
    own = (("user-agent", "own"), ("X-One", "1"))
    fetch = Fetch("http://a/", b"x=1", "agent", own, ("a=1", "b=2"), "http://r/", "joe:pass")
    assert fetching._headers(fetch, False) == [
        ("user-agent", "own"), ("X-One", "1"), ("Accept", "*/*"), ("Referer", "http://r/"), ("Cookie", "a=1; b=2"),
        ("Authorization", "Basic am9lOnBhc3M="), ("Content-Type", "application/x-www-form-urlencoded"),
    ]  # fmt: skip


def test_credentials_of_a_proxy_are_not_shown_to_a_server_behind_a_tunnel() -> None:
    fetch = Fetch("https://a/", proxy="http://p/", proxy_user="a:b")
    assert "Proxy-Authorization" in dict(fetching._headers(fetch, False))
    assert "Proxy-Authorization" not in dict(fetching._headers(fetch, True))


def test_whose_certificates_are_trusted() -> None:
    assert fetching._trust(Fetch("https://a/")) is True
    assert fetching._trust(Fetch("https://a/", verify=False)) is False
    context = fetching._trust(Fetch("https://a/", verify_host=False))
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.check_hostname


async def test_a_server_that_is_not_there_is_told_in_the_systems_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: nobody else gets the port, and a connection is refused
        port = taken.getsockname()[1]
        with pytest.raises(FunctionError) as told:
            async with fetching._response(Fetch(f"http://127.0.0.1:{port}/")):
                pass
    assert str(told.value) == f"cannot connect to 127.0.0.1, port {port}: Connection refused"
