"""RFC 4475 and RFC 5118 at a whole server, from a sender that it knows by address: each answer, and nothing left."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from torture_kit import ANSWERS, MESSAGES

from asterism.testing import assert_idle, running_server, until

PJSIP = """
[global]
type=global
{option}
[system]
type=system
timer_t1=20
timer_b=200
[peer]
type=endpoint
context=calls
allow=ulaw
aors=user,j.user,watson,null-%00-null
[registered](!)
type=aor
max_contacts=50
[user](registered)
[j.user](registered)
[watson](registered)
[null-%00-null](registered)
[peer-address]
type=identify
endpoint=peer
match=127.0.9.0/255.255.255.0,127.0.10.0/255.255.255.0
"""
EXTENSIONS = """
[calls]
exten => _.,1,Hangup(17)
"""


@contextmanager
def senders(network: str) -> Iterator[dict[str, socket.socket]]:
    """A sender of its own for each message: what one of them does wrong must not count against another.

    The port is SIP's, for that is where the answer goes to a request without ``rport`` that cannot be read.
    """
    found = {}
    for number, name in enumerate(MESSAGES, 1):
        found[name] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        found[name].setblocking(False)
        found[name].bind((f"{network}.{number}", 5060))
    try:
        yield found
    finally:
        for each in found.values():
            each.close()


def statuses(sender: socket.socket) -> list[str]:
    """The status of every response that has come."""
    found = []
    with suppress(BlockingIOError):
        while True:
            found.append(sender.recv(65_535).split(b" ", 2)[1].decode())
    return found


def branches(data: bytes) -> str:
    """What a message is matched by: some of the messages have it in common."""
    found = re.search(rb"^v(?:ia)?[ \t]*:(.*)$", data, re.IGNORECASE | re.MULTILINE)
    return found.group(1).strip().decode("latin-1") if found else ""


@pytest.mark.parametrize(("option", "network"), [("", "127.0.9"), ("ignore_unknown_require=yes", "127.0.10")])
async def test_torture(option: str, network: str) -> None:
    with senders(network) as sockets:
        await torture(option, sockets)


async def torture(option: str, sockets: dict[str, socket.socket]) -> None:
    config = {"pjsip.conf": PJSIP.replace("{option}", option), "extensions.conf": EXTENSIONS}
    escaped: list[logging.LogRecord] = []
    got: dict[str, list[str]] = {name: [] for name in MESSAGES}
    async with running_server(config) as server:
        server.log.addHandler(Keep(escaped))
        _, _, *address = next(item for item in server.sip.listening() if item[1] == "udp")
        layer = server.sip.layer
        seen: set[str] = set()
        for name, data in MESSAGES.items():
            if branches(data) in seen:
                await until(lambda: not layer.finished_transactions, what="a transaction is remembered for too long")
                seen.clear()
            seen.add(branches(data))
            sockets[name].sendto(data, tuple(address))

            def arrived(name: str = name) -> bool:
                got[name] += statuses(sockets[name])
                return bool(got[name])

            if ANSWERS[name][1] != "-":
                await until(arrived, what=f"{name} is not answered")
        await assert_idle(server)
    for name, sender in sockets.items():
        answered = set(got[name] + statuses(sender)) - {"100"}
        wanted = "200" if option and name == "bext01" else ANSWERS[name][1]
        assert answered == ({wanted} - {"-"}), name
    assert escaped == []


class Keep(logging.Handler):
    """Keeps what is logged of exceptions that escaped."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.ERROR)
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
