"""The log channels of a live server: reload, rotation, channels that come and go, levels, syslog, console."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from manager_kit import MANAGER, manager

from asterism.core.log import ServerLogger
from asterism.interfaces.console.runner import CommandRunner
from asterism.interfaces.logger.channels import FileChannel, SyslogChannel
from asterism.interfaces.logger.formats import DefaultFormat
from asterism.interfaces.logger.settings import parse_levels
from asterism.server.server import Server
from asterism.testing import running_server, until

LOGGER = "[general]\ndateformat=%F %T\n[logfiles]\nfull => notice,warning,error\nsecurity => security\n"


async def run(server: Server, line: str) -> str:
    written: list[str] = []
    await CommandRunner(server).run(line, written.append)
    return "".join(written)


async def test_files_are_there_from_the_start_and_one_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "var/log/taken").mkdir()
    conf = "[logfiles]\nempty => dtmf\ntaken => error\nfull => error\n"
    async with running_server({"logger.conf": conf}, tmp_path):
        log = tmp_path / "var/log"
        assert (log / "empty").read_text() == ""
        assert "taken cannot be written" in (log / "full").read_text()


async def test_a_reload_changes_the_channels_and_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    async with running_server({"logger.conf": LOGGER}, tmp_path) as server:
        log = tmp_path / "var/log"
        server.log.notice("one")
        (tmp_path / "logger.conf").write_text("[logfiles]\nother => error\n")
        assert await run(server, "logger reload") == ""
        server.log.notice("two")
        server.log.error("three")
        assert "one" in (log / "full").read_text()
        assert "two" not in (log / "full").read_text()
        assert "three" in (log / "other").read_text()
        (tmp_path / "logger.conf").write_text("[logfiles\n")
        await run(server, "logger reload")
        server.log.error("four")
        assert "four" in (log / "other").read_text()


async def test_rotation_from_console_and_manager_and_the_command_after_it(tmp_path: Path) -> None:
    done = tmp_path / "rotated"
    conf = LOGGER.replace("[general]", f"[general]\nexec_after_rotate=echo ${{filename}} >> {done}")
    async with running_server({"logger.conf": conf, "manager.conf": MANAGER}, tmp_path) as server:
        log = tmp_path / "var/log"
        server.log.notice("first")
        await run(server, "logger rotate")
        server.log.notice("second")
        assert "first" in (log / "full.0").read_text()
        assert "first" not in (log / "full").read_text()
        await until(lambda: done.exists() and str(log / "full.0") in done.read_text())
        async with manager(server) as client:
            response = await client.action("LoggerRotate")
            assert response["Message"] == "Reloaded the logger and rotated log files"
        assert "second" in (log / "full.1").read_text()


async def test_channels_are_added_and_removed(tmp_path: Path) -> None:
    async with running_server({"logger.conf": LOGGER}, tmp_path) as server:
        log = tmp_path / "var/log"
        assert await run(server, "logger add channel extra [json]verbose(4),error") == ""
        server.log.verbose(4, "detail")
        server.log.verbose(5, "too much detail")
        server.log.error("trouble", extra={"channel": "PJSIP/x-1", "call_id": "abc"})
        records = [json.loads(line) for line in (log / "extra").read_text().splitlines()]
        assert [record["message"] for record in records] == ["detail", "trouble"]
        assert (records[1]["channel"], records[1]["call_id"]) == ("PJSIP/x-1", "abc")
        assert "already exists" in await run(server, "logger add channel extra error")
        shown = await run(server, "logger show channels")
        assert f"{log / 'extra'} File     json       Enabled    - ERROR VERBOSE" in shown
        assert "Removed dynamic logger channel 'extra'" in await run(server, "logger remove channel extra")
        assert "Unable to find" in await run(server, "logger remove channel extra")
        server.log.error("later")
        assert "later" not in (log / "extra").read_text()


async def test_managers_are_told_of_channels(tmp_path: Path) -> None:
    async with running_server({"logger.conf": LOGGER, "manager.conf": MANAGER}, tmp_path) as server:
        log = tmp_path / "var/log"
        async with manager(server) as client:
            await run(server, "logger add channel extra error")
            added = await client.event("LogChannel")
            assert added.text == f"Event: LogChannel\nPrivilege: system,all\nChannel: {log / 'extra'}\nEnabled: Yes"
            await run(server, "logger remove channel extra")
            await client.event("LogChannel", Channel=str(log / "extra"), Enabled="No")
            (tmp_path / "logger.conf").write_text("[logfiles]\nfull => error\nconsole => error\n")
            await run(server, "logger reload")
            await client.event("LogChannel", Channel="console", Enabled="Yes")
            told = [
                (Path(one["Channel"]).name, one["Enabled"]) for one in client.events if one["Event"] == "LogChannel"
            ]
            assert told[2:] == [("security", "No"), ("full", "Yes"), ("console", "Yes")]


async def test_managers_are_told_of_a_channel_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server({"logger.conf": LOGGER, "manager.conf": MANAGER}, tmp_path) as server:
        path = tmp_path / "var/log/full"

        def full(channel: FileChannel) -> None:
            raise OSError("no space left")

        async with manager(server) as client:
            monkeypatch.setattr(FileChannel, "open_file", full)
            server.log.error("not written")
            await client.event("LogChannel", Channel=str(path), Enabled="No")


async def test_the_security_log_has_a_file_of_its_own(tmp_path: Path) -> None:
    async with running_server({"logger.conf": LOGGER, "manager.conf": MANAGER}, tmp_path) as server:
        async with manager(server):
            pass
        text = (tmp_path / "var/log/security").read_text()
        assert 'res_security_log.c: SecurityEvent="SuccessfulAuth",EventTV="' in text
        assert 'Service="AMI",EventVersion="1",AccountID="admin"' in text
        assert (
            not (tmp_path / "var/log/full").exists() or "SecurityEvent" not in (tmp_path / "var/log/full").read_text()
        )


async def test_the_console_of_the_foreground_is_muted_and_chooses_levels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_server({"logger.conf": "[logfiles]\nconsole => notice,error\n"}, tmp_path) as server:
        server.log.notice("heard")
        assert "muted" in await run(server, "logger mute")
        server.log.notice("unheard")
        assert "not muted" in await run(server, "logger mute")
        assert "turned off" in await run(server, "logger set level NOTICE off")
        server.log.notice("unwanted")
        server.log.error("bad")
        await run(server, "logger set level NOTICE on")
        server.log.notice("again")
    shown = capsys.readouterr().out
    assert [word in shown for word in ("heard", "unheard", "unwanted", "bad", "again")] == [
        True, False, False, True, True,
    ]  # fmt: skip


def test_syslog(tmp_path: Path) -> None:
    """At the facility of the channel's name, at the priority of the level (RFC 3164)."""
    path = str(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as device:
        device.bind(path)
        device.settimeout(5)
        log = ServerLogger("test")
        channel = SyslogChannel(parse_levels("syslog.local3", "error,notice"), log, DefaultFormat("%F %T"), path)
        log.addHandler(channel)
        log.error("to the machine's log")
        received = device.recv(4096)
        # local3 is facility 19, error is severity 3.
        assert received.startswith(b"<155>asterisk: [")
        assert b"to the machine's log" in received
        log.notice("news")
        assert device.recv(4096).startswith(b"<157>")
        channel.close()
    with pytest.raises(ValueError, match="facility"):
        SyslogChannel(parse_levels("syslog.nowhere", "error"), log, DefaultFormat(), path)
