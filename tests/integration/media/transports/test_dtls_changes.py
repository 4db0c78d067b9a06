"""Two media transports with DTLS, on real sockets, whose descriptions change while media flows."""

from __future__ import annotations

import os

import pytest
from pylibsrtp import Policy
from srtp_kit import AES80, session_of

from asterism.media import rtcp
from asterism.media.core import Media
from asterism.media.formats import ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.rtp import RtpSession
from asterism.media.stream import Frame
from asterism.media.transports.dtls import DtlsAgent, dtls_agents
from asterism.media.transports.dtls_server import DtlsSettings
from asterism.media.transports.parameters import DtlsParameters, RemoteTransport, SrtpKey
from asterism.media.transports.protection import State
from asterism.media.transports.srtp import new_key
from asterism.testing.waiting import until


class Side:
    """One end: its transport, its stream, and what that has heard."""

    def __init__(self, media: Media, **options: object) -> None:
        settings = DtlsSettings(auto_generate=True, **options)  # type: ignore[arg-type]
        self.transport = media.open_transport("127.0.0.1", make_dtls=dtls_agents(media.context.dtls, settings))
        self.session = media.open_rtp(transport=self.transport)
        self.session.set_formats(PayloadTypes(((0, ULAW),)))
        self.heard: list[bytes] = []
        self.reports: list[int] = []
        self.failures: list[str] = []
        self.session.sink = lambda frame: self.heard.append(bytes(frame.payload))
        self.session.on_rtcp = self._report
        self.transport.on_failed = self.failures.append

    def _report(self, session: RtpSession, sent: bool, report: rtcp.Report) -> None:
        if not sent:
            self.reports.append(report.packet_type)

    @property
    def address(self) -> tuple[str, int]:
        return self.transport.local

    @property
    def keys(self) -> tuple[SrtpKey, SrtpKey]:
        """What it sends and takes under."""
        protection = self.transport.protection
        assert protection.outbound is not None
        assert protection.inbound is not None
        return protection.outbound.key, protection.inbound.key

    def hear_of(self, other: Side, setup: str, *, mux: bool = True, new: bool = False, host: str = "") -> None:
        """Take the other's description, in which ``setup`` stands: what the other does."""
        assert other.transport.dtls is not None
        told = DtlsParameters((other.transport.dtls.fingerprint(),), setup, new)
        address = (host, other.address[1]) if host else other.address
        self.transport.apply(RemoteTransport(address, mux=mux, dtls=told))
        self.session.set_remote(*address)

    def take(self, other: Side, *keys: SrtpKey, mux: bool = True) -> None:
        """Take a description of the other without DTLS: with keys, or plain."""
        sent, received = keys or (None, None)
        self.transport.apply(RemoteTransport(other.address, mux=mux, sent=sent, received=received))
        self.session.set_remote(*other.address)

    def close(self) -> None:
        self.session.close()
        self.transport.close()


def dtls(one: Side, other: Side, *, mux: bool = True, new: bool = False) -> None:
    """Both know the other's description; ``one`` is active."""
    other.hear_of(one, "active", mux=mux, new=new)
    one.hear_of(other, "passive", mux=mux, new=new)


async def talk(*sides: Side, count: int = 3) -> None:
    """Packets and reports go both ways, each taken before the next is sent."""
    for side, other in (sides, sides[::-1]):
        for _ in range(count):
            payload, heard = os.urandom(160), len(other.heard)
            side.session.write(Frame(ULAW, payload))
            await until(lambda: len(other.heard) > heard)  # noqa: B023
            assert other.heard[-1] == payload
    for side, other in (sides, sides[::-1]):
        other.session.rtcp.listen()
        reports = len(other.reports)
        side.session.rtcp.send_report()
        await until(lambda: len(other.reports) > reports)  # noqa: B023
        assert other.reports[-1] in (rtcp.SR, rtcp.RR)
    assert not any(side.failures for side in sides)


async def agreed(one: Side, other: Side, before: tuple[SrtpKey, SrtpKey] | None = None, *, mux: bool = True) -> None:
    """Both have the same keys, others than those ``before``."""

    def same() -> bool:
        if not (one.transport.secure and other.transport.secure):
            return False
        control = one.transport.control_protection.outbound, other.transport.control_protection.outbound
        return one.keys == other.keys[::-1] and one.keys != before and (mux or None not in control)

    await until(same)


