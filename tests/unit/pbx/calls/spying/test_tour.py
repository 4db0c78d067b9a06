"""From channel to channel, by digits, options and what becomes of the channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_technology import settle
from spying_kit import Spied, spied, tone

from asterism.pbx.calls.spying import tour
from asterism.pbx.calls.spying.spying import Mode, Spying
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.testing import until

ROUND = tour.ROUND


@pytest.fixture(autouse=True)
def no_time_between_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests let the loop turn, not time pass."""
    monkeypatch.setattr(tour, "ROUND", 0.0)


class Run:
    """ChanSpy of carol, which goes on to the extension 1, priority 2."""

    def __init__(self, world: Spied) -> None:
        self.world = world

    async def begin(self, args: str, application: str = "ChanSpy") -> None:
        world = self.world
        world.server.dialplan(
            ("spy", 1, application, args), ("spy", 2, "Set", "AFTER=yes"), ("spy", 3, "Wait", "30"),
            ("5", 1, "Wait", "30"),
        )  # fmt: skip
        world.carol.exten = "spy"
        world.server.pbx.start(world.carol)
        await settle()

    @property
    def now(self) -> Spying | None:
        found = self.world.carol.speaks
        return found if isinstance(found, Spying) else None

    @property
    def target(self) -> str:
        return "" if self.now is None else self.now.target.device.partition("/")[2]

    @property
    def over(self) -> bool:
        return self.world.carol.variables.get("AFTER") == "yes"

    async def press(self, digits: str) -> None:
        for digit in digits:
            self.world.carol.queue_digit(digit, 100)
            await settle()


def toured(
    options: str,
    scenario: Callable[[Run], object],
    *,
    prefix: str = "PJSIP",
    folder: Path | None = None,
    application: str = "ChanSpy",
) -> str:
    async def main(world: Spied) -> None:
        run = Run(world)
        await run.begin(f"{prefix},{options}", application)
        await scenario(run)  # type: ignore[misc]

    return spied(main, folder=folder)


def test_the_star_goes_around_and_modes_and_volume_stay() -> None:
    async def scenario(run: Run) -> None:
        assert run.target == "alice"
        await run.press("##5")
        assert run.now is not None
        assert (run.now.volume, run.now.mode) == (3, Mode.WHISPER)
        await run.press("*")
        assert run.target == "bob"
        assert (run.now.volume, run.now.mode) == (3, Mode.WHISPER)
        await run.press("6")
        assert run.now.mode is Mode.BARGE
        await run.press("4*")
        assert run.target == "alice"
        assert run.now.mode is Mode.LISTEN
        assert not run.over

    lines = toured("qdv(1)", scenario)
    assert "Setting spy volume on PJSIP/carol-00000002 to 3" in lines
    assert lines.count("Done Spying on channel PJSIP/alice-00000000") == 2


def test_digits_choose_a_channel_and_unknown_ones_leave_it_where_it_is() -> None:
    async def scenario(run: Run) -> None:
        run.world.channel("1234")
        await run.press("99#")
        assert run.target == "alice"
        await run.press("123#")
        assert run.target == "1234"
        await run.press("123#")
        assert run.target == "1234"
        assert len(run.world.server.fields("ChanSpyStart")) == 2

    assert "dialled 99: there is no such channel" in toured("q", scenario)


def test_another_digit_looks_for_the_next_one_and_one_ends_it() -> None:
    async def scenario(run: Run) -> None:
        await run.press("*9")
        assert run.target == "bob"
        await run.press("0")
        assert run.now is None
        assert run.over

    toured("qc(9)x(0)", scenario)


def test_a_digit_that_is_an_extension_goes_there() -> None:
    async def scenario(run: Run) -> None:
        carol = run.world.carol
        await run.press("4")
        assert run.target == "alice"
        await run.press("5")
        assert (carol.exten, carol.priority, run.over) == ("5", 1, False)
        assert carol.variables["SPY_CHANNEL"] == run.world.alice.name

    toured("qX", scenario)

    async def elsewhere(run: Run) -> None:
        carol = run.world.carol
        run.world.server.pbx.dialplan.add_extension(run.world.server.owner, "way", "*", 1, "Wait", "30")
        carol.set_variable("SPY_EXIT_CONTEXT", "way")
        await run.press("5")
        assert run.target == "alice"
        await run.press("*")
        assert (carol.context, carol.exten) == ("way", "*")

    toured("qX", elsewhere)


