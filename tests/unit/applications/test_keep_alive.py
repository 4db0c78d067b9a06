"""Keep-alive packets to contacts, on a virtual clock."""

from __future__ import annotations

from pathlib import Path

from sip_rig import MODULES, Rig

from asterism.applications.keep_alive import PACKET, KeepAlives
from asterism.sip.objects.aor import Aor

CONF = """
[alice]
type=endpoint
aors=alice
[alice]
type=aor
max_contacts=1
keep_alive_interval=20
[trunk]
type=endpoint
aors=trunk
[trunk]
type=aor
contact=sip:198.51.100.1
"""


def sent(rig: Rig, host: str) -> int:
    flow = rig.transports.flows.get((host, 5060))
    if flow is None:
        return 0
    count = flow.sent.count(PACKET)
    flow.sent.clear()
    return count


def test_who_registers_gets_packets_until_it_is_gone(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "etc", CONF, modules=MODULES)
    module = KeepAlives()
    module.load(rig)  # type: ignore[arg-type]
    module.start()
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.20>").status == 200
    rig.advance(20)
    assert sent(rig, "192.0.2.20") == 1
    rig.advance(20)
    assert sent(rig, "192.0.2.20") == 1
    assert sent(rig, "198.51.100.1") == 0
    aor = rig.data.get(Aor, "trunk")
    assert isinstance(aor, Aor)
    module._follow(aor.replace(keep_alive_interval=0))
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.20>", "Expires: 0").status == 200
    rig.advance(40)
    assert sent(rig, "192.0.2.20") == 0
    module.unload()
    rig.store.close()
