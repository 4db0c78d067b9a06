"""The page of the browser phone as the HTTP listener serves it."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDictProxy

from asterism.command.check import check
from asterism.config.file import ConfigFile
from asterism.interfaces.phone.pages import HEADERS, load_pages
from asterism.interfaces.phone.settings import CREDENTIALS_SECONDS, read_settings
from asterism.server.server import Server
from asterism.testing import running_server

HTTP = "[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport=0\n"
ON = {"http.conf": HTTP, "browser_phone.conf": "[general]\nenabled=yes\n"}


Answer = tuple[int, bytes, CIMultiDictProxy[str]]


def address(server: Server) -> tuple[str, int]:
    found = server.modules.find("http")
    assert found is not None
    host, port = found.instance.address  # type: ignore[attr-defined]
    return host, port


async def ask(server: Server, path: str, method: str = "GET", **headers: str) -> Answer:
    host, port = address(server)
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://{host}:{port}{path}", headers=headers, allow_redirects=False) as response,
    ):
        return response.status, await response.read(), response.headers


def raw(server: Server, target: str) -> bytes:
    """A request whose path no client would send."""
    with socket.create_connection(address(server), timeout=10) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := connection.recv(65536):
            answer += data
        return answer


async def test_it_is_off_unless_enabled() -> None:
    async with running_server({"http.conf": HTTP}) as server:
        assert (await ask(server, "/phone/"))[0] == 404
        assert not any(entry.name.startswith("/phone") for entry in server.routes)


async def test_every_file_is_served_as_it_is_with_strict_headers() -> None:
    pages = load_pages()
    kinds = {
        "html": "text/html",
        "js": "text/javascript",
        "css": "text/css",
        "svg": "image/svg+xml",
        "txt": "text/plain",
    }
    async with running_server(ON) as server:
        for name, page in (*pages.items(), ("", pages["index.html"])):
            status, body, headers = await ask(server, f"/phone/{name}")
            assert (status, body) == (200, page.content), name
            assert {header: headers[header] for header in HEADERS} == dict(HEADERS), name
            assert headers["Content-Type"].startswith(kinds[(name or "index.html").rpartition(".")[2]])
        status, body, _ = await ask(server, "/phone/settings.json")
        assert (status, body) == (200, b'{"domain": "", "httpsPort": null, "iceServers": []}')
        assert [(entry.name, entry.item.title) for entry in server.routes if "phone" in entry.name] == [
            ("/phone/...", "Browser phone")
        ]


async def test_the_folder_without_its_slash_leads_to_it() -> None:
    async with running_server({**ON, "http.conf": HTTP + "prefix=pbx\n"}) as server:
        status, _, headers = await ask(server, "/pbx/phone")
        assert (status, headers["Location"]) == (308, "/pbx/phone/")
        assert (await ask(server, "/pbx/phone/"))[0] == 200
        assert (await ask(server, "/phone/"))[0] == 404


async def test_what_a_browser_has_is_not_sent_again() -> None:
    async with running_server(ON) as server:
        _, _, headers = await ask(server, "/phone/phone.css")
        for known in (headers["ETag"], f'"other", W/{headers["ETag"]}', "*"):
            status, body, again = await ask(server, "/phone/phone.css", **{"If-None-Match": known})
            assert (status, body, again["ETag"]) == (304, b"", headers["ETag"])
        assert (await ask(server, "/phone/phone.css", **{"If-None-Match": '"other"'}))[0] == 200


async def test_only_get_and_head() -> None:
    async with running_server(ON) as server:
        status, body, headers = await ask(server, "/phone/", "HEAD")
        assert (status, body) == (200, b"")
        assert headers["Content-Length"] == str(len(load_pages()["index.html"].content))
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, _, headers = await ask(server, "/phone/", method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")
            assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "../settings.py", "%2e%2e/settings.py", "..%2fsettings.py", "vendor/../../module.py",
        "vendor/%2e%2e/index.html", "/etc/passwd", "//etc/passwd", "vendor", "vendor/", "index.html%00", "index.html/",
        "INDEX.HTML", ".", "%5c..%5cmodule.py",
    ],
)  # fmt: skip
async def test_no_path_leads_anywhere_else(path: str) -> None:
    async with running_server(ON) as server:
        answer = await asyncio.to_thread(raw, server, f"/phone/{path}")
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"default-src 'none'" in answer or path.startswith(("..", "%2e%2e/"))


def heard(server: Server) -> list[str]:
    """The texts of the log, from now on."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    server.log.addHandler(handler)
    return told


async def test_a_reload_switches_it_on_and_off(tmp_path: Path) -> None:
    async with running_server({"http.conf": HTTP}, tmp_path) as server:
        found = server.modules.find("browser_phone")
        assert found is not None
        told = heard(server)
        file = tmp_path / "browser_phone.conf"
        file.write_text("[general]\nenabled=yes\ndomain=one.example\n")
        await server.modules.reload("browser_phone")
        assert (await ask(server, "/phone/"))[0] == 200
        assert [text for text in told if "Browser phone" in text] == [
            f"Browser phone: http://localhost:{address(server)[1]}/phone/"
        ]
        file.write_text("[general]\nenabled=yes\ndomain=two.example\nice_server=turn:turn.example,north\n")
        await server.modules.reload("browser_phone")
        told_page = json.loads((await ask(server, "/phone/settings.json"))[1])
        assert (told_page["domain"], told_page["httpsPort"]) == ("two.example", None)
        (turn,) = told_page["iceServers"]
        assert (turn["urls"], sorted(turn)) == ("turn:turn.example", ["credential", "urls", "username"])
        assert 0 < int(turn["username"]) - time.time() <= CREDENTIALS_SECONDS
        for page in (*load_pages(), "settings.json"):
            assert b"north" not in (await ask(server, f"/phone/{page}"))[1]
        # A file that cannot be read leaves it as it was.
        file.write_text("enabled=no\n")
        await server.modules.reload("browser_phone")
        assert (await ask(server, "/phone/"))[0] == 200
        file.write_text("[general]\nenabled=no\n")
        await server.modules.reload("browser_phone")
        assert (await ask(server, "/phone/"))[0] == 404


async def test_that_nobody_can_open_it_is_told(tmp_path: Path) -> None:
    async with running_server({}, tmp_path) as server:
        told = heard(server)
        (tmp_path / "browser_phone.conf").write_text(ON["browser_phone.conf"])
        await server.modules.reload("browser_phone")
        assert told == ["browser_phone.conf: nobody can open the page, as http.conf does not enable the listener"]
    problems, _ = check(tmp_path)
    assert [str(problem) for problem in problems] == [
        f"{tmp_path}/browser_phone.conf:2: nobody can open the page: http.conf does not enable the listener"
    ]


def test_the_sample_is_read_without_a_complaint() -> None:
    path = Path(__file__).parents[2] / "samples" / "browser_phone.conf"
    settings, errors = read_settings(ConfigFile.load(path))
    assert (settings.enabled, errors) == (False, [])
