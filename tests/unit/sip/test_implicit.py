"""Who keeps the subscriptions that requests make by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from asterism.core.errors import DuplicateError
from asterism.core.registry import Owner
from asterism.sip.implicit import ImplicitTable


def test_each_package_has_one_keeper_until_its_owner_goes() -> None:
    table, owner, other = ImplicitTable(), Owner("one"), Owner("other")
    keeper: Any = object()
    assert table.get("refer") is None
    table.register(owner, "refer", keeper)
    with pytest.raises(DuplicateError):
        table.register(other, "refer", keeper)
    other.release()
    assert table.get("refer") is keeper
    owner.release()
    assert table.get("refer") is None
    table.register(other, "refer", keeper)
    assert table.get("refer") is keeper
