"""The options of ChanSpy and ExtenSpy."""

from __future__ import annotations

import pytest

from asterism.pbx.calls.spying.settings import SpySettings, parse
from asterism.pbx.calls.spying.spying import Mode


def test_every_option_is_read() -> None:
    found = parse("bBc(9)dDe(Alice:bob)Eg(sales:Support)ln(100@work)oqr(base)sSuv(-3)x(7)X")
    assert found == SpySettings(
        mode=Mode.BARGE, bridged_only=True, exact=True, groups=frozenset({"sales", "support"}),
        enforced=frozenset({"alice", "bob"}), only_says=True, volume=-3, quiet=True, says_technology=False,
        mailbox=("100", "work"), record="base", stereo=True, switches_modes=True, next_digit="9", exit_digit="7",
        exits_to_extension=True, ends_with_channel=True, ends_without_channel=True, problems=[],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "mode"),
    [("", Mode.LISTEN), ("q", Mode.LISTEN), ("w", Mode.WHISPER), ("W", Mode.PRIVATE), ("wB", Mode.BARGE)],
)
def test_the_mode(options: str, mode: Mode) -> None:
    assert parse(options).mode is mode


def test_what_is_left_out_of_an_argument() -> None:
    found = parse("nrv")
    assert (found.mailbox, found.record, found.volume, found.problems) == (("", "default"), "chanspy", 0, [])
    assert parse("n(@work)").mailbox == ("", "work")
    assert parse("c(#)").next_digit == "#"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("Z", "'Z' is unknown"), ("g", "needs a group"), ("g(::)", "needs a group"), ("e()", "names nobody"),
        ("c(12)", "'c' needs a digit"), ("x(z)", "'x' needs a digit"), ("x", "'x' needs a digit"),
        ("v(5)", "from -4 to 4"), ("v(loud)", "from -4 to 4"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_has_no_effect(options: str, words: str) -> None:
    found = parse(options)
    (problem,) = found.problems
    assert words in problem
    found.problems.clear()
    if options == "e()":
        assert found.enforced == frozenset()  # who may be spied on is never more than was meant
    else:
        assert found == SpySettings()


@pytest.mark.parametrize("text", ["../../etc", "7@../..", "/etc/7", "7@a/b", "7@\0"])
def test_a_mailbox_leads_to_no_other_folder(text: str) -> None:
    found = parse(f"n({text})")
    assert found.mailbox is None
    assert "mailbox" in found.problems[0]
