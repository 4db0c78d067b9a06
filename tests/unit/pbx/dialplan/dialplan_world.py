"""A PBX with the dialplan's own modules, one scripted channel, and a look at what it did."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from asterism.config import ConfigFile
from asterism.core.commands import marks_of
from asterism.core.events import EventBus
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner, Registry
from asterism.core.test_events import TestEvents
from asterism.pbx.assembly.pbx import Pbx
from asterism.pbx.assembly.reference import ReferenceModule
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.branching import BranchingApplications
from asterism.pbx.dialplan.applications.loops import LoopApplications
from asterism.pbx.dialplan.applications.progress import ProgressApplications
from asterism.pbx.dialplan.applications.subroutines import SubroutineApplications
from asterism.pbx.dialplan.applications.system import SystemApplications
from asterism.pbx.dialplan.applications.userevent import UserEventApplication
from asterism.pbx.dialplan.applications.variables import VariableApplications
from asterism.pbx.dialplan.applications.waiting import WaitingApplications
from asterism.pbx.dialplan.functions.callerid import CallerIdFunctions
from asterism.pbx.dialplan.functions.channels import ChannelFunctions
from asterism.pbx.dialplan.functions.encoding import EncodingFunctions
from asterism.pbx.dialplan.functions.lists import ListFunctions
from asterism.pbx.dialplan.functions.logic import LogicFunctions
from asterism.pbx.dialplan.functions.states import StateFunctions
from asterism.pbx.dialplan.functions.strings import StringFunctions
from asterism.pbx.dialplan.functions.times import TimeFunctions
from asterism.pbx.dialplan.functions.variables import EnvironmentFunctions, VariableFunctions
from asterism.pbx.dialplan.language import loader
from asterism.pbx.dialplan.language.module import DialplanModule
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.party import PartyId

MODULES = (
    VariableApplications,
    BranchingApplications,
    SubroutineApplications,
    LoopApplications,
    ProgressApplications,
    WaitingApplications,
    UserEventApplication,
    SystemApplications,
    StringFunctions,
    ListFunctions,
    EncodingFunctions,
    LogicFunctions,
    TimeFunctions,
    VariableFunctions,
    EnvironmentFunctions,
    ChannelFunctions,
    CallerIdFunctions,
    StateFunctions,
    ReferenceModule,
    DialplanModule,
)


class Driver:
    streams: Any = ()

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []

    def call(self, timeout: float | None) -> None: ...

    def answer(self) -> None:
        self.log.append(("answer",))

    def indicate(self, condition: Control, data: object = None) -> bool:
        self.log.append(("indicate", condition))
        return True

    def hangup(self, cause: int) -> None:
        self.log.append(("hangup", int(cause)))

    @property
    def call_id(self) -> str:
        return "the-call-id"

    def channel_item(self, name: str) -> str | None:
        return "the-call-id" if name == "pjsip,call-id" else None


class Technology:
    name = "PJSIP"
    description = "scripted"

    def device_state(self, resource: str) -> DeviceState:
        return DeviceState.NOT_INUSE


class World:
    """``server`` is small enough for the PBX; ``say(text)`` loads an extensions.conf."""

    def __init__(self, etc: Path | None = None) -> None:
        self.log = ServerLogger("test")
        owner = Owner("test")
        self.server: Any = SimpleNamespace(
            name="test", version="1.2.3", log=self.log, owner=owner, bus=EventBus(self.log),
            options=SimpleNamespace(dialplan_commands=True),
            commands=Registry("command"), actions=Registry("action", str.lower),
            paths=SimpleNamespace(**dict.fromkeys(
                ("etc", "modules", "varlib", "db", "key", "data", "agi", "spool", "run", "log"),
                etc or Path("/nowhere"))),
        )  # fmt: skip
        self.server.test_events = TestEvents(self.server.bus)
        self.server.register_marked = self.register_marked
        self.server.register_events = lambda *types: self.server.bus.register(owner, *types)
        self.pbx = Pbx(self.server)
        self.server.pbx = self.pbx
        self.pbx.register_technology(Technology())  # type: ignore[arg-type]
        self.modules: dict[str, Any] = {}
        for cls in MODULES:
            module = cls()
            module.load(self.server)
            self.modules[module.name] = module
        self.dialplan = self.pbx.dialplan
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.server.bus.subscribe(
            owner, None, lambda kind, args: self.events.append((kind.name, dict(kind.render(*args))))
        )

    def register_marked(self, holder: object) -> None:
        for mark, method in marks_of(holder):
            if mark.kind == "command":
                self.server.commands.add(self.server.owner, mark.name, method, mark.documentation)
            elif mark.kind == "action":
                self.server.actions.add(self.server.owner, mark.name, method, mark.documentation)

    def say(self, text: str) -> loader.LoadedDialplan:
        loaded = loader.read(ConfigFile.parse(text, "extensions.conf"), self.dialplan.expand_with)
        self.dialplan.globals.update(loaded.globals)
        self.dialplan.executor.autofallthrough = loaded.autofallthrough
        self.dialplan.replace(loader.REGISTRAR, loaded.table)
        return loaded

    def channel(self, exten: str = "100", context: str = "default", caller: str = "6001") -> Channel:
        return self.pbx.create_channel(
            Technology(), "PJSIP/alice", Driver(), state=ChannelState.RING, caller=PartyId(caller, "Alice"),  # type: ignore[arg-type]
            context=context, exten=exten,
        )  # fmt: skip

    async def call(self, exten: str = "100", context: str = "default", **kwargs: Any) -> Channel:
        """Run a call to its end, at most five seconds."""
        channel = self.channel(exten, context, **kwargs)
        await asyncio.wait_for(self.pbx.start(channel), 5)
        await asyncio.sleep(0)
        return channel

    def steps(self) -> list[str]:
        """``App(data)`` of every priority executed so far."""
        return [f"{one['Application']}({one['AppData']})" for name, one in self.events if name == events.NEWEXTEN.name]
