"""A call whose caller's connection closes before the answer: the answer comes to where the caller listens."""

import asyncio

from transports_kit import transport

from asterism.stack import parse_message
from asterism.stack.framing import KeepAlive, StreamFramer
from asterism.testing import running_server, until

PJSIP = """
[caller]
type=endpoint
context=phones
allow=ulaw
[caller]
type=identify
endpoint=caller
match=127.0.0.1
"""
EXTENSIONS = "[phones]\nexten => 600,1,Wait(1)\n same => n,Answer()\n same => n,Wait(30)\n"
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"


def message(method, port, branch, to_tag="", cseq=1, body=""):
    return (
        f"{method} sip:600@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:{port};branch=z9hG4bK{branch}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:caller@127.0.0.1>;tag=f\r\nTo: <sip:600@127.0.0.1>{to_tag}\r\n"
        f"Call-ID: closed\r\nCSeq: {cseq} {method}\r\nContact: <sip:caller@127.0.0.1:{port};transport=tcp>\r\n"
        + ("Content-Type: application/sdp\r\n" if body else "")
        + f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Listener:
    """Takes connections and hands on what comes over them."""

    def __init__(self):
        self.messages = asyncio.Queue()

    async def take(self, reader, writer):
        framer = StreamFramer()
        while data := await reader.read(65536):
            for item in framer.feed(data):
                if not isinstance(item, KeepAlive):
                    self.messages.put_nowait((parse_message(item), writer))
        writer.close()


async def test_the_call_goes_on_over_the_new_connection():
    conf = {"pjsip.conf": transport("tcp") + PJSIP, "extensions.conf": EXTENSIONS}
    async with running_server(conf) as server:
        listener = Listener()
        listening = await asyncio.start_server(listener.take, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        (tcp,) = server.sip.transports.transports.values()
        reader, writer = await asyncio.open_connection(*server.sip_address("tcp"))
        writer.write(message("INVITE", port, "invite", body=SDP))
        assert b"SIP/2.0 100" in await asyncio.wait_for(reader.read(4096), 5)
        writer.close()
        await until(lambda: tcp.connections == 0)  # type: ignore[attr-defined]
        answer, writer = await asyncio.wait_for(listener.messages.get(), 10)
        assert (answer.status, answer.cseq.method) == (200, "INVITE")
        tag = f";tag={answer.to.tag}"
        writer.write(message("ACK", port, "ack", tag))
        writer.write(message("BYE", port, "bye", tag, cseq=2))
        answer, writer = await asyncio.wait_for(listener.messages.get(), 10)
        assert (answer.status, answer.cseq.method) == (200, "BYE")
        writer.close()
        listening.close()
        await until(lambda: server.sip.layer.live_transactions == 0)
