"""The words for values of options that the recorded peers do not have."""

from __future__ import annotations

import pytest

from asterism.chan_sip import words
from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.kinds import T38
from asterism.chan_sip.objects.peer import SipPeer


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("yes", "Yes"),
        ("no", "No"),
        ("pai", "Yes"),
        ("", "No"),
        (True, "Yes"),
        (False, "No"),
        ((), "No"),
        (("yes",), "Yes"),
    ],
)
def test_yes_and_no(value: object, word: str) -> None:
    assert words.yes_no(value) == word


def test_codecs_groups_and_addresses() -> None:
    assert words.codecs(["ulaw", "alaw"]) == "(ulaw|alaw)"
    assert words.codecs([]) == "(nothing)"
    assert words.numbers((1, 2, 63)) == "1, 2, 63"
    assert words.address(None) == "(null)"
    assert words.address(("2001:db8::1", 5060)) == "[2001:db8::1]:5060"


def test_fax() -> None:
    assert (words.t38_correction(T38()), words.t38_largest(T38())) == ("Unknown", 4294967295)
    value = T38(True, "none", 400)
    assert (words.t38_correction(value), words.t38_largest(value)) == ("None", 400)


def test_limits_and_hops() -> None:
    assert words.call_limit(SipPeer("a", call_limit=7, callcounter=True)) == 7
    assert words.max_forwards(SipPeer("a", maxforwards=70), SipGeneral("general")) == 0
    assert words.max_forwards(SipPeer("a", maxforwards=69), SipGeneral("general")) == 69


def test_nat_that_is_found_out() -> None:
    peer = SipPeer("a", nat=("auto_force_rport", "auto_comedia"))
    assert (words.forced_rport(peer, True), words.comedia(peer, False)) == ("Auto (Yes)", "Auto (No)")
    assert words.transports(SipPeer("a", transport=("wss", "udp", "tls"))) == ("UDP,TLS,WSS", "WSS")
