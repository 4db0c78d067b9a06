"""Commands about the SIP core itself, and maintenance mode."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from sip_rig import MODULES, FakeFlow, Rig, turn
from test_cli import RECORD, act, recorded, run

from asterism.applications.options import OptionsModule
from asterism.applications.qualify import QualifyModule
from asterism.applications.session.technology import PjsipTechnology
from asterism.core.errors import UsageError
from asterism.interception.maintenance import Maintenance
from asterism.pbx.vocabulary.errors import RequestError
from asterism.server.info_module import InfoModule
from asterism.sip.cli.diagnostics import SipDiagnostics

PBX = SimpleNamespace(dialplan=SimpleNamespace(exists=lambda context, exten: True))


@pytest.fixture
def rig(make_rig: Callable[..., Rig], phones: str) -> Rig:
    conf = phones.replace("[trunk]\ntype=aor\n", "[trunk]\ntype=aor\nqualify_frequency=30\n")
    return make_rig(conf, modules=(*MODULES, QualifyModule, OptionsModule, Maintenance, SipDiagnostics), pbx=PBX)


def test_scheduled_tasks_are_listed_as_recorded(rig: Rig) -> None:
    head = recorded("pjsip show scheduled_tasks", "registered").splitlines()
    assert run(rig, "pjsip show scheduled_tasks").splitlines()[:4] == head[:4]
    qualify = next(module for module in rig.modules if isinstance(module, QualifyModule))
    qualify.start()
    rig.advance(65)
    lines = run(rig, "pjsip show scheduled_tasks").splitlines()
    row = re.compile(
        r"^pjsip/options/trunk-[0-9a-f]{8} +30 +3   wait   (\w{3} \d\d:\d\d:\d\d)  (\w{3} \d\d:\d\d:\d\d)"
        r"  (\w{3} \d\d:\d\d:\d\d) +(\d+)$"
    )
    assert row.match(lines[4]), lines[4]
    assert [len(line) for line in lines[3:5]] == [len(line) for line in head[3:5]]
    assert lines[-2] == "Total Scheduled Tasks: 1"
    assert "Total Scheduled Tasks: 0" in run(rig, "pjsip show scheduled_tasks like nothing")
    with pytest.raises(UsageError):
        run(rig, "pjsip show scheduled_tasks like (")


def test_transport_monitors_are_listed_as_recorded(rig: Rig) -> None:
    expected = recorded("pjsip show transport-monitors")
    assert run(rig, "pjsip show transport-monitors").rstrip() == expected.rstrip()
    flow = FakeFlow(("127.0.0.1", 15293), "TCP")
    assert rig.ask("REGISTER", "Contact: <sip:bob@10.0.0.1>", user="bob", flow=flow).status == 200
    lines = run(rig, "pjsip show transport-monitors").splitlines()
    wanted = recorded("pjsip show transport-monitors", "registered").splitlines()[3]
    assert re.sub(r"tcps0x[0-9a-f]+$", "X", lines[3]) == re.sub(r"tcps0x[0-9a-f]+$", "X", wanted)
    assert lines[-2] == "Total Transport Monitors: 1"


def test_version_ciphers_and_figures(rig: Rig) -> None:
    assert run(rig, "pjsip show version").startswith("PJPROJECT version currently running against: ")
    assert "TLS_AES_256_GCM_SHA384" in run(rig, "pjsip list ciphers")
    rig.ask("OPTIONS")
    assert re.search(r"^distributor: requests +2$", run(rig, "pjsip dump endpt"), re.MULTILINE)
    with pytest.raises(UsageError):
        run(rig, "pjsip dump endpt detail")


async def test_reload_names_the_modules_as_recorded(rig: Rig) -> None:
    reloaded: list[str] = []

    class Modules:
        def find(self, name: str) -> object:
            return SimpleNamespace(instance=object()) if name != "res_pjsip_mwi" else None

        async def reload(self, name: str) -> None:
            reloaded.append(name)

    tools = next(module for module in rig.modules if isinstance(module, SipDiagnostics))
    tools.server = SimpleNamespace(modules=Modules())
    text = await tools.reload_all(SimpleNamespace(args=[]))
    expected = recorded("pjsip reload").rstrip("\n").splitlines()
    assert text.splitlines() == [line for line in expected if "mwi" not in line]
    assert len(reloaded) == len(expected) - 1


def test_maintenance_commands_are_as_recorded(rig: Rig) -> None:
    assert run(rig, "pjsip show maintenance").rstrip() == recorded("pjsip show maintenance").rstrip()
    assert run(rig, "pjsip set maintenance on alice") == "Maintenance mode ENABLED for endpoint 'alice'\n"
    shown = run(rig, "pjsip show maintenance")
    text = (RECORD / "pjsip_cli.txt").read_text()
    assert shown.rstrip("\n") in text
    assert "  bob                                       OFF\n" in run(rig, "pjsip show maintenance bob")
    assert run(rig, "pjsip set maintenance off alice") == "Maintenance mode DISABLED for endpoint 'alice'\n"
    assert run(rig, "pjsip set maintenance on nosuch") == "Endpoint 'nosuch' not found\n"
    with pytest.raises(UsageError):
        run(rig, "pjsip set maintenance")


def test_maintenance_refuses_what_is_new(rig: Rig) -> None:
    rig.record()
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>").status == 200
    run(rig, "pjsip set maintenance on alice")
    run(rig, "pjsip set maintenance on alice")
    assert [fields for name, fields in rig.events if name == "PJSIPMaintenanceStatus"] == [
        [("Endpoint", "alice"), ("Status", "enabled")]
    ]
    assert rig.ask("OPTIONS").status == 503
    assert rig.ask("INVITE", "Contact: <sip:alice@192.0.2.10>").status == 503
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.11>").status == 503
    assert rig.only(rig.receive(rig.request("OPTIONS"))).status == 401
    # What ends a registration is let through, and others are not concerned.
    assert rig.ask("REGISTER", "Contact: *", "Expires: 0").status == 200
    assert rig.ask("OPTIONS", user="bob").status == 200
    technology = PjsipTechnology(rig.sip, PBX, SimpleNamespace())  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="maintenance"):
        technology.find("alice")
    run(rig, "pjsip set maintenance off all")
    assert rig.ask("OPTIONS").status == 200


def test_maintenance_over_the_manager(rig: Rig) -> None:
    rig.record()
    assert act(rig, "PJSIPSetMaintenance") == [("error", "Endpoint parameter missing.")]
    assert act(rig, "PJSIPSetMaintenance", Endpoint="nosuch", State="on") == [("error", "Unable to retrieve endpoint")]
    assert act(rig, "PJSIPSetMaintenance", Endpoint="bob", State="maybe") == [("error", "State must be on or off.")]
    assert act(rig, "PJSIPSetMaintenance", Endpoint="bob", State="on") == [("success", "Maintenance mode enabled")]
    assert act(rig, "PJSIPShowMaintenance")[1:] == [
        ("PJSIPMaintenanceStatus", {"Endpoint": "bob", "Status": "enabled"}),
        ("PJSIPMaintenanceStatusComplete", "end"),
    ]
    assert act(rig, "PJSIPShowMaintenance", Endpoint="alice")[1] == (
        "PJSIPMaintenanceStatus", {"Endpoint": "alice", "Status": "disabled"},
    )  # fmt: skip


async def test_works_and_their_figures(rig: Rig) -> None:
    InfoModule().load(rig)  # type: ignore[arg-type]
    gate = asyncio.Event()
    work, other = rig.sip.create_work("pjsip/test"), rig.sip.create_work("other")
    for _ in range(3):
        other.push(lambda: None)
    assert [work.push(task) for task in (gate.wait, gate.wait, lambda: None)] == [True] * 3
    work.push(lambda: None)
    text = run(rig, "core show taskprocessors")
    rows = {line.split()[0]: [int(word) for word in line.split()[1:]] for line in text.splitlines() if "-0000" in line}
    assert text.endswith("\n2 taskprocessors\n\n")
    # Processed, in the queue, most in the queue, and the marks of overload.
    assert rows == {work.name: [0, 3, 3, 450, 500], other.name: [3, 0, 0, 450, 500]}
    assert run(rig, "core show taskprocessors like PJSIP/t").count("-0000") == 1
    gate.set()
    await turn()
    assert (work.processed, work.queued, work.max_depth) == (4, 0, 3)
    assert f"{work.name} " in run(rig, "core show taskprocessors")
    work.close()
    other.close()
    assert run(rig, "core show taskprocessors").endswith("\n0 taskprocessors\n\n")
    with pytest.raises(UsageError):
        run(rig, "core show taskprocessors nonsense")
