"""The thread of recordings: in order, bounded in octets."""

from __future__ import annotations

import subprocess
import sys
import threading
from threading import Event, current_thread

import pytest

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


def test_what_raises_is_told_and_frees_its_room_and_the_thread_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    thread = RecordingThread(10)

    def fail() -> None:
        raise RuntimeError("broken on purpose")

    done: list[int] = []
    assert thread.submit(fail, 10)
    assert thread.submit(lambda: done.append(0))
    thread.close(wait=True)
    assert [one.exc_type for one in told] == [RuntimeError]
    assert thread.submit(lambda: done.append(1), 10)
    thread.close(wait=True)
    thread.close()
    assert done == [0, 1]


def test_a_disk_that_never_answers_does_not_keep_the_process_from_ending() -> None:
    code = """
import threading
from asterism.media.recording.thread import RecordingThread
thread = RecordingThread()
thread.submit(threading.Event().wait)
thread.submit(print)
thread.close()
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == 0
