"""Whose RTP is taken, and where ours goes, on real sockets."""

from __future__ import annotations

import asyncio
import socket

from rtp_kit import Leg, Peer

from asterism.media.formats import ULAW
from asterism.media.source import StrictMode
from asterism.media.stream import Frame
from asterism.testing.waiting import until


def test_others_are_not_heard(run):
    async def scenario(media):
        a, b, attacker = Leg(media), Leg(media), Peer()
        a.session.relay_to(b.session)
        for _ in range(3):
            attacker.send(a.session)
        a.peer.send(a.session, b"\x66" * 160)
        assert (await b.peer.receive())[1] == b"\x66" * 160
        for _ in range(10):
            attacker.send(a.session)
        assert await b.peer.silent()
        b.session.write(Frame(ULAW, bytes(160)))
        await b.peer.receive()

    run(scenario)


def test_symmetric_learns_and_answers_the_real_source(run):
    async def scenario(media):
        a = Leg(media, symmetric=True)
        frames = []
        a.session.sink = frames.append
        phone = Peer("127.0.0.3")
        for _ in range(5):
            phone.send(a.session)
        await until(lambda: len(frames) == 2)
        a.session.write(Frame(ULAW, b"\x09" * 160))
        assert (await phone.receive())[1] == b"\x09" * 160
        assert a.session.remote == phone.address

    run(scenario)


def test_not_symmetric_hears_the_real_source_and_sends_as_told(run):
    async def scenario(media):
        a = Leg(media)
        frames = []
        a.session.sink = frames.append
        phone = Peer("127.0.0.3")
        for _ in range(4):
            phone.send(a.session)
        await until(lambda: len(frames) == 1)
        a.session.write(Frame(ULAW, b"\x09" * 160))
        assert (await a.peer.receive())[1] == b"\x09" * 160

    run(scenario)


def test_strictrtp_no_takes_any_source(run):
    async def scenario(media):
        a = Leg(media)
        frames = []
        a.session.sink = frames.append
        for _ in range(2):
            Peer().send(a.session)
        await until(lambda: len(frames) == 2)

    run(scenario, strict=StrictMode.NO)


def test_a_new_address_is_learned_again(run):
    async def scenario(media):
        a = Leg(media)
        frames = []
        a.session.sink = frames.append
        a.peer.send(a.session)
        await until(lambda: frames)  # connected now
        moved = Peer()
        a.session.set_remote(*moved.address)
        a.session.write(Frame(ULAW, b"\x01" * 160))
        assert (await moved.receive())[1] == b"\x01" * 160
        moved.send(a.session, b"\x02" * 160)
        await until(lambda: len(frames) == 2)
        a.peer.send(a.session)
        moved.send(a.session, b"\x03" * 160)
        await until(lambda: len(frames) == 3)
        assert frames[-1].payload == b"\x03" * 160
        local = a.session.local
        a.session.set_remote(*moved.address)  # the same again changes nothing
        assert a.session.local == local

    run(scenario)


def test_a_peer_that_does_not_listen_is_harmless(run):
    async def scenario(media):
        a = Leg(media)
        frames = []
        a.session.sink = frames.append
        a.peer.send(a.session)
        await until(lambda: frames)
        address = a.peer.address
        a.peer.socket.close()
        for _ in range(5):
            a.session.write(Frame(ULAW, bytes(160)))
            await asyncio.sleep(0.002)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(address)
            again.setblocking(False)
            a.session.write(Frame(ULAW, bytes(160)))
            a.session.write(Frame(ULAW, b"\x08" * 160))
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(again, 2048), 10)
            assert len(data) == 172

    run(scenario)


def test_silence_is_told_once(run):
    async def scenario(media):
        a = Leg(media)
        loop = asyncio.get_running_loop()
        expired = []
        start = loop.time()
        a.session.set_timeout(0.4, lambda: expired.append(loop.time() - start))
        await asyncio.sleep(0.1)
        a.peer.send(a.session)
        await until(lambda: expired)
        assert 0.48 < expired[0] < 3.0
        a.session.set_timeout(0.02, lambda: expired.append(0))
        a.session.set_timeout(0, None)
        await asyncio.sleep(0.05)
        assert len(expired) == 1

    run(scenario)
