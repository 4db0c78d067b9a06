"""Text beside audio: plain and with redundancy, between two who may have it, and refused otherwise (RFC 4103)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from call_steps import refused
from session_bench import Bench, on_bench
from stream_phone import Port, audio, describe, rtp, sections, t140
from test_session_streams import Call, change

from asterism.media.text import Block, read, write
from asterism.sip.objects.codecs import CodecList


def red(port: Port, number: int, text: int, levels: int = 2) -> str:
    generations = "/".join([str(text)] * (1 + levels))
    return (
        f"m=text {port.number} RTP/AVP {number} {text}\r\na=rtpmap:{text} t140/1000\r\na=rtpmap:{number} red/1000\r\n"
        f"a=fmtp:{number} {generations}\r\n"
    )


def answers(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "6002")
    async def answer(channel: Any) -> None:
        channel.raw_answer()
        await channel.read_digit()


def texts(bench: Bench, *codecs: str, most: int = 1) -> None:
    for name in ("alice", "bob"):
        change(bench, name, allow=CodecList(("ulaw", *codecs)), max_text_streams=most)


@on_bench
async def test_redundancy_is_passed_on_under_the_numbers_of_each_side(bench: Bench) -> None:
    texts(bench, "red", "t140")
    call = Call(bench)
    await call.begin(
        describe(audio(call.a_audio), red(call.a_text, 100, 98, 3)),
        describe(audio(call.b_audio), red(call.b_text, 110, 111, 3)),
    )
    offered, answered = sections(call.invite.body)[1], sections(call.ok.body)[1]
    number, text = offered.payload_type("red"), offered.payload_type("t140")
    assert f"a=fmtp:{number} {text}/{text}/{text}/{text}" in offered.lines
    assert "a=fmtp:100 98/98/98/98" in answered.lines
    for sequence in range(5):
        blocks = [Block(98, 300, b"before"), Block(98, 0, b"new %d" % sequence)]
        call.a_text.send(answered.port, rtp(100, sequence, write(blocks), 300 * sequence))
        packet = await call.b_text.receive()
        assert packet.payload_type == 110
        assert read(packet.payload) == [one._replace(payload_type=111) for one in blocks]
    call.b_text.send(offered.port, rtp(number, 9, write([Block(text, 0, b"hello")])))
    packet = await call.a_text.receive()
    assert (packet.payload_type, read(packet.payload)) == (100, [Block(98, 0, b"hello")])
    await call.end()


@on_bench
async def test_one_without_redundancy_misses_nothing_all_the_same(bench: Bench) -> None:
    texts(bench, "red", "t140")
    call = Call(bench)
    await call.begin(
        describe(audio(call.a_audio), red(call.a_text, 100, 98)), describe(audio(call.b_audio), t140(call.b_text, 111))
    )
    to = sections(call.ok.body)[1].port
    said = ["H", "e", "l", "l", "o"]
    heard = b""
    for sequence in (0, 1, 4):  # two are lost
        blocks = [
            Block(98, 300 * (2 - back), said[sequence - 2 + back].encode()) for back in range(2) if sequence > 1 - back
        ]
        blocks.append(Block(98, 0, said[sequence].encode()))
        call.a_text.send(to, rtp(100, sequence, write(blocks), 300 * sequence))
        packet = await call.b_text.receive()
        assert packet.payload_type == 111
        heard += packet.payload
    assert heard == b"Hello"
    # What comes late has been told already; plain text goes to one who has redundancy, too.
    call.a_text.send(to, rtp(100, 2, write([Block(98, 0, b"l")]), 600))
    call.a_text.send(to, rtp(98, 5, b"!", 1500))
    assert (await call.b_text.receive()).payload == b"!"
    call.b_text.send(
        sections(call.invite.body)[1].port, rtp(sections(call.invite.body)[1].payload_type("t140"), 1, b"hi")
    )
    packet = await call.a_text.receive()
    assert (packet.payload_type, packet.payload) == (98, b"hi")
    await call.end()


@on_bench
async def test_redundancy_without_text_is_none(bench: Bench) -> None:
    texts(bench, "red")
    answers(bench)
    port, number = Port(), Port()
    alice = bench.phone(5071)
    alice.call("6002", body=describe(audio(number), red(port, 100, 98)))
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    assert sections(ok.body)[1].port == 0
    port.close()
    number.close()


@pytest.mark.parametrize("kind", ["text", "message"])
def test_text_alone_and_message_sessions_are_refused(kind: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        texts(bench, "t140", most=0)
        answers(bench)
        section = {
            "text": "m=text 4000 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n",
            "message": "m=message 4000 TCP/MSRP *\r\na=accept-types:text/plain\r\na=path:msrp://a.example:4000/x;tcp\r\n",
        }[kind]
        assert (await refused(bench, "6002", body=describe(section))).status == 488
        alice, port = bench.phone(5072), Port()
        alice.call("6002", body=describe(audio(port), section))
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        first, second = sections(ok.body)
        assert first.port
        assert (second.type, second.port) == (kind, 0)
        port.close()

    test(tmp_path)
