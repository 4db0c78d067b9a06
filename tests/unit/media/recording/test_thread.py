"""The thread of recordings: in order, bounded in octets."""

from __future__ import annotations

from threading import Event, current_thread

from asterism.media.recording.thread import RecordingThread


def test_work_is_done_in_order_by_one_thread() -> None:
    thread, done, names = RecordingThread(), [], set()

    def note(number: int) -> None:
        done.append(number)
        names.add(current_thread().name)

    for number in range(50):
        assert thread.submit(lambda number=number: note(number), 10)  # type: ignore[misc]
    thread.close(wait=True)
    assert done == list(range(50))
    assert len(names) == 1
    assert thread.waiting == 0


def test_a_disk_that_does_not_answer_lets_no_more_wait_than_the_limit() -> None:
    thread, answers, done = RecordingThread(1000), Event(), []
    assert thread.submit(answers.wait, 400)  # type: ignore[arg-type]
    assert thread.submit(lambda: done.append(1), 600)
    assert not thread.submit(lambda: done.append(2), 1)
    assert thread.submit(lambda: done.append(3))  # what ends a recording is always taken
    assert thread.waiting == 1000
    answers.set()
    thread.close(wait=True)
    assert done == [1, 3]
    assert thread.waiting == 0


def test_what_raises_frees_its_room_and_the_thread_begins_again() -> None:
    thread = RecordingThread(10)

    def fail() -> None:
        raise RuntimeError("broken on purpose")

    assert thread.submit(fail, 10)
    thread.close(wait=True)
    done: list[int] = []
    assert thread.submit(lambda: done.append(1), 10)
    thread.close(wait=True)
    thread.close()
    assert done == [1]
