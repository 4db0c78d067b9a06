"""Whatever a body holds, an INVITE gets a final response and nothing stays behind."""

from __future__ import annotations

import random
from typing import Any

from session_bench import Bench, on_bench, sdp

from asterism.stack.message import Response


def mutations(seed: int, count: int) -> list[bytes]:
    rng = random.Random(seed)
    base = sdp().encode()
    extra = b"m=video 9 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
    made: list[bytes] = []
    for _ in range(count):
        data = bytearray(base + (extra if rng.random() < 0.3 else b""))
        for _ in range(rng.randint(1, 6)):
            kind = rng.randrange(4)
            place = rng.randrange(len(data))
            if kind == 0:
                data[place] = rng.randrange(256)
            elif kind == 1:
                del data[place : place + rng.randint(1, 40)]
            elif kind == 2:
                data[place:place] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 20)))
            else:
                lines = bytes(data).split(b"\r\n")
                rng.shuffle(lines)
                data = bytearray(b"\r\n".join(lines))
            if not data:
                data = bytearray(b"v")
        made.append(bytes(data))
    return made


@on_bench
async def test_mutated_offers(bench: Bench) -> None:
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()

    for number, body in enumerate(mutations(7, 150)):
        alice.flow.sent.clear()
        alice.read = 0
        head = (
            f"INVITE sip:770@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5071;rport;branch=z9hG4bKf{number}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:alice@127.0.0.1>;tag=f{number}\r\nTo: <sip:770@127.0.0.1>\r\n"
            f"Call-ID: fuzz-{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@127.0.0.1:5071>\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        bench.layer.receive(head + body, alice.flow, bench.now)

        def finals() -> list[Response]:
            return [m for m in alice.messages() if isinstance(m, Response) and m.status >= 200]

        await bench.until(finals)
        final = finals()[0]
        assert final.status in (200, 400, 415, 488), body
        if final.status == 200:
            alice.user = "alice"
            alice.request("ACK", "sip:127.0.0.1:5060", "alice", str(final.to), call=f"fuzz-{number}", tag=f"f{number}")
            alice.respond(await alice.next("BYE"), 200)
        bench.advance(40)
