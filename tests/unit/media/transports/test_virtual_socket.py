"""What a stream reads from and writes to, without sockets."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from pylibsrtp import Policy
from test_srtp import SUITE, buffers, other_end, packet

from asterism.media.transports.srtp import Outbound, new_key
from asterism.media.transports.virtual_socket import VirtualControl, VirtualSocket

PEER = ("192.0.2.1", 4000)


class Transport:
    """Notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *words: self.asked.append((name, *words[1:]))


def make() -> tuple[Transport, VirtualSocket]:
    transport = Transport()
    return transport, VirtualSocket(transport, 2)  # type: ignore[arg-type]


def test_a_packet_is_read_once() -> None:
    _, rtp = make()
    buffer = bytearray(20)
    with pytest.raises(BlockingIOError):
        rtp.recv_into(buffer)
    rtp.size, rtp.address = 15, PEER
    assert rtp.recvfrom_into(buffer) == (15, PEER)
    with pytest.raises(BlockingIOError):
        rtp.recvfrom_into(buffer)
    assert rtp.fileno() == -1


def test_what_it_does_not_do_itself_its_transport_does() -> None:
    transport, rtp = make()
    rtp.sendto(b"a", PEER)
    rtp.send(b"b")
    rtp.connect(PEER)
    rtp.disconnect()
    rtp.close()
    assert transport.asked == [("send_rtp", b"a", PEER), ("send_rtp", b"b", None), ("connect", PEER), ("disconnect",),
                               ("remove",)]  # fmt: skip


@pytest.mark.parametrize("connected", [True, False])
def test_packets_are_protected_where_they_lie(connected: bool) -> None:
    shared, key = buffers(), new_key(SUITE, os.urandom)
    outbound, peer, sent = Outbound(shared, key), other_end(key, Policy.SSRC_ANY_INBOUND), []

    def emit(data: memoryview, *target: Any) -> None:
        sent.append((bytes(data), *target))

    _, rtp = make()
    rtp.way = shared.protect, outbound.handle, shared, emit, None if connected else PEER
    shared.received[:172] = packet(1)
    rtp.send(shared.views[172])  # relayed: in the buffer into which it came
    rtp.send(packet(2))
    elsewhere = bytearray(packet(3))
    rtp.send(memoryview(elsewhere))
    assert elsewhere == packet(3)
    assert [peer.unprotect(data) for data, *_ in sent] == [packet(1), packet(2), packet(3)]
    assert {tuple(target) for _, *target in sent} == ({()} if connected else {(PEER,)})
    for data in (packet(2, b"again"), bytes(9217), memoryview(shared.received)):
        with pytest.raises(OSError, match=r"sent before|too long"):
            rtp.send(data)
    shared.received[:172] = packet(3)
    with pytest.raises(OSError, match="sent before"):
        rtp.send(shared.views[172])
    assert len(sent) == 3


def test_reports_are_read_once() -> None:
    transport, rtp = make()
    control, heard = VirtualControl(transport, rtp), []  # type: ignore[arg-type]

    def listen() -> None:
        heard.append(control.recvfrom(1500))
        with pytest.raises(BlockingIOError):
            control.recvfrom(1500)

    rtp.session = SimpleNamespace(rtcp=SimpleNamespace(listen=listen))  # type: ignore[assignment]
    control.deliver(b"report", PEER, 0.0)
    assert heard == [(b"report", PEER)]
    rtp.session = SimpleNamespace(  # type: ignore[assignment]
        rtcp=SimpleNamespace(listen=lambda: None, on_readable=lambda now: heard.append(control.recvfrom(1500)))
    )
    control.deliver(b"next", PEER, 0.0)
    assert heard[1:] == [(b"next", PEER)]
    control.sendto(b"own", PEER)
    assert transport.asked == [("send_rtcp", b"own", PEER)]
    assert control.fileno() == -1
