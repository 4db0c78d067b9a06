"""Options of ICE, STUN and TURN in rtp.conf."""

from __future__ import annotations

import pytest

from asterism.config import ConfigFile
from asterism.core.errors import ConfigError
from asterism.media.settings import RtpSettings, read_lists
from asterism.media.transports.ice_settings import Advertised, TurnServer


def parse(text: str, lists: str = "") -> RtpSettings:
    access_lists = read_lists(ConfigFile.parse(lists, "acl.conf"))
    return RtpSettings.from_file(ConfigFile.parse(text, "rtp.conf"), access_lists)


def test_servers_that_give_candidates() -> None:
    ice = parse("[general]\nstunaddr=stun.example.com\nturnaddr=192.0.2.5\nturnport=3479\n").ice
    assert ice.stun == ("stun.example.com", 3478)
    assert ice.turn == TurnServer("192.0.2.5", 3479)
    assert ice.gathers
    more = "[general]\nstunaddr=[2001:db8::1]:3500\nturnaddr=turn.example.com:443\nturnusername=u\nturnpassword=p\n"
    ice = parse(more + "turn_transport=TCP\n").ice
    assert ice.stun == ("2001:db8::1", 3500)
    assert ice.turn == TurnServer("turn.example.com", 443, "u", "p", True)
    assert "'p'" not in repr(ice)
    assert not parse("[general]\nstunaddr=\nturnport=1\n").ice.gathers
    assert not parse("[general]\nstunaddr=192.0.2.1\nice_lite=yes\n").ice.gathers


def test_which_addresses_are_candidates() -> None:
    ice = parse(
        "[general]\nice_deny=0.0.0.0/0\nice_permit=192.0.2.0/24\nice_blacklist=192.0.2.7\nstun_acl=inside\n",
        "[inside]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n[bad]\ndeny=x\n",
    ).ice
    allowed = [host for host in ("192.0.2.1", "192.0.2.7", "10.0.0.1", "2001:db8::1") if ice.host_rules.allows(host)]
    assert allowed == ["192.0.2.1", "2001:db8::1"]
    assert [host for host in ("192.0.2.1", "10.0.0.1") if ice.stun_rules.allows(host)] == ["10.0.0.1"]


def test_candidates_by_another_address() -> None:
    text = "[ice_host_candidates]\n10.0.0.1 => 192.0.2.1\n10.0.0.2 => 192.0.2.2,include_local_address\n"
    assert parse(text).ice.advertised == {
        "10.0.0.1": Advertised("192.0.2.1"),
        "10.0.0.2": Advertised("192.0.2.2", with_local=True),
    }


@pytest.mark.parametrize(
    "text",
    [
        "[general]\nstunaddr=host:port\n",
        "[general]\nstunaddr=:3478\n",
        "[general]\nturnaddr=192.0.2.1\nturnport=0\n",
        "[general]\nturnaddr=192.0.2.1\nturn_transport=tls\n",
        "[general]\nice_deny=everybody\n",
        "[general]\nstun_acl=nobody\n",
        "[ice_host_candidates]\n10.0.0.1 => public\n",
        "[ice_host_candidates]\nlocal => 192.0.2.1\n",
        "[ice_host_candidates]\n10.0.0.1 => 192.0.2.1,include\n",
    ],
)
def test_mistakes_of_ice(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text)
    assert error.value.position is not None
    assert error.value.position.line > 1
