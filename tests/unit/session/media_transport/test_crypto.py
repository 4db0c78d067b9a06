"""Keys of SRTP in session descriptions: which lines can be used, and how ours look."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asterism.applications.session.media_transport import crypto
from asterism.applications.session.media_transport.crypto import CryptoLine
from asterism.media.transports.srtp import SUITES

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
OCTETS = base64.b64decode(KEY)
SUITE = "AES_CM_128_HMAC_SHA1_80"


@pytest.mark.parametrize(
    "value",
    [
        f"1 {SUITE} inline:{KEY}",
        f"1 {SUITE} inline:{KEY}|2^31",
        f"1 {SUITE} inline:{KEY}|2^48",
        f"1 {SUITE} inline:{KEY}|1048576",
        f" 1  {SUITE}\tinline:{KEY} ",
        f"1 {SUITE} inline:{KEY} WSH=128",
        f"1 {SUITE} inline:{KEY} -X=1",
        f"1 {SUITE.lower()} INLINE:{KEY}",
    ],
)
def test_a_line_that_can_be_used(value: str) -> None:
    assert crypto.parse(value) == CryptoLine(1, SUITE, OCTETS)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        f"1 {SUITE}",
        f"x {SUITE} inline:{KEY}",
        f"1234567890 {SUITE} inline:{KEY}",
        f"1 {SUITE} inline:{KEY}|2^49",
        f"1 {SUITE} inline:{KEY}|0",
        f"1 {SUITE} inline:{KEY}|1:4",
        f"1 {SUITE} inline:{KEY}|2^20|1:4",
        f"1 {SUITE} inline:{KEY}|2^20|1:4 KDR=1",
        f"1 {SUITE} inline:{KEY} KDR=1",
        f"1 {SUITE} inline:{KEY} UNENCRYPTED_SRTP",
        f"1 {SUITE} inline:{KEY} UNENCRYPTED_SRTCP",
        f"1 {SUITE} inline:{KEY} UNAUTHENTICATED_SRTP",
        f"1 {SUITE} inline:{KEY};inline:{KEY}",
        f"1 {SUITE} uri:{KEY}",
        f"1 {SUITE} inline:{KEY[:-4]}",
        f"1 {SUITE} inline:{KEY}AAAA",
        f"1 {SUITE} inline:{KEY[:-1]}!",
        f"1 {SUITE} inline:",
        f"1 AES_256_CM_HMAC_SHA1_80 inline:{'A' * 61}=",
        f"1 F8_128_HMAC_SHA1_80 inline:{KEY}",
        f"1 {SUITE} inline:{KEY}" + " " * 500 + "-X",
    ],
)
def test_a_line_that_cannot(value: str) -> None:
    assert crypto.parse(value) is None


@given(st.sampled_from(sorted(SUITES)), st.integers(0, 999_999_999), st.data())
def test_what_is_written_is_read(suite: str, tag: int, data: st.DataObject) -> None:
    key = data.draw(st.binary(min_size=SUITES[suite].size, max_size=SUITES[suite].size))
    line = CryptoLine(tag, suite, key)
    assert crypto.parse(str(line)) == line
    assert crypto.parse(str(line).rstrip("=")) == line


@given(st.text(max_size=600))
@example(f"1 {SUITE} inline:" + "\u0661" * 40)
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = crypto.parse(text)
    assert found is None or len(found.key) == SUITES[found.suite].size


def test_the_peers_order_decides_and_a_tag_counts_once() -> None:
    lines = crypto.read(
        [
            f"1 F8_128_HMAC_SHA1_80 inline:{KEY}",
            f"2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}",
            f"2 {SUITE} inline:{KEY}",
            f"3 {SUITE} inline:{KEY}",
        ]
    )
    assert [line.tag for line in lines] == [2, 3]
    first, second = (crypto.chosen(lines, suites) for suites in (crypto.DEFAULT_SUITES, (SUITE,)))
    assert (first, second) == lines
    assert crypto.chosen(lines, ("AEAD_AES_128_GCM",)) is None


def test_so_many_lines_are_not_all_looked_at() -> None:
    values = [f"{tag} {SUITE} inline:{KEY}" for tag in range(100)]
    assert len(crypto.read(values)) == crypto.MOST_LINES
