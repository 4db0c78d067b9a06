"""Lines of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.chan_sip.migrate.destinations import Destinations, Peer
from asterism.chan_sip.migrate.dialplan import learn, mentions, migrate_file, migrate_line
from asterism.chan_sip.migrate.report import Outcome, Report
from asterism.chan_sip.migrate.source import read_tree
from asterism.chan_sip.migrate.text import World

TEXT = """\
[globals]
TRUNK=SIP/alice       ; the way out
#include {folder}/more.conf
[hints]
exten => 1,hint,SIP/alice&Custom:x
;exten => 2,1,Dial(SIP/alice)
[handler]
exten => s,1,SIPAddHeader(X: y\\;z) ; why
[ctx]
exten => 3,1,Dial(${TRUNK}/9,20,b(handler^s^1))  ; SIP/alice
exten => 4,1,SIPAddHeader,X: old
exten => 5,1,MessageSend(sip:alice,${MESSAGE(from)})
exten => 6,1,SipPeerThing(${SIPPEER})
"""


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "extensions.conf").write_text(TEXT.replace("{folder}", str(tmp_path)))
    (tmp_path / "more.conf").write_text("X=1\n")
    files = read_tree(tmp_path / "extensions.conf", tmp_path)
    world = World(Destinations({"alice": Peer("alice")}))
    learn(files.values(), world)
    assert world.trunks == {"TRUNK"}
    report = Report()

    def within(path: Path) -> str:
        return path.name

    lines = migrate_file(files[tmp_path / "extensions.conf"], "extensions.conf", world, report, within)
    assert lines[1:3] == ["TRUNK=PJSIP/alice       ; the way out", "#include more.conf"]
    assert lines[4:6] == ["exten => 1,hint,PJSIP/alice&Custom:x", ";exten => 2,1,Dial(SIP/alice)"]
    assert lines[7] == "exten => s,1,Set(PJSIP_HEADER(add,X)=y\\;z) ; why"
    assert lines[9] == "exten => 3,1,Dial(PJSIP/9@${TRUNK:6},20,b(handler^s^1))  ; SIP/alice"
    assert lines[10] == "exten => 4,1,Set(PJSIP_INHERITABLE_HEADER(add,X)=old)"
    assert lines[11] == "exten => 5,1,MessageSend(pjsip:alice,${MESSAGE(from)})"
    assert lines[12] == "exten => 6,1,SipPeerThing(${SIPPEER})"
    told = [(entry.line, entry.outcome) for entry in report.ordered()]
    assert told == [
        (number, Outcome.CHANGED if number == 3 else Outcome.TRANSLATED) for number in (2, 3, 5, 8, 10, 11, 12)
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("TECH=SIP", "TECH=PJSIP"),
        ("TECH => SIP ", "TECH => PJSIP "),
        ("exten => 1,1,Set(__TECH=SIP)", "exten => 1,1,Set(__TECH=PJSIP)"),
        ("same => n,MSet(A=1,TECH=sip,B=2)", "same => n,MSet(A=1,TECH=PJSIP,B=2)"),
    ],
)
def test_a_variable_may_hold_the_technology_alone(line: str, expected: str) -> None:
    changed, entry = migrate_line(line, "e", 1, World(Destinations({})))
    assert changed == expected
    assert entry is not None
    assert entry.outcome is Outcome.CHANGED
    assert migrate_line('exten => 1,1,GotoIf($["${X}"="SIP"]?2)', "e", 1, World(Destinations({})))[1] is None


def test_what_is_left_is_told() -> None:
    changed, entry = migrate_line("exten => 1,1,Set(X=$[CHECKSIPDOMAIN(a)])", "e", 1, World(Destinations({})))
    assert changed == "exten => 1,1,Set(X=$[CHECKSIPDOMAIN(a)])"
    assert entry is not None
    assert entry.outcome is Outcome.UNTRANSLATED


def test_files_that_are_not_understood_are_looked_through(tmp_path: Path) -> None:
    (tmp_path / "cdr_x.conf").write_text("[a]\nb = SIP/alice\nc = PJSIP/alice\n")
    [entry] = mentions(read_tree(tmp_path / "cdr_x.conf", tmp_path)[tmp_path / "cdr_x.conf"], "cdr_x.conf")
    assert (entry.line, entry.outcome) == (2, Outcome.UNTRANSLATED)
