"""Mixing: who hears what, by content."""

from __future__ import annotations

import numpy as np
import pytest

from asterism.media.formats import ALAW, FORMATS, GSM, LINEAR, SLIN, ULAW, Format
from asterism.media.stream import Frame
from asterism.media.translate import path, stream_translator, translator
from asterism.pbx.bridges.mixing import MOST, Mixer, MixOptions, Port, rate_for

SLIN16 = LINEAR[16000]
SECONDS = 1
TURNS = 50
DEPTH = 2


def tone(hertz: int, rate: int) -> np.ndarray:
    return 4000 * np.sin(2 * np.pi * hertz * np.arange(rate * SECONDS) / rate)


class Ear(list[Frame]):
    """Keeps what it is sent."""

    write = list.append


class Party:
    """Says a tone in one format, and keeps what it hears."""

    def __init__(self, mixer: Mixer, fmt: Format, hertz: int = 0) -> None:
        self.format = fmt
        self.heard = Ear()
        self.port: Port = mixer.add(fmt, self.heard)
        linear = LINEAR[fmt.sample_rate]
        encode = translator(linear, fmt)
        assert encode is not None
        sound = tone(hertz, fmt.sample_rate) if hertz else np.zeros(fmt.sample_rate * SECONDS)
        data = encode(sound.astype("<i2").tobytes())
        size = len(data) // (TURNS * SECONDS)
        self.frames = [Frame(fmt, data[at : at + size]) for at in range(0, len(data), size)]

    def level(self, hertz: int) -> float:
        """How loud a tone is in what it heard, of what was said."""
        assert {frame.format for frame in self.heard} == {self.format}
        decode = translator(self.format, LINEAR[self.format.sample_rate])
        assert decode is not None
        samples = np.frombuffer(decode(b"".join(frame.payload for frame in self.heard)), "<i2")
        part = samples[len(samples) // 4 : len(samples) * 3 // 4].astype(float)
        at = np.arange(len(part)) / self.format.sample_rate
        return float(abs(np.dot(part, np.exp(-2j * np.pi * hertz * at))) / len(part) * 2 / 4000)


def talk(mixer: Mixer, *parties: Party) -> None:
    for turn in range(TURNS * SECONDS):
        for party in parties:
            party.port(party.frames[turn])
        mixer.turn()


def test_each_hears_the_others_and_not_itself() -> None:
    mixer = Mixer()
    hertz = {ULAW: 400, ALAW: 700, LINEAR[8000]: 1100}
    parties = [Party(mixer, fmt, each) for fmt, each in hertz.items()]
    talk(mixer, *parties)
    for party in parties:
        assert len(party.heard) == TURNS * SECONDS
        for fmt, each in hertz.items():
            level = party.level(each)
            assert level < 0.02 if fmt is party.format else 0.9 < level < 1.1, (party.format, fmt, level)


def test_who_is_silent_hears_all() -> None:
    mixer = Mixer()
    listeners = [Party(mixer, ULAW), Party(mixer, ULAW)]
    speakers = [Party(mixer, ULAW, 400), Party(mixer, ALAW, 700)]
    talk(mixer, *listeners, *speakers)
    for listener in listeners:
        assert listener.level(400) > 0.9
        assert listener.level(700) > 0.9
    assert speakers[0].level(400) < 0.02


def test_a_single_voice_does_not_hear_itself() -> None:
    mixer = Mixer()
    speaker, listener = Party(mixer, ULAW, 400), Party(mixer, ULAW)
    talk(mixer, speaker)
    assert listener.level(400) > 0.9
    assert set(b"".join(frame.payload for frame in speaker.heard)) == {0xFF}


def test_two_wide_parties_hear_each_other_wide() -> None:
    mixer = Mixer()
    wide, other, narrow = Party(mixer, SLIN16, 5000), Party(mixer, SLIN16, 600), Party(mixer, ULAW, 1000)
    assert mixer.rate == 16000
    talk(mixer, wide, other, narrow)
    assert other.level(5000) > 0.9
    assert other.level(1000) > 0.9
    assert other.level(600) < 0.02
    assert narrow.level(600) > 0.85
    assert narrow.level(1000) < 0.02
    mixer.remove(wide.port)
    assert mixer.rate == 8000


def test_the_rate_is_what_two_can_use() -> None:
    assert rate_for([]) == 8000
    assert rate_for([SLIN16, ULAW]) == 8000
    assert rate_for([LINEAR[48000], SLIN16, ULAW]) == 16000


def test_too_loud_is_cut_off_and_not_wrapped() -> None:
    mixer = Mixer()
    loud = Frame(LINEAR[8000], np.full(160, 30000, "<i2").tobytes())
    heard = Ear()
    speakers = [mixer.add(LINEAR[8000], Ear()) for _ in range(2)]
    mixer.add(LINEAR[8000], heard)
    for _ in range(DEPTH):
        for speaker in speakers:
            speaker(loud)
    mixer.turn()
    assert set(np.frombuffer(heard[-1].payload, "<i2")) == {32767}


def test_what_waits_is_bounded() -> None:
    mixer = Mixer()
    port = mixer.add(ULAW, Ear())
    for _ in range(100 * MOST):
        port(Frame(ULAW, bytes(160)))
    size = len(port.lane.buffer) // 160
    assert DEPTH <= size <= MOST
    pending = port.pending_for(ULAW)  # what comes without a call is dropped at the next turn
    assert pending is port.lane.buffer
    pending += bytes(160 * 100 * MOST)
    mixer.turn()
    assert len(pending) == (DEPTH - 1) * 160


def test_late_packets_cost_silence_and_no_shift_of_others() -> None:
    mixer = Mixer()
    speaker, listener = Party(mixer, ULAW, 400), Party(mixer, ULAW)
    for turn in range(TURNS):
        if turn % 2:  # two at a time: one packet is always late by 20 ms
            for frame in speaker.frames[turn - 1 : turn + 1]:
                speaker.port(frame)
        mixer.turn()
    assert listener.level(400) > 0.9


def test_what_was_said_is_heard_when_the_mix_ends() -> None:
    mixer = Mixer()
    speaker, listener = Party(mixer, ULAW, 400), Party(mixer, ULAW)
    for frame in speaker.frames[:5]:
        speaker.port(frame)
    mixer.turn()
    mixer.drain()
    said = b"".join(frame.payload for frame in speaker.frames[:5])
    heard = b"".join(frame.payload for frame in listener.heard)
    assert len(heard) == len(said)
    assert np.abs(np.frombuffer(heard, np.uint8).astype(int) - np.frombuffer(said, np.uint8)).max() <= 1


def test_a_format_without_a_codec_is_refused() -> None:
    silent = Format("silent", "SILENT", 8000, 8000, 120)
    assert not Mixer().can(silent)
    assert Mixer().can(ULAW)


def said_in(order: list[int], source: Format) -> list[int]:
    """What another party hears of packets in this order, one each turn: the octets of each 20 ms."""
    mixer = Mixer()
    party, heard = mixer.add(source, Ear()), Ear()
    mixer.add(ULAW, heard)
    mixer.add(source, Ear())
    convert = stream_translator(ULAW, source)
    assert convert is not None
    for number in order:
        timestamp = 0xFFFFFF00 + number * source.timestamp_step & 0xFFFFFFFF
        frame = Frame(source, convert(bytes([16 + number]) * 160), timestamp)
        party(frame)
        party(frame)  # the network has it twice
        mixer.turn()
    mixer.drain()
    return [frame.payload[80] for frame in heard]


def test_what_overtakes_is_put_in_order_and_what_is_lost_is_silence() -> None:
    even = [0xFF, *range(16, 26)]  # a turn is waited for what may come late
    for order, missing in (
        (list(range(10)), ()),
        ([0, 1, 3, 2, 4, 5, 6, 7, 8, 9], ()),
        ([0, 1, 3, 2, 5, 4, 6, 7, 8, 9], ()),
        ([0, 1, 2, 4, 5, 6, 7, 8, 9], (3,)),
    ):
        heard = [value for value in said_in(order, ULAW) if value != 0xFF]
        assert heard == [value for value in even[1:] if value - 16 not in missing], order


def test_a_gap_keeps_its_time_and_what_is_too_late_is_not_heard() -> None:
    heard = said_in([0, 1, 2, 4, 5, 6, 7, 3, 8, 9], ULAW)
    assert heard[1:][:9] == [16, 17, 18, 0xFF, 20, 21, 22, 23, 24]


def test_what_comes_without_a_call_keeps_the_time_of_what_comes_with_one() -> None:
    mixer = Mixer()
    party, heard = mixer.add(ULAW, Ear()), Ear()
    mixer.add(ULAW, heard)
    party(Frame(ULAW, bytes([16]) * 160, 0))
    pending = party.pending_for(ULAW)
    assert pending is not None
    pending += bytes([17]) * 160
    mixer.turn()
    party(Frame(ULAW, bytes([19]) * 160, 480))
    party(Frame(ULAW, bytes([18]) * 160, 320))
    pending += bytes([20]) * 160
    party(Frame(ULAW, bytes([21]) * 160, 800))
    mixer.drain()
    assert [frame.payload[80] for frame in heard] == [16, 17, 18, 19, 20, 21]


def test_converted_audio_is_put_in_order_before() -> None:
    values = [value for value in said_in([0, 2, 1, 3, 4, 6, 5, 7, 8, 9], SLIN16) if value != 0xFF]
    assert values == sorted(values)
    assert len(values) >= 8


def test_a_party_that_is_deaf_hears_silence_and_is_not_heard() -> None:
    mixer = Mixer()
    speaker, waiting, other = Party(mixer, ULAW, 400), Party(mixer, ULAW, 700), Party(mixer, ULAW)
    mixer.set_deaf(waiting.port, True)
    talk(mixer, speaker, waiting)
    assert set(b"".join(frame.payload for frame in waiting.heard)) == {0xFF}
    assert len(waiting.heard) == TURNS * SECONDS
    assert other.level(400) > 0.9
    assert other.level(700) < 0.02
    mixer.set_deaf(waiting.port, False)
    waiting.heard.clear()
    talk(mixer, speaker)
    assert waiting.level(400) > 0.9


def decoded(fmt: Format, heard: Ear) -> np.ndarray:
    decode = stream_translator(fmt, SLIN16) or (lambda payload: payload)
    return np.frombuffer(b"".join(decode(frame.payload) for frame in heard), "<i2")


CODECS = [fmt for fmt in FORMATS.values() if path(fmt, SLIN) and path(SLIN, fmt)]


@pytest.mark.parametrize("fmt", CODECS, ids=lambda fmt: fmt.name)
def test_who_listens_hears_the_same_however_many_are_deaf(fmt: Format) -> None:
    """An encoder has a state: one that is given two signals in turns ruins both."""

    def heard(deaf: int) -> np.ndarray:
        mixer = Mixer(MixOptions(rate=16000))
        speaker = Party(mixer, SLIN16, 1000)
        ears = [Ear() for _ in range(1 + deaf)]
        for number, ear in enumerate(ears):
            mixer.set_deaf(mixer.add(fmt, ear), number > 0)
        talk(mixer, speaker)
        listened, *silent = [decoded(fmt, ear) for ear in ears]
        assert all(np.abs(samples).max() < 100 for samples in silent)
        return listened

    assert np.array_equal(heard(1), heard(0))
    assert np.abs(heard(1)).max() > 1500


def test_the_rate_may_be_fixed_or_bounded() -> None:
    assert rate_for([ULAW, ULAW], MixOptions(rate=16000)) == 16000
    assert rate_for([SLIN16, LINEAR[48000], LINEAR[48000]], MixOptions(most=16000)) == 16000
    assert rate_for([ULAW, ULAW], MixOptions(most=16000)) == 8000
    mixer = Mixer(MixOptions(rate=16000))
    wide, narrow = Party(mixer, SLIN16, 5000), Party(mixer, ULAW, 1000)
    listener = Party(mixer, SLIN16)
    talk(mixer, wide, narrow)
    assert mixer.rate == 16000
    assert listener.level(5000) > 0.9
    assert listener.level(1000) > 0.85


@pytest.mark.parametrize("interval", [10, 20, 40, 80])
@pytest.mark.parametrize("fmt", [ULAW, GSM, LINEAR[16000]], ids=lambda fmt: fmt.name)
def test_intervals_change_the_turns_and_not_what_is_heard(interval: int, fmt: Format) -> None:
    if stream_translator(LINEAR[fmt.sample_rate], fmt) is None:
        pytest.skip("the codec's library is not there")
    mixer = Mixer(MixOptions(interval=interval))
    parties = [Party(mixer, fmt, 400), Party(mixer, fmt, 700), Party(mixer, ALAW, 1100)]
    done = 0
    for packet in range(TURNS * SECONDS):
        for party in parties:
            party.port(party.frames[packet])
        while (done + 1) * interval <= (packet + 1) * 20:
            mixer.turn()
            done += 1
    assert done == 1000 // interval
    for party, own in zip(parties, (400, 700, 1100), strict=True):
        packets = [frame for frame in party.heard if frame.payload]
        expected = SECONDS * 1000 // min(interval, 20)
        assert abs(len(packets) - expected) <= (expected // 2 if fmt is GSM and interval == 10 else 4)
        for hertz in (400, 700, 1100):
            level = party.level(hertz)
            assert level < 0.1 if hertz == own else 0.7 < level < 1.2, (party.format, hertz, level)


def test_one_that_does_not_hear_is_heard() -> None:
    mixer = Mixer()
    listener, other = Party(mixer, ULAW), Party(mixer, ULAW)
    announcer = Party(mixer, LINEAR[8000], 600)
    mixer.remove(announcer.port)
    announcer.port = mixer.add(LINEAR[8000], announcer.heard, hears=False)
    for _ in range(5):
        mixer.turn()
    assert announcer.heard == []
    talk(mixer, announcer)
    assert listener.level(600) > 0.9
    assert other.level(600) > 0.9
