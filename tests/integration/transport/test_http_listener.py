"""The HTTP listener: its status as recorded, routes, limits, certificates."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
from transports_kit import http_conf, make_certificates

from asterism.core.documentation import Documentation
from asterism.core.routes import Route
from asterism.testing import running_server


async def console(server, line):
    entry = server.commands.get(line)
    return entry.run(type("Call", (), {"args": [], "columns": 80, "color": False})())


def base(server, tls=False):
    module = server.modules.find("http").instance
    host, port = module.tls_address if tls else module.address
    return f"http{'s' if tls else ''}://{host}:{port}"


async def get(url, **options):
    async with aiohttp.ClientSession() as session, session.get(url, **options) as response:
        return response.status, await response.text(), response.headers


async def test_status_is_as_recorded(record):
    text = (record / "core_cli.txt").read_text()
    _, _, rest = text.partition("*CLI> http show status   (state: idle)\n")
    recorded = rest.partition("\n### ")[0]
    async with running_server({"http.conf": http_conf()}) as server:
        shown = await console(server, "http show status")
        port = server.modules.find("http").instance.address[1]  # type: ignore[attr-defined]
        # What is served and by whom differs; every other line is the record's.
        expected = [
            line.replace("127.0.0.1:15188", f"127.0.0.1:{port}")
            for line in recorded.splitlines()
            if "/..." not in line and not line.startswith("Server: ")
        ]
        assert [line for line in shown.splitlines() if "/..." not in line and "Server: " not in line] == expected


async def test_disabled_listens_nowhere():
    async with running_server({}) as server:
        assert server.modules.find("http").instance.address is None  # type: ignore[attr-defined]
        assert "Server Disabled\n" in await console(server, "http show status")


async def test_routes_come_and_go_with_their_owner_and_carry_the_prefix():
    from aiohttp import web

    async def hello(request):
        return web.Response(text=f"hello {request.path}")

    conf = http_conf() + "prefix=pbx\nservername=Test/1\nredirect=/old /pbx/greet\nenable_status=yes\n"
    async with running_server({"http.conf": conf}) as server:
        server.register_route(Route("/greet", hello, "Greetings"), Documentation("Greets."))
        server.register_route(Route("/tree/...", hello, "All below"), Documentation("Greets below."))
        status, text, headers = await get(f"{base(server)}/pbx/greet")
        assert (status, text, headers["Server"]) == (200, "hello /pbx/greet", "Test/1")
        assert (await get(f"{base(server)}/pbx/tree/a/b"))[0] == 200
        assert (await get(f"{base(server)}/greet"))[0] == 404
        assert (await get(f"{base(server)}/pbxgreet"))[0] == 404
        assert (await get(f"{base(server)}/old"))[1] == "hello /pbx/greet"
        assert "Enabled URI" in (await get(f"{base(server)}/pbx/httpstatus"))[1]
        assert "/pbx/greet => Greetings" in await console(server, "http show status")


async def test_static_files_are_off_by_default_and_never_leave_their_folder(tmp_path):
    conf = {"http.conf": http_conf() + "enable_static=yes\n"}
    async with running_server(conf, tmp_path) as server:
        folder = server.paths.data / "static-http"
        folder.mkdir(parents=True)
        (folder / "page.txt").write_text("page")
        (server.paths.data / "secret.txt").write_text("secret")
        assert (await get(f"{base(server)}/static/page.txt"))[:2] == (200, "page")
        for path in ("/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static/..%2fsecret.txt", "/static/"):
            host, port = server.modules.find("http").instance.address  # type: ignore[attr-defined]
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            assert b"404" in answer.split(b"\r\n")[0], path
            writer.close()
    async with running_server({"http.conf": http_conf()}) as server:
        assert (await get(f"{base(server)}/static/page.txt"))[0] == 404


async def test_no_http_of_a_stranger_makes_a_traceback(caplog, capfd):
    caplog.set_level("DEBUG")
    async with running_server({"http.conf": http_conf()}) as server:
        server.log.addHandler(caplog.handler)
        for head in (b"GET /" + b"a" * 20000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000, b"\x16\x03\x01 / x"):
            reader, writer = await asyncio.open_connection(*server.modules.find("http").instance.address)  # type: ignore[attr-defined]
            writer.write(head + b"\r\n\r\n")
            assert b" 400 " in await asyncio.wait_for(reader.readline(), 5)
            writer.close()
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit, asyncio.CancelledError])
async def test_a_route_that_raises_is_told_by_name_and_answered(caplog, kind):
    async def broken(request):
        raise kind("broken")

    async with running_server({"http.conf": http_conf()}) as server:
        server.log.addHandler(caplog.handler)
        server.register_route(Route("/broken", broken, "Raises"), Documentation("Raises."))
        assert (await get(f"{base(server)}/broken"))[0] == 500
        assert (await get(f"{base(server)}/nothing"))[0] == 404
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "HTTP route '/broken' failed" in str(record.exc_info[1])


async def test_sessions_are_limited_and_slow_ones_closed():
    conf = http_conf() + "sessionlimit=3\nsession_inactivity=3000\n"
    async with running_server({"http.conf": conf}) as server:
        host, port = server.modules.find("http").instance.address  # type: ignore[attr-defined]
        slow = [await asyncio.open_connection(host, port) for _ in range(3)]
        slow[0][1].write(b"GET / HTTP/1.1\r\nHost:")
        # The newcomer is served; the one that has waited longest makes room.
        assert (await get(f"{base(server)}/nothing"))[0] == 404
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(slow[0][0].readexactly(1), 10)
        for reader, writer in slow:
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(1), 5)
            writer.close()
        assert (await get(f"{base(server)}/nothing"))[0] == 404


def replace_files(own, others):
    """Overwrite a certificate and its key by others, or by nonsense."""
    for option, path in own.items():
        Path(path).write_bytes(Path(others[option]).read_bytes() if others else b"nonsense")


def text_of(path):
    return Path(path).read_text()


async def test_certificate_is_taken_anew_without_closing_connections(certificates, tmp_path):
    own = make_certificates(tmp_path)
    async with running_server({"http.conf": http_conf(own)}, tmp_path / "etc") as server:
        host, port = server.modules.find("http").instance.tls_address  # type: ignore[attr-defined]

        async def serial():
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            return writer.get_extra_info("ssl_object").getpeercert(True), reader, writer

        before, reader, writer = await serial()
        replace_files(own, certificates)
        await server.reload("http")
        after, _, second = await serial()
        assert before != after
        writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"404" in await asyncio.wait_for(reader.read(), 5)
        replace_files(own, None)
        await server.reload("http")
        assert (await serial())[0] == after
        writer.close()
        second.close()


async def test_certificates_for_other_names(certificates, tmp_path):
    """As ``sni_cert`` of TLS transports: the same choice, kept up to date by a reload."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = make_certificates(tmp_path / "one", "pbx.example.com"), make_certificates(tmp_path / "two", "*.test")
    pair = f"{one['cert_file']}, {one['priv_key_file']}"
    conf = http_conf(certificates) + f"tlssnicert={pair}\n"
    texts = [(each, text_of(each["cert_file"])) for each in (one, two, certificates)]
    async with running_server({"http.conf": conf}, tmp_path / "etc") as server:
        host, port = server.modules.find("http").instance.tls_address  # type: ignore[attr-defined]

        async def seen(name):
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
            shown = ssl.DER_cert_to_PEM_cert(writer.get_extra_info("ssl_object").getpeercert(True))
            writer.close()
            return next(each for each, text in texts if shown in text)

        assert await seen("pbx.example.com") is one
        assert await seen("localhost") is certificates
        assert await seen("a.test") is certificates
        etc = tmp_path / "etc" / "http.conf"
        etc.write_text(f"{conf}tlssnicert={two['cert_file']}, {two['priv_key_file']}\n")
        await server.reload("http")
        assert await seen("a.test") is two
        assert await seen("pbx.example.com") is one
        etc.write_text(http_conf(certificates))
        await server.reload("http")
        assert await seen("pbx.example.com") is certificates


async def test_an_address_in_use_is_told_with_its_option(caplog):
    async with running_server({"http.conf": http_conf()}) as server:
        port = server.modules.find("http").instance.address[1]  # type: ignore[attr-defined]
        conf = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\n"
        async with running_server({"http.conf": conf}) as second:
            assert second.modules.find("http").instance.address is None  # type: ignore[attr-defined]
