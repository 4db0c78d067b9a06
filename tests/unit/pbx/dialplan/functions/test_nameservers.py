"""Questions to name servers, and the order of what comes."""

from __future__ import annotations

from types import SimpleNamespace

import dns.name
import pytest
from name_server_kit import name_server

from asterism.pbx.dialplan.functions import nameservers
from asterism.pbx.vocabulary.flow import FunctionError


async def test_answers_none_and_no_answer() -> None:
    zone = {("a.test.", "SRV"): ["1 2 3 host.test."], ("b.test.", "TXT"): ["x"]}
    async with name_server(zone) as server:
        place = [("127.0.0.1", server.port)]
        assert nameservers.srv(await nameservers.ask("a.test", "SRV", place)) == [(1, 2, 3, "host.test")]
        assert await nameservers.ask("b.test", "SRV", place) == await nameservers.ask("no.test", "SRV", place) == []
        for name in ("silent.test", "broken.test", "x" * 70, "a..b"):
            with pytest.raises(FunctionError):
                await nameservers.ask(name, "SRV", place, 0.2)


def test_servers_are_in_the_order_to_try_them() -> None:
    def record(priority: int, weight: int, host: str) -> object:
        return SimpleNamespace(priority=priority, weight=weight, port=1, target=dns.name.from_text(host))

    records = [record(2, 0, "c."), record(1, 0, "never."), record(1, 10000, "a."), record(1, 10000, "b.")]
    found = [[one.host for one in nameservers.srv(records)] for _ in range(50)]
    assert {tuple(hosts[2:]) for hosts in found} == {("never", "c")}
    assert {tuple(hosts[:2]) for hosts in found} == {("a", "b"), ("b", "a")}
