"""A manager that runs the actions of a server by their names."""

from __future__ import annotations

import asyncio
from typing import Any

from fake_technology import FakeServer, settle
from test_events_call import make_server

from asterism.core.commands import marks_of
from asterism.pbx.bridges.commands import BridgeCommands
from asterism.pbx.calls.originate import Originate
from asterism.pbx.channels.actions import ChannelActions
from asterism.pbx.states.hint_commands import HintCommands


class FakeCall:
    """A manager action as the manager would serve it; keeps the answer."""

    def __init__(self, fields: dict[str, str | list[str]], classes: tuple[str, ...] = ("all",)) -> None:
        self.fields = {key.lower(): value if isinstance(value, list) else [value] for key, value in fields.items()}
        self.action_id = "id-1"
        self.classes = classes
        self.answer: tuple[str, str] | None = None
        self.items: list[tuple[str, dict[str, str]]] = []
        self.extra: dict[str, str] = {}

    def get(self, key: str, default: str = "") -> str:
        return self.fields.get(key.lower(), [default])[-1]

    def get_all(self, key: str) -> list[str]:
        return self.fields.get(key.lower(), [])

    def success(self, message: str = "", fields: Any = ()) -> None:
        self.answer = ("Success", message)
        self.extra = {key: str(value) for key, value in fields}

    def error(self, message: str) -> None:
        self.answer = ("Error", message)

    def begin_list(self, message: str) -> None:
        self.answer = ("Success", message)

    def item(self, event: str, fields: Any) -> None:
        self.items.append((event, {key: str(value) for key, value in fields}))

    def end_list(self, event: str, fields: Any = ()) -> None:
        self.items.append((event, {key: str(value) for key, value in fields}))

    def may(self, privilege: str) -> bool:
        return "all" in self.classes or bool(set(privilege.split(",")) & set(self.classes))


class Manager:
    """Runs the actions of a server by their names."""

    def __init__(self, server: FakeServer) -> None:
        self.actions: dict[str, Any] = {}
        self.commands: dict[str, Any] = {}
        for holder in (ChannelActions(), BridgeCommands(), Originate(), HintCommands()):
            server.register_marked = lambda holder: None  # type: ignore[attr-defined]
            holder.load(server)  # type: ignore[arg-type]
            for found, method in marks_of(holder):
                (self.actions if found.kind == "action" else self.commands)[found.name] = method

    async def run(self, name: str, classes: tuple[str, ...] = ("all",), **fields: Any) -> FakeCall:
        call = FakeCall(fields, classes)
        result = self.actions[name](call)
        if result is not None:
            await result
        assert call.answer is not None
        return call


def with_server(scenario: Any) -> FakeServer:
    async def main() -> FakeServer:
        server = make_server()
        await scenario(server, Manager(server))
        await settle()
        assert len(server.pbx.channels) == 0
        return server

    return asyncio.run(main())


ORIGINATE = {"Channel": "PJSIP/bob", "Context": "internal", "Exten": "771", "Priority": "1", "Async": "true"}
