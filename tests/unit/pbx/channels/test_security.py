"""What a caller demands of those who are called for it: kept to by the channel that is made, or it is not called."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.pbx.channels.security import KEY, NOT_AVAILABLE, Security, pass_on
from asterism.pbx.vocabulary.errors import RequestError


class _Driver:
    def __init__(self, can: bool | None) -> None:
        self._can = can
        self.asked: list[Security] = []

    def require_security(self, demand: Security) -> bool:
        self.asked.append(demand)
        if self._can is None:
            raise ValueError("broken")
        return self._can


def _channels(demand: Security | None, driver: object) -> tuple[Any, Any]:
    log = logging.getLogger("asterism.test")
    log.notice = log.info  # type: ignore[attr-defined]
    ended: list[bool] = []
    pbx = SimpleNamespace(log=log)
    caller = SimpleNamespace(name="A", data={} if demand is None else {KEY: demand})
    called = SimpleNamespace(
        name="B", driver=driver, pbx=pbx, ended=ended, hang_up=lambda: ended.append(True),
        technology=SimpleNamespace(name="X"),
    )  # fmt: skip
    return caller, called


@pytest.mark.parametrize("demand", [None, Security(), Security(False, False)])
def test_nothing_is_asked_where_nothing_is_demanded(demand: Security | None) -> None:
    driver = _Driver(False)
    caller, called = _channels(demand, driver)
    pass_on(caller, called)
    assert (driver.asked, called.ended) == ([], [])


def test_who_can_keep_to_it_is_called() -> None:
    driver = _Driver(True)
    demand = Security(signaling=True)
    caller, called = _channels(demand, driver)
    pass_on(caller, called)
    assert (driver.asked, called.ended) == ([demand], [])


@pytest.mark.parametrize("driver", [_Driver(False), _Driver(None), object()])
def test_who_cannot_fails_or_does_not_know_of_it_is_hung_up(driver: object) -> None:
    caller, called = _channels(Security(media=True), driver)
    with pytest.raises(RequestError) as failed:
        pass_on(caller, called)
    assert failed.value.cause == NOT_AVAILABLE == 58
    assert called.ended == [True]
