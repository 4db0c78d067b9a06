"""Console listings, compared with what the model printed on the same configuration."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from sip_rig import MODULES, Rig

from asterism.core.commands import CommandCall
from asterism.sip.cli.actions import SipActions
from asterism.sip.cli.module import SipCli
from asterism.sip.contacts import ContactStatus

RECORD = Path(__file__).resolve().parents[3] / "data" / "record"


def recorded(command: str, state: str = "idle") -> str:
    """What followed a command line in the record, up to the next one."""
    text = (RECORD / "pjsip_cli.txt").read_text()
    start = text.index(f"*CLI> {command}   (state: {state})\n")
    begin = text.index("\n", start) + 1
    end = re.search(r"^(###|####)", text[begin:], re.MULTILINE)
    assert end is not None
    return text[begin : begin + end.start()]


def _without_ruler(text: str) -> str:
    """The text; where a secret is hidden the ruler, as long as the longest value, is left out."""
    return re.sub(r"^ =+$", "", text, flags=re.MULTILINE).rstrip("\n") if "<hidden>" in text else text.rstrip("\n")


class NoChannels:
    def of_device(self, device: str) -> list[object]:
        return []


PBX = SimpleNamespace(channels=NoChannels(), technologies={}, device_states=None)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    conf = (RECORD / "configs" / "asterisk22" / "pjsip.conf").read_text()
    # The listings were made before two last changes of the file.
    conf = conf.replace("default_outbound_endpoint=trunk2\n", "")
    conf = conf.replace("accountcode=acct-alice\n", "accountcode=acct-alice\nmailboxes=6001@default\n")
    rig = Rig(tmp_path / "etc", conf, modules=(*MODULES, SipCli), pbx=PBX)
    for contact in rig.sip.location.contacts("trunk1"):
        rig.sip.location.set_reachability(contact, ContactStatus.UNREACHABLE)
    return rig


def run(rig: Rig, line: str) -> str:
    words = line.split()
    for count in range(len(words), 0, -1):
        command = rig.commands.get(" ".join(words[:count]))
        if command is not None:
            result = command.run(CommandCall(words[count:], lambda text: None))
            assert isinstance(result, str)
            return result
    raise AssertionError(f"no command {line}")


@pytest.mark.parametrize(
    "line",
    [
        "pjsip show endpoints",
        "pjsip list endpoints",
        "pjsip show aors",
        "pjsip list aors",
        "pjsip show auths",
        "pjsip list auths",
        "pjsip show contacts",
        "pjsip list contacts",
        "pjsip show transports",
        "pjsip list transports",
        "pjsip show identifies",
        "pjsip list identifies",
        "pjsip show endpoints like ^tr",
        "pjsip list endpoints like ^tr",
        "pjsip show endpoint nosuch",
        "pjsip show contact nosuch",
        "pjsip show aor alice",
        "pjsip show aor trunk1",
        "pjsip show contact trunk1/sip:127.0.0.1:15281",
        "pjsip show transport transport-udp",
        "pjsip show identify trunk1-id",
        "pjsip show identify trunk2-id",
        "pjsip show endpoint alice",
        "pjsip show endpoint trunk1",
        "pjsip show auth carol-auth",
        "pjsip show settings",
    ],
)
def test_listing_is_as_recorded(rig: Rig, line: str) -> None:
    expected = recorded(line)
    # The one deliberate difference: secrets are not shown.
    expected = re.sub(r"( (?:md5_cred|password_digest) +: ).+", r"\1<hidden>", expected)
    assert _without_ruler(run(rig, line)) == _without_ruler(expected)


class Call:
    """A manager action's call that keeps what is answered."""

    action_id = "1"

    def __init__(self, **fields: str) -> None:
        self.fields = fields
        self.said: list[tuple[str, object]] = []

    def get(self, key: str, default: str = "") -> str:
        return self.fields.get(key, default)

    def error(self, message: str) -> None:
        self.said.append(("error", message))

    def success(self, message: str = "", fields: object = ()) -> None:
        self.said.append(("success", message))

    def begin_list(self, message: str) -> None:
        self.said.append(("begin", message))

    def item(self, event: str, fields: object) -> None:
        self.said.append((event, dict(fields)))  # type: ignore[call-overload]

    def end_list(self, event: str, fields: object = ()) -> None:
        self.said.append((event, "end"))


