"""Requests for a whole picture: INFO to the phone without feedback, PLI or FIR to the source, both ways (RFC 5168)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_bench import Bench, on_bench
from stream_phone import audio, describe, h264, rtp, sections
from test_session_streams import VIDEO, Call, change

from asterism.applications.session.picture_updates import CONTENT_TYPE, asks_for_picture
from asterism.media import feedback, feedback_terms, rtcp
from asterism.media.rtp import RtpSession
from asterism.stack.errors import ParseError
from asterism.stack.message import Request

WISH = (
    '<?xml version="1.0"?><media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive>'
    "</media_control>"
)


def wishes(text: str) -> str:
    return f"<media_control><vc_primitive><stream_id>1</stream_id>{text}</vc_primitive></media_control>"


def test_what_asks_for_a_picture() -> None:
    assert asks_for_picture(WISH.encode())
    assert asks_for_picture(b'<media_control xmlns="urn:x">' + WISH.partition("<media_control>")[2].encode())
    assert asks_for_picture(
        wishes("<to_encoder><picture_fast_update_mb>1</picture_fast_update_mb></to_encoder>").encode()
    )
    assert not asks_for_picture(wishes("<to_encoder><picture_freeze/></to_encoder>").encode())
    assert not asks_for_picture(wishes("<picture_fast_update/>").encode())
    assert not asks_for_picture(b"<media_control><general_error>no</general_error></media_control>")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"picture_fast_update", b"<media_control>", b"<other/>", b"<picture_fast_update/>",
        WISH.encode() + b"x" * 20000,
        b'<!DOCTYPE a [<!ENTITY x "y">]>' + WISH.partition("?>")[2].encode(), b"<media_control>" + b"<a>" * 50,
        b'<?xml version="1.0" encoding="nonsense"?><media_control/>',
    ],
)  # fmt: skip
def test_what_cannot_be_read(body: bytes) -> None:
    with pytest.raises(ParseError):
        asks_for_picture(body)


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda text: wishes(text).encode("utf-8", "replace")))
)
def test_anything_may_come(body: bytes) -> None:
    try:
        asks_for_picture(body)
    except ParseError:
        return


class VideoCall(Call):
    """Alice sees Bob, and Bob Alice, who has sent a frame."""

    a_terms: feedback_terms.Terms = ()

    async def show(self) -> None:
        await self.begin(
            describe(audio(self.a_audio), h264(self.a_video, 99)), describe(audio(self.b_audio), h264(self.b_video, 97))
        )
        self.port("alice").feedback = self.a_terms
        self.a_video.send(sections(self.ok.body)[1].port, rtp(99, 500, b"frame", ssrc=1234))
        self.shown = await self.b_video.receive()

    def port(self, name: str) -> RtpSession:
        channel = next(one for one in self.bench.server.pbx.channels if one.name.startswith(f"PJSIP/{name}-"))
        found = next(one.port for one in channel.streams if one.type == "video")
        assert isinstance(found, RtpSession)
        return found

    def report(self, packet: bytes) -> None:
        """Bob's phone reports."""
        head = rtcp.build(rtcp.Report(rtcp.RR, 9), b"bob")
        self.b_video.rtcp.sendto(head + packet, ("127.0.0.1", sections(self.invite.body)[1].port + 1))

    async def asked(self) -> list[tuple[int, int]]:
        """What Alice's phone is asked for by RTCP."""
        return [one.kind for one in feedback.parse(await self.a_video.control())]

    def infos(self) -> list[Request]:
        found = [one for one in self.alice.messages() if isinstance(one, Request) and one.method == "INFO"]
        return list({one.cseq.number: one for one in found}.values())


def shown(test: Callable[[VideoCall], Awaitable[None]], terms: feedback_terms.Terms = ()) -> Callable[[Path], None]:
    async def main(bench: Bench) -> None:
        for name in ("alice", "bob"):
            change(bench, name, allow=VIDEO)
        call = VideoCall(bench)
        call.a_terms = terms
        await call.show()
        await test(call)
        await call.end()

    main.__name__ = test.__name__
    return on_bench(main)


@shown
async def test_a_phone_without_feedback_is_asked_by_both_and_not_too_often(call: VideoCall) -> None:
    pli = feedback.key_frame_request(9, call.shown.ssrc)
    call.report(pli)
    assert await call.asked() == [feedback.PLI]
    info = await call.alice.next("INFO")
    assert info.get("Content-Type") == CONTENT_TYPE
    assert asks_for_picture(info.body)
    # Until it has answered, and within a second, it is asked by RTCP alone ...
    for _ in range(3):
        call.report(pli)
        assert await call.asked() == [feedback.PLI]
    call.alice.respond(info, 200)
    await call.bench.turn()
    assert not call.infos()
    # ... and once for all of them afterwards.
    call.bench.advance(1.1)
    again = await call.alice.next("INFO")
    call.alice.respond(again, 200)
    call.bench.advance(5)
    await call.bench.turn()
    assert not call.infos()


