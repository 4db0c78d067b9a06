"""Faxes over T.38 between two servers: received dot by dot, with packets lost too; and through a gateway in between."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from fax_kit import faxing

from asterism.media.source import Address
from asterism.media.udptl_port import UdptlPort
from fax_pages import assert_same, page, write_pages

T38 = "t38_udptl=yes\nt38_udptl_ec={}\n"


def lose(monkeypatch: pytest.MonkeyPatch, share: float) -> list[int]:
    """Lose a share of all UDPTL datagrams; how many came and how many did not."""
    dice, take, counts = random.Random(38), UdptlPort._take, [0, 0]

    def lossy(port: UdptlPort, data: bytes, address: Address) -> None:
        lost = dice.random() < share
        counts[lost] += 1
        if not lost:
            take(port, data, address)

    monkeypatch.setattr(UdptlPort, "_take", lossy)
    return counts


@pytest.mark.parametrize(
    ("correction", "loss"), [pytest.param("none", 0.0, marks=pytest.mark.long), ("redundancy", 0.03), ("fec", 0.03)]
)
async def test_pages_are_received_dot_by_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, correction: str, loss: float
) -> None:
    counts = lose(monkeypatch, loss)
    pages = page(200, 1), page(60, 2)
    file, target = write_pages(tmp_path / "1.tif", *pages), tmp_path / "received.tif"
    options = T38.format(correction)
    async with faxing(str(file), target, options=(options, options)) as world:
        await world.call()
        sent, received = await world.told(90)
        assert (sent.status, sent.text, sent.pages, sent.mode) == ("SUCCESS", "OK", "2", "T38")
        assert (received.status, received.pages, received.mode) == ("SUCCESS", "2", "T38")
    assert_same(target, *pages)
    assert counts[0] > 100
    assert (counts[1] > 3) is bool(loss)


async def test_a_far_end_without_t38_gets_audio(tmp_path: Path) -> None:
    sent = page(40)
    file, target = write_pages(tmp_path / "1.tif", sent), tmp_path / "received.tif"
    options = T38.format("redundancy")
    async with faxing(str(file), target, options=("", options), letters=("", "f")) as world:
        await world.call()
        one, other = await world.told()
        assert (one.status, one.mode, other.status, other.mode) == ("SUCCESS", "audio", "SUCCESS", "audio")
    assert_same(target, sent)


async def test_a_far_end_without_t38_where_audio_is_not_allowed(tmp_path: Path) -> None:
    file, target = write_pages(tmp_path / "1.tif", page(40)), tmp_path / "received.tif"
    async with faxing(str(file), target, options=("", T38.format("fec"))) as world:
        await world.call()
        one, other = await world.told()
        assert (other.status, other.error) == ("FAILED", "T38_NEG_ERROR")
        assert (one.status, one.error) == ("FAILED", "HANGUP")
    assert os.listdir(tmp_path) == ["1.tif"]
