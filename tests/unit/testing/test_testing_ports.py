"""Free ports for servers of tests."""

from __future__ import annotations

import pytest

from asterism.testing.servers import free_port


def test_processes_that_run_beside_each_other_choose_different_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = []
    for worker in ("gw0", "gw1"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        chosen.append({free_port() for _ in range(100)})
    assert not chosen[0] & chosen[1]
    monkeypatch.delenv("PYTEST_XDIST_WORKER")
    assert 31_002 <= free_port() < 32_766


def test_a_port_that_is_bound_later_is_not_given_out_twice() -> None:
    assert len({free_port() for _ in range(150)}) == 150