def act(rig: Rig, name: str, **fields: str) -> list[tuple[str, object]]:
    call = Call(**fields)
    action = rig.actions.get(name)
    assert action is not None
    action.run(call)  # type: ignore[arg-type]
    return call.said


def test_actions_list_what_the_record_lists(rig: Rig) -> None:
    SipActions().load(rig)  # type: ignore[arg-type]
    assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>", auth_user="alice").status == 200
    said = act(rig, "PJSIPShowEndpoints")
    assert said[0] == ("begin", "A listing of Endpoints follows, presented as EndpointList events")
    assert said[1][1] == {
        "ObjectType": "endpoint",
        "ObjectName": "alice",
        "Transport": "",
        "Aor": "alice",
        "Auths": "alice-auth",
        "OutboundAuths": "",
        "Contacts": "alice/sip:alice@192.0.2.10:5060,",
        "DeviceState": "Not in use",
        "ActiveChannels": 0,
    }
    assert said[-1] == ("EndpointListComplete", "end")
    kinds = [name for name, _ in act(rig, "PJSIPShowEndpoint", Endpoint="trunk1")]
    assert kinds == [
        "begin", "EndpointDetail", "AuthDetail", "TransportDetail", "AorDetail",
        "ContactStatusDetail", "ContactStatusDetail", "IdentifyDetail", "EndpointDetailComplete",
    ]  # fmt: skip
    assert act(rig, "PJSIPShowEndpoint", Endpoint="nosuch") == [("error", "Unable to retrieve endpoint nosuch")]
    assert act(rig, "PJSIPShowEndpoint") == [("error", "PJSIPShowEndpoint requires an endpoint name")]
    for name, event in (
        ("PJSIPShowAors", "AorList"),
        ("PJSIPShowContacts", "ContactList"),
        ("PJSIPShowAuths", "AuthList"),
        ("PJSIPShowRegistrationsInbound", "InboundRegistrationDetail"),
        ("PJSIPShowRegistrationInboundContactStatuses", "ContactStatusDetail"),
    ):
        listed = act(rig, name)
        found = next(fields for kind, fields in listed if kind == event)
        assert isinstance(found, dict)
        assert list(found) == recorded_names(name, event), name


def recorded_names(action: str, event: str) -> list[str]:
    """The fields of an event that an action listed, in their order."""
    text = (RECORD / "pjsip_ami_actions.txt").read_text()
    section = text[text.index(f"AMI {action}\n") :]
    section = section[section.index(f"Event: {event}\n") :]
    names = [line.split(":")[0] for line in section[: section.index("\n\n")].splitlines()]
    return [name for name in names if name not in ("Event", "ActionID")]


@pytest.mark.parametrize("endpoint", ["alice", "trunk1"])
def test_the_details_of_an_endpoint_are_in_the_recorded_order(rig: Rig, endpoint: str) -> None:
    SipActions().load(rig)  # type: ignore[arg-type]
    if endpoint == "alice":
        assert rig.ask("REGISTER", "Contact: <sip:alice@192.0.2.10>", auth_user="alice").status == 200
    for event, fields in act(rig, "PJSIPShowEndpoint", Endpoint=endpoint)[1:-1]:
        assert isinstance(fields, dict)
        names = recorded_names(f"PJSIPShowEndpoint {endpoint}", event)
        assert [name for name in fields if name in names] == names, event
        assert set(fields) == set(names), event
