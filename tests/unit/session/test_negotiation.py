"""Payload types per direction, telephone-event per clock rate, format parameters, packet length (RFC 3264, 4733)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.applications.session.negotiation import (
    AudioTerms,
    Offered,
    Section,
    accept_answer,
    accept_offer,
    all_terms,
    audio_section,
    offer_terms,
)
from asterism.media.formats import (
    ALAW,
    FORMATS,
    G722,
    G726,
    G726_NON_STANDARD,
    G729,
    ILBC,
    OPUS,
    PASSED,
    SLIN16,
    SPEEX16,
    ULAW,
    Format,
)
from asterism.media.payload_types import PayloadTypes
from asterism.sip.objects import codecs
from asterism.stack.sdp import MediaDescription

EVENTS_8000 = Offered(101, "telephone-event", 8000)
EVENTS_48000 = Offered(102, "telephone-event", 48000)
OFFERED_OPUS = Offered(111, "opus", 48000)


def attributes(section: MediaDescription, name: str) -> list[str]:
    return section.attribute_all(name)


def test_an_offer_has_telephone_event_for_each_clock_rate() -> None:
    terms = offer_terms((ULAW, OPUS), "rfc4733")
    section = audio_section(terms, 4000)
    assert section.formats == ["0", "107", "101", "102"]
    assert attributes(section, "rtpmap")[2:] == ["101 telephone-event/8000", "102 telephone-event/48000"]
    assert attributes(section, "fmtp") == ["101 0-16", "102 0-16"]


def test_the_first_codecs_clock_rate_gets_the_usual_number() -> None:
    assert offer_terms((OPUS, ULAW), "auto").types.events == ((48000, 101), (8000, 102))


@pytest.mark.parametrize("mode", ["info", "inband", "none"])
def test_without_events_in_the_mode_none_are_offered_or_taken(mode: str) -> None:
    assert offer_terms((ULAW,), mode).types.events == ()
    terms = accept_offer((ULAW,), Section((Offered(0), EVENTS_8000)), mode)
    assert terms is not None
    assert terms.types.events == ()


def test_events_are_taken_for_the_clock_rates_agreed() -> None:
    offer = Section((OFFERED_OPUS, Offered(0), EVENTS_8000, EVENTS_48000))
    both, wide, narrow = (accept_offer(allowed, offer, "rfc4733") for allowed in ((OPUS, ULAW), (OPUS,), (ULAW,)))
    assert both is not None
    assert wide is not None
    assert narrow is not None
    assert both.types.events == ((8000, 101), (48000, 102))
    assert wide.types.events == ((48000, 102),)
    assert narrow.types.events == ((8000, 101),)


def test_events_of_8000_serve_where_only_they_are_named() -> None:
    terms = accept_offer((OPUS,), Section((OFFERED_OPUS, EVENTS_8000)), "rfc4733")
    assert terms is not None
    assert terms.types.events == ((8000, 101),)


def test_an_answer_keeps_the_offers_numbers_and_ours_keep_theirs() -> None:
    ours = offer_terms((ULAW, OPUS), "rfc4733")
    agreed = accept_answer(ours, Section((OFFERED_OPUS, Offered(97, "telephone-event", 48000))))
    assert agreed is not None
    assert agreed.types.formats == ((111, OPUS),)
    assert agreed.types.events == ((48000, 97),)
    assert ours.types.formats == ((0, ULAW), (107, OPUS))


def test_opus_parameters_are_repeated_and_others_are_not() -> None:
    said = "useinbandfec=1;stereo=1;x-secret=2; maxaveragebitrate=20000"
    terms = accept_offer(
        (OPUS, G729), Section((OFFERED_OPUS._replace(fmtp=said), Offered(18, fmtp="annexb=yes"))), "none"
    )
    assert terms is not None
    assert attributes(audio_section(terms, 1), "fmtp") == [
        "111 useinbandfec=1;stereo=1;maxaveragebitrate=20000", "18 annexb=no",
    ]  # fmt: skip


def test_parameters_of_the_other_party_are_offered() -> None:
    terms = offer_terms((ILBC,), "none", ((ILBC, "mode=20"),))
    assert attributes(audio_section(terms, 1), "fmtp") == ["97 mode=20"]


def test_no_two_codecs_of_an_offer_share_a_number() -> None:
    terms = offer_terms(tuple(FORMATS.values()), "rfc4733")
    numbers = [number for number, _ in terms.types.formats] + [number for _, number in terms.types.events]
    assert len(numbers) == len(set(numbers))
    assert len(terms.types.formats) == len(FORMATS)


def test_an_offer_of_all_codecs_keeps_the_numbers_agreed() -> None:
    agreed = AudioTerms(PayloadTypes(((111, OPUS), (0, ULAW)), ((48000, 101), (8000, 119))))
    everything = all_terms(agreed, (ULAW, OPUS, SLIN16, ALAW), "rfc4733")
    assert dict(everything.types.formats)[111] is OPUS
    numbers = [number for number, _ in everything.types.formats] + [number for _, number in everything.types.events]
    assert len(numbers) == len(set(numbers))
    assert dict(everything.types.events)[48000] == 101
    assert set(dict(everything.types.events)) == {8000, 48000, 16000}


def test_an_offer_of_other_codecs_drops_the_events_of_rates_that_are_gone() -> None:
    agreed = AudioTerms(PayloadTypes(((111, OPUS), (0, ULAW)), ((48000, 101), (8000, 102))))
    assert all_terms(agreed, (ALAW,), "rfc4733").types.events == ((8000, 102),)
    assert all_terms(agreed, (ALAW,), "info").types.events == ()


@pytest.mark.parametrize(("asked", "written"), [(0, "20"), (10, "10"), (30, "30"), (500, "500"), (99999, "1000")])
def test_ptime(asked: int, written: str) -> None:
    section = audio_section(offer_terms((ULAW,), "none"), 1, asked)
    assert attributes(section, "ptime") == [written]
    assert attributes(section, "maxptime") == ["140"]


_offered = st.lists(
    st.builds(
        Offered,
        st.integers(0, 127),
        st.sampled_from(["", "PCMU", "opus", "telephone-event", "TELEPHONE-EVENT", "speex", "x"]),
        st.sampled_from([0, 8000, 16000, 48000]),
        st.sampled_from(["", "mode=20", "a;b=;;c", "useinbandfec=1"]),
    ),
    max_size=12,
).map(tuple)


@given(_offered, st.permutations([ULAW, OPUS, G722, SPEEX16]), st.sampled_from(["local", "remote", "remote_first"]))
def test_an_answer_never_says_what_was_not_offered(
    offered: tuple[Offered, ...], allowed: list, preference: str
) -> None:
    terms = accept_offer(tuple(allowed), Section(offered), "rfc4733", preference)
    if terms is None:
        return
    numbers = {one.payload_type for one in offered}
    section = audio_section(terms, 1)
    assert {int(one) for one in section.formats} <= numbers
    assert all(one in allowed for _, one in terms.types.formats)
    assert section.attribute("sendrecv") is not None


H264, VP8 = PASSED["video"]["h264"], PASSED["video"]["vp8"]


def test_of_video_the_first_payload_type_of_a_format_is_taken_with_its_parameters() -> None:
    offer = Section((
        Offered(97, "H264", 90000, "packetization-mode=1; profile-level-id=42e01f;unknown=1; max-fs=3600"),
        Offered(98, "h264", 90000, "packetization-mode=0"), Offered(99, "VP8", 90000, "max-fs=300;max-fr=30"),
        Offered(100, "H264", 8000), Offered(0, "PCMU", 8000),
    ), "recvonly")  # fmt: skip
    terms = accept_offer((VP8, H264), offer, "none")
    assert terms is not None
    assert terms.types.formats == ((99, VP8), (97, H264))
    section = audio_section(terms, 4000, media="video")
    assert str(section).split("\r\n")[:-1] == [
        "m=video 4000 RTP/AVP 99 97",
        "a=rtpmap:99 VP8/90000",
        "a=fmtp:99 max-fr=30;max-fs=300",
        "a=rtpmap:97 H264/90000",
        "a=fmtp:97 max-fs=3600;packetization-mode=1;profile-level-id=42E01F",
        "a=sendonly",
    ]


def test_formats_of_one_type_are_no_formats_of_another() -> None:
    assert accept_offer((H264,), Section((Offered(0), Offered(34))), "none") is None
    assert accept_offer((PASSED["video"]["h263"],), Section((Offered(34),)), "none") is not None
    assert accept_offer((ULAW,), Section((Offered(0, "H264", 90000), Offered(99, "PCMU", 90000))), "none") is None


def test_every_video_format_that_may_be_allowed_is_known_under_a_number_of_its_own() -> None:
    assert set(PASSED["video"]) == set(codecs.VIDEO)
    terms = offer_terms(tuple(PASSED["video"].values()), "none")
    numbers = [number for number, _ in terms.types.formats]
    assert len(set(numbers)) == len(PASSED["video"])
    assert not terms.types.events


@pytest.mark.parametrize("allowed", [G726, G726_NON_STANDARD])
def test_a_name_means_what_the_allowed_formats_say(allowed: Format) -> None:
    said = Offered(97, "G726-32", 8000)
    taken = accept_offer((ULAW, allowed), Section((said,)), "none")
    ours = offer_terms((ULAW, allowed), "none")
    answered = accept_answer(ours, Section((said,)))
    assert attributes(audio_section(ours, 1), "rtpmap") == ["0 PCMU/8000", "111 G726-32/8000"]
    for terms in (taken, answered):
        assert terms is not None
        assert terms.types.formats == ((97, allowed),)
        assert attributes(audio_section(terms, 1), "rtpmap") == ["97 G726-32/8000"]
