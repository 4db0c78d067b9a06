"""Who the supplement of ``call-limit`` concerns; that calls are refused is in tests/integration/chan_sip."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from asterism.chan_sip.refusing import CallLimitSupplement
from asterism.sip.objects import Endpoint, Habits


def test_only_calls_of_sip_conf() -> None:
    data: Any = SimpleNamespace(get=lambda cls, name: None)
    limits: Any = None
    supplement = CallLimitSupplement(limits, data)
    old = Endpoint("bob")
    assert not supplement.concerns(old)
    old.habits = Habits(technology="SIP")
    assert supplement.concerns(old)
