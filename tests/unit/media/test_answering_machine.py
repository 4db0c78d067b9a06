"""What answered, by the rhythm of what is said."""

from __future__ import annotations

import pytest

from asterism.media.answering_machine import AnsweringMachineDetector, Rhythm, Verdict


def heard(*pieces: tuple[bool, int], rhythm: Rhythm | None = None, step: int = 20) -> tuple[Verdict | None, list[str]]:
    lines: list[str] = []
    detector = AnsweringMachineDetector(rhythm or Rhythm(), lines.append)
    for loud, ms in pieces:
        for _ in range(ms // step):
            verdict = detector.take(3000 if loud else 0, step)
            if verdict is not None:
                return verdict, lines
    return None, lines


SILENT, LOUD = False, True


@pytest.mark.parametrize(
    ("pieces", "status", "cause"),
    [
        ([(SILENT, 6000)], "MACHINE", "INITIALSILENCE-2500-2500"),
        ([(SILENT, 440), (LOUD, 400), (SILENT, 3000)], "HUMAN", "HUMAN-800-800"),
        ([(SILENT, 240), (LOUD, 3000)], "MACHINE", "LONGGREETING-1500-1500"),
        ([(LOUD, 260), (SILENT, 140), (LOUD, 260), (SILENT, 160), (LOUD, 260), (SILENT, 140), (LOUD, 260)], "MACHINE",
         "MAXWORDS-3-2"),
        ([(LOUD, 60), (SILENT, 3000)], "MACHINE", "INITIALSILENCE-2500-2500"),
        ([(SILENT, 1000), (LOUD, 80)] * 10, "NOTSURE", "TOOLONG-5000"),
    ],
)  # fmt: skip
def test_verdicts(pieces: list[tuple[bool, int]], status: str, cause: str) -> None:
    assert heard(*pieces)[0] == (status, cause)


def test_a_word_without_end() -> None:
    rhythm = Rhythm(maximum_word_length=1000, greeting=2000)
    assert heard((SILENT, 100), (LOUD, 3000), rhythm=rhythm)[0] == ("MACHINE", "MAXWORDLENGTH-1000")


def test_what_is_told_of_a_short_greeting() -> None:
    assert heard((SILENT, 440), (LOUD, 400), (SILENT, 900))[1] == [
        "Changed state to STATE_IN_SILENCE",
        "Word detected. iWordsCount:1",
        "Detected Talk, previous silence duration: 440",
        "Changed state to STATE_IN_SILENCE",
        "HUMAN: silenceDuration:800 afterGreetingSilence:800",
    ]


def test_pieces_of_any_length() -> None:
    assert heard((SILENT, 440), (LOUD, 400), (SILENT, 3000), step=10)[0] == ("HUMAN", "HUMAN-800-800")
