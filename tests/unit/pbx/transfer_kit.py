"""Calls that are transferred: four phones, a dialplan, and whoever asked for the transfer."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from fake_technology import FakeServer, FakeStream, settle
from local_kit import local_server, short

from asterism.media.formats import ULAW
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "ami_events_transfers.txt"


def section(title: str) -> str:
    """What stands under the heading that begins with ``title``."""
    text = RECORD.read_text(encoding="utf-8")
    found = re.search(rf"^### \[Asterisk 22\.10\] {re.escape(title)}[^\n]*\n", text, re.MULTILINE)
    assert found is not None, title
    return text[found.end() :].partition("\n### ")[0].strip("\n")


def recorded(title: str) -> list[dict[str, str]]:
    """The events of a section, each as its fields in order."""
    blocks = [block for block in section(f"AMI events: {title}").split("\n\n") if block.startswith("Event: ")]
    rows = [[line.partition(":") for line in block.splitlines()] for block in blocks]
    return [{key: value.strip() for key, _, value in lines} for lines in rows]


def order(title: str) -> list[tuple[str, str]]:
    """The events of a section in order, but VarSet: each with its channels as the record has them in short."""
    found = []
    for block in section(f"AMI events: {title}").split("\n\n"):
        if block.startswith("Event: "):
            fields = {key: value.strip() for key, _, value in (line.partition(":") for line in block.splitlines())}
            found.append((fields["Event"], short(fields)))
        lines = [line[1:].partition(" ") for line in block.splitlines() if line.startswith("~")]
        found += [(name, rest[: rest.rfind("]") + 1]) for name, _, rest in lines]
    return found


class Asked:
    """Whoever asked for a transfer; keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.finals: list[int] = []
        self.late = False
        """Whether it was told of progress after the end."""

    @property
    def final(self) -> int | None:
        """The outcome; a second one would be a fault."""
        assert len(self.finals) < 2
        assert not self.late
        return self.finals[0] if self.finals else None

    def progress(self, status: int) -> None:
        self.late = self.late or bool(self.finals)
        self.told.append(status)

    def done(self, status: int) -> None:
        self.finals.append(status)


def far(channel: Channel) -> Any:
    """The scripted far end of a channel."""
    return channel.driver


def bridge_of(channel: Channel) -> Bridge:
    """The bridge that a channel is in."""
    bridge = channel.bridge
    assert isinstance(bridge, Bridge)
    return bridge


def answers(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)
    channel.queue_control(Control.ANSWER)


def busy(channel: Channel) -> None:
    channel.queue_hangup(17)


def transfer_server() -> FakeServer:
    """Extensions 6001 to 6004 ring the phones for 20 s, 7010 waits, 600 answers and waits."""
    server = local_server()
    server.sip.phones["dave"] = PartyId("6004", "Dave")
    server.sip.stream = lambda: FakeStream(ULAW)
    dialplan = server.pbx.dialplan
    for exten in ("6001", "6002", "6003", "6004"):
        for priority in (1, 2, 3):
            dialplan.remove_extension("internal", exten, priority)
    server.dialplan(
        ("6001", 1, "Dial", "PJSIP/alice,20"),
        ("6002", 1, "Dial", "PJSIP/bob,20"),
        ("6003", 1, "Dial", "PJSIP/carol,20"),
        ("6004", 1, "Dial", "PJSIP/dave,20"),
        ("600", 1, "Answer", ""),
        ("600", 2, "Wait", "3000"),
        ("601", 1, "Wait", "3000"),
        ("602", 1, "NoOp", ""),
    )
    return server


def run(scenario: Any) -> FakeServer:
    """Run ``scenario(server)``; nothing may be left when everybody has hung up."""

    async def main() -> FakeServer:
        server = transfer_server()
        await scenario(server)
        for channel in server.pbx.channels:
            channel.queue_hangup(16)
        await settle(80)
        nothing_left(server)
        return server

    return asyncio.run(main())


def nothing_left(server: FakeServer) -> None:
    assert [channel.name for channel in server.pbx.channels] == []
    assert not server.pbx.bridges
    assert not server.local.technology.pairs  # type: ignore[attr-defined]
    assert server.pbx.active_calls == 0
    balanced(server)


def balanced(server: FakeServer) -> None:
    """Whatever began has ended, exactly once."""
    for begin, end, key in (
        ("Newchannel", "Hangup", "Uniqueid"),
        ("BridgeCreate", "BridgeDestroy", "BridgeUniqueid"),
        ("DialBegin", "DialEnd", "DestUniqueid"),
    ):
        begun, ended = ([event[key] for event in server.fields(name)] for name in (begin, end))
        assert sorted(begun) == sorted(ended), (begin, end)
    enters, leaves = (
        [(event["BridgeUniqueid"], event["Uniqueid"]) for event in server.fields(name)]
        for name in ("BridgeEnter", "BridgeLeave")
    )
    assert sorted(enters) == sorted(leaves)


async def connect(server: FakeServer, caller: str, called: str) -> tuple[Channel, Channel]:
    """A phone calls another one, which answers."""
    before = len(server.sip.made)
    server.sip.scripts[called] = answers
    channel = server.sip.incoming(caller, server.sip.phones[called].number)
    server.pbx.start(channel)
    await settle(30)
    peer = server.sip.made[before]
    assert channel.bridge is peer.bridge is not None
    return channel, peer


async def three(server: FakeServer) -> tuple[Channel, Channel, Channel]:
    """Alice and bob talk, and dave with them."""
    alice, bob = await connect(server, "alice", "bob")
    dave = server.sip.incoming("dave", "601")
    server.pbx.start(dave)
    await settle()
    dave.raw_answer()
    bridge_of(alice).enter(dave, on_leave=lambda *_: dave.soft_hangup())
    await settle()
    return alice, bob, dave


def hung_up(channel: Channel) -> bool:
    return channel.dead and any(entry[0] == "hangup" for entry in far(channel).log)


def together(*channels: Channel) -> bool:
    """Whether they, and nobody else, are in one bridge."""
    bridge: Any = channels[0].bridge
    return bridge is not None and set(bridge.members) == set(channels)
