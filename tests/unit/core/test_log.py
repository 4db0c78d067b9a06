"""The server's log: its arguments are data, and one place in the program cannot flood it."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import asterism
from asterism.core import log as core_log
from asterism.core.events import EventBus
from asterism.core.log import Multiline, RepeatLimit, ServerLogger, ServerRecord, printable, printable_lines
from asterism.core.security import SecurityEvents

SOURCE = Path(asterism.__file__).parent
METHODS = {
    "log",
    "notice",
    "verbose",
    "security",
    "dtmf",
    "debugging",
    "warning",
    "error",
    "exception",
    "info",
    "debug",
}
PASSED_ON = {"environment.py", "log.py", "core.py"}
"""Files with functions that pass a message on as they were given it."""


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[ServerRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record, ServerRecord)
        self.records.append(record)

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self.records]


@pytest.fixture
def log() -> ServerLogger:
    return ServerLogger("test")


@pytest.fixture
def kept(log: ServerLogger) -> Kept:
    handler = Kept()
    log.addHandler(handler)
    return handler


class Nasty:
    def __str__(self) -> str:
        return "a\r\nb"

    def __repr__(self) -> str:
        return "<a\nb>"


@pytest.mark.parametrize("character", ["\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\udc80", "\t"])
def test_no_argument_brings_a_control_character_into_a_line(log: ServerLogger, kept: Kept, character: str) -> None:
    for value in (f"a{character}b", ValueError(f"a{character}b"), [f"a{character}b"]):
        log.warning("%s is %d of %r", value, 5, value)
        log.warning("%(value)s", {"value": value})
    log.warning("%s", Nasty())
    log.warning("%r", Nasty())
    assert all(line.isprintable() for line in kept.lines)
    assert kept.lines[0].startswith(f"a{character.encode('unicode_escape').decode()}b is 5 of ")


def test_lines_are_made_by_the_program_and_by_what_is_marked_as_several(log: ServerLogger, kept: Kept) -> None:
    log.warning("one\n%s\n%s", "two\nthree", Multiline("four\r\nfi\rve\x1b[2J"))
    assert kept.lines == ["one\ntwo\\nthree\nfour\nfi\\rve\\x1b[2J"]


def test_a_line_that_was_logged_wrongly_is_still_told(log: ServerLogger, kept: Kept) -> None:
    log.warning("%s and %s", "one\n")
    assert kept.lines == ["%s and %s ('one\\n',)"]


def test_printable_leaves_alone_what_is() -> None:
    assert printable("Grüße ☏") == "Grüße ☏"
    assert printable_lines("a\r\n\tb\x00") == "a\n\tb\\x00"


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            holder = node.func.value
            name = (
                holder.attr if isinstance(holder, ast.Attribute) else holder.id if isinstance(holder, ast.Name) else ""
            )
            if name.lstrip("_") == "log":
                yield node


def _places() -> list[tuple[Path, ast.Call]]:
    return [(path, call) for path in sorted(SOURCE.rglob("*.py")) for call in _calls(ast.parse(path.read_text()))]


def test_every_message_that_is_logged_anywhere_is_written_in_the_program() -> None:
    """A text made elsewhere must be an argument, since only arguments are kept from breaking the line."""
    places = _places()
    assert len(places) > 150
    wrong = []
    for path, call in places:
        assert isinstance(call.func, ast.Attribute)
        position = 1 if call.func.attr in ("log", "verbose", "debugging") else 0
        message = call.args[position] if len(call.args) > position else None
        literal = (isinstance(message, ast.Constant) and isinstance(message.value, str)) or (
            isinstance(message, ast.IfExp)
            and all(isinstance(each, ast.Constant) for each in (message.body, message.orelse))
        )
        if not literal and path.name not in PASSED_ON:
            wrong.append(f"{path}:{call.lineno}")
    assert wrong == []


def test_tracebacks_of_one_place_are_few_and_what_is_left_out_is_counted(
    log: ServerLogger, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(core_log.time, "monotonic", lambda: now)

    def fail() -> None:
        try:
            raise ValueError("what a stranger sent")
        except ValueError:
            log.exception("it failed")

    for _ in range(50):
        fail()
    assert len(kept.records) == RepeatLimit.TRACEBACKS
    assert kept.lines[-1] == "it failed (more like this within 10 s are not logged)"
    log.error("another place is heard")
    now += RepeatLimit.PERIOD
    fail()
    assert kept.lines[-2:] == ["another place is heard", "it failed (45 more like this were not logged)"]


def test_lines_of_one_place_are_bounded_and_those_that_were_asked_for_are_not(log: ServerLogger, kept: Kept) -> None:
    log.verbose_level = 1
    for _ in range(RepeatLimit.LINES * 2):
        log.notice("a stranger")
        log.verbose(1, "the operator")
    assert sum(record.levelno == core_log.NOTICE for record in kept.records) == RepeatLimit.LINES
    assert sum(record.levelno == core_log.VERBOSE for record in kept.records) == RepeatLimit.LINES * 2


def test_what_is_counted_is_bounded() -> None:
    limit = RepeatLimit()
    for number in range(5000):
        limit.admits(ServerRecord("x", core_log.ERROR, f"file{number}", 1, "m", (), None))
    assert len(limit._seen) <= 1024


@pytest.mark.parametrize("value", ['x" ,Service="y', "x\nSecurityEvent=", "x\u2028y", 'a"'])
def test_a_value_of_a_security_event_stays_in_its_field(log: ServerLogger, kept: Kept, value: str) -> None:
    SecurityEvents(EventBus(log), log).publish(
        "InvalidAccountID", service="PJSIP", account=value, session=value,
        local=("UDP", "192.0.2.1", 5060), remote=("UDP", value, 5060), Extra=value,
    )  # fmt: skip
    (line,) = kept.lines
    assert line.isprintable()
    fields = line.split('",')
    assert [field.partition("=")[0] for field in fields] == [
        "SecurityEvent", "EventTV", "Severity", "Service", "EventVersion", "AccountID", "SessionID", "LocalAddress",
        "RemoteAddress", "Extra",
    ]  # fmt: skip
    assert line.count('"') == 20


class Choosy(Kept):
    """A handler with a verbosity of its own."""

    def __init__(self, own: int) -> None:
        super().__init__()
        self.own = own

    def verbosity(self, _server_level: int) -> int:
        return self.own


def test_the_verbosity_is_the_highest_that_anybody_takes(log: ServerLogger) -> None:
    assert log.verbosity == 0
    log.verbose_level = 3
    assert log.verbosity == 0, "nobody is there"
    plain, choosy = Kept(), Choosy(1)
    log.addHandler(choosy)
    assert log.verbosity == 1
    log.addHandler(plain)
    assert log.verbosity == 3
    choosy.own = 5
    log.update_verbosity()
    assert log.verbosity == 5
    log.removeHandler(choosy)
    log.verbose_level = 2
    assert log.verbosity == 2
    log.verbose(3, "too much")
    log.verbose(2, "right")
    assert plain.lines == ["right"]


@pytest.mark.parametrize(("extra", "level"), [(None, 3), ({"verbose": 0}, 0)])
def test_python_s_info_reaches_a_console(extra: dict[str, int] | None, level: int) -> None:
    """No channel can ask for INFO, so that its lines went nowhere, those of ``rtp set debug`` among them."""
    log, kept = ServerLogger("test"), Kept()
    log.addHandler(kept)
    log.info("by a method", extra=extra)
    log.log(logging.INFO, "by its number", extra=extra)
    told = [(record.levelname, record.__dict__["verbose"], record.getMessage()) for record in kept.records]
    assert told == [("VERBOSE", level, "by a method"), ("VERBOSE", level, "by its number")]
