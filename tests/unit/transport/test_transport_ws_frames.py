"""WebSocket frames as RFC 6455 section 5.2 lays them out."""

import pytest

from asterism.transport.websocket import BINARY, TEXT, frame


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
