"""The preamble of a fax machine that answers is heard, and nothing else is."""

from __future__ import annotations

import math
import struct
from pathlib import Path

from asterism.media.fax.terminal import AudioTerminal, FaxTerms
from asterism.media.fax.tones import AnswerDetector


def test_a_machine_that_answers_is_heard(tmp_path: Path) -> None:
    machine, detector = AudioTerminal(sending=False, terms=FaxTerms()), AnswerDetector()
    machine.use_file(tmp_path / "in.tif")
    heard = next(index for index in range(500) if detector.hear(machine.say(160)))
    assert 2.5 < heard * 0.02 < 5  # after its tone of three seconds
    detector.close()
    detector.close()
    machine.close()


def test_other_sounds_are_not(tmp_path: Path) -> None:
    detector = AnswerDetector()
    for frequency in (440, 1100, 2100):
        wave = [int(8000 * math.sin(2 * math.pi * frequency * at / 8000)) for at in range(8000)]
        assert not detector.hear(struct.pack("<8000h", *wave))
    assert not detector.hear(bytes(16000))
    detector.close()
    assert not detector.hear(bytes(320))
