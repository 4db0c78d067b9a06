"""Console listings, byte for byte as recorded."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, settle

from asterism.core.commands import CommandCall, marks_of
from asterism.core.errors import UsageError
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
    bridge.created -= 7
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


@pytest.mark.parametrize(
    "words",
    [
        "core show channels",
        "core show channels concise",
        "core show channels verbose",
        "core show channels count",
        "core show calls",
        "bridge show all",
    ],
)
def test_listings_of_a_live_call(words: str) -> None:
    def check(server: FakeServer, console: Console) -> None:
        assert run_words(console, words) == recorded(words, "live call")

    on_live_call(check)


@pytest.mark.parametrize("words", ["core show channels", "core show channels verbose", "core show channels count"])
def test_listings_without_a_call(words: str) -> None:
    console = Console(FakeServer())
    assert run_words(console, words) == recorded(words, "idle")


@pytest.mark.parametrize("phone", ["alice-00000000", "bob-00000001"])
def test_one_channel_in_detail(phone: str) -> None:
    def check(server: FakeServer, console: Console) -> None:
        wanted = recorded(f"core show channel PJSIP/{phone}", "live call")
        # Not there yet: call data records. Not of a scripted driver: the SIP Call-ID, a second codec, an exact clock.
        start, end = wanted.index("  CDR Variables:"), wanted.index(" -- Streams --") - 1
        wanted[start:end] = []
        alike = lambda rows: [  # noqa: E731
            row
            for row in rows
            if not row.startswith(("BRIDGEPVTCALLID=", "RINGTIME_MS=", "    Formats:", "   Elapsed Time: "))
        ]
        assert alike(console.run("core show channel", f"PJSIP/{phone}")) == alike(wanted)

    on_live_call(check)


def test_unknown_channel_and_wrong_usage() -> None:
    console = Console(FakeServer())
    assert console.run("core show channel", "nosuch") == recorded("core show channel nosuch", "idle")
    assert console.run("channel request hangup", "nosuch") == recorded("channel request hangup nosuch", "idle")
    with pytest.raises(UsageError):
        console.run("core show channel")
    with pytest.raises(UsageError):
        console.run("core show channels", "bogus")


def test_request_hangup_ends_the_call() -> None:
    async def main() -> None:
        _, console = await live_call()
        assert console.run("channel request hangup", "PJSIP/alice-00000000") == recorded(
            "channel request hangup PJSIP/alice-00000000", "live call"
        )
        await settle()
        assert console.run("core show channels") == recorded_end()

    asyncio.run(main())


def recorded_end() -> list[str]:
    text = TRANSCRIPT.read_text(encoding="utf-8")
    return text[text.rindex("Channel   ") :].rstrip("\n").split("\n")


def test_channel_types() -> None:
    rows = Console(FakeServer()).run("core show channeltypes")
    wanted = recorded("core show channeltypes", "idle")
    assert rows[:2] == wanted[:2]
    pjsip = next(row for row in wanted if row.startswith("PJSIP"))
    assert rows[2] == pjsip.replace("PJSIP Channel Driver   ", "Scripted channel driver")
    assert rows[3:] == ["----------", "1 channel drivers registered."]


def test_hints() -> None:
    async def main() -> None:
        server = FakeServer()
        server.sip.reachable = False
        server.sip.phones["carol"] = server.sip.phones["alice"]
        for exten, hint in (
            ("6003", "PJSIP/carol,CustomPresence:carol"), ("6002", "PJSIP/bob"), ("6001", "PJSIP/alice"),
            ("6050", "PJSIP/alice&PJSIP/bob"), ("_61XX", "PJSIP/x${EXTEN}"),
        ):  # fmt: skip
            server.pbx.dialplan.add_extension(server.owner, "hints", exten, -1, hint, "")
        await settle()
        console = Console(server)
        ours = console.run("core show hints")
        wanted = [row for row in recorded("core show hints", "idle") if not row.startswith("6060")]
        assert sorted(ours[2:-1]) == sorted(wanted[2:-1])
        assert ours[:2] == wanted[:2]
        assert ours[-1] == "- 5 hints registered"
        assert console.run("core show hint", "9999") == recorded("core show hint 9999", "idle")
        assert console.run("core show hint", "6001") == recorded("core show hint 6001", "idle")

    asyncio.run(main())
