"""Making and finding tones."""

from __future__ import annotations

import random
from array import array

import pytest

from asterism.media.g711 import linear_to_ulaw, ulaw_to_linear
from asterism.media.soundfiles import SoundError
from asterism.testing import detect, level, make_tone
from asterism.testing.sdp import Audio, answer_direction
from asterism.testing.tone import likeness, prompt, ulaw_tone


@pytest.mark.parametrize("frequency", [300, 440, 660, 1004, 3400])
def test_a_pure_tone_is_all_at_its_frequency(frequency):
    data = make_tone(frequency, seconds=0.3)
    assert level(data, frequency) > 0.97
    assert level(data, frequency + 60) < 0.1


def test_two_tones_share_the_power():
    data = make_tone(440, 660, seconds=0.3, amplitude=4000)
    assert detect(data, (300, 440, 660, 1000)) in ([440, 660], [660, 440])
    assert level(data, 440) == pytest.approx(0.5, abs=0.05)


def test_silence_and_noise():
    assert level(bytes(3200), 440) == 0.0
    assert level(b"", 440) == 0.0
    noise = random.Random(1).randbytes(4800)
    assert detect(noise, (440, 660, 1000)) == []


def test_packets_repeat_without_a_click():
    packets = ulaw_tone(440)
    assert len(packets) == 50
    assert {len(one) for one in packets} == {160}
    assert level(ulaw_to_linear(b"".join(packets * 2)), 440) > 0.97


def test_sdp_round_trip():
    one = Audio("192.0.2.1", 4000, [8, 0], 97, "sendonly", 3)
    again = Audio.parse(str(one).encode())
    assert (again.host, again.port, again.codecs, again.dtmf, again.direction) == (
        "192.0.2.1", 4000, [8, 0], 97, "sendonly",
    )  # fmt: skip
    assert answer_direction(again.direction) == "recvonly"
    assert answer_direction("inactive") == "inactive"


def test_sdp_without_audio():
    assert Audio.parse(b"v=0\r\nm=video 4000 RTP/AVP 96\r\n") is None
    assert Audio.parse(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n") is None
    assert Audio.parse(b"") is None


def test_a_sound_is_found_wherever_it_is():
    noise = [random.Random(seed).randbytes(16000) for seed in (1, 2, 3)]
    sound, other, unheard = (make_speech(one) for one in noise)
    heard = bytes(3200) + other + linear_to_linear(sound) + bytes(1600)
    assert likeness(heard, sound) > 0.95
    assert likeness(heard, other[:8000]) > 0.95
    assert likeness(heard, unheard) < 0.3
    assert likeness(sound[:8000], sound) == 0.0, "it was not heard to its end"
    assert likeness(bytes(16000), sound) == 0.0
    assert likeness(heard, bytes(1600)) == 0.0
    assert likeness(b"", b"") == 0.0


def make_speech(noise: bytes) -> bytes:
    """Something that is like nothing else, not as loud as it could be."""
    return array("h", [value >> 3 for value in array("h", noise)]).tobytes()


def linear_to_linear(sound: bytes) -> bytes:
    """What a G.711 call makes of it."""
    return ulaw_to_linear(linear_to_ulaw(sound))


def test_a_prompt_is_itself(tmp_path):
    assert len(prompt("hello-world")) > 8000
    assert likeness(prompt("hello-world"), prompt("goodbye")[:8000]) < 0.5
    with pytest.raises(SoundError):
        prompt("nothing-like-this")
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds/nothing-like-this.sln").write_bytes(make_tone(440))
    assert level(prompt("nothing-like-this", "en", [tmp_path])[:4800], 440) > 0.9
