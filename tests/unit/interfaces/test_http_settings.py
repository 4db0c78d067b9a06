"""``http.conf`` and the look-up of routes."""

import pytest

from asterism.config.file import ConfigFile
from asterism.core.documentation import Documentation
from asterism.core.registry import Owner, Registry
from asterism.core.routes import Route, find_route
from asterism.interfaces.http.settings import HttpSettings, read_settings


def read(text):
    return read_settings(ConfigFile.parse(f"[general]\n{text}", "http.conf"))


def test_defaults_are_asterisks():
    settings, errors = read("")
    assert settings == HttpSettings()
    assert not errors
    assert (settings.enabled, settings.bindport, settings.tlsbindport, settings.sessionlimit) == (
        False,
        8088,
        8089,
        100,
    )


def test_everything():
    settings, errors = read(
        "enabled=yes\nbindaddr=::1\nbindport=0\nprefix=/pbx/\nservername=X\nsessionlimit=7\nsession_inactivity=500\n"
        "session_keep_alive=0\nenable_static=yes\nenablestatic=no\nenable_status=on\ntlsenable=yes\n"
        "tlscertfile=/a.pem\ntlsprivatekey=/a.key\ntlscipher=HIGH\nredirect=/ /static/index.html\ntlscafile=/x\n"
    )
    assert not errors
    assert (settings.bindaddr, settings.bindport, settings.prefix) == ("::1", 0, "/pbx")
    assert (settings.enable_static, settings.enable_status) == (False, True)
    assert settings.redirects == {"/": "/static/index.html"}
    # Without an address of its own TLS listens where HTTP does.
    assert (settings.tlsbindaddr, settings.tlsbindport) == ("::1", 8089)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:8443", ("0.0.0.0", 8443)),
        ("127.0.0.1", ("127.0.0.1", 8089)),
        ("[::1]:1", ("::1", 1)),
        ("[::1]", ("::1", 8089)),
        ("::1", ("::1", 8089)),
        (":8090", ("0.0.0.0", 8090)),
    ],
)
def test_tls_addresses(text, expected):
    settings, errors = read(f"tlsbindaddr={text}\n")
    assert not errors
    assert (settings.tlsbindaddr, settings.tlsbindport) == expected


@pytest.mark.parametrize(
    "line",
    ["bindport=x", "bindport=70000", "bindaddr=nowhere", "tlsbindaddr=1.2.3.4:x", "redirect=/only", "colour=red"],
)
def test_what_is_wrong_is_told_with_its_place_and_left_out(line):
    settings, errors = read(f"enabled=yes\n{line}\n")
    assert settings.enabled
    assert [str(error).startswith("http.conf:3: ") for error in errors] == [True]


def test_routes_exact_before_longest_before_all():
    routes = Registry("route")
    owner = Owner("test")

    async def run(request): ...

    for path in ("/a", "/a/...", "/a/b/...", "/..."):
        routes.add(owner, path, Route(path, run), Documentation("Serves."))
    found = {path: find_route(routes, path).path for path in ("/a", "/a/x", "/a/b", "/a/b/c/d", "/z", "")}
    assert found == {
        "/a": "/a", "/a/x": "/a/...", "/a/b": "/a/b/...", "/a/b/c/d": "/a/b/...", "/z": "/...", "": "/...",
    }  # fmt: skip
    owner.release()
    assert find_route(routes, "/a") is None
