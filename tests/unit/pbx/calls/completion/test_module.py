"""``ccss.conf`` and the console."""

from __future__ import annotations

import pytest
from completion_kit import Completing, completing

from asterism.config import ConfigFile
from asterism.core.commands import CommandCall
from asterism.core.errors import UsageError
from asterism.pbx.calls.completion.machine import State
from asterism.pbx.calls.completion.module import CompletionModule, read_settings
from asterism.pbx.calls.completion.table import CompletionSettings
from asterism.pbx.vocabulary.device_state import DeviceState


def settings(text: str):
    return read_settings(ConfigFile.parse(text, "ccss.conf"))


def test_an_empty_file_is_the_defaults():
    found, problems = settings("")
    assert (found.enabled, found.cc_max_requests, problems) == (True, 20, [])
    assert found.states[State.CALLER_BUSY] is DeviceState.ONHOLD
    assert found.states[State.RECALLING] is DeviceState.RINGING


def test_what_the_file_says():
    found, problems = settings(
        "[general]\nenabled=no\ncc_max_requests = 3\ncc_available_devstate=inuse\ncc_caller_busy_devstate=UNKNOWN\n"
    )
    assert problems == []
    assert (found.enabled, found.cc_max_requests) == (False, 3)
    assert found.states[State.AVAILABLE] is DeviceState.INUSE
    assert found.states[State.CALLER_BUSY] is DeviceState.UNKNOWN


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("cc_max_requests=many", "cc_max_requests"),
        ("cc_max_requests=-1", "cc_max_requests"),
        ("cc_active_devstate=purple", "purple"),
        ("cc_agent_policy=generic", "option of endpoints"),
        ("cc_nothing=1", "unknown"),
    ],
)
def test_what_is_wrong_is_told_and_leaves_the_default(line, says):
    found, problems = settings(f"[general]\n{line}\n")
    assert found == CompletionSettings()
    assert says in str(problems[0])


def module_of(world: Completing) -> CompletionModule:
    module = CompletionModule()
    module._pbx = world.pbx
    return module


def run(module: CompletionModule, method: str, *words: str) -> str:
    return getattr(module, method)(CommandCall(list(words), lambda text: None))


def test_the_report():
    async def scenario(world: Completing) -> None:
        module = module_of(world)
        assert run(module, "report") == "0 Call completion transactions\n"
        world.busy("bob")
        await world.in_use("bob")
        world.server.dialplan(("40", 1, "Dial", "Local/6002@internal"))
        await world.call("alice", "40")
        await world.ask("alice")
        await world.call("carol", "6002")
        assert run(module, "report").splitlines() == [
            "2 Call completion transactions",
            "Core ID         Caller                          Status",
            "-" * 76,
            "1               PJSIP/alice                     active",
            "                |-->40@internal",
            "                |-->6002@internal",
            "                    |-->PJSIP/bob(CCBS)",
            "2               PJSIP/carol                     offered",
            "                |-->6002@internal",
            "                    |-->PJSIP/bob(CCBS)",
        ]
        with pytest.raises(UsageError):
            run(module, "report", "x")

    completing(scenario)


def test_cancel_by_number_or_all():
    async def scenario(world: Completing) -> None:
        module = module_of(world)
        await world.refused()
        await world.call("carol", "6002")
        await world.call("dave", "6002")
        assert module._numbers([""]) == ["core", "all"]
        assert module._numbers(["a"]) == ["all"]
        assert module._numbers(["core", ""]) == ["1", "2", "3"]
        assert module._numbers(["core", "2"]) == ["2"]
        assert module._numbers(["all", ""]) == []
        assert run(module, "cancel", "core", "2") == ""
        assert [one.number for one in world.completion] == [1, 3]
        for wrong in ("2", "x", "9" * 30):
            assert run(module, "cancel", "core", wrong) == f"There is no call completion {wrong}.\n"
        for words in ((), ("core",), ("1",), ("all", "1")):
            with pytest.raises(UsageError):
                run(module, "cancel", *words)
        assert run(module, "cancel", "all") == ""
        assert not len(world.completion)
        assert world.told[-1][1]["Reason"] == "cancelled on the console"

    completing(scenario)