def test_from_dtls_to_plain_and_back(run) -> None:
    async def scenario(media: Media) -> None:
        sides = one, other = Side(media), Side(media)
        dtls(one, other)
        await agreed(one, other)
        await talk(*sides)
        first = one.keys
        for side, peer in (sides, sides[::-1]):
            side.take(peer)
            assert side.transport.state is State.PLAIN
        await talk(*sides)
        dtls(one, other)
        assert one.transport.state is other.transport.state is State.WAITING
        await agreed(one, other, first)
        await talk(*sides)
        one.close()
        other.close()

    run(scenario)


@pytest.mark.parametrize("late", ["keys", "failure"])
def test_what_dtls_would_have_led_to_changes_nothing_once_there_is_none(run, late) -> None:
    """A re-INVITE leaves DTLS while the handshake is on."""

    async def scenario(media: Media) -> None:
        sides = one, other = Side(media), Side(media)
        dtls(one, other)  # the loop has not turned: nothing has arrived yet
        ours, theirs = (new_key(AES80, os.urandom) for _ in sides)
        one.take(other, ours, theirs)
        if late == "keys":
            other.take(one, theirs, ours)
            await talk(*sides)
            assert other.keys == (theirs, ours)
        else:
            agent = one.transport.dtls
            assert isinstance(agent, DtlsAgent)
            assert agent._deadline is agent._retry is agent._rekey is None
        assert one.keys == (ours, theirs)
        assert one.transport.secure
        one.close()
        other.close()

    run(scenario)


@pytest.mark.parametrize("steps", [("dtls", "dtls mux"), ("dtls mux", "dtls"), ("sdes", "dtls"), ("dtls", "sdes"),
                                   ("sdes", "dtls mux", "dtls"), ("dtls", "sdes mux", "sdes"), ("sdes", "sdes mux"),
                                   ("dtls", "plain", "sdes"), ("dtls", "dtls mux", "dtls"), ("dtls", "plain", "dtls"),
                                   ("plain", "dtls", "plain", "dtls mux", "sdes mux", "dtls")])  # fmt: skip
def test_reports_have_their_keys_whatever_changes(run, steps) -> None:
    """RTCP on a port of its own has its own keys with DTLS, and those of RTP otherwise."""

    async def scenario(media: Media) -> None:
        sides = one, other = Side(media), Side(media)
        for step in steps:
            kind, mux = step.split()[0], "mux" in step
            if kind == "dtls":
                dtls(one, other, mux=mux)
                await agreed(one, other, mux=mux)
            else:
                keys = [new_key(AES80, os.urandom) for _ in sides] if kind == "sdes" else []
                one.take(other, *keys, mux=mux)
                other.take(one, *keys[::-1], mux=mux)
            assert (one.transport.control_protection is one.transport.protection) is (mux or kind != "dtls")
            await talk(*sides)
        one.close()
        other.close()

    run(scenario)


def test_a_role_changes_with_a_new_association(run) -> None:
    """RFC 8842 3.1: who answered passive answers active; packets under the keys of before go on until there are new."""

    async def scenario(media: Media) -> None:
        sides = one, other = Side(media), Side(media)
        dtls(one, other)
        await agreed(one, other)
        for active, passive in (sides[::-1], sides):
            before = one.keys
            dtls(active, passive)
            assert one.keys == before
            await talk(*sides, count=1)
            await agreed(one, other, before)
            assert isinstance(active.transport.dtls, DtlsAgent)
            assert active.transport.dtls._role == "active"
            await talk(*sides)
        one.close()
        other.close()

    run(scenario)


def test_a_new_association_is_asked_for(run) -> None:
    """``a=tls-id`` has another value (RFC 8842 4); again with the same nothing changes."""

    async def scenario(media: Media) -> None:
        sides = one, other = Side(media), Side(media)
        dtls(one, other)
        await agreed(one, other)
        before = one.keys
        dtls(one, other)
        await talk(*sides)
        assert one.keys == before
        dtls(one, other, new=True)
        await agreed(one, other, before)
        await talk(*sides)
        one.close()
        other.close()

    run(scenario)


def test_another_peer_has_another_certificate(run) -> None:
    """As after a transfer: the keys of before are no longer taken when the new peer has its own."""

    async def scenario(media: Media) -> None:
        one, other, third = Side(media), Side(media), Side(media)
        dtls(one, other)
        await agreed(one, other)
        await talk(one, other)
        before = one.keys
        dtls(one, third)
        await agreed(one, third, before)
        await talk(one, third)
        refused = one.transport.reception.refused
        other.session.write(Frame(ULAW, bytes(160)))  # the system drops it: the socket is connected to the third
        await talk(one, third)
        assert one.transport.reception.refused == refused
        for side in (one, other, third):
            side.close()

    run(scenario)


