from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from asterism.config.file import ConfigFile
from asterism.core.log import SECURITY, ServerLogger
from asterism.interfaces.logger.channels import FileChannel
from asterism.interfaces.logger.formats import DefaultFormat, JsonFormat
from asterism.interfaces.logger.settings import parse_levels, read_settings


def test_levels_formats_and_verbosity() -> None:
    channel = parse_levels("full", "[json]notice,verbose(3), *")
    assert channel.format == "json"
    assert set(channel.levels) >= {"notice", "verbose", "error", "security"}
    assert parse_levels("x", "verbose(3),error").levels == {"verbose": 3, "error": 0}


@pytest.mark.parametrize("text", ["nonsense", "[xml]error", "verbose(x)"])
def test_a_wrong_level_or_format_is_an_error_and_the_rest_stays(text: str) -> None:
    config = ConfigFile.parse(f"[logfiles]\nbad => {text}\ngood => error\n", "logger.conf")
    settings, errors = read_settings(config)
    assert [channel.name for channel in settings.channels] == ["good"]
    assert len(errors) == 1
    assert str(errors[0]).startswith("logger.conf:2")


def file_channel(path: Path, log: ServerLogger, levels: str, strategy: str = "default") -> FileChannel:
    formatter: logging.Formatter = JsonFormat() if strategy == "json" else DefaultFormat("%F %T")
    channel = FileChannel(parse_levels(path.name, levels), log, formatter, path)
    log.addHandler(channel)
    return channel


def test_a_security_line_is_as_log_readers_expect(tmp_path: Path) -> None:
    log = ServerLogger("test")
    channel = file_channel(tmp_path / "security", log, "security")
    log.security("%s", 'SecurityEvent="InvalidPassword"')
    log.error("not for this file")
    channel.close()
    line = (tmp_path / "security").read_text()
    pattern = (
        r'\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] SECURITY\[\d+\] res_security_log\.c: SecurityEvent="InvalidPassword"\n'
    )
    assert re.fullmatch(pattern, line)


def test_a_message_cannot_forge_a_line_with_control_characters(tmp_path: Path) -> None:
    log = ServerLogger("test")
    channel = file_channel(tmp_path / "full", log, "notice")
    log.notice("from %s", "x\r\x1b[2J\x00y")
    channel.close()
    assert (tmp_path / "full").read_text().endswith("from x\\r\\x1b[2J\\x00y\n")


def test_json_carries_the_call(tmp_path: Path) -> None:
    log = ServerLogger("test")
    channel = file_channel(tmp_path / "json", log, "error", "json")
    log.error("lost", extra={"channel": "PJSIP/a-1", "call_id": "abc"})
    channel.close()
    fields = json.loads((tmp_path / "json").read_text())
    assert (fields["level"], fields["message"], fields["channel"], fields["call_id"]) == (
        "ERROR",
        "lost",
        "PJSIP/a-1",
        "abc",
    )


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("sequential", {"log.0": "1\n", "log.1": "2\n"}),
        ("rotate", {"log.0": "2\n", "log.1": "1\n"}),
        ("none", {}),
    ],
)
def test_rotation(tmp_path: Path, strategy: str, expected: dict[str, str]) -> None:
    log = ServerLogger("test")
    channel = FileChannel(parse_levels("log", "error"), log, logging.Formatter("%(message)s"), tmp_path / "log")
    log.addHandler(channel)
    for number in ("1", "2"):
        log.error(number)
        channel.rotate(strategy)
    log.error("3")
    channel.close()
    current = (tmp_path / "log").read_text()
    others = {path.name: path.read_text() for path in tmp_path.iterdir() if path.name != "log"}
    assert others == expected
    assert current == ("3\n" if expected else "1\n2\n3\n")


def test_a_channel_that_cannot_write_is_failed_and_nobody_is_harmed(tmp_path: Path) -> None:
    log = ServerLogger("test")
    (tmp_path / "file").write_text("")
    channel = file_channel(tmp_path / "file" / "below", log, "error")
    log.error("nowhere to go")
    assert channel.failed


def test_verbose_records_are_not_made_above_the_level() -> None:
    log = ServerLogger("test")
    seen: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())
    log.addHandler(handler)
    log.verbose_level = 2
    log.verbose(3, "too much")
    log.verbose(2, "just right")
    assert seen == ["just right"]
    assert log.isEnabledFor(SECURITY)


@pytest.mark.parametrize(
    ("levels", "server_level", "verbosity"),
    [("error", 5, 0), ("error,verbose", 3, 3), ("verbose(5)", 0, 5), ("verbose(2)", 4, 2), ("verbose", 0, 0)],
)
def test_a_channel_tells_the_log_how_much_it_takes(
    tmp_path: Path, levels: str, server_level: int, verbosity: int
) -> None:
    log = ServerLogger("test")
    log.verbose_level = server_level
    channel = file_channel(tmp_path / "file", log, levels)
    assert log.verbosity == verbosity
    for level in range(1, 7):
        log.verbose(level, "level %d", level)
    wanted = [f"level {level}" for level in range(1, verbosity + 1)]
    path = tmp_path / "file"
    assert [line.rpartition(": ")[2] for line in (path.read_text().splitlines() if path.exists() else [])] == wanted
    log.removeHandler(channel)
    assert log.verbosity == 0
