"""What the log says of an offer that is refused: what was offered, and what is allowed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.applications.session.media_transport.terms import Options
from asterism.applications.session.refused_offers import why_refused
from asterism.media.formats import ALAW, ULAW
from asterism.stack.sdp import SessionDescription


def profile(**options: Any) -> Any:
    endpoint = SimpleNamespace(max_audio_streams=1, max_video_streams=0, media_encryption="no", t38_udptl=False)
    vars(endpoint).update(options)
    return SimpleNamespace(
        endpoint=endpoint,
        formats_of={"audio": (ULAW, ALAW), "video": (), "text": ()},
        transport=Options(endpoint.media_encryption),
    )


def offer(*sections: str) -> SessionDescription:
    head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    return SessionDescription.parse(head + "".join(f"m={each}\r\n" for each in sections))


@pytest.mark.parametrize(
    ("sections", "options", "why"),
    [
        (
            ("audio 4000 RTP/AVP 9 107 101\r\na=rtpmap:107 opus/48000/2\r\na=rtpmap:101 telephone-event/8000",),
            {},
            "audio: offered g722, opus; allowed ulaw, alaw",
        ),
        (
            ("audio 4000 RTP/AVP 96 77\r\na=rtpmap:96 X-Codec/8000",),
            {},
            "audio: offered X-Codec/8000, payload type 77; allowed ulaw, alaw",
        ),
        (
            ("audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000",),
            {},
            "audio: offered none; allowed ulaw, alaw",
        ),
        (
            ("audio 4000 RTP/AVP 0",),
            {},
            "audio: offered ulaw; allowed ulaw, alaw; but its address or its parameters cannot be used",
        ),
        (("audio 0 RTP/AVP 0",), {}, "its audio is disabled"),
        (("audio 4000 RTP/SAVP 0",), {}, "its audio goes over RTP/SAVP, but media_encryption is no"),
        (
            ("audio 4000 RTP/AVP 0",),
            {"media_encryption": "sdes"},
            "its audio is not encrypted, but media_encryption is sdes",
        ),
        (
            ("audio 4000 RTP/SAVP 0",),
            {"media_encryption": "sdes"},
            "its audio goes over RTP/SAVP without an a=crypto line that can be used",
        ),
        (
            ("audio 4000 UDP/TLS/RTP/SAVP 0",),
            {"media_encryption": "dtls"},
            "its audio goes over UDP/TLS/RTP/SAVP without an a=fingerprint line that can be used",
        ),
        (("audio 4000 TCP/RTP/AVP 0",), {}, "its audio goes over TCP/RTP/AVP, which is not available"),
        (("audio 4000 RTP/AVPF 0",), {}, "its audio goes over RTP/AVPF, but use_avpf is no"),
        (("video 4000 RTP/AVP 99",), {}, "video is not allowed (max_video_streams is 0)"),
        (("image 4000 udptl t38", "image 4002 udptl t38"), {}, "T.38 is not allowed (t38_udptl is no)"),
        (("image 4000 UDPTL t38",), {"t38_udptl": True}, "T.38 has no taker here"),
        (("image 4000 foo t38", "image 4000 udptl foo"), {}, "there is no support for image"),
        ((), {}, "it has no streams"),
    ],
)
def test_why_nothing_of_an_offer_is_taken(sections: tuple[str, ...], options: dict[str, Any], why: str) -> None:
    assert why_refused(profile(**options), offer(*sections)) == why


def test_an_offer_of_hundreds_of_codecs_makes_a_short_line() -> None:
    types = range(96, 126)
    rtpmaps = "".join(f"\r\na=rtpmap:{number} X{number}/8000" for number in types)
    text = why_refused(profile(), offer(f"audio 4000 RTP/AVP {' '.join(map(str, types))}{rtpmaps}"))
    assert text.endswith("X107/8000 and 18 more; allowed ulaw, alaw")
