"""What was parsed once is found again by its text; what is kept has bounds, and no part of a value is lost."""

from collections.abc import Callable, Sized

import pytest

from asterism.stack import CSeq, NameAddr, ParseError, Uri
from asterism.stack.headers.address import KNOWN_ADDRESSES
from asterism.stack.headers.cseq import KNOWN_CSEQS
from asterism.stack.known import MOST
from asterism.stack.uri import KNOWN_URIS

KINDS = [
    (Uri.parse, KNOWN_URIS, "sip:{}@known.example"),
    (NameAddr.parse, KNOWN_ADDRESSES, "<sip:{}@known.example>"),
    (CSeq.parse, KNOWN_CSEQS, "{} KNOWN"),
]


@pytest.mark.parametrize(("parse", "known", "form"), KINDS)
def test_what_is_kept_has_bounds(parse: Callable[[str], object], known: Sized, form: str) -> None:
    for number in range(MOST + 10):
        text = form.format(number)
        assert parse(text) is parse(text)
        assert len(known) <= MOST


@pytest.mark.parametrize(("parse", "known", "form"), KINDS)
def test_long_text_is_not_kept(parse: Callable[[str], object], known: dict[str, object], form: str) -> None:
    text = form.format("7" + "x" * 600) if "@" in form else form.format(7) + "x" * 600
    assert parse(text) == parse(text)
    assert text not in known
    assert not any(len(one) > 600 for one in known)


@pytest.mark.parametrize("tail", [";tag=1", ";tag=a.b", ";tag=1;x=y", ';x="y";tag=1', "; tag = 1"])
def test_addresses_are_kept_without_their_tags(tail: str) -> None:
    text = f'"Known" <sip:tagged@known.example>{tail}'
    address = NameAddr.parse(text)
    assert (address.display, address.uri.user, address.tag) == ("Known", "tagged", address.params["tag"])
    assert address == NameAddr.parse(text)
    assert text not in KNOWN_ADDRESSES


@pytest.mark.parametrize("text", ["", "<sip:a@b>;tag=", "<sip:a@b>;tag", '<sip:a@b>;tag="1"', "<sip:a@b", "<nothing>"])
def test_what_is_refused_is_refused_again(text: str) -> None:
    for _ in range(2):
        with pytest.raises(ParseError):
            NameAddr.parse(text)
    assert text not in KNOWN_ADDRESSES
