"""``sip show peer`` and ``sip show user``: what is in their lines, where the recorded peers have none of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from asterism.chan_sip.cli.peer_details import Messages, show_peer, show_user
from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.kinds import T38
from asterism.chan_sip.objects.peer import SipPeer

GENERAL = SipGeneral("general")


def view(**known: Any) -> Any:
    """A live view that knows the same of every peer."""
    values = {
        "behind_nat": False, "registration": None, "transport": "", "address": None, "username": "", "useragent": "",
        "expires": -1, "status": "Unmonitored", "registered_uri": "", **known,
    }  # fmt: skip
    return SimpleNamespace(**{name: (lambda _peer, value=value: value) for name, value in values.items()})


def shown(peer: SipPeer, told: Messages | None = None, **known: Any) -> dict[str, str]:
    text = show_peer(peer, view(**known), GENERAL, told)
    return {name.strip(" *"): value for name, _, value in (line.partition(": ") for line in text.splitlines())}


def test_options_that_the_recorded_peers_do_not_have() -> None:
    peer = SipPeer(
        "a", host="pbx.example.test", fromdomain="example.org:5070", nat=("auto_force_rport", "auto_comedia"),
        t38pt_udptl=T38(True, "redundancy", 400), videosupport="always", sendrpid="pai", trust_id_outbound="yes",
        encryption="try", supportpath=True, amaflags="documentation", callingpres="prohib", allowtransfer=False,
        call_limit=3, maxforwards=20, transport=("tls", "udp"), defaultip="192.0.2.9", keepalive=60, timert1=200,
        contactacl=("here",), acl=("there",), setvar=(("A", "1"), ("B", "2")), insecure=("invite",), allow=(),
    )  # fmt: skip
    found = shown(peer, Messages(2, 7), behind_nat=True, address=("2001:db8::1", 5061), transport="tls")
    expected = {
        "Name       ": "a", "FromDomain   ": "example.org Port 5070", "Force rport  ": "Auto (Yes)",
        "Symmetric RTP": "Auto (Yes)", "T.38 support ": "Yes", "T.38 EC mode ": "Redundancy", "T.38 MaxDtgrm": "400",
        "Video Support": "Yes", "Send RPID    ": "Yes", "TrustIDOutbnd": "Yes", "Encryption   ": "Yes",
        "Path support ": "Yes", "AMA flags    ": "DOCUMENTATION",
        "CallingPres  ": "Presentation Prohibited, Network Number",
        "Transfer mode": "closed", "Call limit   ": "3", "Max forwards ": "20", "Allowed.Trsp ": "UDP,TLS",
        "Prim.Transp. ": "TLS", "Defaddr->IP  ": "192.0.2.9:5060", "Keepalive    ": "60000 ms", "Timer T1     ": "200",
        "Timer B      ": "12800", "ContactACL   ": "Yes", "ACL          ": "Yes", "Insecure     ": "invite",
        "LastMsgsSent ": "2/7", "Addr->IP     ": "[2001:db8::1]:5061", "ToHost       ": "pbx.example.test",
        "Codecs       ": "(nothing)", "Dynamic      ": "No", "Callerid     ": '"" <>',
    }  # fmt: skip
    assert {name.strip(): found.get(name.strip()) for name in expected} == {
        name.strip(): value for name, value in expected.items()
    }


def test_variables_come_the_latest_first_and_not_at_all_where_there_are_none() -> None:
    peer = SipPeer("a", setvar=(("A", "1"), ("B", "2")))
    variables = "  Variables    :\n                 B = 2\n                 A = 1\n"
    assert variables in show_peer(peer, view(), GENERAL, None)
    assert variables in show_user(peer)
    assert "Variables" not in show_peer(SipPeer("a"), view(), None, None) + show_user(SipPeer("a"))


def test_a_peer_whose_calls_are_neither_counted_nor_limited() -> None:
    assert shown(SipPeer("a"))["Call limit"] == "0"
    assert shown(SipPeer("a", callcounter=True))["Call limit"] == "2147483647"
