"""The trace logger's capture file and the history of messages."""

from __future__ import annotations

import ipaddress
import logging
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sip_rig import MODULES, FakeFlow, Rig
from test_cli import run

from asterism.core.errors import CommandError, UsageError
from asterism.interception.history import History, HistoryModule
from asterism.interception.history_filter import FilterError, parse_filter
from asterism.interception.logger import LoggerModule
from asterism.interception.pcap import datagram

CONF = "[global]\ntype=global\n"
REGISTER = b"REGISTER sip:127.0.0.1:15160 SIP/2.0\r\nCall-ID: one\r\nCSeq: 7 REGISTER\r\nContent-Length: 0\r\n\r\n"
REFUSED = b"SIP/2.0 401 Unauthorized\r\nCall-ID: one\r\nCSeq: 7 REGISTER\r\nContent-Length: 0\r\n\r\n"
OPTIONS = b"OPTIONS sip:127.0.0.1 SIP/2.0\r\ni: two\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path / "etc", CONF, modules=(*MODULES, LoggerModule, HistoryModule))
    rig.paths = SimpleNamespace(log=tmp_path)  # type: ignore[attr-defined]
    return rig


def packets(path: Path) -> list[tuple[str, int, str, int, bytes]]:
    """What a capture file holds; every checksum is verified."""
    data = path.read_bytes()
    magic, major, minor, _, _, _, link = struct.unpack_from("!IHHiIII", data)
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 101)
    found, position = [], 24
    while position < len(data):
        _, micros, captured, length = struct.unpack_from("!IIII", data, position)
        assert micros < 1_000_000
        assert captured == length
        found.append(dissect(data[position + 16 : position + 16 + captured]))
        position += 16 + captured
    return found


def ones(data: bytes) -> int:
    """The sum of a packet with its checksum in place: 0xffff when it is right."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def dissect(packet: bytes) -> tuple[str, int, str, int, bytes]:
    if packet[0] >> 4 == 4:
        assert struct.unpack_from("!H", packet, 2)[0] == len(packet)
        assert packet[9] == 17
        assert ones(packet[:20]) == 0xFFFF
        source, target, udp = packet[12:16], packet[16:20], packet[20:]
    else:
        assert struct.unpack_from("!H", packet, 4)[0] == len(packet) - 40
        assert packet[6] == 17
        source, target, udp = packet[8:24], packet[24:40], packet[40:]
    sport, dport, length, _ = struct.unpack_from("!HHHH", udp)
    assert length == len(udp)
    pseudo = source + target + struct.pack("!II", length, 17) + udp
    assert ones(pseudo + b"\0" * (len(pseudo) % 2)) == 0xFFFF
    return str(ipaddress.ip_address(source)), sport, str(ipaddress.ip_address(target)), dport, udp[8:]


def see(rig: Rig, direction: str, data: bytes, remote: tuple[str, int] = ("127.0.0.1", 15291)) -> None:
    if rig.transports.on_trace is not None:
        rig.transports.on_trace(direction, data, FakeFlow(remote))


def test_capture_file(rig: Rig, tmp_path: Path) -> None:
    assert rig.transports.on_trace is None
    path = tmp_path / "trace.pcap"
    assert run(rig, "pjsip set logger pcap trace.pcap") == f"PJSIP Logging to pcap file '{path}' has been enabled\n"
    see(rig, "in", REGISTER)
    see(rig, "out", REFUSED)
    see(rig, "in", b"\r\n\r\n")
    key = b"m=audio\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
    see(rig, "out", OPTIONS + key)
    run(rig, "pjsip set logger method OPTIONS")
    run(rig, "pjsip set logger off")
    assert rig.transports.on_trace is None
    see(rig, "in", OPTIONS)
    found = packets(path)
    assert found[:2] == [
        ("127.0.0.1", 15291, "192.0.2.1", 5060, REGISTER),
        ("192.0.2.1", 5060, "127.0.0.1", 15291, REFUSED),
    ]
    hidden = found[2][4]
    assert len(found) == 3
    assert len(hidden) == len(OPTIONS + key)
    assert b"d0Rm" not in hidden
    assert b"inline:XXXX" in hidden


def test_the_filters_count_for_the_file(rig: Rig, tmp_path: Path) -> None:
    run(rig, "pjsip set logger method OPTIONS")
    run(rig, "pjsip set logger pcap one.pcap")
    for data in (REGISTER, REFUSED, OPTIONS):
        see(rig, "in", data)
    run(rig, "pjsip set logger off")
    assert [packet[4] for packet in packets(tmp_path / "one.pcap")] == [OPTIONS]
    run(rig, "pjsip set logger host 127.0.0.9")
    run(rig, "pjsip set logger pcap two.pcap")
    see(rig, "in", REGISTER)
    see(rig, "in", OPTIONS, ("127.0.0.9", 5060))
    assert [packet[4] for packet in packets(tmp_path / "two.pcap")] == [OPTIONS]
    with pytest.raises(CommandError):
        run(rig, "pjsip set logger pcap no/such/folder.pcap")
    with pytest.raises(UsageError):
        run(rig, "pjsip set logger pcap")


@pytest.fixture
def lines(rig: Rig) -> Iterator[list[str]]:
    """The messages of the log."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Keep()
    rig.log.addHandler(handler)
    yield found
    rig.log.removeHandler(handler)


