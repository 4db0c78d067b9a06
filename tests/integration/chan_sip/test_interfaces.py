"""The table of chan_sip's interfaces in the documentation: it names all there are, and all that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from asterism.chan_sip.items import EXPLAINED
from asterism.testing import free_port, running_server

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "asterism"


def table() -> dict[str, list[str]]:
    """The names of each kind."""
    text = (ROOT / "docs/compatibility.md").read_text().partition("### Interfaces of chan_sip\n")[2]
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", text.partition("| left out |")[0], re.MULTILINE)
    return {kind.replace("`", ""): re.findall(r"`([^`]+)`", names) for kind, names in rows}


async def test_the_table_is_what_is_registered() -> None:
    named = table()
    config = {"sip.conf": f"[general]\nudpbindaddr=127.0.0.1:{free_port()}\n"}
    async with running_server(config) as server:
        commands = {entry.name for entry in server.commands if entry.name.startswith("sip ")} - {"sip explain"}
        assert {one for one in commands if not any(one.startswith(name) for name in named["commands"])} == set()
        assert {name for name in named["commands"] if not any(one.startswith(name) for one in commands)} == set()
        applications = {entry.name for entry in server.pbx.applications if entry.owner.name.startswith("chan_sip")}
        functions = {entry.name for entry in server.pbx.functions if entry.owner.name.startswith("chan_sip")}
        actions = {entry.name for entry in server.actions if entry.owner.name.startswith("chan_sip")}
        assert applications == set(named["applications"])
        assert functions | {"CHANNEL"} == set(named["functions"])
        assert actions == set(named["actions"])
        item = next(
            one for one in server.pbx.functions.entry("CHANNEL").documentation.arguments
            if one.name == "item"
        )  # fmt: skip
        explained = {re.split(r"[,[]", name)[0] for name, _ in item.values}
        assert explained >= set(named["items of CHANNEL"])
        assert {re.split(r"[,[]", name)[0] for name, _ in EXPLAINED} <= set(named["items of CHANNEL"])
        events = {entry.name for entry in server.bus.types}
    written = "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))
    for name in named["events"]:
        assert name in events or f'"{name}"' in written, name
    for name in named["variables"]:
        assert re.search(rf'["_]{name}["(]', written), name
