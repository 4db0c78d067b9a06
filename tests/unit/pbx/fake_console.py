"""A console with the commands of channels, bridges and hints, and the recorded layouts."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from fake_technology import FakeServer, FakeStream, settle

from asterism.core.commands import CommandCall, marks_of
from asterism.media.formats import ULAW
from asterism.pbx.bridges.commands import BridgeCommands
from asterism.pbx.channels.commands import ChannelCommands
from asterism.pbx.states.hint_commands import HintCommands
from asterism.pbx.vocabulary.controls import Control

TRANSCRIPT = Path(__file__).resolve().parents[2] / "data" / "record" / "core_cli.txt"


def recorded(command: str, state: str) -> list[str]:
    text = TRANSCRIPT.read_text(encoding="utf-8")
    found = re.search(rf"^### [^\n]*CLI> {re.escape(command)}   \(state: {state}\)\n(.*?)\n\n###", text, re.M | re.S)
    assert found is not None
    return found.group(1).split("\n")


class Console:
    """Runs the commands of a server by their words."""

    def __init__(self, server: FakeServer) -> None:
        self.commands: dict[str, Any] = {}
        for holder in (ChannelCommands(), BridgeCommands(), HintCommands()):
            server.register_marked = lambda holder: None  # type: ignore[attr-defined]
            holder.load(server)  # type: ignore[arg-type]
            for found, method in marks_of(holder):
                if found.kind == "command":
                    self.commands[found.name] = method

    def run(self, words: str, *args: str) -> list[str]:
        text: str = self.commands[words](CommandCall(list(args), lambda _: None))
        assert text == "" or text.endswith("\n")
        return text.split("\n")[:-1]


async def live_call() -> tuple[FakeServer, Console]:
    """The recorded live call: alice talks with bob for seven of nine seconds."""
    server = FakeServer()
    server.sip.stream = lambda: FakeStream(ULAW)
    server.dialplan(("6002", 1, "Dial", "PJSIP/bob,20,Tt"))
    pbx = server.pbx
    pbx._counters.uniqueids = 2
    pbx._counters.processed = 1
    pbx._counters.callids = 1
    alice = server.sip.incoming("alice", "6002", accountcode="acct-alice")
    alice.call_group, alice.pickup_group = 2, 6
    alice.set_variable("DEPT", "sales")
    alice.set_variable("SIPDOMAIN", "127.0.0.1")
    pbx.start(alice)
    await settle()
    bob = server.sip.made[0]
    bob.queue_control(Control.RINGING)
    bob.queue_control(Control.ANSWER)
    await settle()
    bridge = alice.bridge
    assert bridge is not None
    bridge.uniqueid = "7df5908f-c381-4f2c-b92c-7d3dfd78588b"
    for number, channel in enumerate((alice, bob), 2):
        channel.created -= 9
        channel.uniqueid = f"1795259674.{number}"
        channel.linkedid = "1795259674.2"
    bridge.created -= 7  # type: ignore[attr-defined]
    return server, Console(server)


def on_live_call(check: Any) -> None:
    async def main() -> None:
        server, console = await live_call()
        check(server, console)
        for channel in server.pbx.channels:
            channel.soft_hangup()
        await settle()

    asyncio.run(main())


def run_words(console: Console, words: str) -> list[str]:
    name, _, form = words.partition(" channels ")
    return console.run(name + " channels", form) if form else console.run(words)
