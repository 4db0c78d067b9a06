"""The table: which transports are agreed on, by an endpoint's options and what a section has."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.applications.session.media_transport import crypto
from asterism.applications.session.media_transport.crypto import CryptoLine
from asterism.applications.session.media_transport.lines import LocalTransport, StreamNames, session_lines, write
from asterism.applications.session.media_transport.sections import PROFILES, SectionTransport, read
from asterism.applications.session.media_transport.terms import (
    Options,
    Protection,
    Refused,
    TransportTerms,
    accept,
    offer,
    take_answer,
)
from asterism.media.transports.parameters import IceParameters
from asterism.stack.sdp import MediaDescription, SessionDescription

PRINTS = (("sha-256", ":".join(["AB"] * 32)),)
KEY80 = CryptoLine(1, "AES_CM_128_HMAC_SHA1_80", bytes(30))
KEY32 = CryptoLine(2, "AES_CM_128_HMAC_SHA1_32", bytes(30))
GCM = CryptoLine(3, "AEAD_AES_128_GCM", bytes(28))
ICE = IceParameters("abcd", "0123456789abcdef0123456789", ("1 1 UDP 1 127.0.0.1 4000 typ host",))
SDES = Options("sdes")
DTLS = Options("dtls")
BROWSER = Options(
    "dtls", setup="actpass", feedback=True, any_profile=True, ice=True, mux=True, bundle=True, browser=True
)

S, D, N = Protection.SDES, Protection.DTLS, Protection.NONE
ROWS = [
    # options, profile, keys, fingerprints, protection (None: refused)
    (Options(), "RTP/AVP", (), (), N),
    (Options(), "RTP/AVP", (KEY80,), PRINTS, N),
    (Options(), "RTP/AVPF", (), (), None),
    (Options(feedback=True), "RTP/AVPF", (), (), N),
    (Options(feedback=True), "RTP/AVP", (), (), None),
    (Options(feedback=True, any_profile=True), "RTP/AVP", (), (), N),
    (Options(any_profile=True), "RTP/AVPF", (), (), N),
    (Options(), "RTP/SAVP", (KEY80,), (), None),
    (Options(), "UDP/TLS/RTP/SAVP", (), PRINTS, None),
    (Options(any_profile=True), "RTP/SAVP", (KEY80,), (), None),
    (Options(), "TCP/RTP/AVP", (), (), None),
    (SDES, "RTP/SAVP", (KEY80, KEY32), (), S),
    (SDES, "RTP/SAVP", (KEY32,), (), S),
    (SDES, "RTP/SAVP", (GCM,), (), None),
    (SDES._replace(suites=("AEAD_AES_128_GCM",)), "RTP/SAVP", (KEY80, GCM), (), S),
    (SDES, "RTP/SAVP", (), (), None),
    (SDES, "RTP/AVP", (), (), None),
    (SDES, "RTP/AVP", (KEY80,), (), S),
    (SDES, "RTP/SAVPF", (KEY80,), (), None),
    (SDES, "UDP/TLS/RTP/SAVP", (), PRINTS, None),
    (SDES, "UDP/TLS/RTP/SAVP", (KEY80,), PRINTS, None),
    (SDES._replace(feedback=True), "RTP/SAVPF", (KEY80,), (), S),
    (SDES._replace(feedback=True), "RTP/SAVP", (KEY80,), (), None),
    (SDES._replace(optimistic=True), "RTP/AVP", (), (), N),
    (SDES._replace(optimistic=True), "RTP/AVP", (KEY80,), (), S),
    (SDES._replace(optimistic=True), "RTP/AVP", (GCM,), (), N),
    (SDES._replace(optimistic=True), "RTP/SAVP", (KEY80,), (), S),
    (SDES._replace(optimistic=True), "RTP/SAVP", (), (), None),
    (DTLS, "UDP/TLS/RTP/SAVP", (), PRINTS, D),
    (DTLS, "UDP/TLS/RTP/SAVP", (), (), None),
    (DTLS, "UDP/TLS/RTP/SAVP", (KEY80,), (), None),
    (DTLS, "UDP/TLS/RTP/SAVPF", (), PRINTS, None),
    (DTLS, "RTP/SAVP", (), PRINTS, None),
    (DTLS, "RTP/SAVP", (KEY80,), (), None),
    (DTLS, "RTP/AVP", (), PRINTS, None),
    (DTLS, "RTP/AVP", (), (), None),
    (DTLS._replace(optimistic=True), "RTP/AVP", (), (), N),
    (DTLS._replace(optimistic=True), "RTP/AVP", (), PRINTS, D),
    (DTLS._replace(optimistic=True), "RTP/SAVP", (), (), None),
    (DTLS._replace(optimistic=True), "UDP/TLS/RTP/SAVP", (), (), None),
    (DTLS._replace(force_avp=True), "RTP/SAVP", (), PRINTS, D),
    (DTLS._replace(force_avp=True), "RTP/AVP", (), PRINTS, D),
    (DTLS._replace(force_avp=True), "RTP/AVP", (), (), None),
    (DTLS._replace(force_avp=True), "UDP/TLS/RTP/SAVP", (), PRINTS, D),
    (BROWSER, "UDP/TLS/RTP/SAVPF", (), PRINTS, D),
    (BROWSER, "RTP/SAVPF", (), PRINTS, D),
    (BROWSER, "UDP/TLS/RTP/SAVP", (), PRINTS, D),
    (BROWSER, "RTP/AVP", (), (), None),
    (BROWSER._replace(optimistic=True), "RTP/AVP", (), (), N),
]


@pytest.mark.parametrize(("options", "protocol", "keys", "prints", "protection"), ROWS)
def test_what_is_offered(
    options: Options,
    protocol: str,
    keys: tuple[CryptoLine, ...],
    prints: tuple[tuple[str, str], ...],
    protection: Protection | None,
) -> None:
    found = accept(options, SectionTransport(protocol, keys, prints, "actpass"))
    if protection is None:
        assert isinstance(found, Refused)
    else:
        assert isinstance(found, TransportTerms)
        assert (found.protocol, found.protection) == (protocol, protection)
        assert (found.crypto is not None) == (protection is S)
        assert bool(found.setup) == bool(found.role) == (protection is D)


@pytest.mark.parametrize(
    ("options", "protocol", "why"),
    [
        (Options(), "RTP/SAVP", "goes over RTP/SAVP, but media_encryption is no"),
        (Options(), "FOO/BAR", "goes over FOO/BAR, which is not available"),
        (Options(), "RTP/AVPF", "goes over RTP/AVPF, but use_avpf is no"),
        (Options(feedback=True), "RTP/AVP", "goes over RTP/AVP, but use_avpf is yes"),
        (SDES, "RTP/AVP", "is not encrypted, but media_encryption is sdes"),
        (SDES, "RTP/SAVP", "goes over RTP/SAVP without an a=crypto line that can be used"),
        (SDES, "UDP/TLS/RTP/SAVP", "goes over UDP/TLS/RTP/SAVP, but media_encryption is sdes"),
        (DTLS, "UDP/TLS/RTP/SAVP", "goes over UDP/TLS/RTP/SAVP without an a=fingerprint line that can be used"),
        (DTLS, "RTP/SAVP", "goes over RTP/SAVP, but media_encryption is dtls"),
        (BROWSER, "RTP/AVP", "is not encrypted, but media_encryption is dtls"),
    ],
)
def test_why_it_is_refused(options: Options, protocol: str, why: str) -> None:
    assert accept(options, SectionTransport(protocol)) == Refused(why)


@pytest.mark.parametrize(
    ("configured", "offered", "kept", "setup", "role"),
    [
        ("actpass", "actpass", "", "active", "active"),
        ("active", "actpass", "", "active", "active"),
        ("passive", "actpass", "", "passive", "passive"),
        ("actpass", "active", "", "passive", "passive"),
        ("actpass", "passive", "", "active", "active"),
        ("passive", "passive", "", "active", "active"),
        ("actpass", "holdconn", "", "", ""),
        ("actpass", "", "", "actpass", "passive"),
        # There is an association: it stays as it is where the offer leaves that open.
        ("actpass", "actpass", "passive", "passive", "passive"),
        ("passive", "actpass", "active", "active", "active"),
        ("actpass", "holdconn", "passive", "", "passive"),
        ("actpass", "passive", "passive", "active", "active"),
        ("actpass", "active", "active", "passive", "passive"),
    ],
)
def test_who_begins_the_handshake(configured: str, offered: str, kept: str, setup: str, role: str) -> None:
    section = SectionTransport("UDP/TLS/RTP/SAVP", (), PRINTS, offered)
    found = accept(DTLS._replace(setup=configured), section, kept)
    assert isinstance(found, TransportTerms)
    assert (found.setup, found.role) == (setup, role)


@pytest.mark.parametrize(
    ("offered", "answered", "role"),
    [
        ("actpass", "active", "passive"),
        ("actpass", "passive", "active"),
        ("actpass", "", "active"),
        ("actpass", "actpass", "active"),
        ("actpass", "holdconn", ""),
        ("active", "passive", "active"),
        ("active", "active", "active"),
        ("passive", "active", "passive"),
        ("passive", "passive", "passive"),
        ("passive", "", "passive"),
    ],
)
def test_who_begins_it_after_an_answer(offered: str, answered: str, role: str) -> None:
    options = DTLS._replace(setup=offered)
    section = SectionTransport("UDP/TLS/RTP/SAVP", (), PRINTS, answered)
    found = take_answer(options, offer(options, ""), section)
    assert isinstance(found, TransportTerms)
    assert found.role == role


@pytest.mark.parametrize(
    ("options", "protocol", "keys", "prints", "protection"),
    [
        (Options(), "RTP/AVP", (), (), N),
        (Options(), "RTP/SAVP", (KEY80,), (), None),
        (SDES, "RTP/SAVP", (KEY80,), (), S),
        (SDES, "RTP/AVP", (KEY80,), (), S),
        (SDES, "RTP/SAVP", (KEY32,), (), None),
        (SDES, "RTP/SAVP", (), (), None),
        (SDES, "RTP/AVP", (), (), None),
        (SDES._replace(optimistic=True), "RTP/AVP", (), (), N),
        (SDES._replace(optimistic=True), "RTP/AVP", (KEY80,), (), S),
        (DTLS, "UDP/TLS/RTP/SAVP", (), PRINTS, D),
        (DTLS, "RTP/SAVP", (), PRINTS, D),
        (DTLS, "UDP/TLS/RTP/SAVP", (), (), None),
        (DTLS, "RTP/AVP", (), (), None),
        (DTLS._replace(optimistic=True), "RTP/AVP", (), (), N),
        (DTLS._replace(optimistic=True), "RTP/AVP", (), PRINTS, D),
        (DTLS._replace(optimistic=True), "UDP/TLS/RTP/SAVP", (), PRINTS, D),
        (DTLS._replace(optimistic=True), "UDP/TLS/RTP/SAVP", (), (), None),
    ],
)
def test_what_is_answered_to_our_offers(
    options: Options,
    protocol: str,
    keys: tuple[CryptoLine, ...],
    prints: tuple[tuple[str, str], ...],
    protection: Protection | None,
) -> None:
    found = take_answer(options, offer(options, ""), SectionTransport(protocol, keys, prints, "active"))
    assert (None if isinstance(found, Refused) else found.protection) is protection


@pytest.mark.parametrize(
    ("options", "protocol"),
    [
        (Options(), "RTP/AVP"),
        (Options(feedback=True), "RTP/AVPF"),
        (SDES, "RTP/SAVP"),
        (SDES._replace(force_avp=True), "RTP/SAVP"),
        (SDES._replace(feedback=True), "RTP/SAVPF"),
        (SDES._replace(optimistic=True), "RTP/AVP"),
        (DTLS, "UDP/TLS/RTP/SAVP"),
        (DTLS._replace(optimistic=True), "UDP/TLS/RTP/SAVP"),
        (DTLS._replace(optimistic=True, in_clear=True), "RTP/AVP"),
        (DTLS._replace(optimistic=True, in_clear=True, feedback=True), "RTP/AVPF"),
        (DTLS._replace(in_clear=True), "UDP/TLS/RTP/SAVP"),
        (DTLS._replace(force_avp=True), "RTP/SAVP"),
        (Options(optimistic=True), "RTP/AVP"),
        (BROWSER._replace(optimistic=True), "UDP/TLS/RTP/SAVPF"),
        (BROWSER, "UDP/TLS/RTP/SAVPF"),
    ],
)
def test_what_our_offers_go_over(options: Options, protocol: str) -> None:
    assert offer(options, "").protocol == protocol


def test_ice_needs_credentials_and_candidates_or_the_promise_of_some() -> None:
    options = Options(ice=True)
    bare = ICE._replace(candidates=())
    cases = [
        (SectionTransport("RTP/AVP", ice=ICE), True),
        (SectionTransport("RTP/AVP", ice=bare), False),
        (SectionTransport("RTP/AVP", ice=bare, trickle=True), True),
        (SectionTransport("RTP/AVP"), False),
    ]
    for section, wanted in cases:
        found = accept(options, section)
        assert isinstance(found, TransportTerms)
        assert found.ice is wanted
        assert found.plain is not wanted
    assert accept(Options(), cases[0][0]) == TransportTerms()


def test_one_port_for_rtcp_and_groups_need_both_sides() -> None:
    section = SectionTransport("RTP/AVP", mux=True, mid="a", group=("a", "b"))
    for mux, bundle, rtcp_mux in itertools.product((True, False), repeat=3):
        found = accept(Options(mux=mux, bundle=bundle), section._replace(mux=rtcp_mux))
        assert isinstance(found, TransportTerms)
        assert found.mux is (mux and rtcp_mux)
        assert bool(found.group) is (mux and rtcp_mux and bundle)
        assert found.mid == ("a" if bundle else "")


def test_our_offer_names_its_section_where_it_may_be_bundled() -> None:
    assert offer(BROWSER, "audio-0").group == ("audio-0",)
    assert offer(Options(mux=True), "audio-0").group == ()
    assert offer(Options(mux=True), "audio-0").mid == ""
    answered = SectionTransport("UDP/TLS/RTP/SAVPF", (), PRINTS, "active", mid="audio-0", group=("audio-0",), mux=True)
    taken = take_answer(BROWSER, offer(BROWSER, "audio-0"), answered)
    assert isinstance(taken, TransportTerms)
    assert taken.group == ("audio-0",)
    alone = take_answer(BROWSER, offer(BROWSER, "audio-0"), answered._replace(group=()))
    assert isinstance(alone, TransportTerms)
    assert alone.group == ()


def test_lines_come_in_the_recorded_order() -> None:
    terms = TransportTerms("UDP/TLS/RTP/SAVPF", D, None, True, "active", "active", True, True, "0", ("0", "1"))
    local = LocalTransport(fingerprint=PRINTS[0], ice=IceParameters("u", "p", ("H 1 UDP 1 h 1", "H 2 UDP 1 h 2")))
    names = StreamNames(7, "name", "s t", ("* transport-cc",), ("3 urn:x",))
    section = MediaDescription(media="audio", port=1, formats=["0"], attributes=[("sendrecv", None)])
    write(section, terms, local, names)
    assert [name for name, _ in section.attributes] == [
        "connection", "setup", "fingerprint", "ice-ufrag", "ice-pwd", "candidate", "sendrecv", "rtcp-mux", "ssrc",
        "msid", "rtcp-fb", "extmap", "mid",
    ]  # fmt: skip
    bundled = MediaDescription(media="video", port=1, formats=["0"])
    write(bundled, terms, local, carries=False)
    assert "candidate" not in [name for name, _ in bundled.attributes]
    assert session_lines([("0", "1")], browser=True) == "a=msid-semantic:WMS *\r\na=group:BUNDLE 0 1\r\n"


FLAGS = st.booleans()
OPTIONS = st.builds(
    Options,
    encryption=st.sampled_from(["no", "sdes", "dtls"]),
    optimistic=FLAGS,
    setup=st.sampled_from(["active", "passive", "actpass"]),
    feedback=FLAGS,
    force_avp=FLAGS,
    any_profile=FLAGS,
    ice=FLAGS,
    mux=FLAGS,
    bundle=FLAGS,
)
SECTIONS = st.builds(
    SectionTransport,
    protocol=st.sampled_from([*PROFILES, "FOO/BAR", ""]),
    crypto=st.sampled_from([(), (KEY80,), (KEY32, KEY80), (GCM,)]),
    fingerprints=st.sampled_from([(), PRINTS]),
    setup=st.sampled_from(["", "active", "passive", "actpass", "holdconn"]),
    ice=st.sampled_from([None, ICE]),
    mux=FLAGS,
    mid=st.sampled_from(["", "a"]),
)


@given(OPTIONS, SECTIONS)
def test_an_endpoint_that_must_encrypt_never_agrees_on_less(options: Options, section: SectionTransport) -> None:
    for found in (accept(options, section), take_answer(options, offer(options, "a"), section)):
        if isinstance(found, Refused):
            assert found.why
            continue
        if options.encryption != "no" and not options.optimistic:
            assert found.protection is Protection(options.encryption)
        if found.protection is S:
            assert found.crypto in section.crypto
            assert found.crypto is not None
            assert found.crypto.suite in crypto.DEFAULT_SUITES
        if found.protection is D:
            assert section.fingerprints
        if section.protocol in PROFILES and PROFILES[section.protocol].family != "plain":
            assert found.protection is not N


@given(OPTIONS, OPTIONS)
def test_two_of_ours_understand_each_other(caller: Options, called: Options) -> None:
    """What one offers and another accepts, the first takes, with the roles and the protection of the other."""
    offered = offer(caller, "audio-0")
    local = LocalTransport((KEY80,), PRINTS[0], ice=ICE)

    def said(terms: TransportTerms) -> SectionTransport:
        section = MediaDescription(media="audio", port=4000, formats=["0"])
        write(section, terms, local)
        head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        group = session_lines([terms.group] if terms.group else [], browser=False)
        description = SessionDescription.parse(f"{head}{group}{section}")
        return read(description, description.media[0])

    answer = accept(called, said(offered))
    if isinstance(answer, Refused):
        return
    taken = take_answer(caller, offered, said(answer))
    assert isinstance(taken, TransportTerms)
    assert taken.protection is answer.protection
    assert (taken.ice, taken.mux, taken.group, taken.feedback) == (
        answer.ice,
        answer.mux,
        answer.group,
        answer.feedback,
    )
    if taken.protection is D:
        assert {taken.role, answer.role} == {"active", "passive"}
