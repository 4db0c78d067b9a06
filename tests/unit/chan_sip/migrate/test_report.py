"""The report."""

from __future__ import annotations

from asterism.chan_sip.migrate.report import Entry, Outcome, Report


def test_lines_come_in_order_and_once() -> None:
    report = Report()
    second = Entry("b.conf", 1, Outcome.TRANSLATED, "x = 1", "y = 1")
    first = Entry("a.conf", 20, Outcome.UNTRANSLATED, "z\tz\x07", "", "no such thing")
    report.add(second, first, second)
    assert [str(entry) for entry in report.ordered()] == [
        "a.conf:20: not translated: z z? (no such thing)",
        "b.conf:1: translated: x = 1 -> y = 1",
    ]
    assert report.summary() == "1 lines translated, 0 with a change, 1 not translated"