def test_the_client_begins_anew_by_itself(run) -> None:
    """``dtls_rekey``: keys are renewed under way and no packet is lost."""

    async def scenario(media: Media) -> None:
        sides = one, other = Side(media, rekey=1), Side(media)
        dtls(one, other)
        await agreed(one, other)
        await talk(*sides)
        for _ in range(2):
            before = one.keys
            while one.keys == before or one.keys != other.keys[::-1]:
                await talk(*sides, count=1)
            await talk(*sides)
        assert one.transport.reception.refused == other.transport.reception.refused == 0
        one.close()
        other.close()

    run(scenario)


@pytest.mark.parametrize("first", ["dtls", "sdes"])
@pytest.mark.parametrize("suite", [AES80, "AEAD_AES_128_GCM"])
def test_what_comes_under_the_next_keys_before_they_are_ours_waits(run, suite, first, monkeypatch) -> None:
    """The server has new keys a moment before the client, and sends under them at once."""

    async def scenario(media: Media) -> None:
        sides = one, other = Side(media, suites=(suite,)), Side(media, suites=(suite,))
        if first == "dtls":
            dtls(one, other)
            await agreed(one, other)
        else:
            ours, theirs = (new_key(suite, os.urandom) for _ in sides)
            one.take(other, ours, theirs)
            other.take(one, theirs, ours)
        await talk(*sides)
        agent, before, held = one.transport.dtls, one.keys, list[tuple[bytes, tuple[str, int]]]()
        assert isinstance(agent, DtlsAgent)
        receive = agent.receive

        def hold(data: bytes, address: tuple[str, int]) -> None:
            if other.keys[::-1] == before:
                receive(data, address)
            else:
                held.append((data, address))

        monkeypatch.setattr(agent, "receive", hold)
        dtls(one, other, new=True)
        await until(lambda: bool(held))
        assert one.keys == before
        payloads, heard = [os.urandom(160) for _ in range(3)], len(one.heard)
        for payload in payloads:
            other.session.write(Frame(ULAW, payload))
        await until(lambda: len(one.transport.reception._early) == 3)
        for what in held:
            receive(*what)
        await until(lambda: one.heard[heard:] == payloads)
        assert one.transport.reception.refused == 0
        monkeypatch.undo()
        await talk(*sides)
        assert one.transport.reception._quick is not None
        one.close()
        other.close()

    run(scenario)


def test_a_peer_that_is_nowhere_while_on_hold(run) -> None:
    """RFC 3264 8.4: the association stays, and media goes on with the keys that there are."""

    async def scenario(media: Media) -> None:
        sides = one, other = Side(media), Side(media)
        dtls(one, other)
        await agreed(one, other)
        await talk(*sides)
        before = one.keys
        other.hear_of(one, "active", host="0.0.0.0")
        agent = other.transport.dtls
        assert isinstance(agent, DtlsAgent)
        assert agent.address == one.address
        other.hear_of(one, "active")
        await talk(*sides)
        assert one.keys == before
        one.close()
        other.close()

    run(scenario)


def test_a_call_that_begins_on_hold(run) -> None:
    """The server knows no address of the client, and takes whoever has its certificate."""

    async def scenario(media: Media) -> None:
        one, other = Side(media), Side(media)
        other.hear_of(one, "active", host="0.0.0.0")
        one.hear_of(other, "passive")
        await agreed(one, other)
        other.hear_of(one, "active")
        await talk(one, other)
        one.close()
        other.close()

    run(scenario)


def test_reports_that_come_before_their_keys_wait(run) -> None:
    """RTCP's own handshake ends after that of RTP; what came meanwhile is not taken for a forgery."""

    async def scenario(media: Media) -> None:
        side, peer = Side(media), Side(media)
        side.hear_of(peer, "active", mux=False)
        keys = [new_key(AES80, os.urandom) for _ in range(4)]
        out = session_of(keys[3], Policy.SSRC_ANY_OUTBOUND)
        report = out.protect_rtcp(rtcp.build(rtcp.Report(rtcp.RR, 7), b"peer"))
        side.transport.reception.receive(report, peer.address, 2)
        side.transport.use_keys(keys[0], keys[1], 1)
        side.transport.reception.receive(
            out.protect_rtcp(rtcp.build(rtcp.Report(rtcp.RR, 7), b"peer")), peer.address, 2
        )
        assert side.transport.reception.refused == len(side.reports) == 0
        side.transport.use_keys(keys[2], keys[3], 2)
        assert side.reports == [rtcp.RR, rtcp.RR]
        side.transport.fail("no DTLS handshake", 2)
        assert side.transport.secure
        assert not side.failures
        side.close()
        peer.close()

    run(scenario)
