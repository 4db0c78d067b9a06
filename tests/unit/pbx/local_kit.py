"""Calls through Local channels: the dialplan, the phones and the recorded events of Local channels."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fake_technology import FakeServer, settle
from test_events_call import make_server

from asterism.pbx.calls.local_module import LocalModule
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "ami_events_local.txt"
CALL_APPLICATIONS = RECORD.with_name("call_applications.txt")
FLOATING = ("DeviceStateChange", "ExtensionStatus")
"""Told when their time comes, in the recorded server as here."""


def local_server() -> FakeServer:
    server = make_server()
    server.sip.phones = {
        "alice": PartyId("6001", "Alice"),
        "bob": PartyId("6002", "Bob"),
        "carol": PartyId("6003", "Carol"),
    }

    async def wait(channel: Channel, args: str) -> None:
        await channel.wait(float(args))

    from asterism.core.documentation import Documentation

    server.pbx.register_application("Wait", wait, Documentation("test Wait"))
    for exten in ("6002", "6102"):
        for priority in (1, 2, 3):
            server.pbx.dialplan.remove_extension("internal", exten, priority)
    server.dialplan(
        ("6002", 1, "Dial", "PJSIP/bob,20"),
        ("6003", 1, "Dial", "PJSIP/carol,20"),
        ("6102", 1, "Dial", "PJSIP/bob,3"),
        ("7001", 1, "Dial", "Local/6002@internal,20"),
        ("7002", 1, "Dial", "Local/6002@internal/n,20"),
        ("7010", 1, "Answer", ""),
        ("7010", 2, "Wait", "30"),
        ("h", 1, "NoOp", "hangup"),
    )
    server.local = LocalModule()  # type: ignore[attr-defined]
    server.register_marked = lambda holder: None  # type: ignore[attr-defined]
    server.local.load(server)  # type: ignore[attr-defined]
    return server


def run(scenario: Any) -> FakeServer:
    """Run ``scenario(server)``, and see that nothing is left."""

    async def main() -> FakeServer:
        server = local_server()
        await scenario(server)
        for channel in server.pbx.channels:
            channel.soft_hangup()
        await settle(60)
        assert [channel.name for channel in server.pbx.channels] == []
        assert not server.pbx.bridges
        assert not server.local.technology.pairs  # type: ignore[attr-defined]
        return server

    return asyncio.run(main())


def rings(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)


async def dial(server: FakeServer, exten: str, account: str = "acc1") -> Channel:
    """Alice dials; bob rings."""
    server.sip.scripts["bob"] = rings
    alice = server.sip.incoming("alice", exten, accountcode=account)
    server.pbx.start(alice)
    await settle(40)
    return alice


def halves(server: FakeServer, number: int = 0) -> tuple[Channel, Channel]:
    pair = list(server.local.technology.pairs)[number]  # type: ignore[attr-defined]
    return pair.one.channel, pair.two.channel


def recorded(title: str, record: Path = RECORD) -> list[tuple[str, list[str]]]:
    """The events of a section, each as its name and what the record says of it, one variable each for VarSet."""
    text = record.read_text(encoding="utf-8")
    start = re.search(rf"^### \[Asterisk 22\.10\] AMI events: {re.escape(title)}.*$", text, re.MULTILINE)
    assert start is not None, title
    body = text[start.end() :].partition("\n### ")[0]
    found: list[tuple[str, list[str]]] = []
    for block in body.split("\n\n"):
        lines = block.strip().splitlines()
        if lines and lines[0].startswith("Event: "):
            found.append((lines[0][7:], lines[1:]))
            continue
        for line in lines:
            if not line.startswith("~"):
                continue
            name, _, rest = line[1:].partition(" ")
            if name == "VarSet":
                who, _, sets = rest.partition(" ")
                found += [(name, [who, one.partition("=")[0].strip()]) for one in sets.split(" | ")]
            else:
                found.append((name, [rest]))
    return found


def told(server: FakeServer) -> list[tuple[str, list[str]]]:
    """Our events in the same shape."""
    found: list[tuple[str, list[str]]] = []
    for kind, pairs in server.recorded:
        fields = {key: str(value) for key, value in pairs}
        if kind.name == "VarSet":
            found.append((kind.name, [fields["Channel"], fields["Variable"]]))
        elif kind.name.startswith("Local"):
            found.append((kind.name, [f"{key}: {value}" for key, value in fields.items()]))
        else:
            found.append((kind.name, [short(fields)]))
    return found


def short(fields: dict[str, str]) -> str:
    """An event in the short form of the record, without the fields that differ between runs."""
    parts = []
    for prefix in ("", "Dest"):
        if f"{prefix}ChannelState" in fields:
            each = {key: fields[prefix + key].replace("<unknown>", "-") for key in (
                "Channel", "ChannelStateDesc", "CallerIDNum", "ConnectedLineNum", "Context", "Exten", "Priority",
            )}  # fmt: skip
            parts.append(
                f"{'Dest ' if prefix else ''}{each['Channel']} [{each['ChannelStateDesc']} {each['CallerIDNum']}/"
                f"{each['ConnectedLineNum']} {each['Context']},{each['Exten']},{each['Priority']}]"
            )
    return " ".join(parts)


_SEQUENCE = re.compile(r"-[0-9a-f]{8}")


def comparable(found: list[tuple[str, list[str]]], leave_out: Callable[[str], bool]) -> list[str]:
    """Events as lines that are equal in two runs: without ids, and without what follows the channels."""
    lines = []
    for name, rest in found:
        if leave_out(name) or name in FLOATING:
            continue
        if name.startswith("Local"):
            rest = [_fixed(line) for line in rest if not line.startswith("Privilege")]
            lines.append(f"{name} {' | '.join(rest)}")
            continue
        text = rest[0] if name != "VarSet" else " ".join(rest)
        if name != "VarSet":
            text = "]".join(text.split("]")[: text.count("]")]) + "]" if "]" in text else ""
            if name in ("Newexten", "NewCallerid"):
                text = text.partition("]")[0] + "]"
        lines.append(f"{name} {_SEQUENCE.sub('-N', text)}".strip())
    return lines


def _fixed(line: str) -> str:
    key, _, value = line.partition(": ")
    if key.endswith(("Uniqueid", "Linkedid", "UniqueId")) or key == "Id":
        value = "ID"
    return f"{key}: {_SEQUENCE.sub('-N', value)}".replace("<unknown>", "-").strip()
