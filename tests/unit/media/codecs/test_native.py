"""The state of a stream in a C library is freed once, and linear audio is cut into whole pieces."""

from __future__ import annotations

import pytest

from asterism.media.codecs.native import Native, Pieces


def test_the_state_is_freed_with_the_object():
    freed = []
    stream = Native(7, freed.append, 10)
    assert len(stream.out) == len(stream.view) == 10
    del stream
    assert freed == [7]


def test_there_is_nothing_to_free_where_there_is_no_state():
    freed = []
    with pytest.raises(MemoryError):
        Native(None, freed.append, 10)
    assert freed == []


def test_pieces():
    pieces = Pieces(4)
    assert pieces.cut(b"abcd") == [b"abcd"]
    assert pieces.cut(b"ab") == []
    assert pieces.cut(b"cdefghi") == [b"abcd", b"efgh"]
    assert pieces.cut(b"") == []
    assert pieces.cut(b"jkl") == [b"ijkl"]
