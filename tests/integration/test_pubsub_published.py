"""States of extensions and mailboxes that this server publishes at another, byte for byte as recorded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from call_kit import CONFIG

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.stack.message import Request, make_response
from asterism.stack.parser import parse_message
from asterism.testing import Phone, free_port, running_server, until

RECORD = (Path(__file__).resolve().parents[1] / "data/record/sip_wire_publish.txt").read_text()
HINTS = """
[hints]
exten => bob,hint,Custom:bob
exten => carol,hint,Custom:carol,CustomPresence:carol
exten => dave,hint,Custom:dave
[other]
exten => carol,hint,Custom:dave
"""
PUBLISH = """
[pub]
type=outbound-publish
server_uri=sip:127.0.0.1:{port}
from_uri=sip:pbx@127.0.0.1
"""
PRESENCE = PUBLISH + "event=presence\nmulti_user=yes\n@body=application/pidf+xml\n@context=^hints\n@exten=^carol\n"
DIALOG = PUBLISH + "event=dialog\nmulti_user=yes\n@body=application/dialog-info+xml\n@context=^hints\n@exten=^bob\n"


class Publications(asyncio.DatagramProtocol):
    """Another server, which takes what is published."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.sources: list[int] = []
        self.status = 200

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.sources.append(addr[1])
        request = parse_message(data)
        assert isinstance(request, Request)
        self.requests.append(request)
        response = make_response(request, self.status, to_tag="t")
        if self.status == 200:
            response.add_header("SIP-ETag", f"etag{len(self.requests)}")
            response.add_header("Expires", request.get("Expires") or "")
        self.transport.sendto(response.to_bytes(), addr)

    async def got(self, count: int) -> Request:
        """Wait for the ``count``-th."""
        await until(lambda: len(self.requests) >= count, 5, lambda: str(self.requests))
        return self.requests[count - 1]


@asynccontextmanager
async def world(publish: str) -> AsyncIterator[tuple[Server, Publications]]:
    """This server, and the one that it publishes at."""
    loop = asyncio.get_running_loop()
    transport, there = await loop.create_datagram_endpoint(Publications, local_addr=("127.0.0.1", 0))
    pjsip = CONFIG["pjsip.conf"] + publish.format(port=there.port)
    try:
        async with running_server({"pjsip.conf": pjsip, "extensions.conf": HINTS}) as server:
            yield server, there
        await until(lambda: not there.requests or there.requests[-1].get("Expires") == "0")
    finally:
        transport.close()


async def command(server: Server, line: str) -> str:
    """Type a console command."""
    written: list[str] = []
    assert await CommandRunner(server).run(line, written.append) == 0, written
    return "".join(written)


def recorded(title: str) -> list[str]:
    """The PUBLISHes of the record under a title."""
    part = RECORD[RECORD.index(f"-- {title}") :].partition("\n####")[2].split("\n####", 1)[0]
    return re.findall(r"^PUBLISH .*?(?=^---- \[SEND\])", part, re.MULTILINE | re.DOTALL)


def masked(text: str) -> str:
    """A message without what is new in each."""
    text = text.replace("\r\n", "\n")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:N", text)
    text = re.sub(r"(tag=|Call-ID: |Via: |SIP-If-Match: |User-Agent: |version=)[^\n ]+[^\n]*", r"\1X", text)
    text = re.sub(r"(CSeq): +\d+", r"\1: N", text)
    return re.sub(r"Content-Length: +(\d+)", "Content-Length: N", text)


@pytest.mark.parametrize(
    ("publish", "title", "device", "states"),
    [
        (PRESENCE, "multi-user outbound publish (event presence", "carol", ("RINGING", "NOT_INUSE")),
        (DIALOG, "event dialog, @body=application/dialog-info+xml", "bob", ("RINGING", "NOT_INUSE")),
    ],
)
async def test_as_recorded(publish: str, title: str, device: str, states: tuple[str, ...]) -> None:
    found = recorded(title)
    async with world(publish) as (server, there):
        await command(server, f"devstate change Custom:{device} INUSE")
        await there.got(1)
        for number, state in enumerate(states):
            await command(server, f"devstate change Custom:{device} {state}")
            request = await there.got(number + 2)
            assert masked(request.to_bytes().decode()) == masked(found[number])
            assert request.get("SIP-If-Match") == f"etag{number + 1}"
        versions = [re.findall(rb'version="(\d+)" state', request.body) for request in there.requests]
        assert versions in ([[], [], []], [[b"0"], [b"1"], [b"2"]])


