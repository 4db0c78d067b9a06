"""The writer: whatever is not changed stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.config.file import ConfigFile
from asterism.config.writer import EditableFile, EditError

TEXT = """\
; The head of the file
#include more.conf

[general]            ; settings
port = 5060          ; the usual one
;-- a block
[not-a-section]
--;
bind => 0.0.0.0

; A template
[phone](!)
context=office
; The one phone
[alice](phone)
secret=a\\;b
allow=ulaw
allow=alaw
"""


def test_nothing_changed_is_nothing_changed() -> None:
    assert str(EditableFile(TEXT)) == TEXT
    assert str(EditableFile("")) == ""


@given(st.text(st.sampled_from("[]()=>;-# \nab\\!,"), max_size=80))
def test_any_text_survives(text: str) -> None:
    assert str(EditableFile(text)) == (text if not text or text.endswith("\n") else text + "\n")


def test_options_are_found() -> None:
    file = EditableFile(TEXT)
    assert [block.name for block in file.sections()] == ["general", "phone", "alice"]
    general = file.section("general")
    assert [(line.name, line.value, line.arrow) for line in general.options()] == [
        ("port", "5060", False),
        ("bind", "0.0.0.0", True),
    ]
    assert file.section("ALICE").options()[0].value == "a;b"


def test_edits_keep_comments() -> None:
    file = EditableFile(TEXT)
    file.update(file.section("general"), "port", "5070")
    file.update(file.section("general"), "bind", "127.0.0.1")
    file.update(file.section("alice"), "allow", "g722", match="alaw")
    file.append(file.section("general"), "realm", "a;b")
    file.insert(file.section("alice"), 0, "type", "friend")
    file.delete(file.section("alice"), "secret")
    assert str(file) == TEXT.replace("5060          ; the", "5070          ; the").replace(
        "bind => 0.0.0.0\n", "bind => 127.0.0.1\nrealm = a\\;b\n"
    ).replace("secret=a\\;b\n", "type = friend\n").replace("allow=alaw", "allow = g722")


def test_sections_are_added_renamed_and_removed() -> None:
    file = EditableFile(TEXT)
    file.add_section("bob", inherits=("phone",))
    file.append(file.section("bob"), "secret", "x")
    file.add_section("base", template=True)
    assert str(file) == TEXT + "\n[bob](phone)\nsecret = x\n\n[base](!)\n"
    file.rename_section(file.section("phone"), "desk")
    assert "[alice](desk)" in str(file)
    assert "[bob](desk)" in str(file)
    file.remove_section(file.section("alice"))
    assert "The one phone" not in str(file)
    file.empty_section(file.section("general"))
    assert "[general]            ; settings\n;-- a block\n[not-a-section]\n--;\n" in str(file)
    assert [section.name for section in ConfigFile.parse(str(file).replace("#include more.conf", "")).sections] == [
        "general",
        "bob",
    ]


@pytest.mark.parametrize(
    "edit",
    [
        lambda f: f.add_section("alice"),
        lambda f: f.add_section("a]b"),
        lambda f: f.add_section("new", inherits=("nobody",)),
        lambda f: f.section("nobody"),
        lambda f: f.append(f.section("alice"), "x", "1\n[evil]"),
        lambda f: f.append(f.section("alice"), "x\n[evil]", "1"),
        lambda f: f.append(f.section("alice"), "a=b", "1"),
        lambda f: f.update(f.section("alice"), "nope", "1"),
        lambda f: f.delete(f.section("alice"), "allow", match="gsm"),
        lambda f: f.delete_line(f.section("alice"), 9),
        lambda f: f.insert(f.section("alice"), 9, "a", "b"),
        lambda f: f.rename_section(f.section("alice"), ""),
    ],
)
def test_impossible_edits_are_refused(edit: object) -> None:
    file = EditableFile(TEXT)
    with pytest.raises(EditError):
        edit(file)  # type: ignore[operator]
    assert str(file) == TEXT


def test_saving_replaces_the_file_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text(TEXT)
    path.chmod(0o600)
    file = EditableFile.load(path)
    file.append(file.section("alice"), "new", "1")
    file.save(path)
    assert path.read_text() == TEXT + "new = 1\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
