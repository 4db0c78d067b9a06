"""The trace of ``sip set debug``, compared with the recorded console log."""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.chan_sip.cli.debug import SipDebug
from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.core.log import ServerLogger

RECORD = (Path(__file__).parents[3] / "data" / "record" / "chan_sip_cli.txt").read_text()
STAMP = re.compile(r"^\[2026-11-21 \d\d:\d\d:\d\d\] VERBOSE\[\d+\](?:\[C-\d+\])? chan_sip\.c: ", re.MULTILINE)


class Peers:
    """Peers at two addresses, one of them behind NAT."""

    def __init__(self) -> None:
        self.alice: Any = SimpleNamespace(name="alice", nat=("force_rport", "comedia"))

    def located(self) -> dict[tuple[str, int], Any]:
        return {("127.0.0.1", 15091): self.alice, ("127.0.0.1", 15092): self.alice}

    def get(self, name: str) -> Any:
        return self.alice if name == "alice" else None

    def all(self) -> list[Any]:
        return [self.alice]

    def address(self, peer: Any) -> tuple[str, int] | None:
        return ("127.0.0.1", 15091) if peer is self.alice else None


def make(*nat: str) -> tuple[SipDebug, list[str], dict[str, Any]]:
    written: list[str] = []
    log = ServerLogger("test")
    log.setLevel(1)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(record.getMessage())

    log.addHandler(Handler())
    watchers: dict[str, Any] = {}
    core: Any = SimpleNamespace(
        started=True,
        transports=None,
        state=SimpleNamespace(traces=SimpleNamespace(set=lambda _t, name, watcher: watchers.update({name: watcher}))),
    )
    return SipDebug(core, Peers(), log, lambda: nat), written, watchers  # type: ignore[arg-type]


def flow(port: int = 15091, host: str = "127.0.0.1") -> Any:
    return SimpleNamespace(remote=(host, port), transport="UDP")


def run(command: Any, *words: str) -> str:
    result = command(CommandCall(list(words), lambda _text: None))
    return str(asyncio.run(result) if asyncio.iscoroutine(result) else result)


def block(start: str) -> list[str]:
    """The log records of the recorded trace that begin so."""
    records = STAMP.split(RECORD[RECORD.index("--- console output with debug on") :])
    return [
        re.split(r"^\[2026-", one, maxsplit=1, flags=re.MULTILINE)[0].rstrip("\n")
        for one in records
        if one.lstrip("\n").startswith(start)
    ]


def wire(record: str) -> bytes:
    """The message in a recorded trace."""
    lines = record.strip("\n").split("\n")[1:-1]
    text = "\n".join(lines) + "\n"
    return text.rstrip("\n").replace("\n", "\r\n").encode() + b"\r\n\r\n"


@pytest.mark.parametrize("number", range(3))
def test_a_message_that_came_is_written_as_recorded(number: int) -> None:
    debug, written, _ = make()
    debug.everything = True
    expected = block("<--- SIP read from UDP:127.0.0.1:15091")[number]
    debug.trace("in", wire(expected), flow())
    assert "\n" + expected.strip("\n") == written[0]
    assert written[1] in RECORD
    assert re.fullmatch(r"--- \((9|7) headers 0 lines\) ---", written[1])


def test_what_is_sent_is_written_as_recorded() -> None:
    debug, written, _ = make()
    debug.everything = True
    answer = block("<--- Transmitting (NAT) to")[0]
    debug.trace("out", wire(answer), flow())
    bye = next(one for one in block("Reliably Transmitting (NAT)") if "\nBYE " in one)
    debug.trace("out", wire(bye), flow(15092))
    assert written == ["\n" + answer.strip("\n"), bye]


def test_what_is_sent_again_is_numbered_and_acks_are_not_reliable() -> None:
    debug, written, _ = make()
    debug.everything = True
    request = b"OPTIONS sip:x SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n"
    for _ in range(3):
        debug.trace("out", request, flow(15070))
    debug.trace("out", b"ACK sip:x SIP/2.0\r\nCSeq: 1 ACK\r\n\r\n", flow(15070))
    debug.trace("out", b"SIP/2.0 486 Busy here\r\nCSeq: 1 INVITE\r\n\r\n", flow(15070))
    assert [text.strip("\n").split(" to ")[0] for text in written] == [
        "Reliably Transmitting (no NAT)", "Retransmitting #1 (no NAT)", "Retransmitting #2 (no NAT)",
        "Transmitting (no NAT)", "<--- Reliably Transmitting (no NAT)",
    ]  # fmt: skip


def test_only_the_address_asked_for_is_written_and_keys_never_are() -> None:
    debug, written, watchers = make()
    assert run(debug.debug_ip, "127.0.0.1:15091") == "SIP Debugging Enabled for IP: 127.0.0.1\n"
    trace = watchers["sip_debug"]
    message = b"INVITE sip:x SIP/2.0\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n"
    trace("in", message, flow(15092))
    trace("in", message, flow(15091, "127.0.0.2"))
    trace("in", b"\r\n\r\n", flow(15091))
    assert written == []
    trace("in", message, flow(15091))
    assert "inline:<hidden>" in written[0]
    assert "c2VjcmV0" not in "".join(written)
    assert written[1] == "--- (1 headers 1 lines) ---"


def test_switching_it_on_and_off_and_the_older_spelling() -> None:
    debug, _, watchers = make()
    assert run(debug.debug) == "SIP Debugging enabled\n"
    assert run(debug.debug, "on") == "SIP Debugging re-enabled\n"
    assert run(debug.debug, "peer", "alice") == "SIP Debugging Enabled for IP: 127.0.0.1\n"
    assert debug.address == ("127.0.0.1", 15091)
    assert run(debug.debug, "ip", "::1") == "SIP Debugging Enabled for IP: ::1\n"
    assert run(debug.debug_peer, "nosuch") == "No such peer 'nosuch'\n"
    assert watchers["sip_debug"] is not None
    assert run(debug.no_debug) == "SIP Debugging Disabled\n"
    assert watchers["sip_debug"] is None
    for words in (("bogus",), ("ip",), ("ip", "x y"), ("peer",), ("on", "extra"), ("off", "extra")):
        with pytest.raises(UsageError):
            run(debug.debug, *words)
    assert list(debug.complete_peers([""])) == ["alice"]


@pytest.mark.parametrize(
    ("nat", "told"), [((), "no NAT"), (("auto_force_rport",), "no NAT"), (("force_rport",), "NAT")]
)
def test_who_has_not_registered_yet_is_behind_nat_as_general_says(nat: tuple[str, ...], told: str) -> None:
    debug, written, _ = make(*nat)
    debug.everything = True
    debug.trace("out", b"SIP/2.0 401 Unauthorized\r\n\r\n", flow(5999))
    assert f"Transmitting ({told}) to 127.0.0.1:5999" in written[0]
