"""The reader of configuration files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.config import ConfigErrors, ConfigFile, is_true
from asterism.core.errors import ConfigError


def values(text: str, section: str = "a", **kwargs: object) -> list[tuple[str, str]]:
    found = ConfigFile.parse(text, **kwargs).section(section)  # type: ignore[arg-type]
    assert found is not None
    return [(option.name, option.value) for option in found]


def test_options_keep_order_repeats_and_arrows() -> None:
    file = ConfigFile.parse("[a]\nx = 1\ny=>2\n x=3=4 \nempty=\n", "f.conf")
    section = file.section("A")
    assert section is not None
    assert [(o.name, o.value, o.arrow) for o in section] == [
        ("x", "1", False), ("y", "2", True), ("x", "3=4", False), ("empty", "", False),
    ]  # fmt: skip
    assert section.get("X") == "3=4"
    assert section.get_all("x") == ["1", "3=4"]
    assert str(section.options[2].position) == "f.conf:4"


def test_comments_and_escapes() -> None:
    text = """[a] ; the header
x=1;gone
y=a\\;b ; gone
;-- all of this
z=1
;-- nested --;
still --; w=2
;--- a plain comment
v=3 ;-- inside --; 4
"""
    assert values(text) == [("x", "1"), ("y", "a;b"), ("w", "2"), ("v", "3  4")]


def test_open_block_comment_is_warned_of_where_it_began() -> None:
    file = ConfigFile.parse("[a]\nx=1\n;-- never closed\ny=1\n", "f")
    assert [str(warning) for warning in file.warnings] == ["f:3: this block comment is never closed"]


def test_templates_are_applied_in_order_and_left_out() -> None:
    text = "[t](!)\nx=1\n[u](!,t)\ny=2\n[plain]\nw=0\n[a](t,u,plain)\nz=3\n"
    file = ConfigFile.parse(text)
    assert [section.name for section in file] == ["plain", "a"]
    assert [section.name for section in file.templates] == ["t", "u"]
    assert values(text) == [("x", "1"), ("x", "1"), ("y", "2"), ("w", "0"), ("z", "3")]


def test_adding_to_sections() -> None:
    text = (
        "[a]\ntype=endpoint\n[a]\ntype=aor\nn=1\n[a](+)\nfirst=1\n[a](+type=aor)\nsecond=2\n[a](+type=aor&n=[0-9])\nk=3"
    )
    first, second = ConfigFile.parse(text).named("a")
    assert first.get("first") == "1"
    assert not second.get("first")
    assert (second.get("second"), second.get("k")) == ("2", "3")


def test_adding_only_where_a_template_set_it() -> None:
    text = "[t](!)\nn=1\n[a]\nn=1\nown=1\n[a](t)\n[a](+TEMPLATES=restrict&n=1)\nhere=1\n"
    first, second = ConfigFile.parse(text).named("a")
    assert (first.get("here"), second.get("here")) == ("", "1")


def test_plus_equals_appends_to_the_inherited_value() -> None:
    assert values("[t](!)\nx=1\n[a](t)\nx+=,2\n")[-1] == ("x", "1,2")


def test_errors_are_collected_with_their_places() -> None:
    text = "x=1\n[a\n[b](nobody)\n[c](+)\n#include nothing.conf\n[d](+[)\n[]\n"
    with pytest.raises(ConfigErrors) as caught:
        ConfigFile.parse(text, "f")
    assert [(error.position.line if error.position else 0) for error in caught.value.errors] == [1, 2, 3, 4, 5, 6, 7]
    assert "nobody" in caught.value.errors[2].message


def test_lines_that_asterisk_skips_are_warnings() -> None:
    file = ConfigFile.parse("[a] junk\nno equals sign\n#unknown x\nx=1\n", "f")
    assert [warning.position.line for warning in file.warnings if warning.position] == [1, 2, 3]
    assert file.options("a").get("x") == "1"


def test_includes_are_found_in_the_root_and_globbed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.conf").write_text("x=1\n")
    (tmp_path / "d" / "2.conf").write_text("x=2\n#include late.conf\n")
    (tmp_path / "late.conf").write_text("[b]\nx=3\n")
    main = tmp_path / "main.conf"
    main.write_text('[a]\n#include "d/*.conf"\ny=1\n#tryinclude absent.conf\n')
    file = ConfigFile.load(main)
    assert [o.value for o in file.options("a")] == ["1", "2"]
    assert [o.name for o in file.options("b")] == ["x", "y"]
    assert str(file.options("a").options[1].position) == f"{tmp_path}/d/2.conf:1"
    assert [path.name for path in file.paths] == ["main.conf", "1.conf", "2.conf", "late.conf"]


def test_include_loops_end_in_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("#include b.conf\n")
    (tmp_path / "b.conf").write_text("[x]\n#include a.conf\n")
    with pytest.raises(ConfigError, match="includes itself") as caught:
        ConfigFile.load(tmp_path / "a.conf")
    assert str(caught.value.position) == f"{tmp_path}/b.conf:2"


def test_exec_runs_only_when_allowed() -> None:
    with pytest.raises(ConfigError, match="execincludes"):
        ConfigFile.parse("[a]\n#exec echo x=1\n")
    assert values("[a]\n#exec echo x=1\n", allow_exec=True) == [("x", "1")]
    with pytest.raises(ConfigError, match="status 3"):
        ConfigFile.parse("[a]\n#exec exit 3\n", allow_exec=True)


def test_missing_files(tmp_path: Path) -> None:
    assert ConfigFile.load(tmp_path / "no.conf", missing_ok=True).sections == []
    with pytest.raises(ConfigError, match="cannot read"):
        ConfigFile.load(tmp_path / "no.conf")


def test_numbers_carry_their_place() -> None:
    section = ConfigFile.parse("[a]\nn=5\nbad=x\nflag=maybe\n", "f").options("a")
    assert section.integer("n", 1) == 5
    assert section.integer("m", 1) == 1
    assert section.flag("flag", True) is False
    with pytest.raises(ConfigError, match=r"f:3: option 'bad': 'x' is not a number; accepted: a whole number"):
        section.integer("bad", 1)
    with pytest.raises(ConfigError, match="out of range"):
        section.integer("n", 1, high=4)


def test_unknown_bytes_survive(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_bytes(b"\xef\xbb\xbf[a]\nx=\xff\n")
    assert ConfigFile.load(path).options("a").get("x").encode("utf-8", "surrogateescape") == b"\xff"


@pytest.mark.parametrize("word", ["yes", "TRUE", "y", "T", "1", "on"])
def test_true_words(word: str) -> None:
    assert is_true(word)


@pytest.mark.parametrize("word", ["no", "", "2", "yess", "enabled", None])
def test_everything_else_is_false(word: str | None) -> None:
    assert not is_true(word)


PIECES = st.sampled_from(
    ["[", "]", "(", ")", "(!)", "(+)", "+", "=", "=>", "+=", ";", ";--", "--;", "\\;", "#include ", "#tryinclude x",
     "#exec x", "\n", "a", "b", "type", " ", "\x00", "*", "&", "[a]\n", "\\", "\udcff", "é"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
def test_any_text_parses_or_is_a_config_error(text: str) -> None:
    try:
        file = ConfigFile.parse(text, "f", root=Path("/nonexistent"))
    except ConfigError:
        return
    for section in file:
        assert section.name
        assert all(option.name == option.name.strip() for option in section)


def test_templates_that_double_each_other_are_bounded(tmp_path: Path) -> None:
    """Thirty lines must not make a section of a thousand million."""
    path = tmp_path / "bomb.conf"
    path.write_text("[t0](!)\na=b\n" + "".join(f"[t{n}](!,t{n - 1},t{n - 1})\n" for n in range(1, 30)) + "[z](t29)\n")
    with pytest.raises(ConfigError, match="inherits more than 100000 lines"):
        ConfigFile.load(path)
