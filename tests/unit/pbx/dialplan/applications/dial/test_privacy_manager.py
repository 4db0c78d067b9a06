"""PrivacyManager."""

from __future__ import annotations

import pytest
from dial_kit import run
from fake_technology import FakeServer, settle

from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.dial import privacy_manager
from asterism.pbx.dialplan.applications.dial.privacy_manager import PrivacyManagerApplication
from asterism.pbx.vocabulary.party import PartyId


@pytest.mark.parametrize(
    ("caller", "dialled", "args", "status", "number", "prompts"),
    [
        ("6001", "", "", "SUCCESS", "6001", []),
        ("", "5550100123#", "", "SUCCESS", "5550100123", ["unident", "prompt", "thankyou"]),
        ("", "55#5550100123#", "2", "SUCCESS", "5550100123", ["unident", "prompt", "incorrect", "prompt", "thankyou"]),
        ("", "55#", "1", "FAILED", "", ["unident", "prompt", "incorrect"]),
        ("", "771#", "1,3,,internal", "SUCCESS", "771", ["unident", "prompt", "thankyou"]),
        ("", "999#", "1,3,,internal", "FAILED", "", ["unident", "prompt", "incorrect"]),
        ("", "", "1", "FAILED", "", ["unident", "prompt", "incorrect"]),
    ],
)
def test_a_caller_without_a_number_is_asked_for_one(
    caller: str, dialled: str, args: str, status: str, number: str, prompts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    async def hear(channel: Channel, name: str, keys: str = "") -> str:
        heard.append(name.removeprefix("privacy-"))
        return (await channel.read_digit(0) or "") if keys else ""

    monkeypatch.setattr(privacy_manager, "hear", hear)
    monkeypatch.setattr(privacy_manager, "_PATIENCE", 0.02)

    async def scenario(server: FakeServer) -> None:
        server.register_marked = lambda _holder: None  # type: ignore[attr-defined]
        PrivacyManagerApplication().load(server)  # type: ignore[arg-type]
        server.dialplan(("1", 1, "PrivacyManager", args), ("1", 2, "Echo", ""))
        alice = server.sip.incoming("alice", "1")
        alice.caller = PartyId(caller)
        for digit in dialled:
            alice.queue_digit(digit, 100)
        server.pbx.start(alice)
        await settle()
        await alice.park(0.1, 0)
        assert alice.application == "Echo"
        assert (alice.variables["PRIVACYMGRSTATUS"], alice.caller.number, heard) == (status, number, prompts)

    run(scenario)
