"""A fax by T.38 between two servers, passed on by a third: each leg has its own error correction, and loses packets."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fax_kit import PJSIP, RECEIVER, SENDER, TOLD, Faxing
from test_fax_gateway import MIDDLE

from asterism.media.source import Address
from asterism.media.udptl_port import UdptlPort
from asterism.testing import assert_idle, free_port, running_server
from fax_pages import assert_same, page, write_pages

FAX = "t38_udptl=yes\nt38_udptl_ec={}\n"
PLAN = """
[trunk]
exten => fax,1,Dial(PJSIP/fax@two,20)
"""


def lose(monkeypatch: pytest.MonkeyPatch, share: float) -> list[int]:
    """Lose a share of all UDPTL datagrams on every leg; how many came and how many did not."""
    dice, take, counts = random.Random(38), UdptlPort._take, [0, 0]

    def lossy(port: UdptlPort, data: bytes, address: Address) -> None:
        lost = dice.random() < share
        counts[lost] += 1
        if not lost:
            take(port, data, address)

    monkeypatch.setattr(UdptlPort, "_take", lossy)
    return counts


@pytest.mark.parametrize(
    ("corrections", "loss"),
    [
        pytest.param(("none", "none"), 0.0, marks=pytest.mark.long),
        (("redundancy", "fec"), 0.03),
        pytest.param(("fec", "redundancy"), 0.03, marks=pytest.mark.long),
    ],
)
async def test_a_page_is_passed_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corrections: tuple[str, str], loss: float
) -> None:
    counts = lose(monkeypatch, loss)
    sent = page(120)
    file, target = write_pages(tmp_path / "1.tif", sent), tmp_path / "received.tif"
    first, middle, last = (free_port() for _ in range(3))
    legs = tuple(FAX.format(one) for one in corrections)
    configs = [
        {
            "pjsip.conf": PJSIP.format(port=first, peer=middle, codec="ulaw", options=legs[0]),
            "extensions.conf": SENDER.format(files=file, letters="", before="", told=TOLD),
        },
        {
            "pjsip.conf": MIDDLE.format(port=middle, peers=(first, last), options=legs),
            "extensions.conf": PLAN,
        },
        {
            "pjsip.conf": PJSIP.format(port=last, peer=middle, codec="ulaw", options=legs[1]),
            "extensions.conf": RECEIVER.format(file=target, letters="", before="", told=TOLD),
        },
    ]
    async with (
        running_server(configs[0]) as sender,
        running_server(configs[1]) as passing,
        running_server(configs[2]) as receiver,
    ):
        world = Faxing(sender, receiver)
        await world.call()
        one, other = await world.told(90)
        assert (one.status, one.text, one.mode) == ("SUCCESS", "OK", "T38")
        assert (other.status, other.pages, other.mode) == ("SUCCESS", "1", "T38")
        await world.idle()
        await assert_idle(passing)
        assert not passing.media.udptl.open_ports
    assert_same(target, sent)
    assert counts[0] > 100
    assert (counts[1] > 3) is bool(loss)
