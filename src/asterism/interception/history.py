"""The history of SIP messages: kept in memory while it is on, listed and searched on the console."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.interception.history_filter import FilterError, parse_filter
from asterism.interception.reports import printable
from asterism.stack.uri import format_host_port

if TYPE_CHECKING:
    from asterism.sip.server import SipServer
    from asterism.stack.flow import Flow

LIMIT = 10_000
"""Messages that are kept; older ones are dropped, the numbers go on."""
MOST_BYTES = 67_108_864
"""Bytes of the messages that are kept, likewise."""
_HEAD = (
    "No.   Timestamp  (Dir) Address                  SIP Message                        \n"
    "===== ========== ============================== ===================================\n"
)
_CALL_ID = re.compile(rb"\r?\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_SDES_KEY = re.compile(r"(inline:)[A-Za-z0-9+/=]+")


class Entry:
    """One message."""

    __slots__ = ("address", "data", "number", "received", "timestamp")

    def __init__(self, number: int, timestamp: int, received: bool, address: tuple[str, int], data: bytes) -> None:
        self.number = number
        self.timestamp = timestamp
        self.received = received
        self.address = address
        self.data = data

    @property
    def addr(self) -> str:
        """The peer's address and port."""
        return format_host_port(*self.address)

    @property
    def start_line(self) -> str:
        """The first line."""
        return printable(self.data.split(b"\r\n", 1)[0].decode("utf-8", "replace"))

    def field(self, name: str) -> int | str | None:
        """The value that a filter compares; ``None`` when the message has no such thing."""
        if name == "number":
            return self.number
        if name == "timestamp":
            return self.timestamp
        if name == "addr":
            return self.addr
        if name == "sip.msg.request.method":
            return None if self.data.startswith(b"SIP/2.0") else self.start_line.partition(" ")[0]
        found = _CALL_ID.search(self.data)
        return None if found is None else found[1].decode("utf-8", "replace").strip()


class History:
    """The messages seen since it was switched on."""

    def __init__(self, wall_clock: Callable[[], float] = time.time, limit: int = LIMIT) -> None:
        self._clock = wall_clock
        self.entries: deque[Entry] = deque(maxlen=limit)
        self._next = 0
        self._held = 0

    def see(self, direction: str, data: bytes, flow: Flow) -> None:
        """Keep one message; keep-alives are none."""
        if data.strip():
            entries = self.entries
            if len(entries) == entries.maxlen:
                self._held -= len(entries.popleft().data)
            entries.append(Entry(self._next, int(self._clock()), direction == "in", flow.remote, data))
            self._next += 1
            self._held += len(data)
            while self._held > MOST_BYTES:
                self._held -= len(entries.popleft().data)

    def clear(self) -> None:
        """Forget everything; numbers begin at 0 again."""
        self.entries.clear()
        self._next = self._held = 0

    def find(self, number: int) -> Entry | None:
        """The entry of a number, if it is still there."""
        if not self.entries:
            return None
        index = number - self.entries[0].number
        return self.entries[index] if 0 <= index < len(self.entries) else None


class HistoryModule(Module):
    """Keeps SIP messages to look at later."""

    name = "sip_history"
    aliases = ("res_pjsip_history",)
    requires = ("res_pjsip",)
    description = "History of SIP messages"

    server: SipServer
    history: History

    def load(self, server: SipServer) -> None:
        """Register the commands."""
        self.server = server
        self.history = History()
        server.register_marked(self)

    def unload(self) -> None:
        """Stop watching."""
        self._watch(False)

    def _watch(self, on: bool) -> None:
        sip = self.server.sip
        if sip.started:
            sip.state.traces.set(sip.transports, "history", self.history.see if on else None)

    @command(
        "pjsip set history on",
        Documentation("Keep SIP messages to look at later.", "pjsip set history on", f"The last {LIMIT} are kept."),
    )
    def switch_on(self, _call: CommandCall) -> str:
        """Begin to keep messages."""
        self._watch(True)
        return "PJSIP History enabled\n"

    @command("pjsip set history off", Documentation("Keep no more SIP messages.", "pjsip set history off"))
    def switch_off(self, _call: CommandCall) -> str:
        """Keep no more; what there is stays."""
        self._watch(False)
        return "PJSIP History disabled\n"

    @command("pjsip set history clear", Documentation("Forget the SIP messages kept.", "pjsip set history clear"))
    def clear(self, _call: CommandCall) -> str:
        """Forget what there is."""
        self.history.clear()
        return "PJSIP History cleared\n"

    @command(
        "pjsip show history",
        Documentation(
            "Show the SIP messages kept.",
            "pjsip show history [entry <number>|where <condition>]",
            "A condition compares number, timestamp, addr, sip.msg.request.method and sip.msg.call-id with =, !=, <,"
            " <=, >, >= or like (a regular expression), joined with and, or, not and parentheses:\n"
            'pjsip show history where number > 5 and addr = "192.0.2.3:5060"',
            (
                Argument("entry", "Show one message in full."),
                Argument("where", "List the messages that a condition holds for."),
            ),
        ),
        ("entry", "where"),
    )
    def show(self, call: CommandCall) -> str:
        """List the messages, or show one."""
        args = call.args
        if not args:
            return self._list(None)
        if args[0] == "entry" and len(args) == 2:
            entry = self.history.find(int(args[1])) if args[1].isdecimal() and len(args[1]) < 19 else None
            if entry is None:
                raise CommandError(f"Entry '{args[1]}' does not exist\n")
            return _in_full(entry)
        if args[0] == "where" and len(args) > 1:
            try:
                condition = parse_filter(args[1:])
            except FilterError as error:
                raise CommandError(f"The condition cannot be read: {error}\n") from error
            return self._list(lambda entry: condition(entry.field))
        raise UsageError("nothing, an entry's number, or a condition")

    def _list(self, wanted: Callable[[Entry], bool] | None) -> str:
        rows = (
            f"{entry.number:05} {entry.timestamp:<10} * {'<==' if entry.received else '==>'} {entry.addr:<24} "
            f"{entry.start_line}\n"
            for entry in self.history.entries
            if wanted is None or wanted(entry)
        )
        return _HEAD + "".join(rows)


def _in_full(entry: Entry) -> str:
    text = _SDES_KEY.sub(r"\1<hidden>", entry.data.decode("utf-8", "replace").replace("\r\n", "\n"))
    text = "".join(character if character in "\n\t" or character.isprintable() else "?" for character in text)
    way = "Received from" if entry.received else "Sent to"
    return f"<--- History Entry {entry.number} {way} {entry.addr} at {entry.timestamp} --->\n{text}"
