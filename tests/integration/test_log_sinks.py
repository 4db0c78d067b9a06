"""No application, function, console command or manager action lets text from outside make a line of its own."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from manager_kit import MANAGER, manager

from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto
from asterism.pbx.vocabulary.flow import EndDialplan, SubroutineReturned
from asterism.pbx.vocabulary.party import PartyId
from asterism.server.server import Server
from asterism.testing import running_server

FORGED = "[Nov 28 00:00:00] NOTICE[1]: forged"
HOSTILE = [f"x\n{FORGED}\ny", f'x" foo "\r\n{FORGED}\r\n', f"1,\x1b[2J\u2028{FORGED}\x85&"]
FILES = {
    "manager.conf": MANAGER,
    "logger.conf": "[logfiles]\nfull => notice,warning,error,verbose(10),debug,dtmf,security\njson => [json]*\n",
}
NOT_RUN = {"system", "trysystem"}
"""They would give the text to a shell."""


class Driver:
    streams: Any = ()
    call_id = "x"

    def call(self, timeout: float | None) -> None: ...

    def answer(self) -> None: ...

    def indicate(self, condition: Control, data: object = None) -> bool:
        return True

    def hangup(self, cause: int) -> None: ...

    def channel_item(self, name: str) -> str | None:
        return None

    def send_digit(self, digit: str, duration_ms: int = 100) -> None: ...

    def send_text(self, text: str, content_type: str = "text/plain") -> bool:
        return False

    def transfer(self, order: object) -> None: ...


class Technology:
    name = "Test"
    description = "does nothing"

    def device_state(self, resource: str) -> DeviceState:
        return DeviceState.NOT_INUSE


def channel_of(server: Server, text: str) -> Channel:
    return server.pbx.create_channel(
        Technology(), "Test/x", Driver(), state=ChannelState.UP, caller=PartyId(text, text), context=text, exten=text,  # type: ignore[arg-type]
    )  # fmt: skip


def forged_lines(folder: Path, sinks: int = 10) -> list[str]:
    log = folder / "var/log"
    lines = [line for name in ("full", "json") for line in (log / name).read_text().splitlines()]
    assert sum(FORGED in line for line in lines) >= sinks
    return [line for line in lines if line.lstrip("[ ").startswith("Nov 28") and not line.startswith("    ")]


async def test_applications(tmp_path: Path) -> None:
    async with running_server(FILES, tmp_path) as server:
        server.log.verbose_level = server.log.debug_level = 10

        async def run(name: str, text: str) -> None:
            channel = channel_of(server, text)

            async def body(one: Channel) -> None:
                one.new_exten(name, text)
                with contextlib.suppress(ChannelHangup, EndDialplan, Goto, SubroutineReturned, TimeoutError):
                    async with asyncio.timeout(0.3):
                        await server.pbx.dialplan.execute_application(one, name, text)

            await server.pbx.start(channel, body)

        names = [entry.name for entry in server.pbx.applications if entry.name.lower() not in NOT_RUN]
        assert len(names) > 30
        for text in HOSTILE:
            await asyncio.gather(*(run(name, text) for name in names))
            await asyncio.gather(*(run("ExecIf", f"1?{name}({text})") for name in names))
    assert forged_lines(tmp_path) == []


async def test_functions_and_expressions(tmp_path: Path) -> None:
    async with running_server(FILES, tmp_path) as server:
        server.log.verbose_level = server.log.debug_level = 10
        environment = server.pbx.dialplan.environment
        for text in HOSTILE:
            channel = channel_of(server, text)
            channel.set_variable("TEXT", text)
            for entry in server.pbx.functions:
                environment.function(channel, entry.name, text)
                if entry.name != "ENV":
                    environment.assign(channel, f"{entry.name}({text})", text)
                server.pbx.dialplan.expand(f"${{{entry.name}(${{TEXT}})}}", channel)
            server.pbx.dialplan.expand('$["${TEXT}" = "x"]$[${TEXT}]${NONE(${TEXT})}', channel)
            channel.hang_up()
    assert forged_lines(tmp_path) == []


async def test_console_commands_print_no_control_characters(tmp_path: Path) -> None:
    async with running_server(FILES, tmp_path) as server:
        server.log.verbose_level = server.log.debug_level = 10
        server.pbx.dialplan.environment.assign(None, "DB(family/key)", "\x1b[2J\x9b\x07value")
        runner, stopping = CommandRunner(server), ("core stop", "core restart", "core waitfullybooted")
        names = [entry.name for entry in server.commands if not entry.name.startswith(stopping)]
        assert len(names) > 100
        for color in (False, True):
            written: list[str] = []
            for name in ["database show", *names]:
                for argument in ("", " x\x1b[2J\x07\u2028"):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(2):
                            await runner.run(name + argument, written.append, color=color)
            text = "".join(written)
            assert "\\x1b[2J\\x9b\\x07value" in text
            assert not {character for character in text if not character.isprintable()} - set(
                "\n\t\x1b"[: 3 if color else 2]
            )
            assert "\x1b[2J" not in text


async def test_manager_actions(tmp_path: Path) -> None:
    async with running_server(FILES, tmp_path) as server:
        server.log.verbose_level = server.log.debug_level = 10
        server.pbx.dialplan.environment.assign(None, "DB(family/key)", f"a\r\nEvent: Forged\r\n\r\n{FORGED}")
        channel = channel_of(server, f"a\r\nEvent: Forged\r\n\r\n{FORGED}")
        channel.set_variable("X", "a\u2028Event: Forged")
        async with manager(server) as client:
            for name in [entry.name for entry in server.actions]:
                if name in ("Logoff", "Login", "WaitEvent", "Reload", "LoggerRotate"):
                    continue
                for text in HOSTILE:
                    fields = {
                        entry.name: text.replace("\r", " ").replace("\n", " ")
                        for entry in server.actions.entry(name).documentation.arguments
                    }
                    await client.action(name, **fields)
            await client.list("Status", AllVariables="true")
            await client.list("DBGetTree")
            assert not any(event["Event"] == "Forged" for event in client.events)
    assert forged_lines(tmp_path, 0) == []
