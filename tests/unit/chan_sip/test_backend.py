"""The backend ``sip.conf``: the objects that ``Data`` has of it, beside those of other files."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from asterism.applications.pubsub.outbound.objects import OutboundSubscription
from asterism.chan_sip.backend import install
from asterism.chan_sip.objects import SipGeneral, SipPeer
from asterism.core.registry import Owner
from asterism.data import Data
from asterism.data.table import Change
from asterism.sip.objects import Aor, Auth, Endpoint, Registration, TransportConfig, register_types


def data_of(folder: Path, owner: Owner | None = None, /, **files: str) -> Data:
    write(folder, **files)
    made = Data(Owner("test"), logging.getLogger("chan_sip.test"), folder)
    register_types(made)
    install(made if owner is None else made.bound(owner))
    return made


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.conf").write_text(text)


def ids(data: Data, cls: type) -> list[str]:
    """All but the endpoint of those who are no peers."""
    return [item.id for item in data.all(cls) if item.id != "sip.conf/guest"]


def test_without_the_file_there_is_no_object(tmp_path: Path) -> None:
    data = data_of(tmp_path, pjsip="[a]\ntype=endpoint\n")
    assert data.load().changes == {"endpoint": 1}
    assert ids(data, SipGeneral) == ids(data, SipPeer) == []


def test_peers_become_endpoints(tmp_path: Path) -> None:
    data = data_of(tmp_path, sip="[general]\ncontext=in\n[a]\ntype=friend\nsecret=pw\n", pjsip="[b]\ntype=endpoint\n")
    assert data.load().errors == []
    assert ids(data, Endpoint) == ["b", "a"]
    endpoint = data.get(Endpoint, "a")
    assert isinstance(endpoint, Endpoint)
    assert (endpoint.context, endpoint.auth, endpoint.aors, endpoint.identify_by) == ("in", ("a/in",), ("a",), ())
    assert endpoint.fields["chan_sip"] == "a"
    assert (ids(data, Aor), ids(data, Auth)) == (["a"], ["a/in", "a/out"])


def test_also_where_sorcery_conf_names_other_sources(tmp_path: Path) -> None:
    sorcery = "[res_pjsip]\nendpoint=config,other.conf,criteria=type=endpoint\n"
    data = data_of(tmp_path, sorcery=sorcery, other="[b]\ntype=endpoint\n", sip="[a]\ntype=peer\nhost=192.0.2.1\n")
    data.load()
    assert ids(data, Endpoint) == ["b", "a"]


@pytest.mark.parametrize(
    ("name", "other", "where"),
    [
        ("pjsip", "[x]\ntype=endpoint\n[x]\ntype=aor\n", "there is an endpoint of this name at {}/pjsip.conf:1"),
        ("pjsip", "[x]\ntype=aor\n", "there is an aor of this name at {}/pjsip.conf:1"),
        ("pjsip", "[x]\ntype=endpoint\nnonsense=yes\n", "there is an endpoint of this name at {}/pjsip.conf:1"),
        ("pjsip_wizard", "[x]\ntype=wizard\n", "there is an endpoint of this name at {}/pjsip_wizard.conf:1"),
    ],
)
def test_another_file_wins_and_both_places_are_told(tmp_path: Path, name: str, other: str, where: str) -> None:
    data = data_of(tmp_path, None, **{name: other, "sip": "[general]\n[x]\ntype=friend\nsecret=pw\n[y]\ntype=friend\n"})
    report = data.load()
    assert [str(warning) for warning in report.warnings] == [
        f"{tmp_path}/sip.conf:2: friend 'x' is left out: {where.format(tmp_path)}"
    ]
    assert ids(data, SipPeer) == ["y"]
    assert ids(data, Auth) == []
    assert all(item.fields.get("chan_sip") != "x" for item in data.all(Endpoint))


def test_a_reload_changes_what_has_changed(tmp_path: Path) -> None:
    data = data_of(tmp_path, sip="[general]\n[a]\ntype=friend\n[b]\ntype=friend\n[c]\ntype=friend\n")
    data.load()
    seen: list[tuple[str, str]] = []

    def note(change: Change[Endpoint]) -> None:
        seen.append((change.kind, change.item.id))

    data.observe(Endpoint, note)
    write(tmp_path, sip="[general]\n\n[b]\ntype=friend\ncontext=new\n[c]\ntype=friend\n[d]\ntype=friend\n")
    data.reload()
    assert sorted(seen) == [("added", "d"), ("changed", "b"), ("removed", "a")]
    write(tmp_path, sip="[general\n")
    report = data.reload()
    assert len(seen) == 3
    assert "sip.conf:1" in str(report.errors[0])
    assert ids(data, SipPeer) == ["b", "c", "d"]


def test_unloading_takes_its_objects_away(tmp_path: Path) -> None:
    owner = Owner("chan_sip")
    data = data_of(tmp_path, owner, sip="[a]\ntype=friend\n", pjsip="[b]\ntype=endpoint\n")
    data.load()
    owner.release()
    assert ids(data, Endpoint) == ["b"]
    assert SipPeer not in data.types()
    install(data)
    data.load()
    assert ids(data, Endpoint) == ["b", "a"]


def test_a_line_that_the_object_refuses_is_told_and_the_rest_counts(tmp_path: Path) -> None:
    data = data_of(tmp_path, sip="[a]\ntype=peer\nhost=bad host\ncontext=c\n")
    report = data.load()
    assert [error.position.line for error in report.errors if error.position] == [3]
    endpoint = data.get(Endpoint, "a")
    assert isinstance(endpoint, Endpoint)
    assert endpoint.context == "c"


PJSIP_UDP = "[mine]\ntype=transport\nprotocol=udp\nbind=192.0.2.1\n"


@pytest.mark.parametrize(
    ("general", "transports", "used"),
    [
        ("bindaddr=192.0.2.1", ["mine"], "mine"),
        ("bindaddr=192.0.2.1\nbindport=5070", ["mine", "sip.conf/udp"], "sip.conf/udp"),
        ("bindaddr=192.0.2.1\ntcpenable=yes", ["mine", "sip.conf/tcp"], "mine"),
    ],
)
def test_a_transport_that_there_is_already_is_used(
    tmp_path: Path, general: str, transports: list[str], used: str
) -> None:
    data = data_of(tmp_path, pjsip=PJSIP_UDP, sip=f"[general]\n{general}\nregister => a@h\n")
    data.load()
    assert ids(data, TransportConfig) == transports
    (registration,) = data.all(Registration)
    assert registration.transport == used


def test_what_register_lines_mean_is_told_with_their_places(tmp_path: Path) -> None:
    data = data_of(tmp_path, sip="[general]\nregister => nobody?a@h\nregister => a:secret\n")
    found = [(error.position.line, error.option) for error in data.load().errors if error.position]
    assert sorted(found) == [(2, "register"), (3, "register")]


def test_what_no_option_has_is_set_too(tmp_path: Path) -> None:
    general = "qualifygap=300\nqualifypeers=4\nsdpsession=My PBX\nsrvlookup=no\nregister => a@h\nmwi => b@h/1\n"
    data = data_of(tmp_path, sip=f"[general]\n{general}[a]\ntype=friend\nhost=dynamic\n")
    data.register_type(OutboundSubscription)
    data.load()
    aor, endpoint = data.get(Aor, "a"), data.get(Endpoint, "a")
    assert isinstance(aor, Aor)
    assert isinstance(endpoint, Endpoint)
    assert (aor.pace, endpoint.sdp_session) == ((0.3, 4), "My PBX")
    habits = [each.habits for each in data.all(Registration)] + [each.habits for each in data.all(OutboundSubscription)]
    assert [(each.technology, each.srv_lookup) for each in habits] == [("SIP", False)] * 2
