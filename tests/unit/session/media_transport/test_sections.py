"""What a section says of its transport, with what the session level adds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asterism.applications.session.media_transport.sections import (
    LONGEST_CANDIDATE,
    MOST_CANDIDATES,
    MOST_FINGERPRINTS,
    SectionTransport,
    disabled,
    read,
)
from asterism.media.transports.parameters import IceParameters
from asterism.stack.sdp import SessionDescription

SHA256 = ":".join(["AB"] * 32)
PASSWORD = "0123456789abcdef0123456789"
CANDIDATE = "1 1 UDP 2130706431 127.0.0.1 31800 typ host"


def described(*lines: str) -> SessionDescription:
    head = ["v=0", "o=ua 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    return SessionDescription.parse("\r\n".join([*head, *lines]) + "\r\n")


def section(*lines: str, common: tuple[str, ...] = (), line: str = "m=audio 4000 RTP/AVP 0") -> SectionTransport:
    description = described(*common, line, *lines)
    return read(description, description.media[0])


def test_a_plain_section_says_nothing() -> None:
    assert section("a=rtpmap:0 PCMU/8000", "a=sendrecv") == SectionTransport("RTP/AVP")


def test_what_the_session_level_says_holds_where_the_section_says_nothing() -> None:
    common = (f"a=fingerprint:sha-256 {SHA256}", "a=setup:active", "a=ice-ufrag:abcd", f"a=ice-pwd:{PASSWORD}")
    found = section(f"a=candidate:{CANDIDATE}", common=common)
    assert found.fingerprints == (("sha-256", SHA256),)
    assert found.setup == "active"
    assert found.ice == IceParameters("abcd", PASSWORD, (CANDIDATE,))
    own = section(
        f"a=fingerprint:SHA-1 {SHA256[:59].lower()}", "a=setup:passive", "a=ice-ufrag:efgh", f"a=ice-pwd:x{PASSWORD}",
        common=common,
    )  # fmt: skip
    assert own.fingerprints == (("sha-1", SHA256[:59]),)
    assert own.setup == "passive"
    assert own.ice == IceParameters("efgh", f"x{PASSWORD}")


def test_credentials_of_two_levels_are_not_mixed() -> None:
    found = section("a=ice-ufrag:abcd", common=("a=ice-ufrag:sess", f"a=ice-pwd:{PASSWORD}"))
    assert found.ice is not None
    assert found.ice.ufrag == "sess"
    assert section("a=ice-ufrag:abcd").ice is None


def test_ice_lite_and_trickle() -> None:
    lines = ("a=ice-ufrag:abcd", f"a=ice-pwd:{PASSWORD}", "a=end-of-candidates")
    found = section(*lines, common=("a=ice-lite", "a=ice-options:ice2 trickle"))
    assert found.ice is not None
    assert found.ice.lite
    assert found.trickle


def test_what_is_malformed_counts_as_absent() -> None:
    found = section(
        f"a=fingerprint:sha-256 {SHA256[:-3]}",
        f"a=fingerprint:md5 {SHA256[:47]}",
        f"a=fingerprint:sha-1 {SHA256}",
        "a=fingerprint",
        "a=setup:whoever",
        "a=ice-ufrag:ab",
        "a=ice-pwd:short",
        "a=rtcp:0",
        "a=rtcp:70000 IN IP4 127.0.0.1",
        "a=mid:two words",
        "a=crypto:1 NONE inline:",
    )
    assert found == SectionTransport("RTP/AVP")


def test_there_is_a_bound_to_everything() -> None:
    lines = [f"a=candidate:{number} {CANDIDATE}" for number in range(200)]
    lines[3] = "a=candidate:" + "x" * (LONGEST_CANDIDATE + 1)
    prints = [f"a=fingerprint:sha-256 {number:02X}{SHA256[2:]}" for number in range(100)]
    found = section("a=ice-ufrag:abcd", f"a=ice-pwd:{PASSWORD}", *lines, *prints)
    assert found.ice is not None
    assert len(found.ice.candidates) == MOST_CANDIDATES - 1
    assert len(found.fingerprints) == MOST_FINGERPRINTS


def test_where_rtcp_goes() -> None:
    assert section("a=rtcp:53020").rtcp_address("10.0.0.1") == ("10.0.0.1", 53020)
    assert section("a=rtcp:53020 IN IP4 10.0.0.2").rtcp_address("10.0.0.1") == ("10.0.0.2", 53020)
    assert section("a=rtcp:53020 IN IP4 host.invalid").rtcp_address("10.0.0.1") == ("10.0.0.1", 53020)
    assert section().rtcp_address("10.0.0.1") is None


def test_groups() -> None:
    groups = (
        "a=group",
        "a=group:",
        "a=group:LS a b",
        "a=group:BUNDLE a nobody b",
        "a=group:BUNDLE c",
        "a=group:BUNDLE",
    )
    description = described(
        *groups, "m=audio 4000 RTP/AVP 0", "a=mid:a", "m=video 4002 RTP/AVP 99", "a=mid:b", "a=rtpmap:99 VP8/90000",
        "m=audio 4004 RTP/AVP 0", "a=mid:c", "m=audio 4006 RTP/AVP 0", "a=mid:d", "m=audio 4006 RTP/AVP 0",
    )  # fmt: skip
    found = [read(description, media).group for media in description.media]
    assert found == [("a", "nobody", "b"), ("a", "nobody", "b"), ("c",), (), ()]


def test_of_groups_only_so_many_are_looked_at() -> None:
    """For each section anew: an offer is not to cost more than it has octets."""
    groups = ["a=group:BUNDLE " + "x " * 500] * 90
    description = described(*groups, "a=group:BUNDLE a", "m=audio 4000 RTP/AVP 0", "a=mid:a")
    assert read(description, description.media[0]).group == ()


def test_a_bundled_section_leaves_its_transport_to_the_first_of_the_group() -> None:
    description = described(
        "a=group:BUNDLE a b",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 0",
        "a=mid:a",
        f"a=fingerprint:sha-256 {SHA256}",
        "a=setup:actpass",
        "a=ice-ufrag:abcd",
        f"a=ice-pwd:{PASSWORD}",
        f"a=candidate:{CANDIDATE}",
        "m=video 0 UDP/TLS/RTP/SAVPF 99",
        "a=mid:b",
        "a=bundle-only",
    )
    found = read(description, description.media[1])
    assert found.fingerprints == (("sha-256", SHA256),)
    assert found.setup == "actpass"
    assert found.ice == IceParameters("abcd", PASSWORD, (CANDIDATE,))
    assert found.disabled
    assert not disabled(description.media[1]), "it is to be had in its group"


NAMES = st.sampled_from(
    ["crypto", "fingerprint", "setup", "tls-id", "ice-ufrag", "ice-pwd", "candidate", "ice-options", "rtcp", "mid"]
)
LINES = st.lists(
    st.tuples(NAMES, st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=80)),
    max_size=12,
)


@given(LINES, LINES)
def test_any_lines_are_read_without_an_error(common: list[tuple[str, str]], own: list[tuple[str, str]]) -> None:
    found = section(
        *(f"a={name}:{value}" for name, value in own),
        common=("a=group:BUNDLE a", *(f"a={name}:{value}" for name, value in common)),
    )
    assert found.ice is None or 4 <= len(found.ice.ufrag) <= 256
