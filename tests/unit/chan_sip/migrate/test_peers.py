"""sip.conf as a whole."""

from __future__ import annotations

from pathlib import Path

from asterism.chan_sip.migrate.names import PlainNames
from asterism.chan_sip.migrate.peers import Peers
from asterism.chan_sip.migrate.report import Outcome, Report
from asterism.chan_sip.migrate.source import read_tree
from asterism.config.file import ConfigFile

SIP = """\
[general]
context=nobody
allowguest={guests}

[anton]
type=user
secret=one
context=in

[anton]
type=peer
host=192.0.2.1
secret=two

[berta]
type=friend
secret=three
setvar=OTHER=SIP/anton

[carl]
type=fiend
"""


def read(folder: Path, guests: str = "no", taken: tuple[str, ...] = ()) -> tuple[Peers, Report]:
    (folder / "sip.conf").write_text(SIP.replace("{guests}", guests))
    report = Report()
    file = ConfigFile.load(folder / "sip.conf")
    return Peers.read(file, None, PlainNames(), taken, report, lambda path: Path(path).name), report


def write(folder: Path, peers: Peers, *dialled: str) -> str:
    world = peers.world(False)
    for each in dialled:
        world.destinations.translate(each)
    tree = read_tree(folder / "sip.conf", folder)
    report = Report()
    return peers.write(tree, world, report, lambda path: path.name, lambda path: Path(path).name)["pjsip.conf"]


def section(text: str, name: str, kind: str) -> dict[str, str]:
    for found in ConfigFile.parse(text).named(name):
        if found.get("type") == kind:
            return {option.name: option.value for option in found}
    raise AssertionError(f"no {kind} {name} in {text}")


def test_a_user_and_a_peer_of_one_name_are_one_endpoint(tmp_path: Path) -> None:
    peers, report = read(tmp_path)
    text = write(tmp_path, peers)
    assert section(text, "anton", "endpoint")["context"] == "in"
    assert section(text, "anton", "auth")["password"] == "one"
    assert section(text, "anton", "aor")["contact"] == "sip:192.0.2.1"
    told = {(entry.line, entry.outcome) for entry in report.entries}
    assert told == {(10, Outcome.CHANGED), (21, Outcome.UNTRANSLATED)}


def test_variables_that_name_devices(tmp_path: Path) -> None:
    peers, _ = read(tmp_path)
    assert "set_var = OTHER=PJSIP/anton" in write(tmp_path, peers) or not section(
        write(tmp_path, peers), "berta", "endpoint"
    ).get("set_var")


def test_endpoints_that_no_section_has(tmp_path: Path) -> None:
    peers, _ = read(tmp_path, guests="yes")
    text = write(tmp_path, peers, "bob@example.org", "bob:pw@example.org")
    assert section(text, "anonymous", "endpoint")["context"] == "nobody"
    for name in ("outside", "bob-example.org"):
        found = section(text, name, "endpoint")
        assert "auth" not in found
        assert found["identify_by"] == "ip", "its name in From would let anybody in"
    assert section(text, "bob-example.org", "endpoint")["outbound_auth"] == "bob-example.org"
    # Nobody comes in without a password by writing their names into From.
    assert {section(text, name, "endpoint")["identify_by"] for name in ("outside", "bob-example.org")} == {"ip"}
    assert section(text, "bob-example.org", "auth")["password"] == "pw"
    assert "[anonymous]" not in write(tmp_path, read(tmp_path)[0])


def test_peers_that_another_file_has(tmp_path: Path) -> None:
    peers, report = read(tmp_path, taken=("berta",))
    assert "[berta]" not in write(tmp_path, peers)
    assert (15, Outcome.UNTRANSLATED) in {(entry.line, entry.outcome) for entry in report.entries}


def test_secrets_are_not_in_the_report(tmp_path: Path) -> None:
    peers, report = read(tmp_path)
    peers.tell(report, lambda path: Path(path).name)
    assert "three" not in "".join(map(str, report.entries))
    assert "secret = <hidden>" in "".join(map(str, report.entries))
