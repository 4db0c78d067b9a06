"""``browser_phone.conf``, and the files of the page."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from asterism.config.file import ConfigFile
from asterism.interfaces.phone.pages import HEADERS, load_pages
from asterism.interfaces.phone.settings import IceServer, read_settings


def read(text: str):
    return read_settings(ConfigFile.parse(f"[general]\n{text}", "browser_phone.conf"))


def test_without_a_word_it_is_off():
    settings, errors = read("")
    assert not settings.enabled
    assert errors == []


def test_everything_that_can_be_said():
    settings, errors = read(
        "enabled = yes\ndomain = pbx.example\nice_server = stun:stun.example:3478\n"
        "ice_server = turns:turn.example?transport=tcp, a shared secret\n"
    )
    assert errors == []
    assert (settings.enabled, settings.domain) == (True, "pbx.example")
    assert settings.ice_servers == [
        IceServer("stun:stun.example:3478"),
        IceServer("turns:turn.example?transport=tcp", "a shared secret"),
    ]


def test_what_a_page_is_told_of_a_turn_server_expires_and_does_not_have_the_secret():
    assert IceServer("stun:stun.example").told(0) == {"urls": "stun:stun.example"}
    told = IceServer("turn:turn.example", "north").told(1700000000.9)
    assert told["username"] == "1700043200"  # twelve hours later
    # What the TURN server computes, RFC 2104 spelled out.
    key = b"north".ljust(64, b"\0")
    inner = hashlib.sha1(bytes(one ^ 0x36 for one in key) + b"1700043200").digest()
    outer = hashlib.sha1(bytes(one ^ 0x5C for one in key) + inner).digest()
    assert told["credential"] == base64.b64encode(outer).decode()
    assert "north" not in str(told)


def test_a_lasting_password_is_refused_with_the_way_out():
    """As it was written once: it would be told to whoever opens the page."""
    settings, (error,) = read("enabled = yes\nice_server = turn:turn.example, ann, secret\n")
    assert settings.ice_servers == []
    assert "no lasting user and password" in str(error)
    assert "turn:HOST[:PORT], SECRET (coturn: use-auth-secret" in str(error)


@pytest.mark.parametrize(
    "line",
    [
        "enable = yes",
        "domain = a b",
        'domain = "><script>',
        "ice_server = stun.example",
        "ice_server = http://stun.example",
        "ice_server = turn:turn.example",
        "ice_server = turn:turn.example,",
        "ice_server = turn:turn.example, ann, secret",
        "ice_server = turn:turn.example, ann, secret, more",
        "ice_server = stun:stun.example, ann, secret",
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_has_no_effect(line: str):
    settings, errors = read(f"enabled = yes\n{line}\n")
    assert [str(error).startswith("browser_phone.conf:3: ") for error in errors] == [True]
    assert (settings.enabled, settings.domain, settings.ice_servers) == (True, "", [])


def test_every_file_that_the_page_names_is_there():
    pages = load_pages()
    text = {name: page.content.decode() for name, page in pages.items() if not name.startswith("vendor/")}
    named = set(re.findall(r'(?:src|href)="([^"#]+)"', text["index.html"]))
    for name, content in text.items():
        if name.endswith(".js"):
            named |= {found.removeprefix("./") for found in re.findall(r'from "(\./[^"]+)"', content)}
    assert named <= set(pages)
    # And nothing lies there that nobody asks for.
    assert set(pages) - named == {"index.html", "vendor/jssip.LICENSES.txt"}


def test_the_page_keeps_to_its_own_policy():
    """No script or style within the page, nothing from elsewhere."""
    pages = load_pages()
    page = pages["index.html"].content.decode()
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|//(?!www\.w3\.org)", page)
    assert all(re.search(r'src="[^"]+"></script>', found) for found in re.findall(r"<script.*", page))
    for name, each in pages.items():
        if name.endswith((".js", ".css")) and not name.startswith("vendor/"):
            assert not re.search(rb"https?://\w|innerHTML|insertAdjacentHTML|document\.write|eval\(", each.content), (
                name
            )


def test_the_library_has_its_licence():
    pages = load_pages()
    assert pages["vendor/jssip.js"].content.startswith(b"// JsSIP 3.13.8 (MIT, jssip.LICENSES.txt)")
    licences = pages["vendor/jssip.LICENSES.txt"].content.decode()
    for name in ("jssip 3.13.8", "sdp-transform", "events", "debug", "ms"):
        assert f"== {name} " in licences
    assert licences.count("Permission is hereby granted, free of charge") == 5
