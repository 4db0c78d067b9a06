"""A page from a machine in audio to one in T.38, and back, through a gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.media.fax.gateway import Gateway
from asterism.media.fax.terminal import AudioTerminal, FaxTerms, T38Terminal
from fax_pages import assert_same, page, write_pages


@pytest.mark.parametrize("agreed", [14400, 12000, 4800])
@pytest.mark.parametrize("audio_sends", [True, False])
def test_pages_pass_dot_by_dot(tmp_path: Path, audio_sends: bool, agreed: int) -> None:
    pages = page(50, 1), page(70, 2)
    write_pages(tmp_path / "out.tif", *pages)
    waiting: list[tuple[bool, int, bytes]] = []
    numbers = [0, 0]

    def send(side: int, packet: bytes) -> None:
        waiting.append((bool(side), numbers[side], packet))
        numbers[side] += 1

    gateway = Gateway(FaxTerms(), lambda packet, _: send(0, packet))
    audio = AudioTerminal(sending=audio_sends, terms=FaxTerms("1"))
    t38 = T38Terminal(sending=not audio_sends, terms=FaxTerms("2"), send=lambda packet, _: send(1, packet))
    gateway.agree(version=0, rate=agreed, largest=400)
    t38.agree(version=0, rate=14400, largest=400)
    for terminal in (audio, t38):
        terminal.use_file(tmp_path / ("out.tif" if terminal.sending else "in.tif"))
    passed = 0
    while (audio.active or t38.active) and passed < 50 * 120:
        passed += 1
        said, answered = audio.say(160), gateway.say(160)
        gateway.hear(said)
        audio.hear(answered)
        t38.pass_time(160)
        while waiting:
            to_gateway, number, packet = waiting.pop(0)
            (gateway if to_gateway else t38).take(number, packet)
    assert (audio.result, t38.result) == (0, 0)
    told = gateway.transfer()
    assert (told.rate, told.ecm) == ({12000: 9600}.get(agreed, agreed), True)
    assert 1 <= told.pages <= 2  # as the library counts them, which with V.29 misses one
    for one in (audio, t38, gateway):
        one.close()
        one.close()
    assert_same(tmp_path / "in.tif", *pages)
    gateway.hear(bytes(320))
    gateway.miss(160)
    gateway.take(0, b"\0")
    assert gateway.say(160) == bytes(320)
    assert gateway.transfer().pages == 0
