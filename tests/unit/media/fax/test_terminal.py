"""Terminals that talk with each other, as fast as the machine can: pages pass dot by dot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asterism.media.fax.documents import MOST_ROWS
from asterism.media.fax.terminal import (
    ALL_MODEMS,
    AudioTerminal,
    FaxTerms,
    Happened,
    Modem,
    T38Terminal,
    Terminal,
    describe,
)  # fmt: skip
from fax_pages import assert_same, one_page, page, write_pages

Step = Callable[[], None]


def run(one: Terminal, other: Terminal, step: Step, limit: float = 300.0) -> float:
    """Let 20 ms pass again and again until both are through; how many seconds that were."""
    passed = 0.0
    while (one.active or other.active) and passed < limit:
        step()
        passed += 0.020
    return passed


def audio_pair(folder: Path, sends: FaxTerms, takes: FaxTerms) -> tuple[AudioTerminal, AudioTerminal, Step]:
    one, other = AudioTerminal(sending=True, terms=sends), AudioTerminal(sending=False, terms=takes)
    one.use_file(folder / "out.tif")
    other.use_file(folder / "in.tif")

    def step() -> None:
        said, answered = one.say(160), other.say(160)
        other.hear(said)
        one.hear(answered)

    return one, other, step


def t38_pair(folder: Path, lost: Callable[[int], bool] = lambda _: False) -> tuple[T38Terminal, T38Terminal, Step]:
    waiting: list[tuple[bool, int, bytes]] = []
    numbers = [0, 0]

    def sender(side: int) -> Callable[[bytes, int], None]:
        def send(packet: bytes, _: int) -> None:
            if not lost(numbers[side]):
                waiting.append((bool(side), numbers[side], packet))
            numbers[side] += 1

        return send

    one = T38Terminal(sending=True, terms=FaxTerms("1"), send=sender(0))
    other = T38Terminal(sending=False, terms=FaxTerms("2"), send=sender(1))
    for terminal, name in ((one, "out.tif"), (other, "in.tif")):
        terminal.agree(version=0, rate=14400, largest=400)
        terminal.use_file(folder / name)

    def step() -> None:
        one.pass_time(160)
        other.pass_time(160)
        while waiting:
            backwards, number, packet = waiting.pop(0)
            (one if backwards else other).take(number, packet)

    return one, other, step


@pytest.mark.parametrize("way", ["audio", "t38"])
def test_pages_pass_dot_by_dot(tmp_path: Path, way: str) -> None:
    pages = page(50, 1), page(70, 2)
    write_pages(tmp_path / "out.tif", *pages)
    if way == "audio":
        one, other, step = audio_pair(tmp_path, FaxTerms("+49 1"), FaxTerms("+49 2"))
    else:
        one, other, step = t38_pair(tmp_path)  # type: ignore[assignment]
    passed = run(one, other, step)
    assert (one.result, other.result, describe(0)) == (0, 0, "OK")
    assert passed < 30
    assert [event.kind for event in other.events()] == [
        Happened.NEGOTIATED, Happened.PAGE, Happened.PAGE, Happened.OVER,
    ]  # fmt: skip
    for terminal, remote in ((one, other), (other, one)):
        told = terminal.transfer()
        assert (told.pages, told.rate, told.ecm, told.resolution) == (2, 14400, True, "8031x3850")
        assert terminal.remote_station == remote.terms.station
        terminal.close()
    assert_same(tmp_path / "in.tif", *pages)


@pytest.mark.parametrize(
    ("terms", "rate"),
    [
        (FaxTerms(maxrate=12000), 9600),
        (FaxTerms(maxrate=9600), 9600),
        (FaxTerms(maxrate=7200), 4800),
        (FaxTerms(maxrate=4800), 4800),
        (FaxTerms(modems=Modem.V27), 4800),
        (FaxTerms(modems=Modem.V29 | Modem.V27), 9600),
        (FaxTerms(ecm=False), 14400),
    ],
)
def test_terms(tmp_path: Path, terms: FaxTerms, rate: int) -> None:
    sent = page(30)
    write_pages(tmp_path / "out.tif", sent)
    one, other, step = audio_pair(tmp_path, terms, FaxTerms())
    run(one, other, step)
    assert one.transfer().rate == rate
    assert one.transfer().ecm is terms.ecm
    one.close()
    other.close()
    assert_same(tmp_path / "in.tif", sent)


def test_rates_choose_modems() -> None:
    assert FaxTerms().usable_modems == ALL_MODEMS
    assert FaxTerms(maxrate=9600).usable_modems == Modem.V29 | Modem.V27
    assert FaxTerms(maxrate=4800).usable_modems == Modem.V27
    assert FaxTerms(minrate=7200).usable_modems == Modem.V17 | Modem.V29
    assert FaxTerms(modems=Modem.V17, maxrate=9600).usable_modems == Modem(0)
    assert FaxTerms(maxrate=2400).usable_modems == Modem.V27
    assert FaxTerms(modems=Modem.V17).within(9600) == Modem.V27  # T.38 is agreed on already
    assert FaxTerms().within(0) == FaxTerms().within(33600) == ALL_MODEMS


@pytest.mark.parametrize("agreed", [(9600, 14400), (14400, 9600), (12000, 12000)])
def test_the_rate_that_was_agreed_on_holds(tmp_path: Path, agreed: tuple[int, int]) -> None:
    write_pages(tmp_path / "out.tif", page(30))
    one, other, step = t38_pair(tmp_path)
    for terminal, rate in zip((one, other), agreed, strict=True):
        terminal.agree(version=0, rate=rate, largest=400)
    run(one, other, step)
    assert (one.result, other.result, one.transfer().rate) == (0, 0, 9600)
    one.close()
    other.close()


def test_a_path_that_is_too_long_is_not_cut(tmp_path: Path) -> None:
    one, other, _ = audio_pair(tmp_path, FaxTerms(), FaxTerms())
    for terminal in (one, other):
        with pytest.raises(ValueError, match="255"):
            terminal.use_file(tmp_path / ("a" * 250))
        terminal.close()


def test_lost_t38_packets_are_asked_for_again(tmp_path: Path) -> None:
    """ECM repairs what is missing, without any help of UDPTL."""
    sent = page(400)
    write_pages(tmp_path / "out.tif", sent)
    one, other, step = t38_pair(tmp_path, lambda number: number in (40, 41))
    run(one, other, step)
    assert (one.result, other.result) == (0, 0)
    one.close()
    other.close()
    assert_same(tmp_path / "in.tif", sent)


def test_nobody_is_there(tmp_path: Path) -> None:
    one, other, _ = audio_pair(tmp_path, FaxTerms(), FaxTerms())
    write_pages(tmp_path / "out.tif", page(30))

    def step() -> None:
        one.say(160)
        one.miss(160)

    passed = run(one, one, step)
    assert 30 < passed < 120
    assert one.result not in (0, None)
    assert "expired" in describe(one.result or 0) or "imed out" in describe(one.result or 0)
    one.close()
    other.close()


def test_a_hang_up_ends_it_and_closed_ones_do_nothing(tmp_path: Path) -> None:
    write_pages(tmp_path / "out.tif", page(30))
    one, other, step = audio_pair(tmp_path, FaxTerms(), FaxTerms())
    one.debug()
    for _ in range(300):
        step()
    assert any("FLOW" in line for line in one.log_lines())
    other.hang_up()
    assert not other.active
    assert other.result not in (0, None)
    for terminal in (one, other):
        terminal.close()
        terminal.close()
        terminal.hear(bytes(320))
        terminal.miss(160)
        assert terminal.say(160) == bytes(320)
        assert (terminal.active, terminal.remote_station, terminal.transfer().pages) == (False, "", 0)


@pytest.mark.parametrize(
    ("dots", "width", "told"),
    [
        ((204, 98), 1728, "8031x3850"), ((204, 196), 1728, "8031x7700"), ((204, 391), 1728, "8031x15400"),
        ((204, 196), 2048, "8031x7700"), ((204, 98), 2432, "8031x3850"), ((408, 391), 3456, "16063x15400"),
    ],
)  # fmt: skip
def test_resolutions_and_widths(tmp_path: Path, dots: tuple[int, int], width: int, told: str) -> None:
    sent = page(40).resize((width, 40)).convert("1")
    sent.save(tmp_path / "out.tif", compression="group4", dpi=dots)
    one, other, step = audio_pair(tmp_path, FaxTerms(), FaxTerms())
    run(one, other, step)
    assert (one.result, other.result, other.transfer().resolution) == (0, 0, told)
    one.close()
    other.close()
    assert_same(tmp_path / "in.tif", sent)


def test_a_page_whose_rows_have_no_end_is_told_while_it_comes(tmp_path: Path) -> None:
    """A white row is one bit: 64 kB of the far end become 113 MB here, and as much with each further block."""
    rows = 10 * MOST_ROWS
    (tmp_path / "out.tif").write_bytes(one_page(b"\xff" * (rows // 8 + 1), rows=rows))
    one, other, step = t38_pair(tmp_path)
    passed = 0.0
    while other.active and not other.too_much and passed < 100:
        step()
        passed += 0.020
    assert other.too_much
    assert not one.too_much
    assert other.transfer().length > MOST_ROWS
    for terminal in (one, other):
        terminal.hang_up()
        terminal.close()
        assert not terminal.too_much


@pytest.mark.parametrize("octets", [0, 1, 3, 321])
def test_half_a_sample_at_the_end_is_no_sample(octets: int) -> None:
    """A packet of linear audio may have any number of octets."""
    terminal = AudioTerminal(sending=False, terms=FaxTerms())
    terminal.hear(bytes(octets))
    assert terminal.silent == octets // 2
    terminal.hear(b"\x10" * octets)
    assert terminal.silent == (0 if octets > 1 else octets // 2)
    terminal.close()


@pytest.mark.parametrize("compression", [4, 5, 8])
def test_a_page_that_cannot_be_decoded_is_told_and_nothing_goes_to_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: int
) -> None:
    """The library sends a page without rows, and ends with success."""
    (tmp_path / "out.tif").write_bytes(one_page(bytes(range(256)), t259=compression))
    one, other, step = t38_pair(tmp_path)
    run(one, other, step)
    assert one.unreadable
    assert (one.transfer().pages, other.transfer().pages) == (1, 0)
    for terminal in (one, other):
        terminal.close()
    assert capfd.readouterr().err == ""


def test_a_white_page_is_readable(tmp_path: Path) -> None:
    (tmp_path / "out.tif").write_bytes(one_page(b"\xff" * 1000, rows=8000))
    one, other, step = t38_pair(tmp_path)
    run(one, other, step)
    assert not one.unreadable
    assert other.transfer().pages == 1
    for terminal in (one, other):
        terminal.close()
