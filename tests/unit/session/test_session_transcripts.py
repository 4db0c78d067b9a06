"""Offers and answers, and the cause tables, against what was recorded from Asterisk 22.10."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asterism.applications.session.causes import (
    cause_of_reason,
    cause_of_status,
    reason_lines,
    status_of_cause,
)
from asterism.applications.session.descriptions import description_of
from asterism.applications.session.negotiation import accept_offer, audio_section
from asterism.applications.session.sdp_handlers.reading import read_section
from asterism.media.formats import FORMATS
from asterism.stack.errors import ParseError
from asterism.stack.message import Request
from asterism.stack.sdp import SessionDescription
from asterism.stack.uri import Uri

TRANSCRIPTS = Path(__file__).resolve().parents[2] / "data" / "record"
ALLOWED = tuple(FORMATS[name] for name in ("ulaw", "alaw", "g722"))


def sections(name: str) -> list[tuple[str, str]]:
    text = (TRANSCRIPTS / name).read_text()
    parts = re.split(r"\n#{10,}\n# (.*)\n#{10,}\n", text)
    return list(zip(parts[1::2], parts[2::2], strict=False))


def exchanges() -> list[tuple[str, str, str]]:
    """Title, the offer of alice's INVITE, and the answer or the status line she got."""
    found = []
    for title, body in sections("sip_wire_sdp.txt"):
        if "alice offers" not in title or "two-party" in title:
            continue
        messages = re.split(r"---- \[(?:SEND|RECV)\] \w+ .*----\n", body)[1:]
        offers = [m[m.index("v=0") :].strip() for m in messages if m.startswith("INVITE") and "v=0" in m]
        finals = [m for m in messages if re.match(r"SIP/2.0 (200|4(?!01))", m) and "INVITE" in m]
        if offers and finals:
            final = finals[0]
            answer = final[final.index("v=0") :].strip() if "v=0" in final else final.split("\n")[0]
            found.append((title.split("offers: ")[1], offers[-1], answer))
    return found


def test_the_transcript_is_there() -> None:
    assert len(exchanges()) > 20


@pytest.mark.parametrize(("title", "offer", "answer"), exchanges(), ids=[one[0] for one in exchanges()])
def test_answer_is_the_recorded_one(title: str, offer: str, answer: str) -> None:
    if answer.startswith("SIP/2.0 400"):
        message = Request("INVITE", Uri.parse("sip:770@127.0.0.1"), body=offer.encode())
        message.add_header("Content-Type", "application/sdp")
        with pytest.raises(ParseError) as refused:
            description_of(message)
        assert refused.value.status == 400
        return
    description = SessionDescription.parse(offer.encode())
    ours = None
    for media in description.media:
        if media.media == "audio" and media.port and media.protocol == "RTP/AVP":
            ours = accept_offer(ALLOWED, read_section(description, media), "rfc4733")
            if ours is not None:
                break
    if answer.startswith("SIP/2.0 488"):
        assert ours is None
        return
    assert ours is not None
    expected = answer[answer.index("m=audio") :].split("\nm=")[0].split("\n")
    written = str(audio_section(ours, 0)).split("\r\n")[:-1]
    expected[0] = re.sub(r"audio \d+", "audio 0", expected[0])
    assert written == expected


def statuses() -> list[tuple[int, int]]:
    text = (TRANSCRIPTS / "cause_mapping.txt").read_text()
    part = text.split("chan_pjsip: SIP final response from callee")[1]
    return [(int(one), int(two)) for one, two in re.findall(r"callee answers (\d+) .*?HANGUPCAUSE=(\d+)", part)]


def test_every_recorded_status_has_its_cause() -> None:
    recorded = statuses()
    assert len(recorded) == 40
    assert [(status, cause_of_status(status)) for status, _ in recorded] == recorded


def test_every_recorded_cause_has_its_status_and_reason() -> None:
    text = (TRANSCRIPTS / "cause_mapping.txt").read_text()
    part = text.split("chan_pjsip: Hangup(cause) in the dialplan before answer")[1]
    lines = re.findall(r"Hangup\((\d+)\) before answer -> SIP/2.0 (\d+) .*?Reason: (.*)", part)
    assert len(lines) > 60
    for cause, status, reason in lines[1:]:  # Hangup(0) is the dial plan's affair: it hangs up with 16
        assert status_of_cause(int(cause)) == int(status), cause
        assert "; ".join(value for _, value in reason_lines(int(cause))) == reason.strip()


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("Q.850;cause=31", 31),
        ('Q.850;cause=31;text="Normal, unspecified"', 31),
        ('SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26', 26),
        ('SIP;cause=200;text="Call completed elsewhere"', 16),
        ("SIP;cause=486", None),
        ("q.850 ; cause = 17", 17),
        ("Q.850;cause=999", None),
        ("Q.850;cause=-1", None),
        ("Q.850", None),
        ("", None),
    ],
)
def test_reason_header(value: str, cause: int | None) -> None:
    assert cause_of_reason(value) == cause
