"""ICE candidates: lines of SDP, priorities, what is no use."""

from __future__ import annotations

import pytest

from asterism.media.transports.candidates import LocalCandidate, foundation, priority, read_candidate


def test_priorities_and_foundations_have_the_recorded_form() -> None:
    assert (priority("host", 1), priority("host", 2)) == (2130706431, 2130706430)
    assert priority("srflx", 1) == 1694498815
    assert priority("relay", 1) == 16777215
    assert foundation("host", "192.0.2.2") == "Hc0000202"
    assert foundation("relay", "203.0.113.5") == "Rcb007105"
    assert foundation("host", "2001:db8::1") != foundation("host", "2001:db8::2")


def test_what_is_written_can_be_read() -> None:
    told = LocalCandidate(2, "srflx", ("203.0.113.5", 4000), "Sa000002", 1694498814, ("10.0.0.2", 5001))
    assert str(told) == "Sa000002 2 UDP 1694498814 203.0.113.5 4000 typ srflx raddr 10.0.0.2 rport 5001"
    found = read_candidate(str(told))
    assert found is not None
    assert (found.component, found.kind, found.address, found.priority) == (2, "srflx", told.address, 1694498814)


def test_names_of_browsers() -> None:
    found = read_candidate("1 1 udp 2113937151 A-b-1.local 52010 typ host generation 0 network-cost 999")
    assert found is not None
    assert found.host == "a-b-1.local"
    assert read_candidate("1 1 udp 2113937151 a-b-1.local 52010 typ srflx") is None


def test_loopback_has_to_be_allowed() -> None:
    for host in ("127.0.0.1", "::1"):
        line = f"1 1 UDP 1 {host} 5000 typ host"
        assert read_candidate(line) is None
        assert read_candidate(line, loopback=True) is not None


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "fe80::1", "::ffff:192.0.2.1", "host", ""]
)
def test_addresses_that_are_nobody_s(host: str) -> None:
    assert read_candidate(f"1 1 UDP 1 {host} 5000 typ host", loopback=True) is None
