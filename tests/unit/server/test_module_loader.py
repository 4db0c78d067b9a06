from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.core.errors import ModuleError
from asterism.core.events import EventBus
from asterism.core.log import ServerLogger
from asterism.core.module import Module
from asterism.core.registry import Owner
from asterism.server.catalog import ModulePlan, canonical_name
from asterism.server.modules import ModuleLoader
from asterism.server.server import read_plan


class Fake:
    """A server that writes down what its modules do."""

    def __init__(self) -> None:
        self.log = ServerLogger("test")
        self.done: list[str] = []
        self.bus = EventBus(self.log)
        self.data = SimpleNamespace(load=lambda: self.done.append("data"))
        self.pbx = SimpleNamespace(calls_within=lambda owner: 0)

    def bound(self, owner: Owner) -> Any:
        return SimpleNamespace(owner=owner, done=self.done)


class Recorder(Module):
    uses = 0

    def load(self, server: Any) -> None:
        self.server = server
        server.done.append(f"load {self.name}")
        server.owner.on_release(lambda: server.done.append(f"release {self.name}"))

    def start(self) -> None:
        self.server.done.append(f"start {self.name}")

    def unload(self) -> None:
        self.server.done.append(f"unload {self.name}")

    def use_count(self) -> int:
        return self.uses


class Base(Recorder):
    name = "res_pjsip"
    core = False


class Registrar(Recorder):
    name = "res_pjsip_registrar"
    aliases = ("registrar",)
    requires = ("res_pjsip",)


class Session(Recorder):
    name = "session"
    aliases = ("chan_pjsip",)
    requires = ("res_pjsip",)


class Supplement(Recorder):
    name = "supplement"
    requires = ("session",)


class Broken(Recorder):
    name = "broken"

    def load(self, server: Any) -> None:
        server.owner.on_release(lambda: server.done.append("release broken"))
        raise ModuleError("no")


def loader(*classes: type[Module]) -> tuple[ModuleLoader, Fake]:
    server = Fake()
    found = ModuleLoader(server)  # type: ignore[arg-type]
    for cls in classes:
        found.add(cls)
    return found, server


ALL = (Supplement, Registrar, Session, Base)


async def test_what_is_required_loads_first_and_everything_starts_after_the_data() -> None:
    modules, server = loader(*ALL)
    await modules.load_all(ModulePlan())
    loads = ["load res_pjsip", "load session", "load supplement", "load res_pjsip_registrar"]
    starts = [each.replace("load", "start") for each in loads]
    assert server.done == [*loads, "data", *starts]


async def test_unloading_goes_backwards_and_undoes_registrations() -> None:
    modules, server = loader(Base, Registrar)
    await modules.load_all(ModulePlan())
    server.done.clear()
    await modules.unload_all()
    assert server.done == [
        "unload res_pjsip_registrar",
        "release res_pjsip_registrar",
        "unload res_pjsip",
        "release res_pjsip",
    ]


async def test_noload_also_leaves_out_what_needs_the_module() -> None:
    modules, server = loader(*ALL)
    await modules.load_all(ModulePlan(noload={"chan_pjsip.so"}))
    assert [each for each in server.done if each.startswith("load")] == ["load res_pjsip", "load res_pjsip_registrar"]


@pytest.mark.parametrize("name", ["registrar", "res_pjsip_registrar.so", "res_sip_registrar", "RES_PJSIP_REGISTRAR"])
async def test_a_module_may_be_named_in_every_way(name: str) -> None:
    modules, server = loader(*ALL)
    await modules.load_all(ModulePlan(autoload=False, load=[name]))
    assert "load res_pjsip_registrar" in server.done
    assert "load session" not in server.done


async def test_an_unknown_module_matters_only_to_require() -> None:
    modules, _ = loader(Base)
    await modules.load_all(ModulePlan(load=["chan_dahdi.so"], preload=["res_odbc"], noload={"app_queue"}))
    modules, _ = loader(Base)
    with pytest.raises(ModuleError, match="'chan_dahdi' is required"):
        await modules.load_all(ModulePlan(require=["chan_dahdi"]))


async def test_require_and_noload_of_the_same_thing_cannot_be() -> None:
    modules, _ = loader(*ALL)
    with pytest.raises(ModuleError, match="supplement"):
        await modules.load_all(ModulePlan(require=["supplement"], noload={"session"}))


async def test_a_module_that_fails_leaves_nothing_and_stops_only_a_server_that_requires_it() -> None:
    modules, server = loader(Base, Broken)
    await modules.load_all(ModulePlan())
    assert "release broken" in server.done
    assert "start res_pjsip" in server.done
    modules, _ = loader(Base, Broken)
    with pytest.raises(ModuleError, match="'broken' is required and did not load"):
        await modules.load_all(ModulePlan(require=["broken"]))


async def test_a_module_in_use_or_needed_stays() -> None:
    modules, _ = loader(*ALL)
    await modules.load_all(ModulePlan())
    with pytest.raises(ModuleError, match="in use"):
        await modules.unload("res_pjsip")
    supplement = modules.find("supplement")
    assert supplement is not None
    assert supplement.instance is not None
    supplement.instance.uses = 1  # type: ignore[attr-defined]
    with pytest.raises(ModuleError, match="in use"):
        await modules.unload("supplement")
    supplement.instance.uses = 0  # type: ignore[attr-defined]
    await modules.unload("supplement")
    await modules.load("supplement")
    assert supplement.instance is not None