async def test_only_what_matches_is_published() -> None:
    async with world(PRESENCE) as (server, there):
        for device in ("bob", "dave"):
            await command(server, f"devstate change Custom:{device} INUSE")
        await command(server, "devstate change Custom:carol INUSE")
        await there.got(1)
        assert [str(request.uri.user) for request in there.requests] == ["carol"]
        listing = await command(server, "pjsip list publications outbound")
        assert "presence/carol" in listing
        assert "1 publications" in listing


async def test_a_custom_presence_is_published() -> None:
    async with world(PRESENCE) as (server, there):
        await command(server, "presencestate change CustomPresence:carol DND,,out")
        assert (await there.got(1)).uri.user == "carol"


async def test_without_multi_user_there_is_one_publication() -> None:
    async with world(PUBLISH + "event=presence\n@strict_bodies=yes\n") as (server, there):
        await command(server, "devstate change Custom:bob INUSE")
        await there.got(1)
        await command(server, "devstate change Custom:carol INUSE")
        second = await there.got(2)
        assert second.uri.user == ""
        assert second.get("SIP-If-Match") == "etag1"
        assert b"<presence" in second.body


async def test_a_hint_that_goes_takes_its_publication_along() -> None:
    async with world(PRESENCE) as (server, there):
        await command(server, "devstate change Custom:carol INUSE")
        await there.got(1)
        path = server.paths.etc / "extensions.conf"
        path.write_text(path.read_text().replace("exten => carol,hint,Custom:carol,CustomPresence:carol\n", ""))
        await command(server, "dialplan reload")
        last = await there.got(2)
        assert (last.get("Expires"), last.get("SIP-If-Match")) == ("0", "etag1")


async def test_a_state_is_published_anew_when_it_was_lost() -> None:
    async with world(PRESENCE) as (server, there):
        await command(server, "devstate change Custom:carol INUSE")
        first = await there.got(1)
        there.status = 412
        await command(server, "devstate change Custom:carol RINGING")
        there.status = 412
        await there.got(2)
        there.status = 200
        await command(server, "devstate change Custom:carol NOT_INUSE")
        await until(lambda: b"Ready" in there.requests[-1].body)
        assert there.requests[-1].call_id != first.call_id