@pytest.mark.parametrize(("options", "over", "target"), [("q", False, "bob"), ("qE", True, ""), ("qS", False, "bob")])
def test_what_follows_the_end_of_the_channel(options: str, over: bool, target: str) -> None:
    async def scenario(run: Run) -> None:
        run.world.alice.hang_up()
        await settle()
        assert (run.over, run.target) == (over, target)
        run.world.bob.hang_up()
        await settle(20)
        assert run.over is (options != "q")

    toured(options, scenario)


def test_without_a_channel_it_waits_for_one_and_a_digit_to_exit_has_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour, "IDLE", 0.01)

    async def scenario(run: Run) -> None:
        assert run.target == ""
        await run.press("0*#")
        assert not run.over
        run.world.channel("77", "1")
        await until(lambda: run.target == "77")
        await run.press("0")
        assert run.over

    toured("qx(0)", scenario, prefix="PJSIP/77")


def test_an_unanswered_channel_is_answered_and_a_redirect_ends_it() -> None:
    async def main(world: Spied) -> None:
        world.carol.state = ChannelState.RING
        run = Run(world)
        await run.begin("PJSIP/alice,q")
        assert world.carol.state is ChannelState.UP
        world.carol.redirect(tour.Goto("internal", "5", 1))
        await settle()
        assert run.now is None
        assert world.carol.exten == "5"
        assert "spying" not in world.carol.data

    spied(main)


def test_an_extension_instead_of_a_name() -> None:
    async def scenario(run: Run) -> None:
        assert run.target == "alice"
        await run.press("1#")
        assert run.target == "alice"
        assert run.now is not None
        assert run.now.volume == 1

    toured("q", scenario, prefix="1", application="ExtenSpy")
    toured("q", scenario, prefix="1@internal", application="ExtenSpy")


@pytest.mark.parametrize(("options", "size"), [("qr(x)", 1), ("qrD", 2)])
def test_what_is_heard_is_recorded(options: str, size: int, tmp_path: Path) -> None:
    async def scenario(run: Run) -> None:
        (recording,) = run.world.server.pbx.recordings
        assert recording.channel is (run.world.carol if size == 1 else run.world.alice)
        for number in range(10):
            run.world.says(run.world.alice, tone(1000)._replace(timestamp=160 * number))
            run.world.turn()
            for frame in run.world.heard(run.world.carol):
                run.world.hears(run.world.carol, frame)
            await asyncio.sleep(0.02)
        run.world.alice.hang_up()
        run.world.bob.hang_up()
        await settle(20)
        assert run.over
        await recording.wait(5)

    toured(options + "S", scenario, folder=tmp_path)
    found = list((tmp_path / "monitor").iterdir())
    base = "x" if size == 1 else "chanspy"
    assert [one.name.partition(".")[0] for one in found] == [base]
    assert found[0].suffix == ".raw"
    assert found[0].stat().st_size > 160 * 2 * size


def test_a_recording_that_is_not_possible_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    async def scenario(run: Run) -> None:
        assert run.target == "alice"
        assert len(run.world.server.pbx.recordings) == 0

    assert "is not recorded: '../x." in toured("qr(../x)", scenario, folder=tmp_path)


@pytest.mark.parametrize(("options", "prefix"), [("", "PJSIP"), ("q", "PJSIP"), ("q", "PJSIP/nobody"), ("qr", "PJSIP")])
@pytest.mark.parametrize("who", ["carol", "alice", "both"])
def test_a_hang_up_at_any_time_leaves_nothing(options: str, prefix: str, who: str, tmp_path: Path) -> None:
    """While the name is spoken, while it is heard, while nobody is there."""

    async def scenario(run: Run) -> None:
        carol, alice = run.world.carol, run.world.alice
        if who != "alice":
            carol.queue_hangup()
        if who != "carol":
            alice.hang_up()
        await settle(30)
        assert carol.dead is (who != "alice")
        assert "spying" in carol.data or carol.dead
        starts, stops = (len(run.world.server.fields(name)) for name in ("ChanSpyStart", "ChanSpyStop"))
        assert starts - stops == (who == "alice" and options != "" and prefix == "PJSIP")  # then it hears bob
        for recording in list(run.world.server.pbx.recordings):
            carol.hang_up()
            await recording.wait(5)

    toured(options, scenario, prefix=prefix, folder=tmp_path)


def test_visits_that_are_over_at_once_do_not_keep_the_server_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    visits: list[object] = []

    async def visit(_tour: object, target: object) -> tuple[bool, None]:
        visits.append(target)
        return False, None

    async def scenario(run: Run) -> None:
        await asyncio.sleep(0.5)
        assert 2 <= len(visits) <= 14  # two channels, six rounds

    monkeypatch.setattr(tour, "ROUND", ROUND)
    monkeypatch.setattr(tour.Tour, "_visit", visit)
    toured("q", scenario)
