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
