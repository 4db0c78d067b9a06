"""Log channels and formats: nobody forges a line in any of them, and a full disk is an interruption."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import re
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from asterism.core.log import LEVEL_NAMES, VERBOSE, Multiline, ServerLogger
from asterism.interfaces.logger import channels, formats
from asterism.interfaces.logger.channels import RETRY_SECONDS, ConsoleChannel, FileChannel, LogChannel, SyslogChannel
from asterism.interfaces.logger.formats import ConsoleFormat, DefaultFormat, JsonFormat, PlainFormat
from asterism.interfaces.logger.settings import ChannelSettings

FORGED = "[Nov 28 00:00:00] NOTICE[1]: x.c: Request 'REGISTER' from '<sip:1@192.0.2.1>' failed for '203.0.113.9:5060'"
LEVELS = dict.fromkeys(LEVEL_NAMES, 0)
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00\n"]
FORMATS: list[Callable[[], logging.Formatter]] = [
    DefaultFormat,
    PlainFormat,
    JsonFormat,
    lambda: ConsoleFormat(False, False),
    lambda: ConsoleFormat(True, True),
]


def settings(name: str = "full") -> ChannelSettings:
    return ChannelSettings(name, "default", dict(LEVELS))


def test_every_format_and_channel_is_tried_here() -> None:
    known = {cls for cls in vars(formats).values() if isinstance(cls, type) and issubclass(cls, logging.Formatter)}
    assert {type(make()) for make in FORMATS} == known
    assert set(LogChannel.__subclasses__()) == {ConsoleChannel, FileChannel, SyslogChannel}


def log_everything(log: ServerLogger, text: str) -> None:
    """One record of every level and kind, with ``text`` in all its places."""
    log.verbose_level = 10
    log.debug_level = 10
    for level in LEVEL_NAMES.values():
        extra = {"verbose": 3, "channel": text, "call_id": text}
        log.log(level, "it was %s", text, extra=extra)
        log.log(level, "trace:\n%s", Multiline(text), extra=extra)
        try:
            raise ValueError(text)
        except ValueError:
            log.log(level, "failed: %s", text, exc_info=True, extra=extra)


def forged(line: str) -> bool:
    """Whether a reader of logs would take a line for a record: a date at its start, after two characters at most."""
    return re.match(r"\W{0,2}Nov 28 00:00:00", line) is not None


@pytest.mark.parametrize("ending", BREAKS)
@pytest.mark.parametrize("make", FORMATS)
def test_no_text_makes_a_line_of_its_own_in_a_file(
    tmp_path: Path, make: Callable[[], logging.Formatter], ending: str
) -> None:
    log = ServerLogger("test")
    channel = FileChannel(settings(), log, make(), tmp_path / "full")
    log.addHandler(channel)
    log_everything(log, f"x{ending}{FORGED}{ending}y")
    channel.close()
    text = (tmp_path / "full").read_bytes().decode()
    assert text.count(FORGED) >= 3 * len(LEVELS)
    assert not any(forged(line) for line in text.splitlines())
    assert "\r" not in text


@pytest.mark.parametrize("make", FORMATS)
def test_no_text_makes_a_line_of_its_own_on_a_console(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], logging.Formatter]
) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", screen)
    log = ServerLogger("test")
    log.addHandler(ConsoleChannel(settings("console"), log, make()))
    log_everything(log, f"\x1b[2J\x9b2J\udc80é\n{FORGED}")
    screen.seek(0)
    text = screen.read()
    assert text.count(FORGED) >= 3 * len(LEVELS)
    assert not any(forged(line) for line in text.splitlines())
    assert "\x1b[2J" not in text


def test_each_line_is_a_message_of_its_own_in_syslog(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    log = ServerLogger("test")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(10)
        channel = SyslogChannel(settings("syslog.local0"), log, DefaultFormat(), path)
        log.addHandler(channel)
        log.error("trace:\n%s", Multiline(f"x\n{FORGED}\udc80"))
        found = [server.recv(4096).decode() for _ in range(3)]
        channel.close()
    assert all("\n" not in message and message.startswith("<131>asterisk: ") for message in found)
    assert found[2].startswith(f"<131>asterisk:     {FORGED}")


def test_a_json_line_is_one_object_and_gives_back_what_was_logged(tmp_path: Path) -> None:
    log = ServerLogger("test")
    log.addHandler(FileChannel(settings(), log, JsonFormat(), tmp_path / "full"))
    log.error("say %s", "é\u2028\x85\n", extra={"call_id": "a\x85b"})
    (line,) = (tmp_path / "full").read_text().splitlines()
    found = json.loads(line)
    assert (found["message"], found["call_id"]) == ("say é\\u2028\\x85\\n", "a\x85b")


class Disk:
    """What ``os.write`` finds: room for so many bytes, without end when ``None``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self.now = 50.0
        self._write = os.write
        monkeypatch.setattr(channels.os, "write", self.write)
        monkeypatch.setattr(channels.time, "monotonic", lambda: self.now)

    def write(self, file: int, data: bytes) -> int:
        if self.room is not None:
            data = data[: self.room]
            self.room -= len(data)
            if not data:
                raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(file, data)


def test_a_log_comes_back_by_itself_after_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, log, told = Disk(monkeypatch), ServerLogger("test"), []
    channel = FileChannel(settings(), log, logging.Formatter("%(message)s"), tmp_path / "full")
    channel.on_change = lambda one: told.append(one.failed)
    log.addHandler(channel)
    log.error("first")
    disk.room = 3
    for number in range(10):
        log.error("lost %d", number)
    assert told == [True]
    disk.room = None
    log.error("too early to try")
    disk.now += RETRY_SECONDS
    log.error("back")
    log.error("and on")
    assert told == [True, False]
    assert (tmp_path / "full").read_text().splitlines() == [
        "first", "los", "11 records before this one could not be written", "back", "and on",
    ]  # fmt: skip


def test_a_disk_that_stays_full_is_tried_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, log = Disk(monkeypatch), ServerLogger("test")
    channel = FileChannel(settings(), log, logging.Formatter("%(message)s"), tmp_path / "full")
    log.addHandler(channel)
    disk.room = 0
    tries = 0

    def count(file: int, data: bytes) -> int:
        nonlocal tries
        tries += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(channels.os, "write", count)
    for _ in range(100):
        log.error("lost")
        disk.now += 0.1
    assert tries == 2
    assert channel.lost == 100


def test_a_record_that_was_logged_wrongly_does_not_stop_the_channel(tmp_path: Path) -> None:
    log = ServerLogger("test")
    log.addHandler(FileChannel(settings(), log, DefaultFormat(), tmp_path / "full"))
    log.error("%d", "no number")
    log.error("after it")
    assert len((tmp_path / "full").read_text().splitlines()) == 2


def test_log_files_are_not_for_everybody(tmp_path: Path) -> None:
    channel = FileChannel(settings(), ServerLogger("test"), DefaultFormat(), tmp_path / "full")
    old = os.umask(0)
    try:
        channel.open_file()
    finally:
        os.umask(old)
    channel.close()
    assert stat.S_IMODE((tmp_path / "full").stat().st_mode) == 0o640


def test_verbose_records_go_by_the_channels_own_level(tmp_path: Path) -> None:
    log = ServerLogger("test")
    channel = FileChannel(ChannelSettings("v", "default", {"verbose": 3}), log, DefaultFormat(), tmp_path / "v")
    record = log.makeRecord("test", VERBOSE, "f", 1, "m", (), None, extra={"verbose": 4})
    assert not channel.takes(record)
