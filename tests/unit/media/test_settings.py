"""rtp.conf and the rtp commands."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from asterism.config import ConfigFile
from asterism.core.commands import CommandCall
from asterism.core.errors import ConfigError, UsageError
from asterism.core.events import EventBus
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner
from asterism.core.test_events import TestEvents
from asterism.media.commands import RtpModule
from asterism.media.core import Media
from asterism.media.settings import RtpSettings, read_lists
from asterism.media.source import StrictMode
from asterism.media.transports.ice_settings import Advertised, TurnServer


def parse(text, lists=""):
    access_lists = read_lists(ConfigFile.parse(lists, "acl.conf"))
    return RtpSettings.from_file(ConfigFile.parse(text, "rtp.conf"), access_lists)


def test_defaults():
    settings = parse("")
    assert settings == RtpSettings()
    assert (settings.rtp_start, settings.rtp_end, settings.dtmf_timeout, settings.rtcp_interval) == (
        5000,
        31000,
        1200,
        5.0,
    )


def test_values():
    settings = parse(
        "[general]\nrtpstart=10000\nrtpend=20000\nstrictrtp=seqno\nprobation=8\nrtcpinterval=2500\ndtmftimeout=3000\n"
    )
    assert (settings.rtp_start, settings.rtp_end, settings.probation) == (10000, 20000, 8)
    assert settings.strict is StrictMode.SEQUENCE
    assert settings.rtcp_interval == 2.5
    assert parse("[general]\nstrictrtp=no\n").strict is StrictMode.NO


@pytest.mark.parametrize(
    "text",
    ["rtpstart=20000\nrtpend=10000", "rtpstart=10001\nrtpend=10002", "rtpstart=x", "rtpend=70000", "probation=0"],
)
def test_errors_name_the_place(text):
    with pytest.raises(ConfigError, match=r"rtp\.conf:[23]"):
        parse(f"[general]\n{text}\n")


def make_module(tmp_path: Path):
    log = ServerLogger("test")
    log.parent, log.propagate = logging.getLogger(), True  # so that caplog sees it
    server = SimpleNamespace(
        owner=Owner("test"),
        test_events=TestEvents(EventBus(log)),
        log=log,
        paths=SimpleNamespace(data=tmp_path, spool=tmp_path, etc=tmp_path, share=tmp_path),
        register_marked=lambda holder: None,
    )
    server.media = Media(server)
    module = RtpModule()
    module.load(server)
    return module, server.media


def test_show_settings(tmp_path):
    (tmp_path / "rtp.conf").write_text("[general]\nrtpstart=30000\nrtpend=30400\n")
    module, _ = make_module(tmp_path)
    lines = module.show_settings(CommandCall([], print)).splitlines()
    assert lines[2:6] == [
        "General Settings:",
        "----------------",
        "  Port start:      30000",
        "  Port end:        30400",
    ]
    assert "  Probation:       4 frames" in lines
    assert "  DTMF Timeout:    1200" in lines
    assert lines[-1] == "   Address:        0.0.0.0:0"


def test_a_wrong_file_keeps_what_was(tmp_path, caplog):
    (tmp_path / "rtp.conf").write_text("[general]\nrtpstart=30000\nrtpend=30400\n")
    module, media = make_module(tmp_path)
    (tmp_path / "rtp.conf").write_text("[general]\nrtpstart=30000\nrtpend=5\n")
    module.reload()
    assert media.settings.rtp_end == 30400
    assert "rtp.conf" in caplog.text


def test_set_debug(tmp_path):
    module, media = make_module(tmp_path)
    assert module.set_debug(CommandCall(["on"], print)) == "RTP Packet Debugging Enabled\n"
    assert media.context.debug
    assert "192.0.2.1" in module.set_debug(CommandCall(["ip", "192.0.2.1"], print))
    assert module.set_debug(CommandCall(["off"], print)) == "RTP Packet Debugging Disabled\n"
    assert not media.context.debug
    with pytest.raises(UsageError):
        module.set_debug(CommandCall(["maybe"], print))


def test_servers_that_give_candidates():
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


def test_which_addresses_are_candidates():
    ice = parse(
        "[general]\nice_deny=0.0.0.0/0\nice_permit=192.0.2.0/24\nice_blacklist=192.0.2.7\nstun_acl=inside\n",
        "[inside]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n[bad]\ndeny=x\n",
    ).ice
    allowed = [host for host in ("192.0.2.1", "192.0.2.7", "10.0.0.1", "2001:db8::1") if ice.host_rules.allows(host)]
    assert allowed == ["192.0.2.1", "2001:db8::1"]
    assert [host for host in ("192.0.2.1", "10.0.0.1") if ice.stun_rules.allows(host)] == ["10.0.0.1"]


def test_candidates_by_another_address():
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
def test_mistakes_of_ice(text):
    with pytest.raises(ConfigError) as error:
        parse(text)
    assert error.value.position.line > 1


def test_show_settings_names_the_servers(tmp_path):
    (tmp_path / "rtp.conf").write_text("[general]\nstunaddr=192.0.2.1\nturnaddr=192.0.2.2\nice_lite=yes\n")
    module, _ = make_module(tmp_path)
    lines = module.show_settings(CommandCall([], print)).splitlines()
    assert lines[-6:] == [
        "  STUN:            enabled",
        "   Address:        192.0.2.1:3478",
        "  TURN:            enabled",
        "   Address:        192.0.2.2:3478",
        "  TURN transport:  UDP",
        "  ICE lite:        Yes",
    ]
