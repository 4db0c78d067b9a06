"""Free ports for servers of tests."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from uuid import uuid4

import pytest

from asterism.testing.servers import free_port

CHOOSE = """
import sys
from asterism.testing import servers
servers._NAME = sys.argv[1]
print(*(servers.free_port() for _ in range(100)), flush=True)
input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="names of sockets without a file are Linux's")
def test_processes_that_run_beside_each_other_choose_different_ports() -> None:
    """Those of one run, and of several: a call went to the server of another run, which had it twice."""
    command = [sys.executable, "-c", CHOOSE, f"asterism-test-{uuid4().hex}"]
    chosen: list[set[int]] = []
    with ExitStack() as running:
        for _ in range(3):
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            running.enter_context(process)
            running.callback(process.communicate, "\n")
            assert process.stdout is not None
            chosen.append({int(word) for word in process.stdout.readline().split()})
    assert [len(each) for each in chosen] == [100] * 3
    assert len(set().union(*chosen)) == 300
    assert 31_002 <= min(set().union(*chosen)) <= max(set().union(*chosen)) < 32_766


def test_a_port_that_is_bound_later_is_not_given_out_twice() -> None:
    assert len({free_port() for _ in range(100)}) == 100
