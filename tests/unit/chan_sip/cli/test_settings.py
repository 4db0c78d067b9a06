"""``sip show settings``."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

from asterism.chan_sip.cli.settings import show_settings, traffic_class
from asterism.chan_sip.objects.general import SipGeneral

RECORD = (Path(__file__).parents[3] / "data" / "record" / "chan_sip_cli.txt").read_text()


def _shown(general: SipGeneral, **bound: str) -> str:
    return show_settings(general, bound, realtime="Disabled", history=False, domains=False, agent="Asterisk PBX")


def test_each_label_stands_where_it_is_recorded() -> None:
    block = re.search(r"sip show settings   \(state: idle\)\n(.*?)\n###", RECORD, re.DOTALL)
    assert block is not None
    ours = _shown(SipGeneral("general", localnet=(ip_network("127.0.0.0/8"),)))
    assert [line[:26] for line in ours.splitlines() if not line.startswith("  ")] == [
        line[:26] for line in block[1].splitlines() if not line.startswith("  ")
    ]
    labels = [line[:26].rstrip(" \t") for line in block[1].splitlines() if line.startswith("  ")]
    assert [line[:26].rstrip(" \t") for line in ours.splitlines() if line.startswith("  ")] == labels


def test_networks_and_addresses_outside_are_told() -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("192.168.0.0/16"), ip_network("2001:db8::/32"))
    text = _shown(SipGeneral("general", localnet=networks, externaddr="192.0.2.1:5080"), udp="0.0.0.0:5060")
    assert "  UDP Bindaddress:        0.0.0.0:5060\n" in text
    assert "  SIP address remapping:  Enabled using externaddr\n" in text
    assert (
        "  Localnet:               10.0.0.0/255.0.0.0\n"
        "                          192.168.0.0/255.255.0.0\n"
        "                          2001:db8::/32\n"
    ) in text
    assert "  SIP address remapping:  Enabled using externhost\n" in _shown(
        SipGeneral("general", localnet=networks, externhost="pbx.example.test")
    )
    assert "  SIP address remapping:  Disabled, no localnet list\n" in _shown(SipGeneral("general"))


def test_traffic_classes_have_their_names() -> None:
    values = {
        0x00: "CS0",
        0x60: "CS3",
        0xB8: "EF",
        0x88: "AF41",
        0x28: "AF11",
        0x0C: "0x0c",
        0x10: "0x10",
        0x61: "0x61",
    }
    assert {value: traffic_class(value) for value in values} == values
