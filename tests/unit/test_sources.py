"""Whom an address counts as."""

import pytest

from asterism.sources import source_of


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("no address: at all", "no address: at all"),
    ],
)
def test_an_ipv6_address_counts_as_its_network(host, source):
    assert source_of(host) == source
