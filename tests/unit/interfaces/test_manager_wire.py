from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.interfaces.manager.filters import parse_filter, passes
from asterism.interfaces.manager.settings import AddressRules, parse_classes
from asterism.interfaces.manager.wire import MAX_LINE, MessageReader, OversizedError, encode


def test_a_message_ends_at_a_blank_line_with_either_line_end() -> None:
    (message,) = MessageReader().feed(b"action:   login\nUserName: admin\r\n\r\n")
    assert message.get("Action") == "login"
    assert message.get("username") == "admin"


def test_blank_lines_between_messages_are_nothing() -> None:
    assert len(MessageReader().feed(b"\r\n\r\nAction: Ping\r\n\r\n\r\n\r\nAction: Ping\r\n\r\n")) == 2


def test_a_line_without_a_colon_is_passed_over() -> None:
    first, second = MessageReader().feed(b"Action: Ping\ngarbage\n\nhello\n\n")
    assert first.get("action") == "Ping"
    assert second.get("action") == ""


@given(st.lists(st.tuples(st.sampled_from(["Action", "Variable", "X"]), st.text("abc :=,", max_size=9)), min_size=1))
def test_any_cut_of_the_stream_reads_the_same(pairs: list[tuple[str, str]]) -> None:
    data = encode(pairs).encode()
    whole = MessageReader().feed(data)[0]
    reader, pieces = MessageReader(), []
    for index in range(len(data)):
        pieces += reader.feed(data[index : index + 1])
    assert [piece.get_all("variable") for piece in pieces] == [whole.get_all("variable")]


@pytest.mark.parametrize("data", [b"x" * (MAX_LINE + 1), b"K: v\n" * 600, b"K: " + b"v" * MAX_LINE + b"\n"])
def test_what_is_too_long_is_refused(data: bytes) -> None:
    with pytest.raises(OversizedError):
        MessageReader().feed(data)


def test_a_value_cannot_start_a_new_field() -> None:
    assert encode([("Channel", "a\r\nEvent: Fake\x00")]) == "Channel: a  Event: Fake \r\n\r\n"


def test_filters_include_first_then_exclude() -> None:
    body = "Event: VarSet\r\nVariable: DIALSTATUS\r\n"
    include, exclude = parse_filter("Event: VarSet"), parse_filter("!DIALSTATUS")
    assert passes([], "VarSet", body)
    assert passes([include], "VarSet", body)
    assert not passes([include], "Newexten", "Event: Newexten\r\n")
    assert not passes([include, exclude], "VarSet", body)
    assert passes([exclude], "Newexten", "Event: Newexten\r\n")


def test_the_longer_filter_form_matches_one_header() -> None:
    name = "eventfilter(action(exclude),name(VarSet),header(Variable),method(starts_with))"
    rule = parse_filter("DIAL", name)
    assert not passes([rule], "VarSet", "Event: VarSet\r\nVariable: DIALSTATUS\r\n")
    assert passes([rule], "VarSet", "Event: VarSet\r\nVariable: OTHER\r\nValue: DIAL\r\n")


@pytest.mark.parametrize(
    "bad", [("(", "eventfilter"), ("x", "eventfilter(method(sideways))"), ("x", "eventfilter(foo(x))")]
)
def test_a_malformed_filter_is_an_error(bad: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_filter(*bad)


def test_the_last_matching_address_rule_wins() -> None:
    rules = AddressRules()
    rules.add(False, "0.0.0.0/0.0.0.0")
    rules.add(True, "127.0.0.0/8,10.0.0.1")
    assert rules.allows("127.0.0.1")
    assert rules.allows("::ffff:10.0.0.1")
    assert not rules.allows("192.0.2.1")
    assert rules.allows("::1")


def test_classes() -> None:
    assert "originate" in parse_classes("all")
    assert parse_classes("call, system,nonsense") == {"call", "system"}


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\udc80\n"])
def test_neither_name_nor_value_can_start_a_line(ending: str) -> None:
    text = f"a{ending}Event: Fake"
    for pairs in ([(text, "v")], [("N", text)], [("N", text), (text, None)], [("N", Exception(text))]):
        lines = encode(pairs).encode("utf-8", "replace").decode().splitlines()
        assert len(lines) == len(pairs) + 1
        assert not any(line.startswith("Event") for line in lines)
