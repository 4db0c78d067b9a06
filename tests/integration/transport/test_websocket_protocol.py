"""The WebSocket side of SIP over WebSocket: handshake, frames, limits, keep-alives."""

import asyncio

import aiohttp
import pytest
from transports_kit import accounts, http_conf

from asterism.stack import parse_message
from asterism.testing import Phone, running_server, until

OPTIONS = (
    "OPTIONS sip:{user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS abc.invalid;branch=z9hG4bK{branch}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:101@127.0.0.1>;tag=f\r\nTo: <sip:{user}@127.0.0.1>\r\n"
    "Call-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


def options(branch="1", user="101"):
    return OPTIONS.format(branch=branch, user=user)


class Web:
    """A server with the WebSocket route, and a client session."""

    def __init__(self, conf="", pjsip=""):
        self._running = running_server({"http.conf": http_conf() + conf, "pjsip.conf": accounts("101") + pjsip})

    async def __aenter__(self):
        self.server = await self._running.__aenter__()
        self.session = aiohttp.ClientSession()
        self.host, self.port = self.server.modules.find("http").instance.address  # type: ignore[attr-defined]
        self.module = self.server.modules.find("websocket").instance
        return self

    async def __aexit__(self, *exc_info):
        await self.session.close()
        await self._running.__aexit__(*exc_info)

    def connect(self, **options):
        return self.session.ws_connect(f"ws://{self.host}:{self.port}/ws", **({"protocols": ("sip",)} | options))

    @property
    def transport(self):
        return self.server.sip.transports.transports["ws"]


async def test_stopping_with_a_phone_connected_is_quiet():
    complaints = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    async with Web() as web, Phone("101", web.server, "secret", transport="ws") as phone:
        await phone.register()
        assert len(web.server.sip.flows) == 1
        await web.server.stop()
        await asyncio.sleep(0)
    assert not complaints


async def test_text_is_answered_by_text_and_binary_by_binary():
    async with Web() as web, web.connect() as ws:
        assert ws.protocol == "sip"
        await ws.send_str(options("1"))
        answer = await ws.receive(5)
        assert answer.type is aiohttp.WSMsgType.TEXT
        assert parse_message(answer.data.encode()).status == 401
        await ws.send_bytes(options("2").encode())
        answer = await ws.receive(5)
        assert answer.type is aiohttp.WSMsgType.BINARY
        assert parse_message(answer.data).status == 401


async def test_only_the_subprotocol_sip_is_taken():
    async with Web() as web:
        for protocols in ((), ("msrp",)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await web.connect(protocols=protocols)
            assert caught.value.status == 400
        async with web.connect(protocols=("msrp", "sip")) as ws:
            assert ws.protocol == "sip"
        async with web.session.get(f"http://{web.host}:{web.port}/ws") as response:
            assert response.status == 426


async def test_a_ping_of_sip_and_one_of_websocket_are_answered():
    async with Web() as web, web.connect(autoping=False) as ws:
        await ws.send_str("\r\n\r\n")
        assert (await ws.receive(5)).data == "\r\n"
        await ws.ping(b"there?")
        answer = await ws.receive(5)
        assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"there?")


async def test_too_large_a_message_closes_the_connection_only():
    async with Web() as web, web.connect() as other, web.connect() as ws:
        await ws.send_str("X" * 70_000)
        answer = await ws.receive(5)
        assert answer.type is aiohttp.WSMsgType.CLOSE
        assert answer.data == 1009
        await other.send_str(options())
        assert "401" in (await other.receive(5)).data
        await until(lambda: web.module.use_count() == 1)


async def test_nonsense_is_answered_or_dropped_and_harms_nobody():
    async with Web() as web, web.connect() as ws:
        for text in ("nonsense", "\0", options("9").replace("CSeq: 1 OPTIONS", "CSeq: x"), "é" * 100):
            await ws.send_str(text)
        await ws.send_bytes(b"\xff\xfe" * 20)
        await ws.send_str(options("last"))
        while "Call-ID: last" not in (answer := (await ws.receive(5)).data):
            assert answer.startswith("SIP/2.0 400")
        assert answer.startswith("SIP/2.0 401")


async def test_connections_are_limited_per_address():
    async with Web() as web:
        object.__setattr__(web.transport.settings, "max_connections_per_address", 2)
        async with web.connect() as first, web.connect():
            await until(lambda: web.module.use_count() == 2)
            async with web.connect() as third:
                assert (await third.receive(5)).data == 1013
            await first.send_str(options())
            assert "401" in (await first.receive(5)).data
        await until(lambda: web.module.use_count() == 0)


async def test_an_idle_connection_is_closed_unless_it_is_kept():
    async with Web() as web:
        object.__setattr__(web.transport.settings, "idle_timeout", 0.2)
        async with web.connect() as idle, web.connect() as kept:
            await until(lambda: web.module.use_count() == 2)
            flows = list(web.transport._by_remote.values())
            port = kept._response.connection.transport.get_extra_info("sockname")[1]
            flow = next(flow for flow in flows if flow.remote[1] == port)
            flow.kept_until = asyncio.get_running_loop().time() + 60
            # Going away (RFC 6455 7.4.1), said in good order.
            assert (await idle.receive(5))[:2] == (aiohttp.WSMsgType.CLOSE, 1001)
            await until(lambda: len(web.transport._by_remote) == 1)
            await kept.send_str(options())
            assert "401" in (await kept.receive(5)).data


async def test_a_peer_that_does_not_read_is_closed():
    async with Web() as web, web.connect() as ws:
        await ws.send_str(options())
        await ws.receive(5)
        (flow,) = web.transport._by_remote.values()
        object.__setattr__(web.transport.settings, "write_buffer", 100_000)
        ws._response.connection.transport.pause_reading()
        for _ in range(2_000):
            flow.send(b"x" * 10_000)
            if flow.closed:
                break
        assert flow.closed
        assert web.module.use_count() == 0
        flow.send(b"more")


async def test_what_is_no_utf8_goes_out_in_a_binary_frame():
    async with Web() as web, web.connect() as ws:
        await ws.send_str(options())
        await ws.receive(5)
        (flow,) = web.transport._by_remote.values()
        flow.send("grün".encode())
        assert (await ws.receive(5)).data == "grün"
        flow.send(b"gr\xfcn")
        assert (await ws.receive(5)).data == b"gr\xfcn"
        flow.send(b"y" * 70_000)
        assert len((await ws.receive(5)).data) == 70_000


async def test_unloading_closes_connections_and_is_refused_while_there_are_some():
    from asterism.core.errors import ModuleError

    async with Web() as web:
        async with web.connect() as ws:
            await until(lambda: web.module.use_count() == 1)
            with pytest.raises(ModuleError, match="in use"):
                await web.server.modules.unload("websocket")
            await ws.close()
        await until(lambda: web.module.use_count() == 0)
        await web.server.modules.unload("websocket")
        async with web.session.get(f"http://{web.host}:{web.port}/ws") as response:
            assert response.status == 404
        assert "ws" not in web.server.sip.transports.transports


NOT_MASKED, MASKED = 0x00, 0x80


async def raw(web, *frames, origin=""):
    """What a connection gets after the handshake for these bytes, and whether it was ended."""
    reader, writer = await asyncio.open_connection(web.host, web.port)
    lines = [
        "GET /ws HTTP/1.1", f"Host: {web.host}:{web.port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: sip",
    ]  # fmt: skip
    writer.write("\r\n".join([*lines, *([f"Origin: {origin}"] if origin else []), "", ""]).encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    for data in frames:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0)
    try:
        answer = await asyncio.wait_for(reader.read(4096), 5)
        return int(head.split()[1]), answer, reader.at_eof() or not await asyncio.wait_for(reader.read(1), 0.2)
    except TimeoutError:
        return int(head.split()[1]), answer, False
    finally:
        writer.close()


def framed(payload, mask):
    length = len(payload)
    size = bytes((mask | length,)) if length < 126 else bytes((mask | 126,)) + length.to_bytes(2, "big")
    return b"\x81" + size + (b"\0\0\0\0" if mask else b"") + payload


async def test_frames_without_a_mask_are_refused():
    async with Web() as web:
        status, answer, ended = await raw(web, framed(options().encode(), NOT_MASKED))
        assert (status, answer, ended) == (101, b"\x88\x02\x03\xea", True)
        # So is one that comes after good ones; nothing of it is taken.
        good = framed(options("1").encode(), MASKED)
        status, answer, ended = await raw(
            web, good[:1], good[1:3], good[3:] + framed(options("2").encode(), NOT_MASKED)
        )
        assert answer.endswith(b"\x88\x02\x03\xea") or ended
        assert b"Call-ID: 2" not in answer
        status, answer, ended = await raw(web, good)
        assert b"SIP/2.0 401" in answer
        assert not ended
        await until(lambda: not web.module.use_count(), 5, "a connection is left")


IDENTIFIED = """
[office]
type=endpoint
context=default
identify_by=ip
[office]
type=identify
endpoint=office
match=127.0.0.0/8
"""
LIMITED = "[ws]\ntype=transport\nprotocol=ws\nallowed_origins=https://phones.example.test,http://other.test:8080\n"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
async def test_a_page_is_not_known_by_the_address_of_its_browser(origin):
    async with Web(pjsip=IDENTIFIED) as web:
        frame = framed(options(user="").replace("@", "", 1).encode(), MASKED)
        _, answer, _ = await raw(web, frame, origin=origin)
        assert b"SIP/2.0 401" in answer
        # No browser: whoever sits there runs it.
        _, answer, _ = await raw(web, frame)
        assert b"SIP/2.0 200" in answer


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://phones.example.test", 101),
        ("HTTPS://PHONES.example.test", 101),
        ("http://other.test:8080", 101),
        ("", 101),
        ("https://evil.example", 403),
        ("http://phones.example.test", 403),
        ("https://phones.example.test.evil.example", 403),
        ("null", 403),
    ],
)
async def test_the_origins_of_pages_can_be_limited(origin, status):
    async with Web(pjsip=IDENTIFIED + LIMITED) as web:
        frame = framed(options(user="").replace("@", "", 1).encode(), MASKED)
        found, answer, _ = await raw(web, *((frame,) if status == 101 else ()), origin=origin)
        assert found == status
        if status == 101:
            # A page that the configuration names may be known by its address.
            assert b"SIP/2.0 200" in answer


async def test_all_origins_can_be_allowed():
    async with Web(
        pjsip=IDENTIFIED + LIMITED.replace("https://phones.example.test,http://other.test:8080", "*")
    ) as web:
        frame = framed(options(user="").replace("@", "", 1).encode(), MASKED)
        _, answer, _ = await raw(web, frame, origin="https://evil.example")
        assert b"SIP/2.0 200" in answer
