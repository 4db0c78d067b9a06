"""Modules and types of objects are found where they are declared."""

from __future__ import annotations

from asterism.applications.pubsub.lists import ResourceList
from asterism.data.options import ConfiguredObject
from asterism.server.discovery import configured_types
from asterism.sip.objects import TYPES, Wizard


def test_a_type_that_a_module_declares_is_found() -> None:
    class Foreign(ConfiguredObject, type="foreign"):
        """One of an extension."""

    found = configured_types()
    assert found[: len(TYPES)] == list(TYPES)
    assert ResourceList in found
    assert Wizard in found
    assert Foreign not in found
    assert len({cls.TYPE for cls in found}) == len(found)
