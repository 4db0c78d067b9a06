"""The recorded exchanges of chan_sip's actions, and the recorded peers registered as they were."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import NamedTuple

from manager_kit import MANAGER, RECORD, Manager
from sip_console_kit import configuration

from asterism.chan_sip.peers import peers_of
from asterism.server.server import Server
from asterism.sip.contacts import Contact, ContactStatus
from asterism.sip.objects.contact import contact_id

PORTS = (15060, 15081, 15082, 15089)
REGISTERED = {
    "alice": (15091, "", "AlicePhone/2.1", True),
    "bob": (15092, "", "BobPhone/9", True),
    "carol": (15093, ";transport=tcp", "CarolPhone/3", False),
    "dave": (15094, "", "DavePhone/1", False),
    "erin": (15095, ";transport=tcp", "ErinPhone/1", False),
}
"""Port, parameters, User-Agent of those that were registered, and whether they are checked."""


class Exchange(NamedTuple):
    """One exchange of the record."""

    title: str
    sent: str
    received: str


def exchanges() -> list[Exchange]:
    """All exchanges, in order; what came by SIP meanwhile is left out."""
    text = (RECORD / "chan_sip_ami.txt").read_text()
    found = []
    for part in text.split("### [Asterisk 16.28] AMI ")[1:]:
        title, _, rest = part.partition("\n")
        if title.startswith("raw: "):
            continue
        sent, _, received = rest.split("\n####")[0].split("\n### ")[0].partition("<<< response\n")
        received = received.split("\n----")[0].split("\n--- ")[0]
        found.append(Exchange(title, sent.partition("\n")[2].strip("\n"), received.strip("\n")))
    return found


def events(title: str) -> list[str]:
    """The events that were recorded under a title, each as its text."""
    text = (RECORD / "chan_sip_ami.txt").read_text()
    start = text.index("\n", text.index(f"-- events: {title}")) + 1
    rest = text[start:].lstrip("#\n").split("\n####")[0].split("\n### ")[0]
    return [block.strip("\n") for block in rest.split("\n\n") if block.strip().startswith("Event:")]


def files(ports: Mapping[int, int]) -> dict[str, str]:
    """The recorded configuration, and a manager."""
    return {**configuration(ports), "manager.conf": MANAGER}


async def register_all(server: Server) -> None:
    """The recorded phones are registered, those that are checked have answered, the trunks have not."""
    until = int(time.time()) + 610
    for name, (port, parameters, agent, checked) in REGISTERED.items():
        uri = f"sip:{name}@127.0.0.1:{port}{parameters}"
        contact = Contact(contact_id(name, uri), uri=uri, expiration_time=until, user_agent=agent, endpoint=name)
        await server.data.create(contact)
        if checked:
            answered(server, name, 0.001)
    for name in ("trunk1", "trunk2", "deadpeer"):
        answered(server, name, None)


def answered(server: Server, name: str, seconds: float | None) -> None:
    """A peer has answered an OPTIONS after so many seconds, or not."""
    peers = peers_of(server)
    peer = peers.get(name)
    assert peer is not None
    contact = peers.contact(peer)
    assert contact is not None
    status = ContactStatus.UNREACHABLE if seconds is None else ContactStatus.REACHABLE
    server.sip.location.set_reachability(contact, status, seconds)


async def ask(client: Manager, sent: str) -> str:
    """Send a recorded action; the whole answer, a list with its events."""
    pairs = [line.partition(": ")[::2] for line in sent.split("\n")]
    action_id = dict(pairs)["ActionID"]
    client.writer.write("".join(f"{name}: {value}\r\n" for name, value in pairs).encode() + b"\r\n")
    found: list[str] = []
    while True:
        message = await client.read(10)
        if message.get("ActionID") != action_id or message.get("Event") == "SIPQualifyPeerDone":
            continue
        found.append(message.text)
        if message.get("EventList") == "Complete" or ("Response" in message and message.get("EventList") != "start"):
            return "\n\n".join(found)


_NUMBERS = re.compile(r"^(RegExpire|LastMsgsSent|RegistrationTime|Refresh|State): .*$", re.M)


def normalise(text: str, ports: Mapping[int, int]) -> str:
    """A text with recorded ports, and without what depends on the moment."""
    for was, now in ports.items():
        text = text.replace(str(now), str(was))
    return _NUMBERS.sub(r"\1: *", text)
