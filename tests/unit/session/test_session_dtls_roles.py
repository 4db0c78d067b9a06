"""Who begins the DTLS handshake changes in the middle of a call: re-INVITEs of either end, media on real sockets."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from secure_phone import HEAD, call, change, echo, wait_for
from session_bench import Bench, Phone, on_bench

from asterism.applications.session.media_transport.sections import SectionTransport, read
from asterism.media.core import Media
from asterism.media.formats import ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import Frame
from asterism.media.transports.dtls import dtls_agents
from asterism.media.transports.dtls_server import DtlsSettings
from asterism.media.transports.parameters import DtlsParameters, RemoteTransport, SrtpKey
from asterism.media.transports.transport import MediaTransport
from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.stack.message import Response
from asterism.stack.sdp import SessionDescription
from asterism.testing.waiting import until

OPPOSITE = {"active": "passive", "passive": "active"}


class DtlsPort:
    """The peer's end of a stream of PCMU: a transport with a certificate of its own, told what descriptions say."""

    def __init__(self, media: Media, *, mux: bool) -> None:
        self._media, self._mux = media, mux
        self._opened: list[Any] = []
        self.version = 0
        self.move()

    def move(self) -> None:
        """Be at another port, with another certificate, as another device is."""
        settings = DtlsSettings(auto_generate=True)
        self.transport = self._media.open_transport(
            "127.0.0.1", make_dtls=dtls_agents(self._media.context.dtls, settings)
        )
        self.session = self._media.open_rtp(transport=self.transport)
        self.session.set_formats(PayloadTypes(((0, ULAW),)))
        self.heard: list[bytes] = []
        self.session.sink = lambda frame: self.heard.append(bytes(frame.payload))
        self._opened += [self.session, self.transport]

    def describe(self, setup: str, *, codec: str = "0", direction: str = "sendrecv") -> str:
        """The whole description."""
        assert self.transport.dtls is not None
        self.version += 1
        self.setup = setup
        lines = [
            f"m=audio {self.transport.local[1]} UDP/TLS/RTP/SAVP {codec}",
            "a=fingerprint:{} {}".format(*self.transport.dtls.fingerprint()),
            f"a=setup:{setup}",
            f"a={direction}",
            *["a=rtcp-mux"] * self._mux,
        ]
        return HEAD.format(version=self.version) + "\r\n".join(lines) + "\r\n"

    def take(self, body: bytes) -> SectionTransport:
        """Take the other end's description."""
        description = SessionDescription.parse(body)
        (section,) = description.media
        theirs = read(description, section)
        role = self.setup if self.setup in OPPOSITE else OPPOSITE[theirs.setup]
        address = ("127.0.0.1", section.port)
        dtls = DtlsParameters(theirs.fingerprints, theirs.setup)
        self.transport.apply(RemoteTransport(address, mux=theirs.mux, dtls=dtls), role=role)
        self.session.set_remote(*address)
        return theirs

    @property
    def keys(self) -> tuple[SrtpKey, SrtpKey]:
        """What it takes and sends under, which are the other end's keys of sending and taking."""
        return keys_of(self.transport)[::-1]

    async def hears_itself(self) -> None:
        """Media goes to the other end and comes back."""
        payload = os.urandom(160)

        def said() -> bool:
            self.session.write(Frame(ULAW, payload))
            return payload in self.heard

        await until(said)

    def close(self) -> None:
        for one in self._opened:
            one.close()


def keys_of(transport: MediaTransport) -> tuple[SrtpKey, SrtpKey]:
    """What a transport sends and takes under."""
    protection = transport.protection
    assert protection.outbound is not None
    assert protection.inbound is not None
    return protection.outbound.key, protection.inbound.key


def role_of(transport: MediaTransport) -> str:
    """Its part in the association that it has."""
    assert transport.dtls is not None
    return transport.dtls._role


async def agreed(ours: MediaTransport, port: DtlsPort, before: tuple[SrtpKey, SrtpKey] | None = None) -> None:
    """Both ends have the same keys, others than those before; RTCP has its own unless it is multiplexed."""

    def same() -> bool:
        both = ours, port.transport
        if not all(one.secure and one.control_protection.outbound is not None for one in both):
            return False
        return keys_of(ours) == port.keys != before

    await until(same)


async def begun(bench: Bench) -> tuple[Phone, DtlsPort, Response, MediaTransport]:
    """A call in which we are the client: the phone, its port, our 200, and our transport with its keys."""
    change(bench, "alice", media_encryption="dtls")
    channels = echo(bench)
    alice, port = bench.phone(5071), DtlsPort(bench.server.media, mux=False)
    ok = await call(alice, "700", port.describe("passive"))
    port.take(ok.body)
    ours = transport_of(bench, channels[0])
    await agreed(ours, port)
    return alice, port, ok, ours


async def reinvite(alice: Phone, ok: Response, port: DtlsPort, number: int, setup: str, **how: str) -> SectionTransport:
    """The peer's re-INVITE; what it is answered."""
    alice.in_dialog("INVITE", ok, number, body=port.describe(setup, **how))
    again = await wait_for(alice, 200)
    alice.in_dialog("ACK", again, number)
    return port.take(again.body)


def transport_of(bench: Bench, channel: Any) -> MediaTransport:
    """Our end of the only stream of a channel."""
    (stream,) = channel.streams
    return next(one for one in bench.server.media.transports if stream.port in one.by_session)


