"""What is kept of finished transactions, and how much of it."""

from asterism.stack.timers import TimerQueue
from asterism.stack.transactions.table import LARGE, TransactionTable


def table(limit=1_000_000, most=1_000_000):
    now = [0.0]
    timers = TimerQueue(lambda: now[0])
    return TransactionTable(timers, limit, most), timers, now


def test_answers_are_limited_in_bytes_and_the_oldest_expiry_goes_first():
    found, _, now = table(most=10_000)
    for number in range(100):
        now[0] = float(number)
        found.finish(str(number), f"merged {number}", b"x" * 1_000, 32.0)
        assert found.held <= 10_000
    assert found.finished == len(found.entries) < 10
    assert "99" in found.entries
    assert "0" not in found.entries


def test_large_answers_have_a_quarter_of_the_room_and_drive_no_others_out():
    found, timers, now = table(most=100_000)
    found.finish("small", "", b"x" * 1_000, 32.0)
    found.entries["live"] = object()
    for number in range(100):
        found.finish(str(number), "", b"x" * (LARGE + 1), 32.0)
    assert 0 < found.finished - 1 <= 25_000 // LARGE
    assert "small" in found.entries
    assert found.live == 1
    now[0] = 40.0
    timers.handle_timers(now[0])
    assert (found.finished, found.held, list(found.entries)) == (0, 0, ["live"])
    found.finish("again", "", b"x" * (LARGE + 1), 32.0)
    assert "again" in found.entries


def test_keys_count_too():
    found, _, _ = table(most=10_000)
    found.finish("k" * 2_000, "m" * 2_000, b"", 32.0)
    assert found.held == 4_000
