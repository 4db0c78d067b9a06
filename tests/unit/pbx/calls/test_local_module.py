"""What console and manager may do with Local channels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fake_manager import FakeCall
from fake_technology import FakeServer, settle
from local_kit import dial, halves, run

from asterism.core.errors import UsageError


def show(server: FakeServer, *args: str) -> str:
    call: Any = SimpleNamespace(args=list(args))
    text: str = server.local.show_channels(call)  # type: ignore[attr-defined]
    return text


def test_local_show_channels() -> None:
    async def scenario(server: FakeServer) -> None:
        assert show(server) == "No local channels in use\n"
        await dial(server, "7001")
        one, _ = halves(server)
        assert show(server) == f"{one.name} -- 6002@internal\n"
        assert one.name == "Local/6002@internal-00000000;1"
        assert server.local.use_count() == 1  # type: ignore[attr-defined]
        one.hang_up()
        assert show(server) == "<unowned> -- 6002@internal\n"
        await settle(40)
        with pytest.raises(UsageError):
            show(server, "x")

    run(scenario)


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, ("Error", "'Channel' not specified.")),
        ({"Channel": "Local/none"}, ("Error", "Channel does not exist.")),
        ({"Channel": "PJSIP/alice-00000000"}, ("Error", "Channel does not exist.")),
        ({"Channel": "Local/6002@internal-00000000;2"}, ("Success", "Queued channel to be optimized away")),
    ],
)
def test_local_optimize_away(fields: dict[str, str | list[str]], answer: tuple[str, str]) -> None:
    async def scenario(server: FakeServer) -> None:
        await dial(server, "7002")
        call = FakeCall(fields)
        server.local.optimize_away(call)  # type: ignore[attr-defined]
        assert call.answer == answer
        await settle()
        assert len(server.local.technology.pairs) == 1  # type: ignore[attr-defined]

    run(scenario)
