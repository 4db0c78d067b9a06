"""The table of lots: dynamic ones are bounded, disabled ones go with their last call."""

from __future__ import annotations

import pytest
from parking_kit import World, parking

from asterism.core.errors import ConfigError
from asterism.pbx.calls.parking import table
from asterism.pbx.calls.parking.settings import LotSettings


def test_dynamic_lots_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_LOTS", 3)

    async def scenario(world: World) -> None:
        lots = world.parking.lots
        lots.add_dynamic(LotSettings("a", parkpos=(1, 9), context="a"))
        lots.add_dynamic(LotSettings("b", parkpos=(1, 9), context="b"))  # the unused one makes way
        assert [lot.name for lot in lots] == ["default", "lot2", "b"]
        alice = await world.call("alice", "7010")
        assert alice.bridge is None
        found = lots.get("b")
        assert found is not None
        found.calls[1] = object()  # type: ignore[assignment]
        with pytest.raises(ConfigError, match="too many"):
            lots.add_dynamic(LotSettings("c", parkpos=(1, 9), context="c"))
        found.calls.clear()

    parking(scenario)


@pytest.mark.parametrize(
    "settings",
    [
        LotSettings("a", parkpos=(705, 710)),
        LotSettings("a", parkpos=(706, 710), parkext="701"),
        LotSettings("a", parkpos=(699, 700)),
        LotSettings("a", parkext="6002", parkpos=(1, 2), context="internal"),
    ],
)
def test_a_dynamic_lot_takes_nobodys_extensions(settings: LotSettings) -> None:
    async def scenario(world: World) -> None:
        before = world.listing("internal"), world.listing("parkedcalls")
        with pytest.raises(ConfigError):
            world.parking.lots.add_dynamic(settings)
        assert before == (world.listing("internal"), world.listing("parkedcalls"))
        assert world.parking.lots.get("a") is None

    parking(scenario)
