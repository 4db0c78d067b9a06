"""What console and manager show of subscriptions, as recorded."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from call_kit import CONFIG, World, two_phones
from manager_kit import MANAGER, RECORD, manager

from asterism.interfaces.console.runner import CommandRunner

PJSIP = CONFIG["pjsip.conf"].replace(
    "[101]\ntype=aor\nmax_contacts=2\n",
    "[101]\ntype=aor\nmax_contacts=2\nmailboxes=6001@default\n"
    "[team]\ntype=resource_list\nevent=presence\nlist_item=6001,6002\nnotification_batch_interval=200\n",
).replace('callerid="Ann Example" <101>', 'callerid="Alice Example" <6001>\nsubscribe_context=hints')  # fmt: skip
HINTS = """
[hints]
exten => 6002,hint,PJSIP/102
exten => 6050,hint,PJSIP/101&PJSIP/102
"""
IDS = ("5688ee3dacfef9d7@ua.example.test", "7e4fd572c580b991@ua.example.test", "65f62459f507ec0d@ua.example.test")


def recorded(name: str, title: str) -> str:
    """The output of a command in the record."""
    text = (RECORD / name).read_text() + "\n### "
    start = text.index("\n", text.index(f"### [Asterisk 22.10] {title}")) + 1
    return text[start : text.index("\n### ", start)]


@asynccontextmanager
async def world(*more: str) -> AsyncIterator[World]:
    """Ann with three subscriptions, named as in the record."""
    pjsip = PJSIP + "".join(more)
    config = {**CONFIG, "pjsip.conf": pjsip, "manager.conf": MANAGER}
    config["extensions.conf"] += HINTS
    async with two_phones(config) as found:
        for call_id, event, resource in zip(
            IDS, ("presence", "dialog", "presence"), ("6002", "6002", "6050"), strict=True
        ):
            watch = await found.ann.subscribe(resource, event, "", 599, Call_ID=call_id)
            await watch.next()
        yield found
        for watch in found.ann.subscriptions.values():
            if watch.state == "active":
                await watch.end()


async def command(world: World, line: str) -> str:
    """Type a console command."""
    written: list[str] = []
    await CommandRunner(world.server).run(line, written.append)
    text = "".join(written).replace("101/Alice Example  ", "alice/Alice Example")
    return re.sub(r"\b598\b", "599", re.sub(r"\b101\b", "alice", text))


@pytest.mark.parametrize(
    "line",
    [
        "pjsip show subscriptions inbound", "pjsip list subscriptions inbound",
        "pjsip show subscriptions inbound like 6002", f"pjsip show subscription inbound {IDS[1]}",
        "pjsip show subscriptions outbound", "pjsip list subscriptions outbound",
    ],
)  # fmt: skip
async def test_the_console_as_recorded(line: str) -> None:
    async with world() as found:
        shown = await command(found, line)
        wanted = recorded("pjsip_cli.txt", f"*CLI> {line}   (state")
        assert shown.rstrip("\n") == wanted.rstrip("\n")


async def test_one_that_is_not_there_and_what_completes() -> None:
    async with world() as found:
        assert await command(found, "pjsip show subscription inbound nosuch") == "\n"
        assert "Usage" in await command(found, "pjsip show subscription inbound")
        assert "No such command" in await command(found, "pjsip show subscription")
        completions = CommandRunner(found.server).complete("pjsip show subscription inbound 5")
        assert IDS[0] in completions
        assert await command(found, "pjsip list subscriptions inbound like [") != ""


async def test_the_manager_as_recorded() -> None:
    async with world() as found, manager(found.server) as client:
        await found.ann.subscribe("101", "message-summary", Call_ID="d2acfbc1f2c1970c@ua.example.test")
        shown = await client.list("PJSIPShowSubscriptionsInbound")
        wanted = recorded("pjsip_ami_actions.txt", "AMI PJSIPShowSubscriptionsInbound")
        events = [block.split("\n") for block in wanted.strip().split("\n\n")]
        records = [
            [line for line in block if not line.startswith("ActionID")]
            for block in events
            if block[0] == "Event: InboundSubscriptionDetail"
        ]
        mine = [
            [
                re.sub(r"^Endpoint: 101$", "Endpoint: alice", f"{name}: {value}")
                for name, value in item.pairs
                if name not in ("ActionID", "")
            ]
            for item in shown
            if item["Event"] == "InboundSubscriptionDetail"
        ]
        # Three of presence and dialog here, two in the record.
        assert len(mine) == 4
        for got, want in zip((mine[0], mine[1], mine[3]), records, strict=True):
            assert [line.partition(":")[0] for line in got] == [line.partition(":")[0] for line in want]
            assert [line for line in got if line[:6] != "Callid"] == [line for line in want if line[:6] != "Callid"]
        lists = await client.list("PJSIPShowResourceLists")
        wanted = recorded("pjsip_ami_actions.txt", "AMI PJSIPShowResourceLists")
        block = next(block for block in wanted.split("\n\n") if block.startswith("Event: ResourceListDetail\n"))
        got = [f"{name}: {value}" for name, value in lists[0].pairs if name not in ("ActionID", "")]
        assert got == [line for line in block.strip().split("\n") if not line.startswith("ActionID")]
        assert (await client.list("PJSIPShowSubscriptionsOutbound"))[-1]["ListItems"] == "0"
