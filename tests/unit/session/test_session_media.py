"""Sections of every number and kind: added, disabled, replaced and left out; versions; what cannot be worked with."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from session_bench import Bench, Phone, on_bench, sdp, set_options

from asterism.applications.session.registry import Sessions
from asterism.applications.session.sdp_handler import MediaStream, SdpHandler
from asterism.pbx.vocabulary.events import SOFT_HANGUP_REQUEST
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.message import Request, Response
from asterism.stack.sdp import MediaDescription, RtpMap, SessionDescription

HEAD = "v=0\r\no=ua 1000 {version} IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
AUDIO = "m=audio 31800 RTP/AVP 0\r\n"
NO_AUDIO = "m=audio 0 RTP/AVP 0\r\n"
TEXT = "m=text 31900 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"


def described(*sections: str, version: int = 1, host: str = "127.0.0.1") -> str:
    return HEAD.format(version=version, host=host) + "".join(sections)


class TextStream(MediaStream):
    """Counts how often it is closed."""

    closed = 0

    def close(self) -> None:
        type(self).closed += 1


class TextHandler(SdpHandler):
    """Takes any number of text streams on a made-up port, unless told not to."""

    name = "text"
    media = "text"

    def __init__(self, priority: int = 500, port: int = 4000) -> None:
        self.priority = priority  # type: ignore[misc]
        self.port = port
        self.refuses = False
        self.rolled_back = 0

    def section(self) -> MediaDescription:
        section = MediaDescription(media="text", port=self.port)
        section.add_format(RtpMap("98", "t140", 1000))
        return section

    def accepts(self, profile: object, description: object, media: object) -> bool:
        return not self.refuses

    def answer(self, session: object, description: object, media: object, stream: MediaStream | None) -> Any:
        return None if self.refuses else (stream or TextStream(self), self.section())

    def reoffer(self, session: object, stream: MediaStream) -> MediaDescription:
        return self.section()

    def apply_answer(self, session: object, description: object, media: object, stream: MediaStream) -> bool:
        return not self.refuses

    def roll_back(self, session: object, stream: MediaStream) -> None:
        self.rolled_back += 1


def change(bench: Bench, name: str, **options: Any) -> None:
    set_options(bench.server.data.get(Endpoint, name), **options)


async def nothing(channel: Any) -> None:
    """An extension that nobody gets to."""


def registry(bench: Bench) -> Sessions:
    return bench.sessions


async def called(bench: Bench, body: str) -> tuple[Phone, Response]:
    """Alice is answered and has acknowledged."""

    @bench.server.pbx.extension("internal", "700")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(999)

    alice = bench.phone(5071)
    alice.call("700", body=body)
    ok = await alice.next(200)
    assert isinstance(ok, Response)
    alice.in_dialog("ACK", ok, 1)
    return alice, ok


async def again(alice: Phone, ok: Response, number: int, body: str, status: int = 200) -> Response:
    alice.in_dialog("INVITE", ok, number, body)
    found = await alice.next(status)
    assert isinstance(found, Response)
    alice.in_dialog("ACK", ok, number)
    return found


def media_of(message: Request | Response) -> list[tuple[str, bool]]:
    return [(one.media, one.port > 0) for one in SessionDescription.parse(message.body).media]


def version_of(message: Request | Response) -> int:
    origin = SessionDescription.parse(message.body).origin
    assert origin is not None
    return origin.version


@on_bench
async def test_streams_are_added_disabled_and_taken_up_again(bench: Bench) -> None:
    TextStream.closed = 0
    registry(bench).register_sdp_handler(TextHandler())
    alice, ok = await called(bench, described(AUDIO))
    assert media_of(ok) == [("audio", True)]
    more = await again(alice, ok, 2, described(AUDIO, TEXT, version=2))
    assert media_of(more) == [("audio", True), ("text", True)]
    assert version_of(more) == version_of(ok) + 1
    without = await again(alice, ok, 3, described(NO_AUDIO, TEXT, version=3))
    assert media_of(without) == [("audio", False), ("text", True)]
    assert not bench.server.media.sessions  # the port is free again
    back = await again(alice, ok, 4, described(AUDIO, TEXT, version=4))
    assert media_of(back) == [("audio", True), ("text", True)]
    assert len(bench.server.media.sessions) == 1
    assert TextStream.closed == 0


@on_bench
async def test_a_repeated_offer_gets_the_same_version(bench: Bench) -> None:
    alice, ok = await called(bench, described(AUDIO))
    once = await again(alice, ok, 2, described(AUDIO))
    twice = await again(alice, ok, 3, described(AUDIO))
    assert version_of(ok) == version_of(once) == version_of(twice)


@on_bench
async def test_a_stream_that_vanishes_is_closed_and_told_once(bench: Bench) -> None:
    TextStream.closed = 0
    records: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())
    bench.server.sip.log.addHandler(handler)
    registry(bench).register_sdp_handler(TextHandler())
    alice, ok = await called(bench, described(AUDIO, TEXT))
    answer = await again(alice, ok, 2, described(AUDIO, version=2))
    assert media_of(answer) == [("audio", True)]
    assert TextStream.closed == 1
    assert len([one for one in records if "leaves out" in one]) == 1


@on_bench
async def test_another_type_takes_the_place_of_a_stream(bench: Bench) -> None:
    registry(bench).register_sdp_handler(TextHandler())
    alice, ok = await called(bench, described(AUDIO))
    answer = await again(alice, ok, 2, described(TEXT, version=2))
    assert media_of(answer) == [("text", True)]
    assert not bench.server.media.sessions
    answer = await again(alice, ok, 3, described(AUDIO, version=3))
    assert media_of(answer) == [("audio", True)]
    assert len(bench.server.media.sessions) == 1


@on_bench
async def test_the_next_handler_is_asked_when_one_refuses(bench: Bench) -> None:
    TextStream.closed = 0
    first, second = TextHandler(100, 4100), TextHandler(200, 4200)
    for handler in (second, first):
        registry(bench).register_sdp_handler(handler)
    alice, ok = await called(bench, described(AUDIO, TEXT))
    assert SessionDescription.parse(ok.body).media[1].port == 4100
    first.refuses = True
    answer = await again(alice, ok, 2, described(AUDIO, TEXT, version=2))
    assert SessionDescription.parse(answer.body).media[1].port == 4200
    assert TextStream.closed == 1


@on_bench
async def test_a_refused_offer_leaves_everything_as_it_was(bench: Bench) -> None:
    alice, ok = await called(bench, described(AUDIO))
    (rtp,) = bench.server.media.sessions
    before = rtp.local, rtp.remote, rtp.formats
    await again(alice, ok, 2, described("m=audio 31802 RTP/AVP 18\r\n", version=2), 488)
    assert (rtp.local, rtp.remote, rtp.formats) == before
    assert not rtp.closed
    await again(alice, ok, 3, described(AUDIO, version=3))


@on_bench
async def test_sixty_four_sections_are_answered_one_by_one(bench: Bench) -> None:
    sections = [AUDIO, *["m=foo 4000 RTP/AVP 0\r\n"] * 63]
    _, ok = await called(bench, described(*sections))
    assert media_of(ok) == [("audio", True), *[("foo", False)] * 63]


@on_bench
async def test_more_sections_than_the_limit_are_refused(bench: Bench) -> None:
    alice = bench.phone(5071)
    bench.server.pbx.extension("internal", "700")(nothing)
    alice.call("700", body=described(*[AUDIO] * 65))
    await alice.next(400)


@on_bench
async def test_a_second_audio_stream_is_refused(bench: Bench) -> None:
    _, ok = await called(bench, described(AUDIO, AUDIO))
    assert media_of(ok) == [("audio", True), ("audio", False)]
    assert len(bench.server.media.sessions) == 1


@on_bench
async def test_a_disabled_section_may_lack_formats(bench: Bench) -> None:
    _, ok = await called(bench, described(AUDIO, "m=video 0 RTP/AVP\r\n"))
    video = SessionDescription.parse(ok.body).media[1]
    assert (video.media, video.port, video.formats) == ("video", 0, ["0"])


@pytest.mark.parametrize("kind", ["audio", "foo"])
def test_a_dynamic_type_without_rtpmap_is_a_bad_offer(kind: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        bench.server.pbx.extension("internal", "700")(nothing)
        alice = bench.phone(5071)
        alice.call("700", body=described(AUDIO, f"m={kind} 4002 RTP/AVP 98\r\n"))
        refused = await alice.next(400)
        assert "Missing SDP rtpmap for dynamic payload type" in (refused.get("Warning") or "")

    test(tmp_path)


def refused_offer(body: str, **options: Any) -> Any:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", **options)
        bench.server.pbx.extension("internal", "700")(nothing)
        alice = bench.phone(5071)
        alice.call("700", body=body)
        await alice.next(488)

    return test


@pytest.mark.parametrize("encryption", ["sdes", "dtls"])
def test_encryption_that_is_required_refuses_audio_in_the_clear(encryption: str, tmp_path: Path) -> None:
    refused_offer(sdp(), media_encryption=encryption)(tmp_path)


def test_a_host_name_in_an_offer_is_refused(tmp_path: Path) -> None:
    refused_offer(described(AUDIO, host="media.example.test"))(tmp_path)


@on_bench
async def test_who_cannot_be_called_with_the_encryption_demanded_is_not_called_without(bench: Bench) -> None:
    change(bench, "bob", media_encryption="dtls", dtls_cert_file="/nonexistent/dtls.pem")
    results = []

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        results.append(await channel.dial("PJSIP/bob", 5))

    bob = bench.phone(5072)
    bench.phone(5071).call("900")
    await bench.until(lambda: results)
    assert not bob.messages()


@on_bench
async def test_optimistic_encryption_takes_the_clear(bench: Bench) -> None:
    change(bench, "alice", media_encryption="sdes", media_encryption_optimistic=True)
    _, ok = await called(bench, sdp())
    assert media_of(ok) == [("audio", True)]


@on_bench
async def test_use_ptime_answers_and_sends_what_is_asked(bench: Bench) -> None:
    change(bench, "alice", use_ptime=True)
    _, ok = await called(bench, described(AUDIO + "a=ptime:30\r\n"))
    section = SessionDescription.parse(ok.body).media[0]
    assert section.attribute("ptime") == "30"
    assert section.attribute("maxptime") == "140"
    (rtp,) = bench.server.media.sessions
    assert rtp._packetizer is not None
    assert rtp._packetizer.ptime == 30


@on_bench
async def test_media_of_the_other_family_gets_a_port_of_that_family(bench: Bench) -> None:
    _, ok = await called(bench, described(AUDIO).replace("c=IN IP4 127.0.0.1", "c=IN IP6 ::1"))
    section = SessionDescription.parse(ok.body).media[0]
    assert str(section.connection) == "IN IP6 ::1"
    (rtp,) = bench.server.media.sessions
    assert rtp.remote == ("::1", 31800)


@on_bench
async def test_a_call_without_audio_is_ended_by_a_soft_hangup(bench: Bench) -> None:
    change(bench, "alice", rtp_timeout=30)
    asked: list[tuple[str, int]] = []
    bench.server.subscribe(SOFT_HANGUP_REQUEST, lambda _type, args: asked.append((args[0].name, args[1])))
    alice, _ = await called(bench, sdp())
    (rtp,) = bench.server.media.sessions
    watch = rtp._inactivity
    assert watch is not None
    (channel,) = bench.server.pbx.channels
    watch._expired()
    bye = await alice.next("BYE")
    assert isinstance(bye, Request)
    alice.respond(bye, 200)
    assert asked[0] == (channel.name, 1)
    assert channel.hangup_cause == 44
