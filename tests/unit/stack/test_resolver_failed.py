"""Targets that failed lately are tried last."""

from asterism.stack.resolver import FailedTargets, Target

ONE, TWO, THREE = (Target("UDP", f"192.0.2.{number}", 5060, "x") for number in (1, 2, 3))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_failures_go_behind_and_come_back():
    clock = Clock()
    failed = FailedTargets(clock, lifetime=30)
    assert failed.last([ONE, TWO]) == [ONE, TWO]
    failed.add(ONE)
    failed.add(TWO)
    assert failed.last([ONE, TWO, THREE]) == [THREE, ONE, TWO]
    clock.now += 30
    assert failed.last([ONE, TWO, THREE]) == [ONE, TWO, THREE]
    assert len(failed) == 0


def test_retry_after_counts_up_to_a_minute():
    clock = Clock()
    failed = FailedTargets(clock)
    failed.add(ONE, 5)
    failed.add(TWO, 1_000_000)
    clock.now += 5
    assert failed.last([ONE, TWO]) == [ONE, TWO]
    assert failed.last([TWO, ONE]) == [ONE, TWO]
    clock.now += 55
    assert failed.last([TWO, ONE]) == [TWO, ONE]


def test_the_name_behind_an_address_does_not_matter_and_the_memory_is_bounded():
    failed = FailedTargets(Clock(), limit=2)
    for target in (ONE, TWO, THREE):
        failed.add(target)
    assert len(failed) == 2
    assert failed.last([THREE, TWO._replace(name="y"), ONE]) == [ONE, THREE, TWO._replace(name="y")]
