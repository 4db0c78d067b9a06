"""Files line by line."""

from __future__ import annotations

from pathlib import Path

from asterism.chan_sip.migrate.source import Kind, included_name, read_lines, read_tree

TEXT = """\
; a comment
[general]   ; its own
a = b \\; c ; d
;-- block
e = f
--;

#include "more.conf"
#tryinclude none.conf
#exec ls
nonsense
"""


def test_kinds_of_lines(tmp_path: Path) -> None:
    (tmp_path / "sip.conf").write_text(TEXT)
    (tmp_path / "more.conf").write_text("#include sip.conf\nx=y\n")
    file = read_lines(tmp_path / "sip.conf", tmp_path)
    assert [line.kind.name for line in file.lines] == [
        "COMMENT", "HEADER", "OPTION", "COMMENT", "COMMENT", "COMMENT", "BLANK", "INCLUDE", "INCLUDE", "OTHER", "OTHER",
    ]  # fmt: skip
    assert [file.lines[1].comment, file.lines[2].comment, file.lines[2].said] == ["; its own", "; d", "a = b ; c"]
    assert file.lines[7].included == (tmp_path / "more.conf",)
    assert file.lines[8].included == ()
    assert list(read_tree(tmp_path / "sip.conf", tmp_path)) == [tmp_path / "sip.conf", tmp_path / "more.conf"]
    assert file.lines[0].kind is Kind.COMMENT


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert read_tree(tmp_path / "none.conf", tmp_path) == {}
    assert included_name("#include <a b.conf>") == "a b.conf"
