"""AGC and DENOISE on a channel: what its far end says and hears, by level."""

from __future__ import annotations

import numpy as np
import pytest
from fake_technology import FakeServer, FakeStream, audio_of, run

from asterism.media import denoise
from asterism.media.agc import AutomaticGain
from asterism.media.denoise import Denoiser
from asterism.media.formats import LINEAR, ULAW
from asterism.media.resample import to_octets, to_samples
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.media.translate import translator
from asterism.pbx.channels.enhancing import EnhancingFunctions
from asterism.pbx.vocabulary.flow import FunctionError


def taps(stream: FakeStream) -> tuple[list[type], list[type]]:
    found = [[] if line is None else [type(tap) for tap in line.changing] for line in (stream.taps_in, stream.taps_out)]
    return found[0], found[1]


class Levels(Tap):
    """Keeps how loud each frame is."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def take(self, frame: Frame) -> None:
        decode = translator(frame.format, LINEAR[8000]) if frame.format is ULAW else bytes
        assert decode is not None
        samples = to_samples(decode(frame.payload))
        self.found.append(float(np.sqrt(np.mean(samples * samples))))


def test_each_direction_is_set_read_and_ended() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        function = EnhancingFunctions()
        alice = server.sip.incoming("alice", "1")
        stream = audio_of(alice)
        assert function.read_gain(alice, "rx") == "0"
        function.write_gain(alice, "rx", "8000")
        function.write_gain(alice, "TX", "500.5")
        assert taps(stream) == ([AutomaticGain], [AutomaticGain])
        function.write_gain(alice, "rx", "4000")
        assert taps(stream) == ([AutomaticGain], [AutomaticGain])
        assert [function.read_gain(alice, one) for one in ("rx", "tx")] == ["1", "1"]
        function.write_gain(alice, "rx", "off")
        function.write_gain(alice, "tx", "0")
        assert taps(stream) == ([], [])
        assert function.read_gain(alice, "rx") == "0"
        function.write_gain(alice, "rx", "off")

    run(scenario)


def test_a_soft_far_end_is_heard_louder() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        function, levels = EnhancingFunctions(), Levels()
        alice = server.sip.incoming("alice", "1")
        alice.raw_answer()
        encode = translator(LINEAR[8000], ULAW)
        assert encode is not None
        samples = (800 * np.sin(2 * np.pi * 400 * np.arange(160) / 8000)).astype(np.float32)
        frame = Frame(ULAW, encode(to_octets(samples)))

        def say() -> None:
            heard = audio_of(alice).hear_in(frame)
            assert heard is not None
            levels.take(heard)

        say()
        function.write_gain(alice, "rx", "6000")
        for _ in range(150):
            say()
        function.write_gain(alice, "rx", "off")
        say()
        before, *amplified, after = levels.found
        assert before == pytest.approx(566, rel=0.15)
        assert after == pytest.approx(before)
        assert amplified[-1] == pytest.approx(6000, rel=0.1)

    run(scenario)


@pytest.mark.skipif(bool(denoise.reason()), reason="no SpeexDSP")
def test_noise_is_taken_out() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        function = EnhancingFunctions()
        alice = server.sip.incoming("alice", "1")
        function.write_noise(alice, "tx", "on")
        assert taps(audio_of(alice)) == ([], [Denoiser])
        assert [function.read_noise(alice, one) for one in ("rx", "tx")] == ["0", "1"]
        function.write_noise(alice, "tx", "off")
        assert taps(audio_of(alice)) == ([], [])

    run(scenario)


def test_what_cannot_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(server: FakeServer) -> None:
        function, alice = EnhancingFunctions(), server.sip.incoming("alice", "1")
        for write, args, value in (
            (function.write_gain, "up", "1"), (function.write_gain, "rx", "loud"), (function.write_gain, "rx", "-1"),
            (function.write_gain, "rx", "nan"), (function.write_gain, "rx", "40000"),
            (function.write_noise, "rx", "some"), (function.write_noise, "", "on"),
        ):  # fmt: skip
            with pytest.raises(FunctionError):
                write(alice, args, value)
        with pytest.raises(FunctionError):
            function.read_gain(None, "rx")
        monkeypatch.setattr(denoise, "_library", lambda: None)
        with pytest.raises(FunctionError, match="install libspeexdsp1"):
            function.write_noise(alice, "rx", "on")
        assert Direction.IN not in alice.data.get("denoise", {})

    run(scenario)
