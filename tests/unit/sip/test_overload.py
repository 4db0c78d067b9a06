"""Overload: new requests are refused while works or the loop are behind; what is in a dialog goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sip_rig import Rig, turn

from asterism.sip import lifecycle
from asterism.sip.objects.global_ import GlobalSettings
from asterism.stack.dialog import Dialog
from asterism.stack.message import Response
from asterism.stack.parser import parse_message

NEW = ("INVITE", "REGISTER", "SUBSCRIBE", "MESSAGE", "OPTIONS")


def status(rig: Rig, method: str) -> int:
    return rig.only(rig.receive(rig.request(method))).status


async def blocked_work(rig: Rig, name: str, waiting: int) -> asyncio.Event:
    """A work that stands still, with tasks waiting behind the first."""
    gate = asyncio.Event()
    work = rig.sip.create_work(name)

    async def wait() -> None:
        await gate.wait()

    assert work.push(wait)
    for _ in range(waiting):
        assert work.push(lambda: None)
    await turn()
    return gate


async def test_new_requests_get_503_above_the_high_water_mark(rig: Rig) -> None:
    rig.sip.servants.high_water, rig.sip.servants.low_water = 3, 1
    assert status(rig, "REGISTER") == 401
    gate = await blocked_work(rig, "pjsip/test", 4)
    assert rig.sip.state.overloaded
    for method in NEW:
        response = rig.only(rig.receive(rig.request(method)))
        assert (response.status, response.get("Retry-After")) == (503, "5"), method
    assert rig.sip.distributor.counters["overload"] == len(NEW)
    gate.set()
    await turn()
    assert not rig.sip.state.overloaded
    assert not rig.sip.servants.congested
    assert status(rig, "REGISTER") == 401
    assert rig.sip.overload.times == 1


async def test_what_is_in_a_dialog_goes_on(rig: Rig) -> None:
    rig.sip.servants.high_water, rig.sip.servants.low_water = 1, 0
    invite = parse_message(rig.request("INVITE", "sip:1@pbx.test", "alice", "Contact: <sip:alice@192.0.2.10>")
                           .replace("\n", "\r\n").encode())  # fmt: skip
    dialog = Dialog.uas(invite, "local", "<sip:pbx.test>")  # type: ignore[arg-type]
    seen: list[str] = []

    class Usage:
        def on_request(self, rx: object) -> None:
            rx.respond(200)  # type: ignore[attr-defined]
            seen.append("BYE")

        def on_ack(self, request: object) -> None:
            pass

    rig.sip.dialogs.add(dialog, Usage(), rig.sip.create_work("pjsip/dialog"))
    gate = await blocked_work(rig, "pjsip/test", 2)
    assert rig.sip.state.overloaded
    text = rig.request("BYE", "sip:pbx.test", "alice", to="<sip:1@pbx.test>;tag=local", call_id=invite.call_id)
    tag = invite.from_.tag
    lines = [f"From: <sip:alice@pbx.test>;tag={tag}" if line.startswith("From:") else line for line in text.split("\n")]
    answer = rig.only(rig.receive("\n".join(lines)))
    assert isinstance(answer, Response)
    assert answer.status == 200
    assert seen == ["BYE"]
    gate.set()
    await turn()


@pytest.mark.parametrize(
    ("trigger", "name", "overloaded"),
    [
        ("global", "pjsip/x", True),
        ("global", "stasis/x", True),
        ("pjsip_only", "pjsip/x", True),
        ("pjsip_only", "stasis/x", False),
        ("none", "pjsip/x", False),
    ],
)
async def test_the_trigger_says_which_works_count(
    make_rig: Callable[..., Rig], phones: str, trigger: str, name: str, overloaded: bool
) -> None:
    rig = make_rig(f"[global]\ntype=global\ntaskprocessor_overload_trigger={trigger}\n{phones}")
    assert rig.data.single(GlobalSettings).taskprocessor_overload_trigger == trigger
    rig.sip.servants.high_water = 1
    gate = await blocked_work(rig, name, 2)
    assert rig.sip.state.overloaded is overloaded
    assert status(rig, "OPTIONS") == (503 if overloaded else 401)
    gate.set()
    await turn()


def late(rig: Rig, seconds: float) -> None:
    """Let the loop come late once."""
    rig.now += seconds
    rig.timers.handle_timers(rig.now)


@pytest.mark.parametrize(("trigger", "answer"), [("global", 503), ("pjsip_only", 401), ("none", 401)])
def test_a_late_loop_is_an_overload(make_rig: Callable[..., Rig], phones: str, trigger: str, answer: int) -> None:
    rig = make_rig(f"[global]\ntype=global\ntaskprocessor_overload_trigger={trigger}\n{phones}")
    rig.sip.overload.start(rig.timers)
    rig.advance(5)
    assert status(rig, "REGISTER") == 401
    late(rig, 2.0)
    assert status(rig, "REGISTER") == answer
    # Halfway in time is not in time.
    late(rig, 0.5 + 0.5)
    assert status(rig, "REGISTER") == answer
    rig.advance(1)
    assert status(rig, "REGISTER") == 401
    rig.sip.overload.stop()
    assert rig.sip.overload.lag < 0.2


async def test_a_reload_takes_the_trigger(make_rig: Callable[..., Rig], phones: str, tmp_path: object) -> None:
    rig = make_rig(f"[global]\ntype=global\n{phones}")
    rig.sip.servants.high_water = 1
    gate = await blocked_work(rig, "pjsip/test", 2)
    assert rig.sip.state.overloaded
    path = tmp_path / "etc" / "pjsip.conf"  # type: ignore[operator]
    path.write_text(f"[global]\ntype=global\ntaskprocessor_overload_trigger=none\n{phones}")
    rig.data.reload()
    lifecycle.apply_settings(rig.sip)
    assert not rig.sip.state.overloaded
    gate.set()
    await turn()
