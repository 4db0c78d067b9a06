"""The generated reference: everything that is registered is there, and the XML is well formed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generator() -> Any:
    """``docs/generate_registries.py``, imported."""
    sys.path.insert(0, str(DOCS))
    try:
        import generate_registries
    finally:
        sys.path.remove(str(DOCS))
    return generate_registries


@pytest.fixture(scope="module")
def files(generator: Any) -> dict[str, str]:
    """What it makes."""
    return asyncio.run(generator.collect())


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("applications", ("Dial", "Playback", "GotoIf")),
        ("functions", ("CALLERID", "PJSIP_HEADER")),
        ("actions", ("Login", "Originate")),
        ("events", ("Newchannel", "ContactStatus")),
        ("commands", ("core show channels", "pjsip show endpoints")),
    ],
)
def test_pages_list_what_is_registered(files: dict[str, str], name: str, entries: tuple[str, ...]) -> None:
    text = files[f"{name}.md"]
    for entry in entries:
        assert f"\n## {entry}\n" in text
    for section in text.split("\n## ")[1:]:
        title, _, rest = section.partition("\n\n")
        assert rest.partition("\n")[0].strip(), f"{title} has no synopsis"


def test_the_xml_has_every_entry_in_asterisks_schema(files: dict[str, str]) -> None:
    root = ElementTree.fromstring(files["core-en_US.xml"].partition("\n")[2])
    assert root.tag == "docs"
    for name, element in (("applications", "application"), ("functions", "function"), ("actions", "manager")):
        found = {item.get("name") for item in root.findall(element)}
        assert found == {part.partition("\n")[0] for part in files[f"{name}.md"].split("\n## ")[1:]}
    dial = root.find("application[@name='Dial']")
    assert dial is not None
    assert dial.findtext("synopsis")
    assert dial.find("syntax/parameter") is not None
    event = root.find("managerEvent[@name='Newchannel']/managerEventInstance")
    assert event is not None
    assert event.get("class") == "EVENT_FLAG_CALL"


_PROSE = frozenset(("para", "enumlist"))
_ENTRY = frozenset(("synopsis", "syntax", "description", "see-also"))
SCHEMA: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "docs": (frozenset(("application", "function", "manager", "managerEvent")), frozenset()),
    **dict.fromkeys(("application", "function", "manager"), (_ENTRY, frozenset(("name", "language", "module")))),
    "managerEvent": (frozenset(("managerEventInstance",)), frozenset(("name", "language", "module"))),
    "managerEventInstance": (_ENTRY, frozenset(("class",))),
    "synopsis": (frozenset(), frozenset()),
    "syntax": (frozenset(("parameter",)), frozenset()),
    "parameter": (_PROSE, frozenset(("name", "required"))),
    "enumlist": (frozenset(("enum",)), frozenset()),
    "enum": (_PROSE, frozenset(("name",))),
    "description": (_PROSE, frozenset()),
    "para": (frozenset(), frozenset()),
    "see-also": (frozenset(("ref",)), frozenset()),
    "ref": (frozenset(), frozenset(("type",))),
}
"""What each element of Asterisk's documentation schema may hold, and its attributes, as far as it is used here."""
REFERENCES = frozenset(("application", "function", "manager", "managerEvent", "astcli"))
CHAN_SIP = {
    "application": ("SIPAddHeader", "SIPRemoveHeader", "SIPDtmfMode", "SIPSendCustomINFO"),
    "function": ("SIP_HEADER", "SIP_HEADERS", "SIPPEER", "CHECKSIPDOMAIN"),
    "manager": (
        "SIPpeers",
        "SIPshowpeer",
        "SIPqualifypeer",
        "SIPshowregistry",
        "SIPnotify",
        "SIPpeerstatus",
    ),
}


def test_the_xml_has_the_shape_of_asterisks_schema(files: dict[str, str]) -> None:
    root = ElementTree.fromstring(files["core-en_US.xml"].partition("\n")[2])
    wrong: list[str] = []
    for parent in root.iter():
        children, attributes = SCHEMA[parent.tag]
        wrong += [f"{child.tag} in {parent.tag} {parent.attrib}" for child in parent if child.tag not in children]
        wrong += [f"attribute {name} of {parent.tag}" for name in parent.attrib if name not in attributes]
        if not children and not (parent.text or "").strip():
            wrong.append(f"{parent.tag} {parent.attrib} is empty")
    wrong += [str(one.attrib) for one in root.iter("ref") if one.get("type") not in REFERENCES]
    assert wrong == []


@pytest.mark.parametrize(("element", "name"), [(kind, name) for kind, names in CHAN_SIP.items() for name in names])
def test_the_names_of_chan_sip_have_full_documentation(files: dict[str, str], element: str, name: str) -> None:
    root = ElementTree.fromstring(files["core-en_US.xml"].partition("\n")[2])
    found = root.find(f"{element}[@name='{name}']")
    assert found is not None
    assert found.findtext("synopsis")
    assert found.find("description/para") is not None
    parameters = found.findall("syntax/parameter")
    assert all(one.find("para") is not None for one in parameters)
    assert all(value.find("para") is not None for one in parameters for value in one.iter("enum"))
    assert found.find("see-also/ref") is not None


@pytest.mark.parametrize("name", ["SIPQualifyPeerDone", "PeerStatus", "Registry", "SessionTimeout"])
def test_the_events_of_chan_sip_have_full_documentation(files: dict[str, str], name: str) -> None:
    root = ElementTree.fromstring(files["core-en_US.xml"].partition("\n")[2])
    found = root.find(f"managerEvent[@name='{name}']/managerEventInstance")
    assert found is not None
    assert found.get("class")
    assert found.findtext("synopsis")
    parameters = found.findall("syntax/parameter")
    assert parameters
    assert all(one.findtext("para") for one in parameters), [one.get("name") for one in parameters]


def test_the_items_of_a_channel_are_explained_each(files: dict[str, str]) -> None:
    root = ElementTree.fromstring(files["core-en_US.xml"].partition("\n")[2])
    item = root.find("function[@name='CHANNEL']/syntax/parameter[@name='item']")
    assert item is not None
    meanings = {one.get("name"): one.findtext("para") for one in item.iter("enum")}
    assert all(meanings.values())
    for name in ("peerip", "rtpqos,type,all", "pjsip,call-id", "secure_bridge_media"):
        assert name in meanings


def test_the_python_page_describes_what_exists(generator: Any, files: dict[str, str]) -> None:
    text = files["python.md"]
    for target in generator.API:
        assert f"\n## {target.partition(':')[2]}\n" in text
    # Members that the guides use.
    for call in (
        "await play(name: str, interrupt: str = '', language: str = '', offset_ms: int = 0)",
        "extension(context: str, exten: str, priority: int = 1)",
        "await register(expires: int = 300, timeout: float = 10.0)",
        "register_type(cls: type[ConfiguredObject])",
    ):
        assert f"`{call}`" in text
    empty = [line for line in text.splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert empty == []


def test_the_program_writes_the_files(
    generator: Any, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def collected() -> dict[str, str]:
        return files

    monkeypatch.setattr(sys, "argv", ["generate_registries.py", str(tmp_path / "made")])
    monkeypatch.setattr(generator, "collect", collected)
    main: Callable[[], int] = generator.main
    assert main() == 0
    assert {path.name: path.read_text() for path in (tmp_path / "made").iterdir()} == files
