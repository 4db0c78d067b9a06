"""Media transports that find each other by ICE, and an agent of aioice, on real sockets."""

from __future__ import annotations

import asyncio
import os
import socket

import aioice
import pytest

from asterism.media import rtcp
from asterism.media.formats import ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import Frame
from asterism.media.transports.ice_settings import IceSettings
from asterism.media.transports.parameters import IceParameters, RemoteTransport
from asterism.media.transports.protection import State
from asterism.testing.waiting import until

LOOPBACK = IceSettings(loopback=True)
NOWHERE = ("192.0.2.99", 9)


def open_transport(media, *, mux=True):
    transport = media.open_transport("127.0.0.1", make_ice=media.make_ice)
    transport.ice.mux = mux
    session = media.open_rtp("127.0.0.1", transport=transport)
    session.set_formats(PayloadTypes(((0, ULAW),), ()))
    return transport, session


def selected(transport):
    """Completes when a path was found."""
    found = asyncio.get_running_loop().create_future()
    inner = transport.ice.on_selected

    def hear(component, base, address):
        inner(component, base, address)
        if component == 1 and not found.done():
            found.set_result(address)

    transport.ice.on_selected = hear
    return found


def remote(parameters, mux):
    return RemoteTransport(NOWHERE, mux=mux, ice=parameters)


@pytest.mark.parametrize("mux", [True, False])
def test_two_transports(run, mux):
    async def scenario(media):
        ours, our_session = open_transport(media, mux=mux)
        theirs, their_session = open_transport(media, mux=mux)
        paths = asyncio.gather(selected(ours), selected(theirs))
        theirs.apply(remote(ours.ice.local, mux), controlling=False)
        ours.apply(remote(theirs.ice.local, mux), controlling=True)
        assert await asyncio.wait_for(paths, 5) == [theirs.local, ours.local]
        assert our_session.remote == theirs.local
        heard = asyncio.get_running_loop().create_future()
        their_session.sink = lambda frame: heard.done() or heard.set_result(frame.payload)
        payload = os.urandom(160)
        our_session.write(Frame(ULAW, payload))
        assert await asyncio.wait_for(heard, 5) == payload
        for session in (our_session, their_session):
            session.close()
        for transport in (ours, theirs):
            transport.close()

    run(scenario, ice=LOOPBACK)


def test_credentials_of_ours_are_no_peers(run):
    """Who sends ours back would have us talk to ourselves; what is relayed would come again and again."""

    async def scenario(media):
        transport, session = open_transport(media)
        with pytest.raises(ValueError, match="are ours"):
            transport.apply(remote(transport.ice.local, True), controlling=True)
        assert transport.state is State.WAITING
        session.close()
        transport.close()

    run(scenario, ice=LOOPBACK)


@pytest.mark.parametrize("mux", [True, False])
def test_plain_reports_are_taken_along_the_path_only(run, mux):
    async def scenario(media):
        ours, our_session = open_transport(media, mux=mux)
        theirs, their_session = open_transport(media, mux=mux)
        paths = asyncio.gather(selected(ours), selected(theirs))
        theirs.apply(remote(ours.ice.local, mux), controlling=False)
        ours.apply(remote(theirs.ice.local, mux), controlling=True)
        await asyncio.wait_for(paths, 5)
        both = [transport._outlet for transport in (ours, theirs)]
        await until(lambda: mux or all(outlet.path(2) for outlet in both))
        lost = rtcp.Report(rtcp.RR, 7, blocks=(rtcp.ReportBlock(our_session.ssrc, 0, 9, 0, 0, 0, 0),))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.sendto(rtcp.build(lost, b"x"), (ours.local[0], ours.local[1] + (not mux)))
            await until(lambda: ours.reception.dropped == 1)
        assert our_session.rtcp.statistics.received == 0
        their_session.write(Frame(ULAW, bytes(160)))
        their_session.rtcp.send_report()
        await until(lambda: our_session.rtcp.statistics.received == 1)
        assert our_session.quality.tx_lost == 0
        for session in (our_session, their_session):
            session.close()
        for transport in (ours, theirs):
            transport.close()

    run(scenario, ice=LOOPBACK)


@pytest.mark.parametrize("we_offer", [True, False])
def test_an_agent_of_aioice(run, we_offer, monkeypatch):
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])

    async def scenario(media):
        transport, session = open_transport(media)
        found = selected(transport)
        peer = aioice.Connection(ice_controlling=not we_offer)
        await peer.gather_candidates()
        ours = transport.ice.local
        peer.remote_username, peer.remote_password = ours.ufrag, ours.password
        for line in ours.candidates:
            await peer.add_remote_candidate(aioice.Candidate.from_sdp(line))
        await peer.add_remote_candidate(None)
        lines = tuple(candidate.to_sdp() for candidate in peer.local_candidates)
        told = IceParameters(peer.local_username, peer.local_password, lines)
        transport.apply(remote(told, True), controlling=we_offer)
        await asyncio.wait_for(peer.connect(), 5)
        await asyncio.wait_for(found, 5)
        await peer.send(b"\x80\x00\x00\x01" + bytes(8) + b"\x55" * 160)
        session.write(Frame(ULAW, b"\x33" * 160))
        data = await asyncio.wait_for(peer.recv(), 5)
        assert data[12:] == b"\x33" * 160
        await peer.close()
        session.close()
        transport.close()

    run(scenario, ice=LOOPBACK)
