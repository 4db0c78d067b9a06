"""Bytes of a manager client, and its text on the way out: to other clients, to filters, to the log."""

from __future__ import annotations

import logging
import re
from contextlib import suppress

from asterism.core.log import ServerLogger
from asterism.core.restriction import restricted
from asterism.interfaces.manager.filters import parse_filter, passes
from asterism.interfaces.manager.wire import BEFORE_LOGIN, LOGGED_IN, MessageReader, OversizedError, encode

SEEDS = (
    b"Action: Login\r\nUsername: admin\r\nSecret: x\r\n\r\nAction: Ping\r\n\r\n",
    b"action:Originate\nChannel: PJSIP/101\nVariable: A=1,B=2\nVariable: C=3\nActionID: \xff\xc3\x28\n\n",
    b"\r\n\r\nno colon\r\n: \r\nx:\x00\x1b[2J\xe2\x80\xa8Event: Forged\r\n\r\n",
    b"Action: Filter\r\nOperation: Add\r\nFilter: !(a|a)+$\r\n\r\n",
    (
        b"Action: Filter\r\nMatchCriteria: eventfilter(action(exclude),name(VarSet),header(X),method(regex))\r\n"
        b"Filter: [\r\n\r\n"
    ),
)
_LINE = re.compile(r"[^\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]*\r\n")


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        assert record.getMessage().isprintable()


def manager(data: bytes) -> None:
    """The protocol's reader in any pieces, then everything it read on its way out again."""
    for limits in (BEFORE_LOGIN, LOGGED_IN):
        whole, pieces = MessageReader(limits), MessageReader(limits)
        messages = []
        try:
            messages = whole.feed(data)
            found = [message for at in range(0, len(data), 7) for message in pieces.feed(data[at : at + 7])]
            assert [one.pairs for one in found] == [one.pairs for one in messages]
        except OversizedError:
            pass
        assert whole.buffered <= max(len(data), limits.line + 1)
    log = ServerLogger("fuzz")
    log.addHandler(_Lines())
    for message in messages:
        text = encode(message.pairs).encode("utf-8", "replace").decode()
        assert _LINE.sub("", text) == ""
        assert text.count("\r\n") == len(message.pairs) + 1
        for key, value in message.pairs:
            assert message.get(key) == message.get_all(key)[0]
            log.warning("%s: %s", key, value)
            with suppress(ValueError), restricted(0):
                passes([parse_filter(value, message.get("MatchCriteria") or "eventfilter")], "VarSet", text)
