"""RTCP packets and running statistics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.media import rtcp
from asterism.media.statistics import Series

BLOCK = rtcp.ReportBlock(0xCAFE, 12, -3, 0x1FFFF, 44, 0xABCD0123, 65536)


def test_sender_report_round_trip():
    report = rtcp.Report(rtcp.SR, 0x1234, rtcp.ntp_time(1_795_259_930.25), 45936, 102, 14760, (BLOCK,))
    data = rtcp.build(report, b"abc")
    assert len(data) % 4 == 0
    assert rtcp.parse(data) == [report]
    assert report.unix_time == pytest.approx(1_795_259_930.25)


def test_receiver_report_with_bye():
    report = rtcp.Report(rtcp.RR, 7, blocks=(BLOCK,))
    for name in (b"", b"a", b"ab", b"abc", b"abcd"):
        assert rtcp.parse(rtcp.build(report, name, bye=True)) == [report]


def test_the_loss_count_is_kept_in_24_bits():
    block = rtcp.ReportBlock(1, 0, 0x900000, 0, 0, 0, 0)
    (report,) = rtcp.parse(rtcp.build(rtcp.Report(rtcp.RR, 7, blocks=(block,)), b"x"))
    assert report.blocks[0].cumulative_lost == 0x7FFFFF


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc8\x00\x01",
        b"\x80\xc9\x00\x00",  # a receiver report without its sender
        b"\x40\xc9\x00\x01\0\0\0\0",
        b"\x81\xc9\x00\x01\0\0\0\0",  # a block that is not there
        b"\x80\xc8\x00\x01\0\0\0\0",  # a sender report without its sender information
        b"\x80\x00\x00\x01\0\0\0\0",
        b"\x80\xc9\xff\xff\0\0\0\0",
    ],
)
def test_malformed(data):
    assert rtcp.parse(data) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_harmless(data):
    rtcp.parse(data)


def test_unknown_packets_are_passed_over():
    app = b"\x80\xcc\x00\x02\0\0\0\0test"
    assert rtcp.parse(app) == []


def test_a_bye_of_nobody_leaves_the_report_before_it():
    report = rtcp.Report(rtcp.RR, 7, blocks=(BLOCK,))
    assert rtcp.parse(rtcp.build(report, b"name") + b"\x80\xcb\x00\x00") == [report]


def test_series():
    series = Series()
    for value in (2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0):
        series.add(value)
    assert (series.minimum, series.maximum, series.mean, series.last) == (2, 9, 5, 9)
    assert series.deviation == pytest.approx(2.138, abs=0.001)
