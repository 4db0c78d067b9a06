"""Manager actions as recorded, one after the other, on the recorded configuration."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from call_kit import two_phones
from manager_kit import MANAGER, RECORD, Exchange, Manager, manager, normalise, recorded

from asterism.server.server import Server
from asterism.testing import Phone, running_server

CONFIGS = RECORD / "configs/asterisk22"

AS_RECORDED = (
    "no Action header value", "unknown action", "without ActionID", "Ping", "CoreShowChannels", "Status", "UserEvent",
    "Events off", "Events bad", "Filter", "Command unknown", "Command missing", "Getvar global", "Getvar unset",
    "Getvar missing", "Getvar no channel", "Setvar global", "Setvar missing", "Setvar no channel",
    "ExtensionState unknown", "ExtensionState missing", "PresenceState", "PresenceState bad",
    "PresenceState missing", "PresenceStateList", "DBPut", "DBGet", "DBGet unknown", "DBGet missing", "DBGetTree",
    "DBDel", "DBDel unknown", "DBDelTree", "ModuleCheck", "ModuleCheck bad", "ModuleLoad reload", "ModuleLoad bad",
    "Reload", "LoggerRotate", "ShowDialPlan bad", "GetConfig", "GetConfig bad", "ListCategories", "WaitEvent",
    "BridgeList", "JabberSend", "PJSIPHangup unknown", "PJSIPHangup missing", "Originate unknown endpoint",
    "Originate missing channel", "Originate bad channel", "Originate bad exten", "Originate no exten/app",
    "Originate bad priority", "Originate bad timeout", "Redirect unknown", "Redirect missing channel",
    "Bridge unknown", "Bridge missing", "Hangup unknown", "Hangup missing",
)  # fmt: skip


@asynccontextmanager
async def recorded_server(folder: Path) -> AsyncIterator[Server]:
    files = {name: (CONFIGS / name).read_text() for name in ("extensions.conf", "logger.conf", "rtp.conf")}
    files["manager.conf"] = (CONFIGS / "manager.conf").read_text().replace("port=15039", "port=0")
    pjsip = (CONFIGS / "pjsip.conf").read_text()
    pjsip = re.sub(r"^\[transport-(?!udp\b|tcp\b)[^\]]*\]\n(?:(?!\[).*\n)*", "", pjsip, flags=re.MULTILINE)
    files["pjsip.conf"] = re.sub(r"^(bind=127\.0\.0\.1):\d+", r"\1:0", pjsip, flags=re.MULTILINE)
    async with running_server(files, folder) as server:
        yield server


async def answer(client: Manager, exchange: Exchange) -> str:
    """Send a recorded request; return what comes until a Ping sent after it is answered."""
    client.writer.write(
        exchange.sent.replace("\n", "\r\n").encode() + b"\r\n\r\nAction: Ping\r\nActionID: mark\r\n\r\n"
    )
    found: list[str] = []
    while True:
        data = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 10)
        text = data.decode().replace("\r\n", "\n")
        if "\nActionID: mark\n" in text:
            return "".join(found).strip("\n")
        found.append(text)


async def test_actions_answer_as_recorded(tmp_path: Path) -> None:
    exchanges = recorded(raw=False)
    assert {exchange.title for exchange in exchanges} >= set(AS_RECORDED)
    wrong = []
    async with recorded_server(tmp_path) as server, manager(server, events="off") as client:
        # What the recorded server had been told before.
        await client.action("Command", Command="presencestate change CustomPresence:carol available")
        waiting = set(AS_RECORDED)
        for exchange in exchanges:
            if exchange.title not in waiting:
                continue
            waiting.remove(exchange.title)  # the same title stands for another state later on
            found = await answer(client, exchange)
            if normalise(found) != normalise(exchange.received):
                wrong.append(f"{exchange.title}:\n{found}\n--- recorded:\n{exchange.received}")
    assert not wrong, "\n\n".join(wrong)


async def test_every_action_asks_for_the_recorded_classes(tmp_path: Path) -> None:
    text = (RECORD / "pjsip_ami_actions.txt").read_text()
    listed = dict(re.findall(r"^(\w+): .*\(Priv: (.*?)\)$", text, re.MULTILINE))
    assert len(listed) > 100
    # The two that end calls need a class here.
    listed |= dict.fromkeys(("BridgeDestroy", "BridgeKick"), "system,call,all")
    listed |= dict.fromkeys(("BridgeTechnologySuspend", "BridgeTechnologyUnsuspend"), "call,all")
    async with recorded_server(tmp_path) as server, manager(server, events="off") as client:
        response = await client.action("ListCommands")
        ours = {name: value.rpartition("(Priv: ")[2][:-1] for name, value in response.pairs[2:]}
    assert {name: ours[name] for name in ours if name in listed} == {
        name: listed[name] for name in ours if name in listed
    }
    assert len(set(ours) & set(listed)) > 50


async def test_hanging_up_with_a_sip_status() -> None:
    extensions = (
        "[phones]\nexten => 700,1,Ringing()\n same => n,Wait(30)\nexten => 701,1,Answer()\n same => n,Wait(30)\n"
    )
    files = {"manager.conf": MANAGER, "extensions.conf": extensions}
    async with two_phones(files) as world, manager(world.server) as client:
        call = await world.ann.dial("700")
        await call.ringing()
        (channel,) = world.server.pbx.channels
        assert (await client.action("PJSIPHangup", Channel=channel.name, Cause="437"))["Message"] == "Channel Hungup"
        assert await call.refused() == 437
        call = await world.ann.dial("701")
        await call.answered()
        await client.list("PJSIPHangup", Channel="/^PJSIP/101-/", Cause="USER_BUSY")
        assert await call.ended() == "BYE received"


async def test_a_limit_of_calls_and_a_stop_that_waits(tmp_path: Path) -> None:
    extensions = "[phones]\nexten => 700,1,Answer()\n same => n,Wait(30)\n"
    files = {"manager.conf": MANAGER, "extensions.conf": extensions}
    async with two_phones(files) as world:
        server = world.server
        server.options.maxcalls = 1
        first = await world.ann.dial("700")
        await first.answered()
        assert await (await world.bob.dial("700")).refused() == 503
        server.options.maxcalls = 0
        server.request_stop(graceful=True)
        assert await (await world.bob.dial("700")).refused() == 503
        assert not server.status.stop_requested.is_set()
        assert server.abort_stop()
        second = await world.bob.dial("700")
        await second.answered()
        server.request_stop(convenient=True)
        third: Phone = world.bob
        assert await (await third.dial("nowhere")).refused() == 404
        assert not server.status.stop_requested.is_set()
        await first.hangup()
        await second.hangup()
        await asyncio.wait_for(server.wait_stop_requested(), 5)
