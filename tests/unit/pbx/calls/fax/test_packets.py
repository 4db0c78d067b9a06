"""Faxes over T.38: who asks for it, what a refusal means, packets that are lost, the end of T.38 in the middle."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from faxing_kit import World, faxing, with_t38

from asterism.pbx.channels.t38 import ChannelT38, T38State, t38_of
from fax_pages import assert_same, page, write_pages


def outcome(world: World) -> list[tuple[str | None, ...]]:
    return [
        tuple(one.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXPAGES", "FAXMODE"))
        for one in (world.alice, world.bob)
    ]


PASSED = ("SUCCESS", "", "2", "T38")


@pytest.mark.parametrize(
    ("sends", "takes", "asked"),
    [("", "", (0, 1)), ("z", "", (0, 1)), ("f", "f", (0, 1))],
)
def test_the_called_machine_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sends: str, takes: str, asked: tuple[int, int]
) -> None:
    pages = page(40, 1), page(50, 2)
    file = write_pages(tmp_path / "1.tif", *pages)

    async def scenario(world: World) -> None:
        sides = with_t38(world.alice, world.bob)
        await asyncio.gather(
            world.start(world.alice, "SendFAX", f"{file},{sends}"), world.start(world.bob, "ReceiveFAX", f"in,{takes}")
        )
        assert outcome(world) == [PASSED, PASSED]
        assert tuple(side.asked for side in sides) == asked
        assert any(times > 1 for _, times in sides[0].port.written)
        assert [side.port.on_ifp for side in sides] == [None, None]
        assert world.alice.tone is None
        assert [t38_of(side.channel).user for side in sides] == [None, None]
        assert "Spandsp T.38\nSuccess              : 2\n" in world.console("fax show stats")
        await asyncio.sleep(1)  # nobody is at the fax any more: there is audio again
        assert t38_of(world.alice).state is T38State.UNKNOWN

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", *pages)


@pytest.mark.parametrize("letters", ["", "f", "F"])
def test_a_called_machine_that_does_not_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letters: str) -> None:
    """It answers by audio: f goes on over audio, F does at once; without either the fax fails."""
    file = write_pages(tmp_path / "1.tif", page(40, 1), page(50, 2))

    async def scenario(world: World) -> None:
        sides = with_t38(world.alice, world.bob)
        began = world.pbx.loop.time()
        sending = world.start(world.alice, "SendFAX", f"{file},{letters}")
        receiving = world.start(world.bob, "ReceiveFAX", "in.tif,F")
        if not letters:
            await sending
            assert 4.9 < world.pbx.loop.time() - began < 5.1
            world.bob.queue_hangup(16)
        await asyncio.wait((sending, receiving))
        assert not any(side.asked for side in sides)
        if letters:
            assert outcome(world) == [("SUCCESS", "", "2", "audio")] * 2
        else:
            assert outcome(world)[0] == ("FAILED", "T38_NEG_ERROR", "0", "")

    faxing(tmp_path, scenario, monkeypatch)


class Accepts:
    """Has charge of T.38, and asks for nothing."""

    def t38_requested(self, t38: ChannelT38) -> None:
        t38.accept()

    def t38_changed(self, t38: ChannelT38) -> None:
        pass


def test_a_called_machine_that_has_to_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_pages(tmp_path / "1.tif", page(40))

    async def scenario(world: World) -> None:
        sides, accepts = with_t38(world.alice, world.bob), Accepts()
        t38_of(world.bob).use(accepts)
        sending = world.start(world.alice, "SendFAX", f"{file},z")
        await asyncio.sleep(4.9)
        assert sides[0].asked == 0
        await asyncio.sleep(0.5)
        assert sides[0].asked == 1
        assert "T.38" in world.console("fax show sessions")
        world.alice.queue_hangup(16)
        await asyncio.wait((sending,))
        assert outcome(world)[0] == ("FAILED", "HANGUP", "0", "T38")
        t38_of(world.bob).release(accepts)

    faxing(tmp_path, scenario, monkeypatch)


@pytest.mark.parametrize("letters", ["", "f"])
def test_a_calling_machine_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letters: str) -> None:
    file = write_pages(tmp_path / "1.tif", page(40, 1), page(50, 2))

    async def scenario(world: World) -> None:
        with_t38(world.alice, world.bob)
        sending = world.start(world.alice, "SendFAX", f"{file},F")
        await world.start(world.bob, "ReceiveFAX", f"in.tif,{letters}")
        if not letters:
            world.alice.queue_hangup(16)
        await asyncio.wait((sending,))
        expected = ("SUCCESS", "", "2", "audio") if letters else ("FAILED", "T38_NEG_ERROR", "0", "")
        assert outcome(world)[1] == expected

    faxing(tmp_path, scenario, monkeypatch)


def test_a_far_end_that_asks_while_modems_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has begun over audio begins anew over T.38."""
    pages = page(40, 1), page(50, 2)
    file = write_pages(tmp_path / "1.tif", *pages)

    async def scenario(world: World) -> None:
        world.write(world.alice, "t38timeout", "100")
        with_t38(world.alice, world.bob)
        sending = world.start(world.alice, "SendFAX", f"{file},f")
        await asyncio.sleep(2)
        assert "G.711" in world.console("fax show sessions")
        receiving = world.start(world.bob, "ReceiveFAX", "in.tif")
        await asyncio.wait((sending, receiving))
        assert outcome(world) == [PASSED, PASSED]

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", *pages)


def test_lost_packets_are_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = page(200, 1), page(50, 2)
    file = write_pages(tmp_path / "1.tif", *pages)

    async def scenario(world: World) -> None:
        sides = with_t38(world.alice, world.bob)
        sides[0].port.lost = lambda number: number in (45, 60, 61)
        await asyncio.gather(world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in"))
        assert outcome(world) == [PASSED, PASSED]

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", *pages)


def test_t38_that_is_over_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_pages(tmp_path / "1.tif", page(2000))

    async def scenario(world: World) -> None:
        sides = with_t38(world.alice, world.bob)
        both = world.start(world.alice, "SendFAX", str(file)), world.start(world.bob, "ReceiveFAX", "in.tif")
        await asyncio.sleep(12)
        sides[0].end()
        await asyncio.wait(both)
        assert outcome(world) == [("FAILED", "HANGUP", "0", "T38")] * 2

    faxing(tmp_path, scenario, monkeypatch)
    assert list((tmp_path / "fax").iterdir()) == []
