"""Keys of encrypted sessions: how one follows another, and that none is used twice."""

from __future__ import annotations

import asyncio
import os

import pytest
from rtp_kit import Leg
from srtp_kit import AES80, SecureLeg, talk

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.media.transports.parameters import RemoteTransport, SrtpKey
from asterism.media.transports.srtp import new_key
from asterism.testing.waiting import until


@pytest.mark.parametrize("suites", [(AES80, AES80), (AES80, "AEAD_AES_128_GCM"), ("AEAD_AES_256_GCM", AES80)])
def test_a_new_key_while_packets_of_the_old_one_are_under_way(run, suites):
    async def scenario(media):
        leg, frames = SecureLeg(media, suites[0]), []
        leg.session.sink = frames.append
        await talk(leg, frames)
        peer, text = leg.peer, [bytes([number]) * 160 for number in range(5)]
        late = [peer.out.protect(peer.packet(one)) for one in text[:3]]
        peer.rekey(suites[1])
        leg.apply()
        leg.apply()  # the same description once more
        for data in late[:2]:
            peer.socket.sendto(data, leg.session.local)
        await until(lambda: len(frames) == 5)
        peer.send(leg.session, text[3])
        await until(lambda: len(frames) == 6)
        peer.socket.sendto(late[2], leg.session.local)
        await until(lambda: leg.transport.reception.refused == 1)
        peer.send(leg.session, text[4])
        await until(lambda: len(frames) == 7)
        assert [one.payload for one in frames[3:]] == [text[0], text[1], text[3], text[4]]
        leg.session.write(Frame(ULAW, b"\x33" * 160))
        assert (await peer.receive())[1] == b"\x33" * 160
        leg.close()

    run(scenario)


def test_the_last_key_is_forgotten_after_a_while(run):
    async def scenario(media):
        leg, frames = SecureLeg(media), []
        leg.session.sink = frames.append
        await talk(leg, frames)
        late = [leg.peer.out.protect(leg.peer.packet()) for _ in range(2)]
        leg.peer.rekey()
        leg.apply()
        leg.transport.protection._old_until = media.context.loop.time()
        for data in late:
            leg.peer.socket.sendto(data, leg.session.local)
        await until(lambda: leg.transport.reception.refused == 2)
        assert len(frames) == 3
        leg.close()

    run(scenario)


def test_no_number_is_used_twice_under_one_key(run):
    """Hold, digits, keep-alive, relays that begin anew, new keys and addresses: never a number for other octets."""

    async def scenario(media):
        legs = a, b, c = [SecureLeg(media) for _ in range(3)]
        plain, sent = Leg(media), []

        first = b.peer.theirs.key

        async def burst(source, step=1):
            for _ in range(5):
                source.peer.send(source.session, os.urandom(160), step=step)
                await asyncio.sleep(0.001)
                step = 1
            for leg in legs:
                while True:
                    try:
                        data = leg.peer.socket.recv(2048)
                    except BlockingIOError:
                        break
                    sent.append((leg.peer.theirs.key, data))

        a.session.relay_to(b.session)
        b.session.relay_to(a.session)
        await burst(a)
        await burst(b)
        b.session.hold = True
        await burst(a)
        b.session.hold = False
        await burst(a, step=7)
        b.session.send_digit("5", 60)
        await burst(a)
        b.session.send_aside(13, b"\x7f")
        await until(lambda: not b.session.sending_digits)
        await burst(a)
        a.session.relay_to(None)
        for _ in range(5):
            b.session.write(Frame(ULAW, os.urandom(160)))
        c.session.relay_to(b.session)
        await burst(c)
        b.session.relayed_by.realign()
        await burst(c)
        plain.session.relay_to(b.session)
        await burst(plain)
        await burst(plain, step=-3)  # late ones: the same numbers again, with other octets
        await burst(plain)
        c.session.relay_to(b.session)
        for leg in legs:
            leg.peer.rekey()
            leg.apply()
        await burst(c)
        a.session.relay_to(b.session)
        await burst(a)
        b.session.set_remote("127.0.0.1", 9)
        b.session.set_remote(*b.peer.address)
        await burst(a)
        seen = {}
        for key, data in sent:
            assert seen.setdefault((key, data[8:12], data[2:4]), data) == data
        assert len(seen) > 50
        assert {key for key, _, _ in seen} >= {b.peer.theirs.key, first}
        for leg in legs:
            leg.close()
        plain.session.close()

    run(scenario)


def test_a_key_of_ours_is_taken_once(run):
    async def scenario(media):
        leg, other = SecureLeg(media), media.open_transport("127.0.0.1")
        first, mine, theirs = leg.peer.theirs, new_key(AES80, os.urandom), new_key(AES80, os.urandom)
        for sent, received, why in (
            (first, theirs, "used before"),
            (mine, mine, "is ours"),
            (mine, None, "one direction"),
            (None, theirs, "one direction"),
            (mine, SrtpKey(AES80, bytes(29)), "octets"),
            (SrtpKey("F8_128_HMAC_SHA1_80", bytes(30)), theirs, "suite"),
        ):
            with pytest.raises(ValueError, match=why):
                other.apply(RemoteTransport(("127.0.0.1", 9), sent=sent, received=received))
            assert not other.secure
        other.apply(RemoteTransport(("127.0.0.1", 9), sent=mine, received=theirs))
        assert other.secure
        other.close()
        leg.close()

    run(scenario)


def test_libsrtp_refuses_a_number_that_was_sent(run):
    async def scenario(media):
        leg, frames = SecureLeg(media), []
        leg.session.sink = frames.append
        await talk(leg, frames)
        outbound = leg.transport.protection.outbound
        packet = leg.peer.packet()
        outbound.protect(packet)
        with pytest.raises(OSError, match="sent before"):
            outbound.protect(packet[:12] + b"other octets")
        leg.close()

    run(scenario)
