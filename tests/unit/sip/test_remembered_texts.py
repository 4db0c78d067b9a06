"""What is remembered of texts that come from outside: nothing of any length."""

import pytest

from asterism.data.network import parse_address
from asterism.media.sockets import _family_of, family_of
from asterism.sip.resolving import _is_numeric, is_numeric
from asterism.stack import ParseError
from asterism.stack.sdp.model import Connection


def test_long_texts_are_not_remembered():
    before = [one.cache_info().currsize for one in (_is_numeric, _family_of, parse_address)]
    for number in range(50):
        long = f"{number:08}" + "x" * 5_000
        assert not is_numeric(long)
        for read in (family_of, parse_address):
            with pytest.raises(ValueError, match="address"):
                read(f"192.0.2.1%{long}")
        with pytest.raises(ParseError):
            Connection.parse(f"IN IP4 {long}")
    assert [one.cache_info().currsize for one in (_is_numeric, _family_of, parse_address)] == before