def test_the_log_can_be_left_out_and_taken_in_again(rig: Rig, tmp_path: Path, lines: list[str]) -> None:
    run(rig, "pjsip set logger host 127.0.0.1")
    assert run(rig, "pjsip set logger add 127.0.0.9") == "PJSIP Logging Enabled for host: 127.0.0.9\n"
    see(rig, "in", OPTIONS, ("127.0.0.9", 5060))
    see(rig, "in", OPTIONS, ("127.0.0.8", 5060))
    assert ["127.0.0.9" in line for line in lines] == [True]
    assert run(rig, "pjsip set logger verbose off") == "PJSIP Logging to verbose has been disabled\n"
    assert rig.transports.on_trace is None
    assert run(rig, "pjsip set logger verbose on") == "PJSIP Logging to verbose has been enabled\n"
    see(rig, "in", REGISTER, ("127.0.0.9", 5060))
    assert len(lines) == 2
    with pytest.raises(UsageError):
        run(rig, "pjsip set logger verbose maybe")
    run(rig, "pjsip set logger off")
    # A capture of everything says nothing in the log; what is asked for after it is there.
    run(rig, "pjsip set logger pcap all.pcap")
    see(rig, "in", OPTIONS)
    run(rig, "pjsip set logger off")
    assert len(lines) == 2
    run(rig, "pjsip set logger on")
    see(rig, "in", OPTIONS)
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("debug", "seen"), [("no", []), ("yes", ["127.0.0.1", "127.0.0.9"]), ("127.0.0.9", ["127.0.0.9"]), ("odd", [])]
)
def test_debug_traces_from_the_start(tmp_path: Path, debug: str, seen: list[str]) -> None:
    rig = Rig(tmp_path / "etc", f"[global]\ntype=global\ndebug={debug}\n", modules=(*MODULES, LoggerModule))
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    rig.log.addHandler(Keep())
    logger = rig.modules[-1]
    assert isinstance(logger, LoggerModule)
    logger.start()
    for host in ("127.0.0.1", "127.0.0.9"):
        see(rig, "in", OPTIONS, (host, 5060))
    assert [host for host in ("127.0.0.1", "127.0.0.9") if any(f"UDP:{host}:" in line for line in found)] == seen
    assert any("'odd' is not an address" in line for line in found) == (debug == "odd")


def test_ipv6_and_odd_lengths() -> None:
    packet = datagram(("2001:db8::1", 5060), ("2001:db8::2", 5062), b"odd")
    assert dissect(packet) == ("2001:db8::1", 5060, "2001:db8::2", 5062, b"odd")
    packet = datagram(("192.0.2.1", 5060), ("192.0.2.2", 5062), b"")
    assert dissect(packet) == ("192.0.2.1", 5060, "192.0.2.2", 5062, b"")


def collect(rig: Rig) -> None:
    history = next(module.history for module in rig.modules if isinstance(module, HistoryModule))
    history._clock = lambda: 1795259685.7
    run(rig, "pjsip set history on")
    see(rig, "in", REGISTER)
    see(rig, "out", REFUSED)
    see(rig, "out", OPTIONS, ("127.0.0.1", 15289))
    see(rig, "in", b"\r\n")


