"""How many Python functions an operation calls: grown without notice, it would cost every user CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.calls import BUDGETS, count

from asterism.testing.servers import free_port

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("operation", list(BUDGETS))
def test_an_operation_keeps_to_its_budget(operation: str, tmp_path: Path) -> None:
    found = count(operation, tmp_path, free_port(), free_port(), free_port())
    assert found.within(BUDGETS[operation]), f"{found.calls:.0f} calls, by folder: {found.by_folder()}"
    assert found.calls > 0.7 * BUDGETS[operation], f"only {found.calls:.0f} calls: tighten the budget"
