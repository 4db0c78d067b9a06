"""CURL and CURLOPT against a web server on the loopback interface."""

# ruff: noqa: ASYNC240

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from functions_kit import Functions, warnings

from asterism.core.restriction import DANGEROUS_FUNCTIONS, restricted
from asterism.pbx.dialplan.functions import fetching
from asterism.pbx.dialplan.functions.curl import CurlFunctions
from asterism.pbx.dialplan.language.foreign import is_foreign


class Server:
    """Answers at some paths, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.asked.append((f"{request.method} {request.raw_path}", dict(request.headers), body))
        kind = request.path.strip("/").partition("/")[0]
        if kind == "never":
            await asyncio.sleep(60)
        if kind == "endless":
            return await self._endless(request)
        if kind == "to":
            left = int(request.match_info["rest"] or 0)
            if left:
                raise web.HTTPFound(f"{self.url}/to/{left - 1}")
            return web.Response(text="arrived")
        if kind == "status":
            return web.Response(status=int(request.match_info["rest"]), text="body\n")
        if kind == "bytes":
            return web.Response(body=b"a\0b\xff c", content_type="application/octet-stream")
        if kind == "form":
            return web.Response(text="name=Al%2C+ice%26&num=6%2001&empty=&flag")
        if kind == "charset":
            name = request.match_info["rest"]
            return web.Response(body=b"\\ud800+2AA-\\x00b-a", headers={"Content-Type": f"text/plain; charset={name}"})
        if kind == "latin":
            return web.Response(body="grün".encode("latin-1"), content_type="text/plain", charset="iso-8859-1")
        return web.Response(text=f"hello {body}\r\n\n", headers={"X-Seen": "yes"})

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, Functions]]:
    server, application = Server(), web.Application()
    for path in ("/{kind}/{rest}", "/{kind}"):
        application.router.add_route("*", path, server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    functions = Functions(CurlFunctions())
    functions.channel.set_variable("URL", server.url)
    try:
        yield server, functions
    finally:
        await runner.cleanup()


async def test_a_page_and_a_form() -> None:
    async with serving() as (server, functions):
        assert await functions.read("CURL(${URL}/page?a=b%20c&d)") == "hello"
        assert await functions.read("CURL(${URL}/page,a=1&b=x,y)") == "hello a=1&b=x,y"
        assert await functions.read("CURL(${URL:7}/page)") == "hello"
    (get, head, _), (post, form, body), _ = server.asked
    assert get == "GET /page?a=b%20c&d"
    assert head["User-Agent"] == "Asterism/1.2.3"
    assert (post, body) == ("POST /page", "a=1&b=x,y")
    assert form["Content-Type"] == "application/x-www-form-urlencoded"


async def test_a_line_of_the_dialplan_fetches_a_page() -> None:
    async with serving() as (server, functions):
        world = functions.world
        world.say(
            "[default]\nexten => 100,1,Set(CURLOPT(useragent)=me)\n"
            f" same => n,Set(FOUND=${{CURL({server.url}/page)}})\n"
            f" same => n,NoOp(${{FOUND}} ${{IF($[${{LEN(${{CURL({server.url}/page,x)}})}} = 7]?seven:other)}})\n"
        )
        await world.call()
        assert world.steps()[-1] == "NoOp(hello seven)"
        assert [head["User-Agent"] for _, head, _ in server.asked] == ["me", "me"]


async def test_a_server_that_never_answers_is_one_line_and_holds_up_nobody() -> None:
    async with serving() as (_, functions):
        await functions.write("CURLOPT(httptimeout)", "0.3")
        with warnings(functions) as lines:
            found, turns = await functions.meanwhile("CURL(${URL}/never)")
    assert found == ""
    assert turns > 10
    assert len(lines) == 1
    assert "within 0.3 s" in lines[0]


async def test_a_body_without_end_is_cut_off() -> None:
    async with serving() as (_, functions):
        with warnings(functions) as lines:
            found, _ = await functions.meanwhile("CURL(${URL}/endless)")
    assert len(found) == 65536
    assert len(lines) == 1
    assert "cut off" in lines[0]


@pytest.mark.parametrize(
    ("settings", "path", "found", "complaint"),
    [
        ({}, "to/1", "302: Found", ""),
        ({"followlocation": "1"}, "to/3", "arrived", ""),
        ({"followlocation": "1", "maxredirs": "3"}, "to/3", "arrived", ""),
        ({"followlocation": "1", "maxredirs": "2"}, "to/3", "", "more than 2 times"),
        ({"followlocation": "1", "maxredirs": "0"}, "to/1", "", "no redirect is allowed"),
        ({"followlocation": "1"}, "to/1000", "", "more than 20 times"),
        ({"failurecodes": "404, 500"}, "status/404", "", "404 Not Found"),
        ({"failurecodes": "404,500"}, "status/403", "body", ""),
        ({}, "status/500", "body", ""),
    ],
)
async def test_redirects_and_failures(settings: dict[str, str], path: str, found: str, complaint: str) -> None:
    async with serving() as (_, functions):
        for name, value in settings.items():
            assert await functions.write(f"CURLOPT({name})", value)
        with warnings(functions) as lines:
            assert await functions.read(f"CURL(${{URL}}/{path})") == found
    assert [complaint in line for line in lines] == [True] * bool(complaint)


async def test_what_is_sent() -> None:
    async with serving() as (server, functions):
        for name, value in (
            ("cookie", "a=1"), ("cookie", "b=2"), ("httpheader", "X-One: 1"), ("httpheader", "X-Two:2"),
            ("referer", "http://there/"), ("useragent", "me"), ("userpwd", "joe:pass:word"),
        ):  # fmt: skip
            assert await functions.write(f"CURLOPT({name})", value)
        await functions.read("CURL(${URL}/page)")
        head = server.asked[0][1]
        assert await functions.read("CURLOPT(cookie)") == "a=1,b=2"
        await functions.write("CURLOPT(cookie)", "")
        assert await functions.read("CURLOPT(cookie)") == ""
    assert head["Cookie"] == "a=1; b=2"
    assert (head["X-One"], head["X-Two"], head["Referer"], head["User-Agent"]) == ("1", "2", "http://there/", "me")
    assert head["Authorization"] == "Basic am9lOnBhc3M6d29yZA=="


async def test_the_head_is_part_of_the_result() -> None:
    async with serving() as (_, functions):
        await functions.write("CURLOPT(header)", "yes")
        head, _, body = (await functions.read("CURL(${URL}/page)")).partition("\r\n\r\n")
    assert body == "hello"
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert "\r\nX-Seen: yes\r\n" in head


async def test_settings_without_a_channel_are_for_all() -> None:
    async with serving() as (server, functions):
        assert await functions.environment.assign_later(None, "CURLOPT(useragent)", "all")
        await functions.read("CURL(${URL}/page)")
        await functions.write("CURLOPT(useragent)", "one")
        await functions.read("CURL(${URL}/page)")
        await functions.read(f"CURL({server.url}/page)", functions.world.channel())
    assert [head["User-Agent"] for _, head, _ in server.asked] == ["all", "one", "all"]


@pytest.mark.parametrize(("kind", "name"), [("yes", "Al,+ice&"), ("legacy", "Al, ice&")])
async def test_a_form_becomes_a_hash(kind: str, name: str) -> None:
    async with serving() as (_, functions):
        await functions.write("CURLOPT(hashcompat)", kind)
        assert await functions.write("HASH(found)", await functions.read("CURL(${URL}/form)"))
    assert await functions.read("HASHKEYS(found)") == "name,num,empty,flag"
    assert [await functions.read(f"HASH(found,{key})") for key in ("name", "num", "empty")] == [name, "6 01", ""]
    assert is_foreign(await functions.read("HASH(found,name)"))


async def test_what_a_server_sends_is_text_from_outside() -> None:
    async with serving() as (_, functions):
        assert is_foreign(await functions.read("CURL(${URL}/page,a&b)"))
        assert await functions.read("CURL(${URL}/bytes)") == "ab\udcff c"
        assert await functions.read("CURL(${URL}/latin)") == "grün"


async def test_a_page_is_put_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "page"
    async with serving() as (_, functions):
        url = functions.channel.variables["URL"]
        assert await functions.write(f"CURL({url}/page)", str(path))
        assert path.read_bytes() == b"hello \r\n\n"
        await functions.write("CURLOPT(httptimeout)", "0.3")
        os.mkfifo(tmp_path / "fifo")
        with warnings(functions) as lines:
            assert not await functions.write(f"CURL({url}/never)", str(path))
            assert not await functions.write(f"CURL({url}/page)", str(tmp_path / "no" / "page"))
            assert not await functions.write(f"CURL({url}/page)", str(tmp_path / "fifo"))
        assert len(lines) == 3
    assert path.read_bytes() == b"hello \r\n\n"
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode  # as any file of the process
    plain.unlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["fifo", "page"]


async def test_a_file_without_end_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_FILE", 3_000_000)
    async with serving() as (server, functions):
        with warnings(functions) as lines:
            assert not await functions.write(f"CURL({server.url}/endless)", str(tmp_path / "page"))
    assert len(lines) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a/b",
        "file:///etc/passwd",
        "http://",
        "http://a b/",
        "http://a/\tb",
        "http://[::1",
        "http://127.0.0.1:1/",
    ],
)
async def test_what_cannot_be_fetched_is_one_line(url: str) -> None:
    functions = Functions(CurlFunctions())
    with warnings(functions) as lines:
        assert await functions.read(f"CURL({url})") == ""
    assert len(lines) == 1


async def test_a_redirect_does_not_lead_to_a_file() -> None:
    async with serving() as (server, functions):

        async def answer(_: web.Request) -> web.StreamResponse:
            raise web.HTTPFound("file:///etc/passwd")

        server.answer = answer  # type: ignore[assignment]
        await functions.write("CURLOPT(followlocation)", "1")
        with warnings(functions) as lines:
            await functions.read("CURL(${URL}/to/1)")
    assert "root" not in " ".join(lines)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nosuch", "1"), ("httptimeout", "x"), ("httptimeout", "nan"), ("httptimeout", "-1"), ("maxredirs", "many"),
        ("proxytype", "socks5"), ("httpheader", "no header"), ("cookie", "a\nb"), ("failurecodes", "4xx"),
        ("hashcompat", "maybe"), ("useragent", "x" * 9000),
    ],
)  # fmt: skip
async def test_a_wrong_setting_is_one_line(name: str, value: str) -> None:
    functions = Functions(CurlFunctions())
    with warnings(functions) as lines:
        assert not await functions.write(f"CURLOPT({name})", value)
    assert len(lines) == 1


async def test_settings_are_bounded() -> None:
    functions = Functions(CurlFunctions())
    with warnings(functions) as lines:
        done = [await functions.write("CURLOPT(cookie)", f"a={number}") for number in range(101)]
    assert done == [True] * 100 + [False]
    assert len(lines) == 1


async def test_a_name_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(60)

    functions = Functions(CurlFunctions())
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve, raising=False)
    await functions.write("CURLOPT(dnstimeout)", "0.1")
    with warnings(functions) as lines:
        assert await functions.read("CURL(http://name.invalid/)") == ""
    assert "resolved within 0.1 s" in lines[0]


async def test_through_a_proxy() -> None:
    async with serving() as (server, functions):
        host, _, port = server.url.removeprefix("http://").partition(":")
        for name, value in (("proxy", host), ("proxyport", port), ("proxyuserpwd", "a:b")):
            await functions.write(f"CURLOPT({name})", value)
        await functions.read("CURL(http://elsewhere.invalid/page)")
        (line, head, _) = server.asked[0]
    assert line == "GET http://elsewhere.invalid/page"
    assert head["Proxy-Authorization"] == "Basic YTpi"


async def test_refused_from_outside(tmp_path: Path) -> None:
    async with serving() as (server, functions):
        with restricted(DANGEROUS_FUNCTIONS), warnings(functions) as lines:
            assert await functions.read("CURL(${URL}/page)") == ""
            assert not await functions.write(f"CURL({server.url}/page)", str(tmp_path / "x"))
        assert server.asked == []
        assert len(lines) == 2


@pytest.mark.parametrize("charset", ["unicode_escape", "raw_unicode_escape", "utf-7", "punycode", "idna", "no"])
async def test_a_server_chooses_no_charset_whose_text_could_not_be_written(charset: str) -> None:
    async with serving() as (_, functions):
        assert await functions.read(f"CURL(${{URL}}/charset/{charset})") == "\\ud800+2AA-\\x00b-a"
