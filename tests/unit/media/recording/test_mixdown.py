"""What becomes of two directions: mixed, stereo, apart, at their files' rates; gains, pauses."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from asterism.media.formats import SLIN
from asterism.media.recording.capture import Heard
from asterism.media.recording.mixdown import LAG, Batch, Mixdown, Output, Source, amplify, mix
from asterism.media.recording.soundfile import UnwritableError
from asterism.media.recording.track import Pcm

START = 50.0


def tone(frequency: int, begin: float, end: float) -> list[Heard]:
    """A tone as packets, by its place in time."""
    heard: list[Heard] = []
    for number in range(round(begin * 50), round(end * 50)):
        at = (number * 160 + np.arange(160)) / 8000
        pcm = np.rint(8000 * np.sin(2 * np.pi * frequency * at)).astype("<i2")
        heard.append((START + number * 0.02, SLIN, number * 160, pcm.tobytes()))
    return heard


def samples_of(path: Path) -> tuple[Pcm, int]:
    with wave.open(str(path), "rb") as file:
        found = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return found.reshape(-1, file.getnchannels()), file.getframerate()


def strength(pcm: Pcm, frequency: int, begin: float, end: float, rate: int = 8000) -> float:
    """Amplitude of a frequency."""
    piece = pcm[int(begin * rate) : int(end * rate)].astype(float)
    at = np.arange(len(piece)) / rate
    return float(abs(np.sum(piece * np.exp(-2j * np.pi * frequency * at))) * 2 / len(piece))


def work(mixdown: Mixdown, received: list[Heard], sent: list[Heard], seconds: float) -> None:
    """Turn by turn, as a recording does."""
    mixdown.open()
    now = 0.0
    while now < seconds:
        before, now = now, min(now + 0.5, seconds)
        batch = [
            [one for one in heard if START + before <= one[0] < START + now] for heard in (received, sent)
        ]  # fmt: skip
        mixdown.work(Batch(batch[0], batch[1], START, START + now, now == seconds))
    mixdown.close()


def test_both_tones_at_their_times_mixed_stereo_and_apart(tmp_path: Path) -> None:
    outputs = [
        Output(tmp_path / "mixed.wav"),
        Output(tmp_path / "stereo.wav", Source.STEREO),
        Output(tmp_path / "in.wav", Source.RECEIVED),
        Output(tmp_path / "out.wav16", Source.SENT),
        Output(tmp_path / "sparse.wav", Source.SENT, sparse=True),
    ]
    work(Mixdown(outputs), tone(400, 0, 2), tone(1000, 1, 3), 4.0)
    mixed = samples_of(tmp_path / "mixed.wav")[0][:, 0]
    stereo = samples_of(tmp_path / "stereo.wav")[0]
    received = samples_of(tmp_path / "in.wav")[0][:, 0]
    sent, rate = samples_of(tmp_path / "out.wav16")
    assert rate == 16000
    for pcm, channel_rate in ((mixed, 8000), (stereo, 8000), (received, 8000), (sent, 16000)):
        assert len(pcm) == 4 * channel_rate
    for second, (low, high) in enumerate([(1, 0), (1, 1), (0, 1), (0, 0)]):
        where = second + 0.05, second + 0.95
        assert strength(mixed, 400, *where) == pytest.approx(8000 * low, abs=200)
        assert strength(mixed, 1000, *where) == pytest.approx(8000 * high, abs=200)
        assert strength(stereo[:, 0], 400, *where) == pytest.approx(8000 * low, abs=200)
        assert strength(stereo[:, 1], 1000, *where) == pytest.approx(8000 * high, abs=200)
        assert strength(stereo[:, 0], 1000, *where) < 20
        assert strength(stereo[:, 1], 400, *where) < 20
        assert strength(received, 400, *where) == pytest.approx(8000 * low, abs=200)
        assert strength(sent[:, 0], 1000, *where, 16000) == pytest.approx(8000 * high, abs=200)
    assert len(samples_of(tmp_path / "sparse.wav")[0]) == pytest.approx(2 * 8000, abs=160)


def test_gains(tmp_path: Path) -> None:
    mixdown = Mixdown([Output(tmp_path / "one.wav")], 0.5, 4.0)
    work(mixdown, tone(400, 0, 1), tone(1000, 1, 2), 2.0)
    pcm = samples_of(tmp_path / "one.wav")[0][:, 0]
    assert strength(pcm, 400, 0.1, 0.9) == pytest.approx(4000, rel=0.05)
    assert np.max(pcm[8000:]) == 32000


def test_mixing_and_gain_cut_off_what_is_too_loud() -> None:
    loud = np.array([30000, -30000, 5], np.int16)
    assert list(mix(loud, loud)) == [32767, -32768, 10]
    assert list(amplify(loud, 2.0)) == [32767, -32768, 10]
    assert amplify(loud, 1.0) is loud


def test_a_pause_takes_no_time_and_no_part_of_it_is_heard(tmp_path: Path) -> None:
    mixdown = Mixdown([Output(tmp_path / "one.wav")])
    mixdown.open()
    mixdown.work(Batch(tone(400, 0, 1), [], START, START + 1, True))
    assert mixdown.seconds == 1.0
    mixdown.work(Batch(tone(1000, 11, 12), tone(1000, 11, 12), START + 10, START + 12, True))
    mixdown.close()
    pcm = samples_of(tmp_path / "one.wav")[0][:, 0]
    assert len(pcm) == 16000
    assert strength(pcm, 400, 0, 1) == pytest.approx(8000, rel=0.02)
    assert strength(pcm, 1000, 1, 2) == pytest.approx(16000, rel=0.02)


def test_what_is_written_is_behind_by_the_lag_only(tmp_path: Path) -> None:
    mixdown = Mixdown([Output(tmp_path / "one.wav")])
    mixdown.open()
    for turn in range(1, 5):
        mixdown.work(Batch(tone(400, (turn - 1) / 2, turn / 2), [], START, START + turn / 2))
        assert len(samples_of(tmp_path / "one.wav")[0]) / 8000 == pytest.approx(turn / 2 - LAG, abs=0.001)
    mixdown.close()


def test_if_one_file_cannot_be_made_none_is_open(tmp_path: Path) -> None:
    (tmp_path / "two.wav").mkdir()
    mixdown = Mixdown([Output(tmp_path / "one.wav"), Output(tmp_path / "two.wav")])
    with pytest.raises(IsADirectoryError):
        mixdown.open()
    mixdown.work(Batch([], [], START, START + 1))
    with pytest.raises(UnwritableError):
        Mixdown([Output(tmp_path / "one.mp3")])


def test_the_end_can_be_cut_off(tmp_path: Path) -> None:
    mixdown = Mixdown([Output(tmp_path / "one.wav"), Output(tmp_path / "two.ulaw")])
    mixdown.open()
    mixdown.work(Batch(tone(400, 0, 1), [], START, START + 1, True))
    mixdown.cut(0.5)
    mixdown.close()
    assert len(samples_of(tmp_path / "one.wav")[0]) == 4000
    assert (tmp_path / "two.ulaw").stat().st_size == 4000
