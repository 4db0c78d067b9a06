"""Whether a wildcard in a server's certificate counts (``allow_wildcard_certs``)."""

import pytest

from asterism.transport import TlsSettings
from asterism.transport.tls import check_wildcard

WILD = {"subjectAltName": (("DNS", "*.example.com"),)}
BOTH = {"subjectAltName": (("DNS", "*.example.com"), ("DNS", "SIP.example.com"))}


def test_only_a_wildcard_is_refused_where_wildcards_are():
    strict = TlsSettings(verify_server=True, allow_wildcards=False)
    with pytest.raises(ConnectionError, match="allow_wildcard_certs"):
        check_wildcard(WILD, strict, "sip.example.com")
    check_wildcard(BOTH, strict, "sip.example.com")


@pytest.mark.parametrize(
    "settings",
    [None, TlsSettings(), TlsSettings(verify_server=True), TlsSettings(verify_server=False, allow_wildcards=False)],
)
def test_otherwise_it_counts(settings):
    check_wildcard(WILD, settings, "sip.example.com")
    check_wildcard({}, TlsSettings(verify_server=True, allow_wildcards=False), "sip.example.com")