@pytest.mark.parametrize("mux", [True, False], ids=["one port", "RTCP's own port"])
@pytest.mark.parametrize("moves", [False, True], ids=["same fingerprint", "another fingerprint"])
@pytest.mark.parametrize("first", ["active", "passive"])
def test_the_peer_changes_roles(first: str, moves: bool, mux: bool, tmp_path: Path) -> None:
    """RFC 8842 3.1: another role or another fingerprint is another association, both ways, and back again."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", media_encryption="dtls", rtcp_mux="yes" if mux else "no")
        channels = echo(bench)
        alice, port = bench.phone(5071), DtlsPort(bench.server.media, mux=mux)
        ok = await call(alice, "700", port.describe(first))
        assert port.take(ok.body).setup == OPPOSITE[first]
        ours = transport_of(bench, channels[0])
        await agreed(ours, port)
        await port.hears_itself()
        setup = first
        for number in (2, 3):
            before, setup = keys_of(ours), OPPOSITE[setup]
            if moves:
                port.move()
            assert (await reinvite(alice, ok, port, number, setup)).setup == OPPOSITE[setup]
            await agreed(ours, port, before)
            assert (role_of(ours), role_of(port.transport)) == (OPPOSITE[setup], setup)
            await port.hears_itself()
        assert ours.reception.refused == port.transport.reception.refused == 0
        assert transport_of(bench, channels[0]) is ours
        alice.in_dialog("BYE", ok, 4)
        await alice.next(200)
        port.close()

    test(tmp_path)


@pytest.mark.parametrize("moves", [False, True], ids=["same fingerprint", "another fingerprint"])
@pytest.mark.parametrize("first", ["active", "passive"])
def test_the_peer_leaves_the_role_to_us(first: str, moves: bool, tmp_path: Path) -> None:
    """``actpass`` keeps the role that there is; and the association, as long as it is the same certificate's."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", media_encryption="dtls")
        channels = echo(bench)
        alice, port = bench.phone(5071), DtlsPort(bench.server.media, mux=False)
        ok = await call(alice, "700", port.describe(first))
        port.take(ok.body)
        ours = transport_of(bench, channels[0])
        await agreed(ours, port)
        before = keys_of(ours)
        if moves:
            port.move()
        assert (await reinvite(alice, ok, port, 2, "actpass")).setup == OPPOSITE[first]
        await agreed(ours, port, before if moves else None)
        assert (keys_of(ours) == before) is not moves
        assert role_of(ours) == OPPOSITE[first]
        await port.hears_itself()
        alice.in_dialog("BYE", ok, 3)
        await alice.next(200)
        port.close()

    test(tmp_path)


@on_bench
async def test_roles_change_on_hold(bench: Bench) -> None:
    """The handshake does not wait for the end of the hold."""
    alice, port, ok, ours = await begun(bench)
    before = keys_of(ours)
    await reinvite(alice, ok, port, 2, "active", direction="inactive")
    await agreed(ours, port, before)
    held = keys_of(ours)
    await reinvite(alice, ok, port, 3, "active")
    await port.hears_itself()
    assert keys_of(ours) == held
    alice.in_dialog("BYE", ok, 4)
    await alice.next(200)
    port.close()


@on_bench
async def test_an_offer_that_is_refused_changes_no_role(bench: Bench) -> None:
    alice, port, ok, ours = await begun(bench)
    before = keys_of(ours)
    alice.in_dialog("INVITE", ok, 2, body=port.describe("active", codec="18"))
    await wait_for(alice, 488)
    alice.in_dialog("ACK", ok, 2)
    await port.hears_itself()
    assert (keys_of(ours), role_of(ours)) == (before, "active")
    assert (await reinvite(alice, ok, port, 3, "passive")).setup == "active"
    await port.hears_itself()
    assert keys_of(ours) == before
    alice.in_dialog("BYE", ok, 4)
    await alice.next(200)
    port.close()


@pytest.mark.parametrize("answers", ["active", "passive"])
def test_our_offer_keeps_the_role_whatever_it_was(answers: str, tmp_path: Path) -> None:
    """It says what was settled, also after the peer has changed it; another certificate in the answer is taken."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", media_encryption="dtls", dtls_setup="actpass")
        bob, port = bench.phone(5072), DtlsPort(bench.server.media, mux=False)
        task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
        invite = await wait_for(bob, "INVITE")
        bob.respond(invite, 200, body=port.describe(answers))
        assert port.take(invite.body).setup == "actpass"
        await wait_for(bob, "ACK")
        channel = (await task).channel
        assert channel is not None
        rtp: Any = channel.streams[0].port
        rtp.sink = rtp.write
        driver: Any = channel.driver
        ours, setup = transport_of(bench, channel), answers
        await agreed(ours, port)
        await port.hears_itself()
        for step in ("same", "turned", "same", "moved"):
            before = keys_of(ours)
            if step == "turned":
                setup = OPPOSITE[setup]
                dialog = {"to": str(invite.from_), "call": str(invite.call_id), "tag": "b1"}
                bob.request("INVITE", "sip:127.0.0.1:5060", "bob", body=port.describe(setup), number=5, **dialog)
                assert port.take((await wait_for(bob, 200)).body).setup == OPPOSITE[setup]
                bob.request("ACK", "sip:127.0.0.1:5060", "bob", number=5, **dialog)
                await agreed(ours, port, before)
                continue
            if step == "moved":
                port.move()
            driver.session.refresh("INVITE")
            again = await wait_for(bob, "INVITE")
            bob.respond(again, 200, body=port.describe(setup))
            assert port.take(again.body).setup == OPPOSITE[setup]
            await wait_for(bob, "ACK")
            await agreed(ours, port, before if step == "moved" else None)
            assert (keys_of(ours) == before) is (step == "same")
            assert role_of(ours) == OPPOSITE[setup]
            await port.hears_itself()
        channel.hang_up()
        bob.respond(await wait_for(bob, "BYE"), 200)
        port.close()

    test(tmp_path)
