"""Where calls go when their time is over."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from fake_technology import settle
from parking_kit import World, parking

from asterism.pbx.calls.parking import comeback
from asterism.pbx.calls.parking.comeback import Comebacks, dial_options, flat, letters
from asterism.pbx.calls.parking.settings import LotSettings
from asterism.pbx.dialplan.language.places import Place


def parked(settings: LotSettings, parker: str = "PJSIP/bob", asked: Place | None = None) -> Any:
    channel = SimpleNamespace(context="internal", exten="6002", caller=SimpleNamespace(number="6001"))
    return SimpleNamespace(lot=SimpleNamespace(settings=settings), parker=parker, channel=channel, comeback=asked)


def place(call: Any, *lines: tuple[str, str]) -> tuple[str, str, int | str]:
    found = Comebacks(SimpleNamespace(exists=lambda context, exten, *_: (context, exten) in lines)).place(call)  # type: ignore[arg-type]
    return found.context, found.exten, found.priority


def test_the_place_that_was_asked_for_goes_first() -> None:
    call = parked(LotSettings("a"), asked=Place("ctx", "", "label"))
    assert place(call) == ("ctx", "6002", "label")


def test_the_device_that_parked_it_is_dialled() -> None:
    assert place(parked(LotSettings("a"))) == ("park-dial", "PJSIP_bob", 1)


@pytest.mark.parametrize(
    "parker", ["", "nonsense", "Local/1,2@x", "Local/1&PJSIP/2", "PJSIP/${X}", "PJSIP/" + "x" * 500]
)
def test_what_cannot_be_dialled_goes_to_the_context(parker: str) -> None:
    call = parked(LotSettings("a", comebackcontext="back"), parker)
    assert place(call, ("back", "s")) == ("back", "s", 1)


def test_the_context_its_s_and_the_default_one() -> None:
    call = parked(LotSettings("a", comebacktoorigin=False, comebackcontext="back"))
    lines = [("back", "PJSIP_bob"), ("back", "s"), ("default", "s")]
    for index, line in enumerate(lines):
        assert place(call, *lines[index:]) == (*line, 1)
    assert place(call) == ("back", "PJSIP_bob", 1)


def test_what_may_be_done_by_digits_goes_into_the_dial() -> None:
    settings = LotSettings("a", parkedcalltransfers="caller", parkedcallhangup="both", parkedcallrecording="callee")
    assert letters(settings, "caller") == {"T", "H"}
    assert letters(settings, "callee") == {"H", "X"}
    assert dial_options(settings) == "HXht"
    assert dial_options(LotSettings("a")) == ""
    assert flat("PJSIP/a/b") == "PJSIP_a_b"


def test_the_extensions_that_dial_are_made_on_the_fly_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comeback, "MOST_DEVICES", 2)

    async def scenario(world: World) -> None:
        back, find = world.parking.comebacks, world.pbx.dialplan.find

        def data(exten: str) -> str | None:
            found = find("park-dial", exten)
            return None if found is None else found.data

        back.prepare(parked(LotSettings("a", comebackdialtime=5)))
        assert data("PJSIP_bob") == "PJSIP/bob,5"
        back.prepare(parked(LotSettings("a", comebackdialtime=0)))
        assert data("PJSIP_bob") == "PJSIP/bob"
        back.prepare(parked(LotSettings("a", comebackdialtime=0, parkedcalltransfers="both")))
        assert data("PJSIP_bob") == "PJSIP/bob,,Tt"
        # Names that the dialplan takes for one: each dials its own device when its time is over.
        back.prepare(parked(LotSettings("a"), "PJSIP/b-ob"))
        assert data("PJSIP_b-ob") == "PJSIP/b-ob,30"
        back.prepare(parked(LotSettings("a"), "PJSIP/bob"))
        assert data("PJSIP_b-ob") == data("PJSIP_bob") == "PJSIP/bob,30"
        back.prepare(parked(LotSettings("a"), "PJSIP/c"))
        back.prepare(parked(LotSettings("a"), "PJSIP/d"))
        assert data("PJSIP_bob") is None
        assert (data("PJSIP_c"), data("PJSIP_d")) == ("PJSIP/c,30", "PJSIP/d,30")

    parking(scenario)


def test_nobody_answers_the_call_that_comes_back() -> None:
    """The dialplan goes on after ``park-dial``, where there is nothing more: the call ends."""

    async def scenario(world: World) -> None:
        alice, bob = await world.talking()
        world.rings("bob")
        world.parking.park(alice, bob)
        await asyncio.sleep(4.5)
        assert alice.application == "Dial"
        await asyncio.sleep(5)
        await settle(20)
        assert not alice.alive

    parking(scenario)
