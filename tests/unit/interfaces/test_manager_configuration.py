"""GetConfig, UpdateConfig and their kin."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.interfaces.manager.configuration import ManagerConfigModule


class Call:
    action_id = "1"

    def __init__(self, **fields: str) -> None:
        self._fields = {key.lower().replace("_", "-"): value for key, value in fields.items()}
        self.answer: tuple[str, str, list[tuple[str, object]]] = ("", "", [])

    def get(self, key: str, default: str = "") -> str:
        return self._fields.get(key.lower(), default)

    def success(self, message: str = "", fields: Any = ()) -> None:
        self.answer = ("Success", message, list(fields))

    def error(self, message: str) -> None:
        self.answer = ("Error", message, [])


class Host:
    def __init__(self, folder: Path) -> None:
        self.paths = SimpleNamespace(etc=folder)
        self.options = SimpleNamespace(live_dangerously=False)
        self.reloaded: list[str] = []

    def register_marked(self, holder: object) -> None:
        return None

    async def reload(self, module: str = "") -> None:
        self.reloaded.append(module)


@pytest.fixture
def module(tmp_path: Path) -> ManagerConfigModule:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "rtp.conf").write_text("[general]\nrtpstart=30000\nrtpend=30400\n")
    (folder / "x.conf").write_text("; top\n[base](!)\na=1\n[one](base)\nb=2 ; two\nb=3\n[one]\nkind=other\n")
    (tmp_path / "secret.conf").write_text("[x]\na=b\n")
    made = ManagerConfigModule()
    made.load(Host(folder))  # type: ignore[arg-type]
    return made


def ask(module: ManagerConfigModule, name: str, **fields: str) -> tuple[str, str, list[tuple[str, object]]]:
    call = Call(**fields)
    result = getattr(module, name)(call)
    if result is not None:
        asyncio.run(result)
    return call.answer


def test_get_config_as_recorded(module: ManagerConfigModule, record: Path) -> None:
    status, _, fields = ask(module, "get_config", Filename="rtp.conf")
    lines = [f"{name}: {value}" for name, value in fields]
    recorded = (record / "pjsip_ami_actions.txt").read_text().split("### [Asterisk 22.10] AMI GetConfig\n")[1]
    answer = recorded.split("<<< response\n")[1].split("\n\n")[0].splitlines()
    assert [f"Response: {status}", "ActionID: getconfig-56", *lines] == answer
    assert ask(module, "get_config", Filename="nosuch.conf") == ("Error", "Config file not found", [])


def test_templates_filters_and_categories(module: ManagerConfigModule) -> None:
    fields = ask(module, "get_config", Filename="x.conf")[2]
    assert ("IsTemplate-000000", "1") in fields
    assert ("Templates-000001", '"base"') in fields
    assert ("Line-000001-000002", "b=3") in fields
    only = ask(module, "get_config", Filename="x.conf", Category="one", Filter="kind=o.*")[2]
    assert only == [("Category-000000", "one"), ("Line-000000-000000", "kind=other")]
    assert ask(module, "list_categories", Filename="x.conf")[2] == [
        ("Category-000000", "base"),
        ("Category-000001", "one"),
        ("Category-000002", "one"),
    ]
    text = str(ask(module, "get_config_json", Filename="x.conf")[2][0][1])
    assert json.loads(text) == {"base": {"a": "1"}, "one": {"a": "1", "b": ["2", "3"], "kind": "other"}}


@pytest.mark.parametrize("name", ["../secret.conf", "/etc/passwd", "a\0b"])
def test_files_elsewhere_are_out_of_reach(module: ManagerConfigModule, name: str) -> None:
    assert ask(module, "get_config", Filename=name)[0] == "Error"
    assert ask(module, "create_config", Filename=name)[0] == "Error"
    assert ask(module, "update_config", SrcFilename="x.conf", DstFilename=name)[0] == "Error"


def test_update_config(module: ManagerConfigModule) -> None:
    folder = Path(module.server.paths.etc)
    answer = ask(
        module, "update_config", SrcFilename="x.conf", DstFilename="x.conf", Reload="yes",
        Action_000000="Update", Cat_000000="one", Var_000000="b", Match_000000="2", Value_000000="20",
        Action_000001="NewCat", Cat_000001="two", Options_000001='inherit="base"',
        Action_000002="Append", Cat_000002="two", Var_000002="exten", Value_000002=">100,1,Hangup()",
        Action_000003="Append", Cat_000003="one", Var_000003="c", Value_000003="4",
        Options_000003='catfilter="kind=other"',
        Action_000004="Insert", Cat_000004="one", Line_000004="0", Var_000004="first", Value_000004="1",
        Action_000005="Delete", Cat_000005="one", Line_000005="2",
    )  # fmt: skip
    assert answer[0] == "Success", answer
    assert (folder / "x.conf").read_text() == (
        "; top\n[base](!)\na=1\n[one](base)\nfirst = 1\nb = 20 ; two\n[one]\nkind=other\nc = 4\n"
        "\n[two](base)\nexten => 100,1,Hangup()\n"
    )
    assert module.server.reloaded == [""]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "edit",
    [
        {"Action_000000": "Explode", "Cat_000000": "one"},
        {"Action_000000": "Update", "Cat_000000": "nobody", "Var_000000": "a"},
        {"Action_000000": "Update", "Var_000000": "a"},
        {"Action_000000": "NewCat", "Cat_000000": "one"},
        {"Action_000000": "Insert", "Cat_000000": "one", "Var_000000": "a", "Value_000000": "1"},
        {"Action_000000": "DelCat", "Cat_000000": "base"},
    ],
)
def test_what_cannot_be_done_changes_nothing(module: ManagerConfigModule, edit: dict[str, str]) -> None:
    before = (Path(module.server.paths.etc) / "x.conf").read_text()
    first = {"Action_000000": "Append", "Cat_000000": "one", "Var_000000": "z", "Value_000000": "1"}
    later = {key.replace("000000", "000001"): value for key, value in edit.items()}
    answer = ask(module, "update_config", SrcFilename="x.conf", DstFilename="x.conf", **first, **later)
    assert answer[0] == "Error"
    assert (Path(module.server.paths.etc) / "x.conf").read_text() == before


def test_create_config(module: ManagerConfigModule) -> None:
    assert ask(module, "create_config", Filename="new.conf")[0] == "Success"
    assert (Path(module.server.paths.etc) / "new.conf").read_text() == ""
    assert ask(module, "create_config", Filename="new.conf")[0] == "Error"
