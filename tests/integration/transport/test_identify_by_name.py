"""``identify`` with host names: addresses and SRV records, looked up without holding anything up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from sip_rig import Rig
from test_dns import started

from asterism.sip.identifiers.ip import EndpointIdentifierIp

CONF = """
[trunk]
type=endpoint
[other]
type=endpoint
[t]
type=identify
endpoint=trunk
match=example.test
[o]
type=identify
endpoint=other
match=main.example.test:5070
srv_lookups=no
[n]
type=identify
endpoint=other
match=nowhere.test
"""


def module_of(rig: Rig) -> EndpointIdentifierIp:
    return next(module for module in rig.modules if isinstance(module, EndpointIdentifierIp))


async def test_names_are_looked_up(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "etc", CONF)
    server, resolver = await started()
    rig.transports.resolver = resolver  # type: ignore[attr-defined]
    rules = module_of(rig)._rules
    assert rules.by_source["192.0.2.2", 5060, "udp"] is None
    await rules.resolve()
    assert rules.by_source["192.0.2.2", 40000, "udp"] == "trunk"
    assert rules.by_source["192.0.2.1", 40000, "udp"] == "trunk"
    assert rules.by_source["192.0.2.1", 5070, "udp"] == "other"
    assert rules.by_source["2001:db8::1", 1, "udp"] == "trunk"
    assert rules.by_source["192.0.2.3", 40000, "udp"] is None
    # A change of the objects leaves what is known of the names.
    rules.changed(None)
    rules.build()
    assert rules.by_source["192.0.2.2", 40000, "udp"] == "trunk"
    rig.transports.resolver = SimpleNamespace(ask=_nothing)  # type: ignore[attr-defined]
    await rules.resolve()
    assert rules.by_source["192.0.2.2", 40000, "udp"] == "trunk"
    server.transport.close()
    resolver.close()


async def _nothing(question: object) -> tuple[str, ...]:
    return ()
