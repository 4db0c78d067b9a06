"""Where sections and comments go."""

from __future__ import annotations

from pathlib import Path

from asterism.chan_sip.migrate.layout import Layout, written_name
from asterism.chan_sip.migrate.sharing import Written
from asterism.chan_sip.migrate.source import read_tree
from asterism.config.file import Option
from asterism.core.errors import Position

SIP = """\
; about the file

[general]
; why a
a=1       ; one
lost=2    ; two
#include sip_more.conf
#include sip_nothing.conf

; about phones
[x]
b=3
"""


def test_order_files_and_comments(tmp_path: Path) -> None:
    main, more = tmp_path / "sip.conf", tmp_path / "sip_more.conf"
    main.write_text(SIP)
    more.write_text("; about registering\nregister=>y\n")
    (tmp_path / "sip_nothing.conf").write_text("c=4\n")

    def option(name: str, path: Path, line: int) -> Option:
        return Option(name, "v;w", Position(str(path), line))

    sections = {
        (str(main), 3): [Written("endpoint", "e", ("t",), [option("aa", main, 5)])],
        (str(more), 2): [Written("registration", "r", (), [option("yy", more, 2)])],
        (str(main), 11): [
            Written("aor", "x", (), [option("bb", main, 12)]),
            Written("endpoint", "x", (), [option("disallow", main, 12)]),
        ],
    }
    remarks = {(str(main), 6): "not translated: lost=2"}
    last = [Written("auth", "z", (), [])]
    files = Layout(read_tree(main, tmp_path), sections, last, remarks, lambda path: path.name).write()
    assert files == {
        "pjsip_more.conf": "; about registering\n[r]\ntype = registration\nyy = v\\;w\n",
        "pjsip.conf": """\
; about the file

; not translated: lost=2
[e](t)
; why a
aa = v\\;w  ; one
#include pjsip_more.conf

; about phones
[x]
type = endpoint
disallow = v\\;w

[x]
type = aor
bb = v\\;w

[z]
type = auth
""",
    }


def test_names_of_files() -> None:
    assert written_name("sip.conf") == "pjsip.conf"
    assert written_name("d/my_sip_x.conf") == "d/my_pjsip_x.conf"
    assert written_name("phones.conf") == "pjsip_phones.conf"
