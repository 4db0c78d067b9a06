from asterism.stack.timers import TimerQueue


def queue(now=0.0):
    return TimerQueue(lambda: now)


def test_fires_in_order_of_time_then_of_creation():
    timers, fired = queue(), []
    timers.call_at(2.0, fired.append, "late")
    timers.call_at(1.0, fired.append, "first")
    timers.call_at(1.0, fired.append, "second")
    timers.handle_timers(0.999)
    assert fired == []
    timers.handle_timers(1.0)
    assert fired == ["first", "second"]
    assert timers.next_timer() == 2.0


def test_cancelled_timers_do_not_fire_and_do_not_count():
    timers, fired = queue(), []
    timer = timers.call_at(1.0, fired.append, "never")
    timers.call_at(3.0, fired.append, "yes")
    timer.cancel()
    timer.cancel()
    assert not timer.active
    assert len(timers) == 1
    assert timers.next_timer() == 3.0
    timers.handle_timers(5.0)
    assert fired == ["yes"]
    assert len(timers) == 0
    assert timers.next_timer() is None


def test_cancel_after_firing_changes_nothing():
    timers, fired = queue(), []
    timer = timers.call_at(1.0, fired.append, 1)
    timers.handle_timers(1.0)
    timer.cancel()
    assert len(timers) == 0


def test_dead_entries_are_compacted():
    timers = queue()
    keep = timers.call_at(1e6, list)
    for _ in range(10_000):
        timers.call_at(5.0, list).cancel()
    assert len(timers._heap) < 200
    assert len(timers) == 1
    assert keep.active


def test_compaction_while_timers_are_handled():
    timers, fired = queue(), []
    doomed = [timers.call_at(2.0, fired.append, "doomed") for _ in range(500)]
    timers.call_at(1.0, lambda: [timer.cancel() for timer in doomed])
    timers.call_at(2.0, fired.append, "kept")
    timers.handle_timers(3.0)
    assert fired == ["kept"]
    assert len(timers) == 0


def test_timer_set_by_a_timer_fires_in_the_same_pass_if_due():
    timers, fired = queue(), []
    timers.call_at(1.0, lambda: timers.call_at(1.5, fired.append, "due"))
    timers.call_at(1.0, lambda: timers.call_at(9.0, fired.append, "later"))
    timers.handle_timers(2.0)
    assert fired == ["due"]


def test_an_exception_leaves_the_rest_to_the_next_call():
    timers, fired = queue(), []

    def fail():
        raise RuntimeError("broken")

    timers.call_at(1.0, fail)
    timers.call_at(1.0, fired.append, "after")
    try:
        timers.handle_timers(1.0)
    except RuntimeError:
        fired.append("raised")
    timers.handle_timers(1.0)
    assert fired == ["raised", "after"]


def test_on_earliest_is_told_only_of_a_new_first():
    timers, told = queue(), []
    timers.on_earliest = told.append
    timers.call_at(5.0, list)
    timers.call_at(7.0, list)
    timers.call_at(3.0, list)
    assert told == [5.0, 3.0]


def test_call_later_counts_from_the_clock():
    timers = queue(100.0)
    assert timers.call_later(2.5, list).when == 102.5