@pytest.mark.parametrize(
    "options", ["event=presence\n@context=(\n", "event=presence\n@body=text/nonsense\n", "event=nobody\n"]
)
async def test_what_cannot_be_published_is_logged(options: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with world(PUBLISH + options) as (server, there):
        await command(server, "devstate change Custom:carol INUSE")
        await asyncio.sleep(0.05)
        assert not there.requests
        assert ("outbound-publish 'pub':" in capsys.readouterr().out) is ("nobody" not in options)
        listing = await command(server, "pjsip list publications outbound")
        assert ("No module" in listing) is ("nobody" in options)


@pytest.mark.parametrize("multi_user", [True, False])
async def test_message_summaries(multi_user: bool) -> None:
    publish = PUBLISH + f"event=message-summary\nmulti_user={'yes' if multi_user else 'no'}\n@mailbox=^7\n"
    async with world(publish) as (server, there):
        await command(server, "mwi update mailbox 8001@default 9 9")
        await command(server, "mwi update mailbox 7001@default 2 1")
        first = await there.got(1)
        assert first.get("Content-Type") == "application/simple-message-summary"
        assert b"Voice-Message: 2/1 (0/0)\r\n" in first.body
        await command(server, "mwi update mailbox 7002@default 1 0")
        second = await there.got(2)
        if multi_user:
            assert (first.uri.user, second.uri.user) == ("7001", "7002")
            assert b"Voice-Message: 1/0 (0/0)\r\n" in second.body
        else:
            assert (first.uri.user, second.uri.user) == ("", "")
            assert b"Voice-Message: 3/1 (0/0)\r\n" in second.body


async def test_mailboxes_as_recorded() -> None:
    (found,) = recorded("instance1 publishes mailbox state")
    async with world(PUBLISH + "event=asterisk-mwi\n@mailbox_state_filter=^7\n") as (server, there):
        await command(server, "mwi update mailbox 8001@default 1 1")
        await command(server, "mwi update mailbox 7001@default 3 1")
        first = await there.got(1)
        assert first.body.decode().replace(server.options.entityid, "02:00:00:00:00:01") == found.partition("\n\n")[2]
        names = [name for name, _ in first.headers]
        assert names == [line.partition(":")[0] for line in found.partition("\n\n")[0].splitlines()[1:]]


async def test_filters_of_what_servers_share() -> None:
    publish = PUBLISH + "event=asterisk-devicestate\n@device_state_filter=^Custom:c\n"
    async with world(publish) as (server, there):
        await command(server, "devstate change Custom:bob INUSE")
        await command(server, "devstate change Custom:carol INUSE")
        first = await there.got(1)
        eid = server.options.entityid.encode()
        assert first.body == (
            b'{"type":"devicestate","device":"Custom:carol","state":"INUSE","cachable":1,"eid":"' + eid + b'"}\n'
        )
        assert len(there.requests) == 1


@pytest.mark.parametrize("option", ["@device_state=no", "@device_state_filter=("])
async def test_nothing_is_shared(option: str) -> None:
    async with world(PUBLISH + f"event=asterisk-devicestate\n{option}\n") as (server, there):
        await command(server, "devstate change Custom:carol INUSE")
        await asyncio.sleep(0.05)
        assert not there.requests


async def test_endpoints_are_among_the_devices_and_a_refresh_tells_all_anew() -> None:
    taken = "\n[peer]\ntype=inbound-publication\nevent_asterisk-devicestate=taken\n"
    taken += "[taken]\ntype=asterisk-publication\ndevice_state=yes\ndevicestate_publish=pub\n"
    async with world(PUBLISH + "event=asterisk-devicestate\n" + taken) as (server, there):
        # We ask first, then tell what we have.
        state = b'"device":"PJSIP/101","state":"UNAVAILABLE"'
        await until(lambda: state in b"".join(one.body for one in there.requests))
        eid = server.options.entityid
        assert there.requests[0].body.decode() == f'{{"type":"refresh","eid":"{eid}"}}\n'
        await until(lambda: len(there.requests) >= 4)
        there.requests.clear()
        async with Phone("101", server, "ann's secret") as phone:
            request = phone.create_request("PUBLISH", phone.uri("peer"))
            request.add_header("Event", "asterisk-devicestate")
            request.set_body('{"type":"refresh","eid":"far"}', "application/json")
            assert (await phone.request(request)).status == 200
            for told in (b"PJSIP/101", b"refresh"):
                await until(lambda told=told: told in b"".join(one.body for one in there.requests))  # type: ignore[misc]


@pytest.mark.parametrize("name", ["one", "two"])
async def test_it_goes_over_the_transport_that_is_named(name: str) -> None:
    ports = {"one": free_port(), "two": free_port()}
    transports = "".join(
        f"\n[{each}]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{port}\n" for each, port in ports.items()
    )
    publish = PUBLISH + f"event=asterisk-devicestate\ntransport={name}\n@device_state_filter=carol\n" + transports
    async with world(publish) as (server, there):
        await command(server, "devstate change Custom:carol INUSE")
        await there.got(1)
        assert there.sources == [ports[name]]


async def test_another_server_is_asked_for_its_mailboxes() -> None:
    taken = "\n[taken]\ntype=asterisk-publication\nmailbox_state=yes\nmailboxstate_publish=pub\n"
    async with world(PUBLISH + "event=asterisk-mwi\n" + taken) as (server, there):
        first = await there.got(1)
        assert first.body.decode() == f'{{"type":"refresh","eid":"{server.options.entityid}"}}\n'
