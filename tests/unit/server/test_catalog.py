"""The names of the modules that ship: each is reached by a name of Asterisk's, or comes with what has one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from asterism.core.errors import ModuleError
from asterism.core.module import Module
from asterism.server.catalog import Catalog, ModulePlan, canonical_name
from asterism.server.discovery import builtin_modules

_ASTERISK = re.compile(r"(app|cdr|cel|chan|func|res|codec|format|bridge)_\w+|pbx_config|pbx_realtime|pbx_spool")


@pytest.fixture
def catalog() -> Catalog:
    found = Catalog()
    for module_class in dict.fromkeys(builtin_modules()):
        found.add(module_class)
    return found


def test_every_module_comes_with_something_that_asterisk_s_modules_conf_names(catalog: Catalog) -> None:
    for known in catalog:
        module = known.module_class
        named = any(_ASTERISK.fullmatch(name) for name in (module.name, *module.aliases))
        assert module.core or module.part_of or named, f"{module.name}: no list of Asterisk's would load it"
        for name in (*module.part_of, *module.requires):
            assert name == "core" or catalog.find(name) is not None, f"{module.name}: there is no '{name}'"


def test_what_is_built_in_has_no_name_that_a_noload_of_asterisk_s_could_hit(catalog: Catalog) -> None:
    for known in catalog:
        if "core" in known.module_class.part_of:
            assert not any(_ASTERISK.fullmatch(name) for name in known.module_class.aliases if name[:4] != "res_"), (
                known
            )
    plan = ModulePlan(noload={"app_verbose.so", "res_security_log", "app_dial", "chan_dahdi", "core"})
    assert set(catalog.kept(plan)) == {"app_verbose", "res_security_log", "core"}


def test_an_empty_list_leaves_the_core_and_what_is_built_in(catalog: Catalog) -> None:
    names = {known.name for known in catalog.select(ModulePlan(autoload=False)).modules}
    assert {"core", "pbx_progress", "pbx_branching", "pbx_variables", "pbx_channels_console"} <= names
    assert not {"res_pjsip", "sip_cli", "app_dial", "session"} & names
    names = {known.name for known in catalog.select(ModulePlan(autoload=False, load=["registrar"])).modules}
    assert {"res_pjsip", "sip_cli", "sip_authentication", "qualify"} <= names
    assert "session" not in names


def test_parts_of_parts_come_too() -> None:
    class First(Module):
        name = "first"

    class Second(Module):
        name = "second"
        part_of = ("first",)

    class Third(Module):
        name = "third"
        part_of = ("second",)
        requires = ("fourth",)

    class Fourth(Module):
        name = "fourth"

    catalog = Catalog()
    for module in (Third, Second, First, Fourth):
        catalog.add(module)
    chosen = catalog.select(ModulePlan(autoload=False, load=["first"])).modules
    assert {known.name for known in chosen} == {"first", "second", "third", "fourth"}
    chosen = catalog.select(ModulePlan(autoload=False, load=["first"], noload={"second"})).modules
    assert {known.name for known in chosen} == {"first"}
    with pytest.raises(ModuleError, match="'third' is the module 'third'"):
        catalog.add(type("Again", (Module,), {"name": "third"}))


_WITHOUT_PJSIP = frozenset({"chan_pjsip.so", "res_pjsip.so", "res_pjsip_session.so", "res_pjsip_pubsub.so"})
"""What stands in the ``modules.conf`` of many who use chan_sip."""


@pytest.mark.parametrize("lists", [{"noload": _WITHOUT_PJSIP}, {"autoload": False, "load": ["chan_sip.so"]}])
def test_what_chan_sip_is_made_of_comes_with_it_where_there_is_a_sip_conf(
    catalog: Catalog, lists: dict[str, Any]
) -> None:
    needed = {"chan_sip", "chan_sip_technology", "res_pjsip", "session", "registrar", "pubsub", "outbound_registration"}
    plan = ModulePlan(**lists, files=frozenset({"sip.conf", "modules.conf"}))
    assert needed <= {known.name for known in catalog.select(plan).modules}
    reasons = catalog.kept(plan)
    assert set(reasons) == set(map(canonical_name, plan.noload))
    assert all("chan_sip" in reason and "sip.conf" in reason for reason in reasons.values())


@pytest.mark.parametrize(("noload", "files"), [((), ()), (("chan_sip",), ("sip.conf",))])
def test_without_a_sip_conf_or_chan_sip_the_lists_count(
    catalog: Catalog, noload: tuple[str, ...], files: tuple[str, ...]
) -> None:
    plan = ModulePlan(noload={*_WITHOUT_PJSIP, *noload}, files=frozenset(files))
    assert not {"chan_sip", "res_pjsip", "session"} & {known.name for known in catalog.select(plan).modules}
    assert not catalog.kept(plan)
