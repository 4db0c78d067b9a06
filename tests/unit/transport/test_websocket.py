"""WebSocket frames as RFC 6455 section 5.2 lays them out."""

import pytest

from asterism.transport.websocket import BINARY, TEXT, MaskCheck, frame


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_lengths(length, head):
    assert frame(TEXT, b"x" * length) == head + b"x" * length
    assert frame(BINARY, b"")[0] == 0x82


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100_000])
def test_the_mask_of_each_frame_is_seen_however_the_bytes_come(step: int) -> None:
    def one(length: int, mask: int) -> bytes:
        if length < 126:
            size = bytes((mask | length,))
        elif length < 65_536:
            size = bytes((mask | 126,)) + length.to_bytes(2, "big")
        else:
            size = bytes((mask | 127,)) + length.to_bytes(8, "big")
        return b"\x81" + size + (b"\0\0\0\0" if mask else b"") + b"\x01" * length

    def whole(data: bytes) -> bool:
        check = MaskCheck()
        return all(check.feed(data[start : start + step]) for start in range(0, len(data), step))

    good = b"".join(one(length, 0x80) for length in (0, 1, 125, 126, 300, 65_536, 5))
    assert whole(good)
    assert not whole(good + one(3, 0))
    assert not whole(one(0, 0) + good)
