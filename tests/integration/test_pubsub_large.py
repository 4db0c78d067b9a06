"""A NOTIFY that no datagram takes goes by TCP (RFC 3261 18.1.1), or the log says why it does not go."""

from __future__ import annotations

import asyncio
import socket
from email import message_from_bytes

import pytest
from call_kit import CONFIG, two_phones

from asterism.interfaces.console.runner import CommandRunner
from asterism.stack.limits import Limits
from asterism.stack.parser import parse_message
from asterism.testing import until

NAMES = [f"lamp{number}" for number in range(250)]
UDP = "\n[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:0\n"
TCP = "\n[tcp]\ntype=transport\nprotocol=tcp\nbind=127.0.0.1:0\n"
LIST = f"\n[wall]\ntype=resource_list\nevent=presence\nlist_item={','.join(NAMES)}\n"
PJSIP = CONFIG["pjsip.conf"].replace("context=phones\n", "context=phones\nsubscribe_context=hints\n") + LIST
HINTS = "\n[hints]\n" + "".join(f"exten => {name},hint,Custom:{name}\n" for name in NAMES)


def config(extra: str) -> dict[str, str]:
    return {**CONFIG, "pjsip.conf": PJSIP + UDP + extra, "extensions.conf": CONFIG["extensions.conf"] + HINTS}


async def test_a_notify_larger_than_a_datagram_goes_by_tcp() -> None:
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in lines if line.startswith("Content-Length"))
        received.append(head + await reader.readexactly(length))
        kept = [line for line in lines if line.partition(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        writer.write("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0\r\n\r\n"]).encode())
        await reader.read()
        writer.close()

    async with two_phones(config(TCP)) as found:
        with socket.create_server(("127.0.0.1", found.ann.port)) as listening:
            server = await asyncio.start_server(answer, sock=listening)
            watch = await found.ann.subscribe("wall", "presence", Supported="eventlist")
            await until(lambda: received)
            notify = parse_message(received[0], limits=Limits(message=1_000_000))
            assert len(received[0]) > 65_507
            assert "TCP" in (notify.get("Via") or "")
            body = message_from_bytes(f"Content-Type: {notify.get('Content-Type')}\r\n\r\n".encode() + notify.body)
            parts = body.get_payload()
            assert isinstance(parts, list)
            assert len(parts) == len(NAMES) + 1
            # What fits goes the way of the subscription again.
            await CommandRunner(found.server).run("devstate change Custom:lamp7 INUSE", print)
            assert len((await watch.next()).body) < 2000
            await watch.end()
            server.close()


@pytest.mark.parametrize(
    ("transport", "why"),
    [("", "there is no TCP transport"), (TCP, "it cannot be reached by TCP")],
    ids=["no transport", "refused"],
)
async def test_without_tcp_the_subscription_ends_and_the_log_says_why(
    transport: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with two_phones(config(transport)) as found:
        watch = await found.ann.subscribe("wall", "presence", Supported="eventlist")
        assert watch.response is not None
        assert watch.response.status == 200
        said = ""

        def told() -> bool:
            nonlocal said
            said += capsys.readouterr().out
            return "ended: a NOTIFY could not be sent" in said

        await until(told)
        assert f"is not sent: it is larger than a datagram, and {why}" in said
        assert not watch.notifies
        # Nothing else that goes by the same socket is hurt.
        other = await found.ann.subscribe("lamp7", "presence")
        await other.next()
        await other.end()
