"""How many Python functions an operation calls: grown without notice, it would cost every user CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.calls import BUDGETS, count, count_notify

from asterism.testing.servers import free_port

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("operation", list(BUDGETS))
def test_an_operation_keeps_to_its_budget(operation: str, tmp_path: Path) -> None:
    found = count(operation, tmp_path, free_port(), free_port(), free_port())
    assert found.within(BUDGETS[operation]), f"{found.calls:.0f} calls, by folder: {found.by_folder()}"
    assert found.calls > 0.7 * BUDGETS[operation], f"only {found.calls:.0f} calls: tighten the budget"


def test_a_notify_costs_the_same_beside_many_subscriptions(tmp_path: Path) -> None:
    """100 subscriptions to 10 extensions, and 10,000 to 1,000."""
    few, many = (
        count_notify(tmp_path / str(lamps), free_port(), free_port(), lamps).calls for lamps in (10, 1000)
    )  # fmt: skip
    assert abs(many - few) < 0.02 * few, (few, many)
