"""Several streams on one transport (RFC 8843): which groups are agreed on, and what becomes of them later."""

from __future__ import annotations

from typing import Any

from secure_phone import HEAD, call, change, echo, wait_for
from session_bench import Bench, on_bench

from asterism.stack.sdp import MediaDescription, SessionDescription

VIDEO = "ulaw,vp8"


def audio(mid: str, port: int = 31800, *more: str) -> list[str]:
    return [f"m=audio {port} RTP/AVP 0", "a=rtcp-mux", f"a=mid:{mid}", *more]


def video(mid: str, port: int = 31800, *more: str) -> list[str]:
    return [f"m=video {port} RTP/AVP 96", "a=rtpmap:96 VP8/90000", "a=rtcp-mux", f"a=mid:{mid}", *more]


def body(groups: list[str], *sections: list[str], version: int = 1) -> str:
    lines = [*(f"a=group:BUNDLE {group}" for group in groups), *(line for one in sections for line in one)]
    return HEAD.format(version=version) + "\r\n".join(lines) + "\r\n"


def streams_on(bench: Bench, transport: Any) -> int:
    return sum(one.local == transport.local for one in bench.server.media.sessions)


class Answered:
    """A description of the server's."""

    def __init__(self, data: bytes) -> None:
        self.description = SessionDescription.parse(data)
        self.groups = self.description.attribute_all("group")
        self.media: list[MediaDescription] = self.description.media
        self.ports = [one.port for one in self.media]
        self.mids = [one.attribute("mid") for one in self.media]


class BundleCall:
    """A call of Alice's, whose endpoint bundles."""

    def __init__(self, bench: Bench, **options: Any) -> None:
        self.bench = bench
        change(bench, "alice", bundle="yes", allow=VIDEO, max_audio_streams=4, max_video_streams=4, **options)
        echo(bench)
        self.phone = bench.phone(5071)
        self.number = 1

    async def offer(self, text: str) -> Answered:
        if self.number == 1:
            self.ok = await call(self.phone, "700", text)
        else:
            self.phone.in_dialog("INVITE", self.ok, self.number, body=text)
            again = await wait_for(self.phone, 200)
            self.phone.in_dialog("ACK", again, self.number)
            self.number += 1
            return Answered(again.body)
        self.number += 1
        return Answered(self.ok.body)

    @property
    def transports(self) -> list[Any]:
        return list(self.bench.server.media.transports)

    async def end(self) -> None:
        self.phone.in_dialog("BYE", self.ok, self.number)
        await self.phone.next(200)
        assert not self.transports


@on_bench
async def test_each_group_has_a_transport(bench: Bench) -> None:
    """Names without a section mean nothing, and a section outside of the groups has its own."""
    one = BundleCall(bench)
    found = await one.offer(
        body(["a nobody b", "c d"], audio("a"), video("b"), audio("c", 31804), video("d", 31804), audio("e", 31808))
    )
    assert found.groups == ["BUNDLE a b", "BUNDLE c d"]
    assert found.mids == ["a", "b", "c", "d", "e"]
    first, second, third, fourth, fifth = found.ports
    assert first == second
    assert third == fourth
    assert len({first, third, fifth}) == 3
    assert len(one.transports) == 3
    await one.end()


@on_bench
async def test_the_first_section_of_a_group_may_be_refused(bench: Bench) -> None:
    one = BundleCall(bench)
    refused = ["m=audio 31800 RTP/AVP 97", "a=rtpmap:97 X-Codec/8000", "a=rtcp-mux", "a=mid:a"]
    found = await one.offer(body(["a b c"], refused, video("b"), audio("c")))
    assert found.groups == ["BUNDLE b c"]
    assert found.ports[0] == 0
    assert found.ports[1] == found.ports[2] != 0
    await one.end()


@on_bench
async def test_a_section_that_is_to_be_had_in_the_group_only(bench: Bench) -> None:
    one = BundleCall(bench)
    found = await one.offer(body(["a b"], audio("a"), video("b", 0, "a=bundle-only")))
    assert found.groups == ["BUNDLE a b"]
    assert found.ports[0] == found.ports[1] != 0
    await one.end()


@on_bench
async def test_it_is_refused_without_a_group(bench: Bench) -> None:
    one = BundleCall(bench)
    found = await one.offer(body([], audio("a"), video("b", 0, "a=bundle-only")))
    assert found.groups == []
    assert found.ports[1] == 0
    await one.end()


@on_bench
async def test_without_rtcp_on_the_same_port_there_is_no_group(bench: Bench) -> None:
    one = BundleCall(bench)
    plain = [line for line in video("b", 31802) if line != "a=rtcp-mux"]
    found = await one.offer(body(["a b"], audio("a"), plain))
    assert found.groups == ["BUNDLE a"]
    assert len(set(found.ports)) == 2
    await one.end()


@on_bench
async def test_a_stream_leaves_its_group_and_comes_back(bench: Bench) -> None:
    """The transport stays with those that are left, also when the first one goes."""
    one = BundleCall(bench)
    both = await one.offer(body(["a b"], audio("a"), video("b")))
    (transport,) = one.transports
    without = await one.offer(body(["b"], audio("a", 0), video("b"), version=2))
    assert without.groups == ["BUNDLE b"]
    assert without.ports == [0, both.ports[1]]
    again = await one.offer(body(["b a"], audio("a"), video("b"), version=3))
    assert again.ports == both.ports
    assert one.transports == [transport]
    assert streams_on(bench, transport) == 2
    await one.end()


@on_bench
async def test_streams_that_are_no_longer_bundled_get_transports_of_their_own(bench: Bench) -> None:
    one = BundleCall(bench)
    both = await one.offer(body(["a b"], audio("a"), video("b")))
    apart = await one.offer(body([], audio("a"), video("b", 31802), version=2))
    assert apart.groups == []
    assert apart.ports[0] == both.ports[0] != apart.ports[1]
    assert len(one.transports) == 2
    await one.end()


async def offered(bench: Bench) -> tuple[Any, Any, Any]:
    """Alice calls with audio and video; what Bob, whose endpoint bundles, is offered."""
    change(bench, "alice", allow=VIDEO)
    change(bench, "bob", bundle="yes", allow=VIDEO)

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice, bob = bench.phone(5071), bench.phone(5072)
    alice.call("6002", body=body([], audio("a"), video("b", 31802)))
    return alice, bob, await wait_for(bob, "INVITE")


async def hang_up(alice: Any, bob: Any) -> None:
    ok = await wait_for(alice, 200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    await wait_for(bob, "BYE")


@on_bench
async def test_our_offer_bundles_and_names_its_sections(bench: Bench) -> None:
    alice, bob, invite = await offered(bench)
    found = Answered(invite.body)
    assert found.groups == ["BUNDLE audio-0 video-1"]
    assert found.mids == ["audio-0", "video-1"]
    assert found.ports[0] == found.ports[1]
    bob.respond(invite, 200, body=body(["audio-0 video-1"], audio("audio-0"), video("video-1")))
    await wait_for(bob, "ACK")
    (transport,) = bench.server.media.transports
    assert streams_on(bench, transport) == 2
    await hang_up(alice, bob)


@on_bench
async def test_a_peer_that_bundles_no_video_has_none(bench: Bench) -> None:
    """Two streams of ours share a port: without the group its packets could not be told apart."""
    alice, bob, invite = await offered(bench)
    bob.respond(invite, 200, body=body([], audio("audio-0"), video("video-1", 31802)))
    await wait_for(bob, "ACK")
    (transport,) = bench.server.media.transports
    assert streams_on(bench, transport) == 1
    await hang_up(alice, bob)