@shown
async def test_one_that_knows_no_such_request_is_sent_one(call: VideoCall) -> None:
    call.report(feedback.full_intra_request(9, call.shown.ssrc, 1))
    assert await call.asked() == [feedback.FIR]
    call.alice.respond(await call.alice.next("INFO"), 415)
    await call.bench.turn()
    call.bench.advance(2)
    call.report(feedback.full_intra_request(9, call.shown.ssrc, 2))
    assert await call.asked() == [feedback.FIR]
    call.bench.advance(2)
    await call.bench.turn()
    assert not call.infos()


@shown
async def test_one_that_is_sent_no_info_is_asked_by_rtcp_alone(call: VideoCall) -> None:
    change(call.bench, "alice", disallowed_methods=("info",))
    call.report(feedback.key_frame_request(9, call.shown.ssrc))
    assert await call.asked() == [feedback.PLI]
    await call.bench.turn()
    assert not call.infos()


@pytest.mark.parametrize(
    ("kind", "came", "passed"),
    [
        (feedback_terms.PLI, feedback.PLI, feedback.PLI),
        (feedback_terms.PLI, feedback.FIR, feedback.PLI),
        (feedback_terms.FIR, feedback.PLI, feedback.FIR),
        (feedback_terms.FIR, feedback.FIR, feedback.FIR),
        (feedback_terms.FIR, feedback.SLI, feedback.FIR),
    ],
)
def test_one_with_feedback_is_asked_as_it_said(
    kind: str, came: tuple[int, int], passed: tuple[int, int], tmp_path: Path
) -> None:
    async def test(call: VideoCall) -> None:
        details = bytes(8) if came == feedback.FIR else b"" if came == feedback.PLI else bytes(4)
        call.report(feedback.build(feedback.Feedback(came, 0, details), 9, call.shown.ssrc, int))
        assert await call.asked() == [passed]
        await call.bench.turn()
        assert not call.infos()

    shown(test, (("*", kind),))(tmp_path)


def test_what_was_not_agreed_on_is_not_passed(tmp_path: Path) -> None:
    async def test(call: VideoCall) -> None:
        source = call.shown.ssrc
        nack = feedback.build(feedback.Feedback(feedback.NACK, 0, bytes(4)), 9, source, int)
        call.report(nack + feedback.bandwidth_estimate(9, source, 300000) + feedback.key_frame_request(9, source))
        assert await call.asked() == [feedback.PLI]

    shown(test, (("*", feedback_terms.PLI),))(tmp_path)


def test_estimates_and_losses_are_passed_where_they_are_taken(tmp_path: Path) -> None:
    async def test(call: VideoCall) -> None:
        nack = feedback.Feedback(feedback.NACK, 0, feedback.lost_details([call.shown.sequence]))
        estimate = feedback.bandwidth_estimate(9, call.shown.ssrc, 300000)
        call.report(feedback.build(nack, 9, call.shown.ssrc, int) + estimate)
        lost, told = feedback.parse(await call.a_video.control())
        assert feedback.lost(lost) == [500]
        assert (told.source, feedback.bandwidth_of(told)) == (1234, 300000)

    shown(test, (("*", feedback_terms.NACK), ("*", feedback_terms.REMB)))(tmp_path)


def test_lost_packets_that_are_kept_are_sent_again_here(tmp_path: Path) -> None:
    async def test(call: VideoCall) -> None:
        kept = call.shown.sequence
        again: list[int] = []

        def resend(numbers: list[int]) -> list[int]:
            again.extend(one for one in numbers if one == kept)
            return [one for one in numbers if one != kept]

        call.port("bob").resend = resend  # type: ignore[assignment]
        for numbers in ([kept], [kept, kept + 1 & 0xFFFF]):
            nack = feedback.Feedback(feedback.NACK, 0, feedback.lost_details(numbers))
            call.report(feedback.build(nack, 9, call.shown.ssrc, int))
        (lost,) = feedback.parse(await call.a_video.control())
        assert feedback.lost(lost) == [501]
        assert again == [kept, kept]

    shown(test)(tmp_path)


@shown
async def test_an_info_asks_whoever_is_shown(call: VideoCall) -> None:
    before = call.number
    call.b_video.send(sections(call.invite.body)[1].port, rtp(97, 1, b"frame", ssrc=4321))
    await call.a_video.receive()
    call.alice.in_dialog("INFO", call.ok, before + 1, WISH, content_type=CONTENT_TYPE)
    assert (await call.alice.next(200)).cseq.method == "INFO"
    assert [one.kind for one in feedback.parse(await call.b_video.control())] == [feedback.PLI]
    assert asks_for_picture((await call.bob.next("INFO")).body)
    # A second one at once is answered, and asks for nothing more.
    call.alice.in_dialog("INFO", call.ok, before + 2, WISH, content_type=f"{CONTENT_TYPE}; charset=utf-8")
    assert (await call.alice.next(200)).cseq.number == before + 2
    call.alice.in_dialog("INFO", call.ok, before + 3, "<media_control/>", content_type=CONTENT_TYPE)
    assert (await call.alice.next(200)).cseq.number == before + 3
    call.alice.in_dialog("INFO", call.ok, before + 4, "<media_control", content_type=CONTENT_TYPE)
    assert (await call.alice.next(400)).cseq.number == before + 4
    with pytest.raises(BlockingIOError):
        call.b_video.rtcp.recv(4096)
    call.number = before + 4