async def test_a_module_loaded_later_gets_its_objects_and_starts() -> None:
    modules, server = loader(*ALL)
    await modules.load_all(ModulePlan(autoload=False))
    server.done.clear()
    await modules.load("session")
    assert server.done == ["load res_pjsip", "load session", "data", "start res_pjsip", "start session"]


async def test_modules_that_require_each_other_are_refused() -> None:
    class One(Recorder):
        name = "one"
        requires = ("two",)

    class Two(Recorder):
        name = "two"
        requires = ("one",)

    modules, server = loader(One, Two)
    await modules.load_all(ModulePlan())
    assert not [each for each in server.done if each.startswith("load")]
    with pytest.raises(ModuleError, match="require each other"):
        await modules.load("one")


def test_modules_conf_is_read_as_asterisk_reads_it(tmp_path: Path) -> None:
    (tmp_path / "modules.conf").write_text(
        "[modules]\nautoload=yes\npreload => a.so\npreload-require => b\nload = c\nnoload => d.so\nrequire = e\n"
    )
    plan = read_plan(tmp_path, ServerLogger("test"))
    plan.files = frozenset()
    assert plan == ModulePlan(True, ["a.so", "b"], ["c"], {"d.so"}, ["b", "e"])
    (tmp_path / "modules.conf").write_text("[modules]\nload = c\n")
    assert not read_plan(tmp_path, ServerLogger("test")).autoload
    assert read_plan(tmp_path / "nowhere", ServerLogger("test")).autoload


def test_names_of_the_design_are_understood() -> None:
    assert canonical_name(" res_sip.so ") == "res_pjsip"
    assert canonical_name("res_sip_mwi") == "res_pjsip_mwi"
    assert canonical_name("res_sipp") == "res_sipp"


class Leaves(Recorder):
    name = "app_leaves"
    where = "load"

    def _leave(self, where: str) -> None:
        if self.where == where:
            raise SystemExit(3)

    def load(self, server: Any) -> None:
        super().load(server)
        self._leave("load")

    async def start(self) -> None:  # type: ignore[override]
        self._leave("start")
        if self.where == "task":
            self.task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        self._leave("task")

    async def reload(self) -> None:
        self._leave("reload")

    def unload(self) -> None:
        self._leave("unload")


@pytest.mark.parametrize("where", ["load", "start", "task", "reload", "unload"])
async def test_a_module_that_calls_exit_ends_nothing_else(where: str, caplog: pytest.LogCaptureFixture) -> None:
    modules, server = loader(type("Leaves", (Leaves,), {"where": where}), Base, Registrar)
    server.log.addHandler(caplog.handler)
    await modules.load_all(ModulePlan())
    await asyncio.sleep(0)
    try:
        await modules.reload()
    except ModuleError as error:
        assert where == "reload"
        server.log.error("%s", error)
    await modules.unload_all()
    assert "unload res_pjsip_registrar" in server.done
    assert "release app_leaves" in server.done
    assert len(caplog.records) == 1
    assert "leaves" in caplog.records[0].getMessage().lower()


class Reloading(Recorder):
    def reload(self) -> None:
        self.server.done.append(f"reload {self.name}")


async def test_a_reload_is_one_of_all_parts_of_a_module() -> None:
    """Whoever names a module knows nothing of the parts that it is divided into here."""
    whole = type("Whole", (Reloading,), {"name": "chan_whole", "core": False})
    part = type("Part", (Reloading,), {"name": "whole_part", "part_of": ("chan_whole",), "requires": ("chan_whole",)})
    inner = type("Inner", (Reloading,), {"name": "inner_part", "part_of": ("whole_part",)})
    other = type("Other", (Reloading,), {"name": "other", "core": True})
    modules, server = loader(inner, part, whole, other)
    await modules.load_all(ModulePlan())
    server.done.clear()
    await modules.reload("chan_whole")
    assert server.done[0] == "reload chan_whole"
    assert sorted(server.done) == ["reload chan_whole", "reload inner_part", "reload whole_part"]
    server.done.clear()
    await modules.reload("whole_part")
    assert server.done == ["reload whole_part", "reload inner_part"]


async def test_a_part_that_was_unloaded_stays_so_when_another_module_is_loaded() -> None:
    whole = type("Whole", (Recorder,), {"name": "chan_whole", "core": False})
    part = type("Part", (Recorder,), {"name": "whole_part", "part_of": ("chan_whole",)})
    other = type("Other", (Recorder,), {"name": "other", "core": False})
    modules, _ = loader(whole, part, other)
    await modules.load_all(ModulePlan())
    await modules.unload("whole_part")
    await modules.unload("other")
    await modules.load("other")
    assert modules.find("whole_part").instance is None
    await modules.unload("chan_whole")
    await modules.load("chan_whole")  # which brings what is part of it
    assert modules.find("whole_part").instance is not None
