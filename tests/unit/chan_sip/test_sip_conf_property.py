"""Any ``sip.conf`` loads; what of it does not count is told with file, line and option."""

from __future__ import annotations

import logging
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asterism.chan_sip.backend import install
from asterism.chan_sip.objects import SipGeneral, SipPeer
from asterism.chan_sip.reading import ALIASES, KINDS
from asterism.chan_sip.translation.names import Names
from asterism.chan_sip.translation.translate import GENERAL_RULES, PEER_RULES, translate
from asterism.config.errors import ConfigErrors
from asterism.core.registry import Owner
from asterism.data import Data
from asterism.sip.objects import Endpoint, register_types

OPTIONS = sorted(
    {spec.name for spec in (*SipPeer.OPTIONS, *SipGeneral.OPTIONS)} | set(ALIASES) | {"typo", "qualfy", "@mine"}
)
VALUES = [
    "yes", "no", "", "0", "1", "70000", "-1", "99999999999999999999", "always", "never", "auto", "maybe", "udp,tcp",
    "dynamic", "192.0.2.1", "192.0.2.1:5070", "[2001:db8::1]:5060", "2001:db8::1", "sip.example.org", "host name",
    "0.0.0.0/0.0.0.0", "10.0.0.0/33", "!10.0.0.0/8", "ulaw,alaw", "all", "nonsense,ulaw", "g729:20", "Ann <101>",
    '"Ann \\" <', "<>", "user:secret@realm", "user#md5@realm", "u:p@host:5060/ext", "peer?tcp://u@d:1:s:a@h:2/x~60",
    "@@@:::///", "1000@host/1", "A=B", "=", "port,invite", "very", "force_rport,comedia", "yes,fec,maxdatagram=x",
    "x" * 300, "a\x00b", "\x00", "\udcff", "ü", "tls://proxy:5061,force", ",,,", "sip:[", "%41%00", "uas", "accept",
]  # fmt: skip
lines = st.lists(
    st.tuples(st.sampled_from(OPTIONS), st.sampled_from(VALUES) | st.text(max_size=12), st.sampled_from(["=", "=>"])),
    max_size=8,
)
headers = st.sampled_from(["a", "b", "c", "general", "authentication", "t](!", "a](t", "b](+", "x y", "trunk/user", ""])
sections = st.lists(st.tuples(headers, st.sampled_from([*KINDS, "friends", "", "peer\x00"]), lines), max_size=6)


def text_of(found: list[tuple[str, str, list[tuple[str, str, str]]]]) -> str:
    parts: list[str] = []
    for header, kind, options in found:
        parts.append(f"[{header}{')' if '(' in header else ']'}")
        if kind:
            parts.append(f"type={kind}")
        parts.extend(f"{name} {arrow} {value}" for name, value, arrow in options)
    return "\n".join(parts)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sections)
def test_any_file_loads_or_names_file_line_and_option(
    tmp_path: Path, found: list[tuple[str, str, list[tuple[str, str, str]]]]
) -> None:
    text = text_of(found)
    path = tmp_path / "sip.conf"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    log = logging.Logger("property")
    log.addHandler(logging.NullHandler())
    data = Data(Owner("test"), log, tmp_path)
    register_types(data)
    source = install(data)
    report = data.load()
    count = len(text.split("\n"))
    for error in (*report.errors, *report.warnings):
        place = error.position
        assert place is not None, error
        assert place.path == str(path)
        assert 0 <= place.line <= count, error
    conf = source.conf()
    if conf is None:
        return  # the file's own syntax is wrong: told, and nothing of it counts
    # Every peer is there, whatever its options are.
    endpoints = data.objects(Endpoint)
    assert set(conf.peers) <= set(endpoints)
    for error in conf.problems:
        assert error.option, error
    remarks = translate(conf, Names()).remarks
    assert all(remark.outcome != "untranslated" or remark.text for remark in remarks)


def test_each_option_has_a_rule_or_says_why_it_has_no_effect() -> None:
    rules = {**PEER_RULES, **GENERAL_RULES}
    specs = (*SipPeer.OPTIONS, *SipGeneral.OPTIONS)
    assert [spec.name for spec in specs if spec.name not in rules and not spec.no_effect] == []
    # A rule that neither sets an option nor says what else comes of it says why nothing does.
    silent = [rule for rule in rules.values() if not (rule.targets or rule.here or rule.text)]
    assert silent == []


def test_include_loops_are_told_and_nothing_hangs(tmp_path: Path) -> None:
    (tmp_path / "sip.conf").write_text("[general]\n#include peers.conf\n")
    (tmp_path / "peers.conf").write_text("[a]\ntype=friend\n#include sip.conf\n")
    data = Data(Owner("test"), logging.getLogger("test.loop"), tmp_path)
    register_types(data)
    install(data)
    report = data.load()
    assert any("peers.conf:3" in str(error) for error in report.errors)
    assert not isinstance(report.errors[0], ConfigErrors)


def test_nuls_are_text_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "sip.conf").write_bytes(
        b"[a]\ntype=friend\nqualify=\x00\ncontext=in\n[b\x00c]\ntype=peer\nhost=192.0.2.1\n"
    )
    data = Data(Owner("test"), logging.getLogger("test.nul"), tmp_path)
    register_types(data)
    install(data)
    report = data.load()
    assert [error.position.line for error in report.errors if error.position] == [3]
    endpoint = data.get(Endpoint, "a")
    assert isinstance(endpoint, Endpoint)
    assert endpoint.context == "in"


def test_templates_that_inherit_from_each_other(tmp_path: Path) -> None:
    text = (
        "[base](!)\ntype=friend\ncontext=one\nallow=g722\nsetvar=A=1\n[office](!,base)\ncontext=two\nsetvar=B=2\n"
        "[lobby](!)\nlanguage=de\n[x](office,lobby)\nsecret=s\n[y](base)\n#include more.conf\n[x](+)\ncallgroup=3\n"
    )
    (tmp_path / "sip.conf").write_text(text)
    (tmp_path / "more.conf").write_text("context=three\n[z](office)\nhost=192.0.2.1\n")
    data = Data(Owner("test"), logging.getLogger("test.templates"), tmp_path)
    register_types(data)
    install(data)
    assert data.load().errors == []
    found = data.objects(Endpoint)
    assert {name: found[name].context for name in "xyz"} == {"x": "two", "y": "three", "z": "two"}
    assert (found["x"].set_var, found["x"].language, found["x"].call_group) == ((("A", "1"), ("B", "2")), "de", (3,))
    assert str(found["x"].allow).endswith("g722")
