"""The dialogs that ``sip show channels`` lists: what was last asked in each, and their history.

``chan_sip`` keeps a dialog for every Call-ID, calls and registrations alike, and for some seconds after its end. Here
they are read off the messages as they go over the wire, by a watcher that is there only while there is a ``sip.conf``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from asterism.core.log import printable

if TYPE_CHECKING:
    from asterism.media.statistics import Quality
    from asterism.stack.flow import Flow

MOST_DIALOGS = 10_000
"""Dialogs that are kept; more are not listed."""
MOST_LINES = 50
"""Lines of history that one dialog keeps, the latest."""
MOST_BYTES = 4_194_304
"""Bytes of history that all dialogs keep together; those that began first lose theirs first."""
LONGEST_CALL_ID = 255
LINE = 79
"""Characters of a line of history; what is longer is cut off."""

AFTER_REFUSAL = 6.4
"""Seconds that a dialog is listed after a challenge, a refusal or a BYE (64 times the shortest timer T1, 100 ms)."""
AFTER_REQUEST = 32.0
"""The same after any other request (64 times T1)."""

_SWEEP = 256
_OVERHEAD = 96
_CALL_ID = re.compile(rb"\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?\n", re.IGNORECASE)
_CSEQ = re.compile(rb"\nCSeq[ \t]*:[ \t]*(\d{1,10}[ \t]+[A-Za-z]{1,32})", re.IGNORECASE)
_TO = re.compile(rb"\n(?:To|t)[ \t]*:([^\r\n]*)", re.IGNORECASE)
_USER = re.compile(rb"sips?:([^@;>\r\n]{1,80})@", re.IGNORECASE)
_AGENT = re.compile(rb"\nUser-Agent[ \t]*:[ \t]*([^\r\n]{0,80})", re.IGNORECASE)
_ALLOWED = re.compile(rb"\n(?:Proxy-)?Authorization[ \t]*:", re.IGNORECASE)
_RECEIVED_ONLY = frozenset({b"ACK", b"CANCEL", b"BYE"})
"""Requests that begin no dialog."""


class Told(NamedTuple):
    """What the history of a subscription says of a NOTIFY."""

    peer: str
    state: str
    seconds: int


class Owners(Protocol):
    """Who has dialogs: the calls and subscriptions of a server."""

    def held(self) -> Collection[str]:
        """The Call-IDs that are not to be forgotten: those of calls and subscriptions that stand."""

    def told(self, call_id: str) -> Told | None:
        """The subscription with a Call-ID, if there is one."""


class Nobody:
    """Has none."""

    def held(self) -> Collection[str]:
        """No Call-ID."""
        return ()

    def told(self, call_id: str) -> Told | None:
        """No subscription."""


class SeenDialog:
    """One dialog.

    Attributes:
        call_id: its Call-ID.
        incoming: whether the peer sent the first request.
        method: the method of the first request.
        last: the last request, as ``Rx: ACK``, ``Tx: BYE`` or ``Init: INVITE``.
        remote: address and port of the peer.
        transport: ``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``.
        to_user: the user part of To in the first request.
        peer: name of the peer, once a call or a subscription is known to be its.
        user: the user part of its Request-URI, likewise.
        agent: its ``User-Agent``.
        quality: the figures of the audio of a call that is over.
        ends: when it is forgotten, on the clock of the table; ``None``: its last request waits for an answer.
        lines: its history.
    """

    __slots__ = (
        "agent", "allowed", "call_id", "ends", "incoming", "last", "lines", "method", "peer", "quality", "remote",
        "scheduled", "to_user", "transport", "user",
    )  # fmt: skip

    def __init__(self, call_id: str, incoming: bool, method: str, remote: tuple[str, int], transport: str) -> None:
        self.call_id = call_id
        self.incoming = incoming
        self.method = method
        self.last = ""
        self.remote = remote
        self.transport = transport
        self.to_user = ""
        self.peer = self.user = self.agent = ""
        self.quality: Quality | None = None
        self.ends: float | None = None
        self.allowed = False
        """Whether the latest request that came has credentials."""
        self.scheduled = False
        """Whether the history says that it is going to be forgotten."""
        self.lines: list[str] = []

    @property
    def size(self) -> int:
        """Bytes of its history."""
        return sum(len(line) + _OVERHEAD for line in self.lines)


class SipDialogs:
    """All of them, in the order in which they began.

    Args:
        clock: seconds, monotonic.
        owners: who has them.
    """

    def __init__(self, clock: Callable[[], float], owners: Owners | None = None) -> None:
        self._clock = clock
        self._owners: Owners = owners or Nobody()
        self._found: dict[str, SeenDialog] = {}
        self._sweep_at = _SWEEP
        self._bytes = 0
        self.recording = False
        """Whether history is kept (``sip set history``)."""
        self.dump: Callable[[SeenDialog], None] | None = None
        """Called with a dialog that has a history when it is forgotten (``dumphistory``)."""

    # Reading.

    def __iter__(self) -> Iterator[SeenDialog]:
        """Those that are not forgotten yet."""
        self._sweep()
        return iter(list(self._found.values()))

    def starting_with(self, call_id: str) -> list[SeenDialog]:
        """Those whose Call-ID begins so."""
        return [one for one in self if one.call_id.startswith(call_id)]

    def __len__(self) -> int:
        return len(self._found)

    def get(self, call_id: str) -> SeenDialog | None:
        """The dialog with a Call-ID."""
        return self._found.get(call_id)

    # Watching.

    def see(self, direction: str, data: bytes, flow: Flow) -> None:
        """Take note of one message (:class:`~asterism.sip.traces.Traces`)."""
        found = _CALL_ID.search(data)
        if found is None or len(found[1]) > LONGEST_CALL_ID:
            return
        call_id = found[1].decode("utf-8", "replace")
        if data.startswith(b"SIP/2.0 "):
            dialog = self._found.get(call_id)
            if dialog is not None:
                self._see_response(dialog, direction == "in", data)
        else:
            self._see_request(call_id, direction == "in", data, flow)

    def _see_request(self, call_id: str, incoming: bool, data: bytes, flow: Flow) -> None:
        start = data[: data.find(b"\n")].rstrip()
        name = start.partition(b" ")[0]
        method = name[:32].decode("ascii", "replace")
        dialog = self._found.get(call_id)
        to = _TO.search(data)
        if dialog is None:
            if name in _RECEIVED_ONLY or not self._room():
                return
            dialog = self._found[call_id] = SeenDialog(call_id, incoming, method, flow.remote[:2], flow.transport)
        if not dialog.last:
            dialog.remote, dialog.transport = flow.remote[:2], flow.transport
            user = _USER.search(to[1]) if to is not None else None
            dialog.to_user = user[1].decode("utf-8", "replace") if user is not None else ""
        now = self._clock()
        if incoming:
            dialog.last = f"Rx: {method}"
            if method != "ACK":
                agent = _AGENT.search(data)
                if agent is not None:
                    dialog.agent = agent[1].decode("utf-8", "replace")
                dialog.allowed = _ALLOWED.search(data) is not None
                dialog.ends = now + AFTER_REQUEST
        else:
            first = method == dialog.method and not (to is not None and b"tag=" in to[1])
            dialog.last = f"{'Init' if first else 'Tx'}: {method}"
            if method != "ACK":
                dialog.ends = now + AFTER_REQUEST
        if method == "BYE":
            dialog.ends = now + AFTER_REFUSAL
        if self.recording:
            self._record_request(dialog, incoming, method, start, data)

    def _record_request(self, dialog: SeenDialog, incoming: bool, method: str, start: bytes, data: bytes) -> None:
        cseq = _cseq(data)
        if incoming:
            uri = start.split(b" ")[1].decode("utf-8", "replace") if start.count(b" ") > 1 else ""
            self.note(dialog, "Rx", f"{method} / {cseq} / {uri}")
            return
        self.note(dialog, "TxReq" if method == "ACK" else "TxReqRel", f"{method} / {cseq} - {method}")
        if method == "NOTIFY" and dialog.method == "SUBSCRIBE" and dialog.scheduled:
            told = self._owners.told(dialog.call_id)
            if told is not None:
                self.note(dialog, "Subscribestatus", told.state)
                self.note(dialog, "CancelDestroy", "")
                self.note(dialog, "SchedDestroy", f"{(told.seconds + 10) * 1000} ms")
                dialog.scheduled = False

    def _see_response(self, dialog: SeenDialog, incoming: bool, data: bytes) -> None:
        status = data[8:11]
        if not status.isdigit():
            return
        cseq = _cseq(data)
        method = cseq.rpartition(" ")[2]
        final = not status.startswith(b"1")
        challenge = status in (b"401", b"407")
        if self.recording:
            self._record_response(dialog, incoming, data, cseq, (final, challenge))
        if not final or method == "CANCEL":
            return
        if incoming:
            # Our request is answered: what is not a call or a subscription is over.
            if not challenge and (method != "INVITE" or not status.startswith(b"2")):
                dialog.ends = self._clock() + (AFTER_REFUSAL if method == "INVITE" else 0.0)
        elif challenge or (method == "INVITE" and not status.startswith(b"2")):
            dialog.ends = self._clock() + AFTER_REFUSAL

    def _record_response(
        self, dialog: SeenDialog, incoming: bool, data: bytes, cseq: str, kind: tuple[bool, bool]
    ) -> None:
        final, challenge = kind
        line = data[8 : data.find(b"\n")].rstrip().decode("utf-8", "replace")
        invite = cseq.endswith("INVITE")
        if incoming:
            self.note(dialog, "Rx", f"SIP/2.0 / {cseq} / {line}")
            return
        if challenge:
            self.note(dialog, "AuthChal", "Auth challenge sent for  - nc 0")
        elif dialog.method == "SUBSCRIBE" and cseq.endswith("SUBSCRIBE") and line.startswith("2"):
            told = self._owners.told(dialog.call_id)
            self.authenticated(dialog, "" if told is None else told.peer)
        if invite and dialog.scheduled and not challenge and not line.startswith("100"):
            self.note(dialog, "CancelDestroy", "")
            dialog.scheduled = False
        self.note(dialog, "TxRespRel" if final and invite else "TxResp", f"SIP/2.0 / {cseq} - {line}")
        if challenge:
            self.note(dialog, "SchedDestroy", f"{round(AFTER_REFUSAL * 1000)} ms")
            dialog.scheduled = True

    # Told by the calls of sip.conf.

    def begin(self, call_id: str, peer: str, user: str) -> SeenDialog | None:
        """A call of ours that is about to begin; ``None`` where there are too many dialogs."""
        found = self._found.get(call_id)
        if found is None:
            if len(call_id) > LONGEST_CALL_ID or not self._room():
                return None
            found = self._found[call_id] = SeenDialog(call_id, False, "INVITE", ("", 0), "")
            found.ends = self._clock() + AFTER_REQUEST
        found.peer, found.user = peer, user
        return found

    def authenticated(self, dialog: SeenDialog, peer: str) -> None:
        """Note that the peer's credentials were right, where it gave some."""
        if dialog.allowed:
            self.note(dialog, "AuthOK", f"Auth challenge successful for {peer}")

    def over(self, call_id: str, quality: Quality | None) -> None:
        """A call is over: its dialog is listed for a while."""
        found = self._found.get(call_id)
        if found is not None:
            found.quality = quality
            found.ends = max(found.ends or 0.0, self._clock() + AFTER_REFUSAL)

    # History.

    def note(self, dialog: SeenDialog, event: str, text: str) -> None:
        """Add a line to the history of a dialog, while that is kept."""
        if not self.recording:
            return
        line = printable(f"{event:<15} {text}"[:LINE])[: 4 * LINE]
        dialog.lines.append(line)
        self._bytes += len(line) + _OVERHEAD
        while len(dialog.lines) > MOST_LINES:
            self._bytes -= len(dialog.lines.pop(0)) + _OVERHEAD
        if self._bytes > MOST_BYTES:
            self._shed()

    def _shed(self) -> None:
        for dialog in self._found.values():
            self._bytes -= dialog.size
            dialog.lines = []
            if self._bytes <= MOST_BYTES * 3 // 4:
                return

    # Forgetting.

    def _room(self) -> bool:
        if len(self._found) >= self._sweep_at:
            self._sweep()
        return len(self._found) < MOST_DIALOGS

    def _sweep(self) -> None:
        now = self._clock()
        held: Collection[str] | None = None
        for dialog in [one for one in self._found.values() if one.ends is not None and one.ends <= now]:
            if held is None:
                held = self._owners.held()
            if dialog.call_id not in held:
                del self._found[dialog.call_id]
                self._bytes -= dialog.size
                if dialog.lines and self.dump is not None:
                    self.dump(dialog)
        self._sweep_at = max(_SWEEP, min(2 * len(self._found), MOST_DIALOGS))

    def clear(self) -> None:
        """Forget all of them."""
        self._found.clear()
        self._bytes = 0


def _cseq(data: bytes) -> str:
    found = _CSEQ.search(data)
    return " ".join(found[1].decode("ascii").split()) if found is not None else ""
