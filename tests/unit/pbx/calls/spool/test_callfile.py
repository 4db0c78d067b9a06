"""Reading call files."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from asterism.pbx.calls.spool.callfile import _KEYS, CallFile, CallFileError, parse

SAMPLE = Path(__file__).resolve().parents[5] / "samples" / "sample.call"
EVERYTHING = b"""\xef\xbb\xbf# a call to everybody
Channel: PJSIP/bob\r
callerid: "Call File" <5001>
MaxRetries: 1 ; once more
RETRYTIME: 2
WaitTime: 10
Context: internal
Extension: 7010
Priority: here
Setvar: A=1
Set: __B=x\\;y=z # not this
Account: cf#a
Codecs: alaw,ulaw
EarlyMedia: yes
Archive: true
AlwaysDelete: Yes
Application: Wait
Data: a:b

"""


def test_every_key_is_read_and_comments_are_not() -> None:
    assert parse(EVERYTHING) == CallFile(
        channel="PJSIP/bob", caller_id='"Call File" <5001>', wait_time=10, max_retries=1, retry_time=2, account="cf#a",
        context="internal", exten="7010", priority="here", application="Wait", data="a:b", codecs="alaw,ulaw",
        early_media=True, always_delete=True, archive=True, variables=[("A", "1"), ("__B", "x;y=z")],
    )  # fmt: skip


def test_what_is_not_said_is_as_documented() -> None:
    found = parse(b"Channel: PJSIP/bob\nExtension: 1")
    assert (found.wait_time, found.max_retries, found.retry_time) == (45, 0, 300)
    assert (found.context, found.priority, found.archive, found.early_media) == ("default", "1", False, False)
    assert found.missing() == ""


def test_attempts_are_counted_by_their_ends() -> None:
    text = b"Channel: PJSIP/bob\n\nStartRetry: 7 1 (10)\n\nDelayedRetry: 7 0 (10)\n\nEndRetry: 7 1 (12)\n"
    assert (parse(text).attempts, parse(text).unfinished) == (1, False)
    again = parse(text + b"\nStartRetry: 7 2 (14)\n")
    assert (again.attempts, again.unfinished) == (1, True)
    third = parse(text + b"\nStartRetry: 7 2 (14)\n\nAbortRetry: 8 2 (20)\n\nStartRetry: 8 3 (22)\nStatus: Expired\n")
    assert (third.attempts, third.unfinished, third.problems) == (2, True, [])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("nonsense", "line 2: 'nonsense' has no colon: a line is 'Key: value'"),
        ("Chanel: x", "line 2: unknown key 'Chanel'"),
        ("MaxRetries: many", "line 2: MaxRetries: 'many' is no number"),
        ("WaitTime: -1", "line 2: WaitTime: '-1' is no number"),
        ("RetryTime: 99999999999", "line 2: RetryTime: '99999999999' is no number"),
        ("Archive: perhaps", "line 2: Archive: 'perhaps' is neither yes nor no"),
        ("Setvar: nothing", "line 2: 'nothing' is no variable: Setvar needs name=value"),
        ("Set: =1", "line 2: '=1' is no variable: Set needs name=value"),
    ],
)
def test_a_wrong_line_is_told_with_its_number_and_the_others_count(line: str, problem: str) -> None:
    found = parse(f"Channel: PJSIP/bob\n{line}\nExtension: 1\n".encode())
    assert found.problems == [problem]
    assert found == CallFile(channel="PJSIP/bob", exten="1", problems=[problem])


@pytest.mark.parametrize("text", ["", "Channel: PJSIP/bob", "Channel: bob\nExtension: 1", "Extension: 1", "Channel: /"])
def test_a_file_without_destination_or_target_says_what_is_missing(text: str) -> None:
    assert parse(text.encode()).missing().startswith("it needs ")


def test_the_sample_is_right_and_has_every_key() -> None:
    text = SAMPLE.read_text()
    found = parse(text.encode())
    assert (found.problems, found.missing()) == ([], "")
    uncommented = re.sub(r"^# (\w+: )", r"\1", text, flags=re.MULTILINE)
    assert parse(uncommented.encode()).problems == []
    keys = {line.partition(":")[0].lower() for line in uncommented.splitlines() if re.match(r"\w+:", line)}
    assert keys == {*_KEYS, "set", "setvar"}


def test_a_binary_file_is_none_and_other_bytes_never_raise() -> None:
    with pytest.raises(CallFileError):
        parse(b"Channel: PJSIP/bob\n\0")
    source = random.Random(16)
    for _ in range(300):
        data = bytearray(EVERYTHING)
        for _ in range(source.randrange(1, 30)):
            data[source.randrange(len(data))] = source.randrange(1, 256)
        found = parse(bytes(data))
        assert len(found.problems) <= 20
    assert len(parse(b"x\n" * 5000).problems) == 20