def test_history_is_listed_as_recorded(rig: Rig, record: Path) -> None:
    text = (record / "pjsip_cli.txt").read_text()
    text = text[text.index("# Asterisk 22.10 -- pjsip set history on / show history") :]
    head = text[text.index("No.   Timestamp") :].split("\n")[:4]
    assert run(rig, "pjsip show history").split("\n")[:2] == head[:2]
    collect(rig)
    lines = run(rig, "pjsip show history").splitlines()
    assert lines[:4] == head
    assert lines[4] == "00002 1795259685 * ==> 127.0.0.1:15289          OPTIONS sip:127.0.0.1 SIP/2.0"
    assert len(lines) == 5
    entry = run(rig, "pjsip show history entry 1")
    assert entry.startswith(
        "<--- History Entry 1 Sent to 127.0.0.1:15291 at 1795259685 --->\nSIP/2.0 401 Unauthorized\n"
    )
    assert entry.endswith("Content-Length: 0\n\n")
    assert "Received from" in run(rig, "pjsip show history entry 0")
    for missing in ("3", "999", "x"):
        with pytest.raises(CommandError, match=f"Entry '{missing}' does not exist"):
            run(rig, f"pjsip show history entry {missing}")
    assert run(rig, "pjsip set history off") == "PJSIP History disabled\n"
    assert rig.transports.on_trace is None
    see(rig, "in", OPTIONS)
    assert len(run(rig, "pjsip show history").splitlines()) == 5
    assert run(rig, "pjsip set history clear") == "PJSIP History cleared\n"
    assert len(run(rig, "pjsip show history").splitlines()) == 2


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('sip.msg.request.method = "REGISTER"', [0]),
        ("sip.msg.request.method = REGISTER", [0]),
        ('sip.msg.request.method != "REGISTER"', [2]),
        ("number > 0", [1, 2]),
        ("number >= 1 and number < 2", [1]),
        ("number=1 or number=2", [1, 2]),
        ("not number = 1", [0, 2]),
        ("timestamp < 5", []),
        ('(addr = "127.0.0.1:15289" or number = 0) and not sip.msg.call-id = "one"', [2]),
        ('sip.msg.call-id like "^o"', [0, 1]),
        ("sip.msg.call-id = two", [2]),
    ],
)
def test_history_filters(rig: Rig, condition: str, numbers: list[int]) -> None:
    collect(rig)
    lines = run(rig, f"pjsip show history where {condition}").splitlines()[2:]
    assert [int(line[:5]) for line in lines] == numbers


@pytest.mark.parametrize(
    "condition",
    ["", "number", "number >", "number ~ 1", "number > x", "size > 1", "(number > 1", "number > 1 )", 'addr like "("',
     "not " * 60 + "number > 1", '"'],
)  # fmt: skip
def test_conditions_that_cannot_be_read(condition: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(condition.split())


def test_history_and_trace_at_the_same_time(rig: Rig, tmp_path: Path) -> None:
    collect(rig)
    run(rig, "pjsip set logger pcap both.pcap")
    see(rig, "in", OPTIONS)
    run(rig, "pjsip set history off")
    see(rig, "in", OPTIONS)
    assert len(packets(tmp_path / "both.pcap")) == 2
    assert len(run(rig, "pjsip show history").splitlines()) == 6


def test_the_history_is_bounded(rig: Rig) -> None:
    from asterism.interception.history import History

    history = History(limit=3)
    for _ in range(5):
        history.see("in", OPTIONS, FakeFlow())
    assert [entry.number for entry in history.entries] == [2, 3, 4]
    assert history.find(1) is None
    found = history.find(4)
    assert found is not None
    assert re.match(r"OPTIONS", found.start_line)


def test_the_history_is_limited_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterism.interception.history.MOST_BYTES", 1_000)
    history = History(lambda: 0.0, limit=5)
    for number in range(20):
        history.see("in", b"x" * (400 if number < 10 else 10), FakeFlow())
        assert sum(len(entry.data) for entry in history.entries) <= 1_000
    assert [entry.number for entry in history.entries] == [15, 16, 17, 18, 19]
