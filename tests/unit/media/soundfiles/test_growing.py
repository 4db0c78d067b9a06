"""Frames of a codec in a file that grows: cut, packed and filled up."""

from __future__ import annotations

import io
import struct

import pytest

from asterism.media.formats import ALAW, G722, G723, G726, G729, GSM, ILBC, SLIN, SLIN48, ULAW
from asterism.media.soundfiles import SoundError
from asterism.media.soundfiles.growing import Frames, block_of


@pytest.mark.parametrize(
    ("fmt", "block"),
    [
        (ULAW, (1, 1)), (ALAW, (1, 1)), (SLIN, (2, 1)), (SLIN48, (2, 1)), (G722, (1, 2)), (G726, (1, 2)),
        (GSM, (33, 160)), (ILBC, (50, 240)), (G729, (20, 160)),
    ],
)  # fmt: skip
def test_the_shortest_piece_that_can_stand_alone(fmt, block: tuple[int, int]) -> None:
    assert block_of(fmt) == block


def test_what_fills_no_frame_waits_for_more_and_is_filled_up_at_the_end() -> None:
    growth = Frames(GSM)
    assert growth.encode(bytes(2 * 100)) == b""
    assert len(growth.encode(bytes(2 * 100))) == 33
    assert len(growth.encode(bytes(2 * 300))) == 66
    assert len(growth.finish()) == 33  # 500 samples are three frames and an eighth
    assert growth.finish() == b""
    assert growth.seconds(4 * 33) == 0.08


def test_a_block_of_two_frames_is_packed_when_both_are_there() -> None:
    packed: list[int] = []

    def pack(frames: bytes) -> bytes:
        packed.append(len(frames))
        return bytes(len(frames) // 66 * 65)

    growth = Frames(GSM, block=(65, 320), pack=pack)
    assert len(growth.encode(bytes(2 * 160))) == 0
    assert len(growth.encode(bytes(2 * 500))) == 130
    assert len(growth.finish()) == 65
    assert packed[-2:] == [132, 66]
    assert (growth.whole(129), growth.seconds(195)) == (65, 0.12)


def test_the_end_is_cut_at_a_whole_frame_and_what_waited_is_forgotten() -> None:
    growth = Frames(GSM)
    size = len(growth.encode(bytes(2 * 1000)))
    assert growth.cut(io.BytesIO(), size, 0.03) == size - 33
    assert growth.finish() == b""
    assert growth.cut(io.BytesIO(), size, 5) == 0


def test_only_a_file_with_the_same_head_is_added_to() -> None:
    growth = Frames(ULAW, head=lambda size: struct.pack("<4sI", b"head", size))
    assert growth.resume(io.BytesIO(struct.pack("<4sI", b"head", 3) + b"abc")) == 3
    for data in (struct.pack("<4sI", b"beak", 3) + b"abc", b"head"):
        with pytest.raises(SoundError, match="no such file"):
            growth.resume(io.BytesIO(data))


def test_several_channels_only_where_a_sample_is_a_frame() -> None:
    growth = Frames(SLIN, 2)
    assert growth.encode(b"abcdefgh") == b"abcdefgh"
    assert (growth.whole(7), growth.seconds(8)) == (4, 2 / 8000)
    with pytest.raises(SoundError, match="one channel"):
        Frames(G722, 2)


def test_a_codec_that_is_only_passed_on() -> None:
    with pytest.raises(SoundError, match="g723 cannot be encoded here: no codec"):
        Frames(G723)
