"""Headers that SIPAddHeader queues: one line each, the newest first, whatever text the dialplan puts in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.chan_sip import added_headers


class _Channel:
    def __init__(self, **variables: str) -> None:
        self.variables = variables

    def get_variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def set_variable(self, name: str, value: str | None) -> None:
        self.variables.pop(name.lstrip("_"), None)
        if value is not None:
            self.variables[name.lstrip("_")] = value


def _channel(*headers: str, **variables: str) -> Any:
    channel: Any = _Channel(**variables)
    for one in headers:
        assert added_headers.add(channel, one)
    return channel


def test_headers_have_slots_and_the_last_is_sent_first() -> None:
    channel = _channel("X-One: first", "X-Two: second;param=1", "Alert-Info: <http://127.0.0.1/ring>")
    assert channel.variables == {
        "SIPADDHEADER01": "X-One: first",
        "SIPADDHEADER02": "X-Two: second;param=1",
        "SIPADDHEADER03": "Alert-Info: <http://127.0.0.1/ring>",
    }
    assert added_headers.lines(channel) == [
        ("Alert-Info", "<http://127.0.0.1/ring>"), ("X-Two", "second;param=1"), ("X-One", "first"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "left"),
    [
        ("X-Two", ["01", "04"]),
        ("x-tWO", ["01", "04"]),
        ("X-Two:", ["01", "03", "04"]),
        ("X-None", ["01", "02", "03", "04"]),
        ("", []),
    ],
)
def test_headers_are_removed_by_the_beginning_of_their_text(prefix: str, left: list[str]) -> None:
    channel = _channel("X-One: first", "X-Two: second", "X-Two-B: third", "P-Other: fourth", KEPT="yes")
    added_headers.remove(channel, prefix)
    assert list(channel.variables) == ["KEPT", *(f"SIPADDHEADER{number}" for number in left)]


def test_a_freed_slot_is_taken_again() -> None:
    channel = _channel("A-1: 1", "B-2: 2", "C-3: 3")
    added_headers.remove(channel, "B")
    assert added_headers.add(channel, "D-4: 4")
    assert channel.variables["SIPADDHEADER02"] == "D-4: 4"
    assert [name for name, _ in added_headers.lines(channel)] == ["D-4", "C-3", "A-1"]


def test_there_are_fifty_slots_and_variables_beyond_them_count() -> None:
    channel = _channel(*(f"X-{number}: v" for number in range(50)))
    assert not added_headers.add(channel, "X-More: v")
    channel.set_variable("__SIPADDHEADER52", "X-Inherit2: two")
    assert added_headers.lines(channel)[0] == ("X-Inherit2", "two")
    for number in range(100, 300):
        channel.set_variable(f"SIPADDHEADER{number}", f"X-{number}: v")
    assert len(added_headers.lines(channel)) == 100


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('X-Quoted: "abc, def"', ("X-Quoted", '"abc, def')),
        ('"X-Whole: in quotes"', ("X-Whole", "in quotes")),
        ("X-Empty:", ("X-Empty", "")),
        ("X-Blank  :\t v", ("X-Blank", "v")),
        ("NoColonHeader", None),
        ("", None),
    ],
)
def test_a_text_is_a_header_or_none(text: str, line: tuple[str, str] | None) -> None:
    assert added_headers.header(text) == line
    assert added_headers.refusal(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "X-A: v\r\nX-B: w",
        "X-A: v\nVia: SIP/2.0/UDP evil",
        "X-A: v\0",
        "X-A\r\n: v",
        "X A: v",
        ": v",
        "X-A: v\x0b",
        "Content-Length: 0",
        "l: 0",
        "via: SIP/2.0/UDP evil",
        "CSEQ: 1 BYE",
        "no colon\r\n",
        f"X-Long: {'v' * 9000}",
    ],
)
def test_what_is_more_than_one_header_or_the_servers_own_is_refused(text: str) -> None:
    assert added_headers.refusal(text)
    assert added_headers.header(text) is None
    assert added_headers.lines(_channel(SIPADDHEADER07=text)) == []


@given(st.text())
def test_no_text_becomes_more_than_one_line(text: str) -> None:
    for value in (text, f"X-A: {text}", f"{text}: v"):
        line = added_headers.header(value)
        if line is not None:
            assert not any(char in part for part in line for char in "\r\n\0")
            assert line[0]
            assert ":" not in line[0]
