"""Content of a NOTIFY that is sent by hand: what may be in it, and what a file may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.config.file import ConfigFile
from asterism.sip.notify.content import MAX_LINES, MAX_SIZE, NotifyError, content_of, read_templates


def test_what_is_the_requests_own_is_left_out() -> None:
    content = content_of(
        [("Event", "x"), ("v", "SIP/2.0/UDP evil"), ("t", "<sip:x>"), ("content-length", "7"), ("l", "9"),
         ("m", "<sip:y>"), ("i", "id"), ("Subscription-State", "active"), ("Max-Forwards", "3")]
    )  # fmt: skip
    assert content.headers == (("Subscription-State", "active"), ("Event", "x"), ("Max-Forwards", "3"))
    assert content.passed_over == ("Via", "To", "Content-Length", "Content-Length", "Contact", "Call-ID")


def test_a_body_without_type_is_left_out() -> None:
    assert content_of([("Event", "x"), ("Content", "a")]).body == ""


@pytest.mark.parametrize(
    "lines",
    [
        [("X-A", "b\r\nVia: c")], [("X A", "b")], [("X-A:", "b")], [("", "b")], [("Content", "a\nb")],
        [("X", "a")] * (MAX_LINES + 1), [("X", "a" * (MAX_SIZE + 1))],
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(lines: list[tuple[str, str]]) -> None:
    with pytest.raises(NotifyError):
        content_of(lines)


def test_a_template_that_is_wrong_is_told_and_the_others_serve(tmp_path: Path) -> None:
    path = tmp_path / "pjsip_notify.conf"
    path.write_text("[a]\nEvent=>x\n[b]\nNo Header=>x\n[c]\nEvent=>y\nVia=>z\n")
    found, problems = read_templates(ConfigFile.load(path))
    assert sorted(found) == ["a", "c"]
    assert [problem.position.line for problem in problems if problem.position] == [3, 5]


def test_the_length_that_files_of_asterisk_say_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "sip_notify.conf"
    path.write_text("[a]\nEvent=>x\nContent-Length=>0\n[b]\nCSeq=>1\n")
    found, problems = read_templates(ConfigFile.load(path), as_given=True)
    assert found["a"].headers == (("Subscription-State", "terminated"), ("Event", "x"))
    assert ["'CSeq' is left out: the server writes it itself" in str(problem) for problem in problems] == [True]
