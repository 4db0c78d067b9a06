"""Unidentified requests: a few are reported, a flood once."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from sip_rig import FakeFlow, Rig
from test_cli import recorded, run

from asterism.interception.identification import Identification
from asterism.interception.unidentified import UnidentifiedRequests

CONF = (
    "[global]\ntype=global\nunidentified_request_count=3\nunidentified_request_period=10\n"
    "unidentified_request_prune_interval=60\n"
)


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    rig = make_rig(CONF)
    next(module for module in rig.modules if isinstance(module, Identification)).start()
    rig.record()
    return rig


def strangers(rig: Rig, count: int, host: str = "192.0.2.66") -> None:
    for _ in range(count):
        assert rig.only(rig.receive(rig.request("INVITE", "sip:x", "ghost"), FakeFlow((host, 5060)))).status == 401


def events(rig: Rig) -> int:
    return sum(name == "InvalidAccountID" for name, _ in rig.events)


def test_a_flood_is_reported_once_per_window(rig: Rig) -> None:
    handler = Lines()
    rig.log.addHandler(handler)
    strangers(rig, 8)
    assert events(rig) == 3
    lines = [line for line in handler.lines if "192.0.2.66" in line]
    assert sum("No matching endpoint found" in line for line in lines) == 3
    assert sum("no more of them are reported" in line for line in lines) == 1
    strangers(rig, 1, "192.0.2.67")
    assert events(rig) == 4
    rig.advance(9)
    strangers(rig, 1)
    assert events(rig) == 4
    rig.advance(1)
    strangers(rig, 1)
    assert events(rig) == 5
    rig.log.removeHandler(handler)


def test_listing(rig: Rig) -> None:
    assert (
        run(rig, "pjsip show unidentified_requests").rstrip() == recorded("pjsip show unidentified_requests").rstrip()
    )
    strangers(rig, 3)
    assert run(rig, "pjsip show unidentified_requests").startswith("No objects found.")
    strangers(rig, 2)
    text = run(rig, "pjsip show unidentified_requests")
    assert "192.0.2.66" in text
    assert "Objects found: 1" in text
    rig.advance(59)
    assert "Objects found: 1" in run(rig, "pjsip show unidentified_requests")
    rig.advance(1)
    assert run(rig, "pjsip show unidentified_requests").startswith("No objects found.")


def test_the_table_is_bounded() -> None:
    table = UnidentifiedRequests(limit=3)
    for number in range(10):
        table.seen(f"192.0.2.{number}", 1.0)
    assert len(table) == 3
    table.seen("192.0.2.99", 100.0)
    assert len(table) == 1
