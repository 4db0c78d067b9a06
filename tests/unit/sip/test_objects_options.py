"""The typed SIP objects against the recorded option tables and listings."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from asterism.config import ConfigFile
from asterism.config.file import Option
from asterism.core.errors import ConfigError, Position
from asterism.core.registry import Owner
from asterism.data import ConfiguredObject, Data
from asterism.data.kinds import Bool, Choice, Decimal, Integer, Kind
from asterism.sip.objects import (
    TYPES,
    Aor,
    Auth,
    Contact,
    Endpoint,
    GlobalSettings,
    Identify,
    Registration,
    SystemSettings,
    TransportConfig,
    Wizard,
    contact_id,
    permanent_contact_id,
)

RECORD = Path(__file__).resolve().parents[2] / "data" / "record"
BY_TYPE = {cls.TYPE: cls for cls in TYPES}


def read(cls: type[Any], text: str, name: str = "x") -> Any:
    section = ConfigFile.parse(f"[{name}]\n{text}\n", "f").section(name)
    assert section is not None
    return cls.from_options(name, section, section.position)


def refused(cls: type[Any], text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(cls, text)
    assert caught.value.position is not None
    return caught.value.message


@pytest.mark.parametrize("kind", [name for name in BY_TYPE if name != "named_acl"])
def test_every_recorded_option_exists_with_help(kind: str) -> None:
    recorded = json.loads((RECORD / "pjsip_options.json").read_text())[kind]
    cls = BY_TYPE[kind]
    assert [row["name"] for row in recorded if cls.spec(row["name"]) is None] == []
    for spec in cls.OPTIONS:
        assert spec.help.endswith("."), spec


KINDS = {"bool": Bool, "integer": Integer, "number": Decimal, "choice": Choice, "text": Kind}
"""What holds the values of an option of a type."""


@pytest.mark.parametrize("kind", [name for name in BY_TYPE if name != "named_acl"])
def test_types_and_defaults_are_the_recorded_ones(kind: str) -> None:
    rows = json.loads((RECORD / "pjsip_options.json").read_text())[kind]
    wrong = []
    for row in rows:
        spec = BY_TYPE[kind].spec(row["name"])
        assert spec is not None
        default = "" if spec.default is None else spec.kind.format(spec.default)
        if not isinstance(spec.kind, KINDS[row["type"]]) or default != row.get("default", default):
            wrong.append((row, type(spec.kind).__name__, default))
    assert wrong == []


def test_every_recorded_option_of_the_wizard_is_accepted() -> None:
    recorded = json.loads((RECORD / "pjsip_options.json").read_text())
    rows = recorded["wizard"]
    assert len(rows) > 10
    for row in rows:
        name = row["name"].replace("*", "x")
        if Wizard.spec(name) is None:
            part, slash, _ = name.partition("/")
            assert slash, name
            assert Wizard("w").take_unknown(Option(f"{part}/x", "1", Position("f", 1))), name


@pytest.fixture(scope="module")
def recorded() -> Data:
    data = Data(Owner("test"), logging.getLogger("test"), RECORD / "configs" / "asterisk22")
    for cls in TYPES:
        data.register_type(cls)
    assert data.load().errors == []
    return data


def listing(title: str) -> list[tuple[str, str]]:
    text = (RECORD / "pjsip_cli.txt").read_text()
    match = re.search(rf"CLI> pjsip show {re.escape(title)} .*?ParameterValue\n ?=+\n(.*?)\n\n", text, re.DOTALL)
    assert match, title
    rows = [line.partition(" :")[::2] for line in match[1].split("\n")]
    return [(name.strip(), value.strip()) for name, value in rows]


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (Endpoint, "trunk1"), (Endpoint, "bob"), (Auth, "carol-auth"), (Aor, "alice"), (Aor, "trunk1"),
        (TransportConfig, "transport-udp"), (TransportConfig, "transport-tls"), (Identify, "trunk1-id"),
        (Registration, "mytrunk"),
    ],
)  # fmt: skip
def test_listings_are_as_recorded(recorded: Data, cls: type[ConfiguredObject], name: str) -> None:
    item = recorded.get(cls, name)
    assert isinstance(item, cls)
    assert item.listing(show_secrets=True) == listing(f"{cls.TYPE} {name}")


def test_secrets_are_hidden_in_place(recorded: Data) -> None:
    auth = recorded.get(Auth, "alice-auth")
    assert isinstance(auth, Auth)
    rows = dict(auth.listing())
    assert (rows["password"], rows["md5_cred"], rows["username"]) == ("<hidden>", "", "alice")
    assert auth.password not in str(auth.manager_fields())
    assert "hunter2" not in refused(Auth, "password_digest=hunter2")


def test_global_and_system_listings(recorded: Data) -> None:
    rows = dict(recorded.single(GlobalSettings).listing())
    assert rows["norefersub"] == "yes"
    assert rows["disable_multi_domain"] == "false"
    assert rows["endpoint_identifier_order"] == "ip,username,anonymous"
    assert recorded.single(SystemSettings).timer_b == 32000
    assert read(SystemSettings, "threadpool_max_size=9").taskpool_max_size == 9


def test_codecs_are_ordered_by_the_lines() -> None:
    assert list(read(Endpoint, "allow=alaw|ulaw\nallow=gsm").allow) == ["alaw", "ulaw", "gsm"]
    assert list(read(Endpoint, "allow=all\ndisallow=all\nallow=g722,ulaw,!g722").allow) == ["ulaw"]
    assert list(read(Endpoint, "allow=!all,ulaw:40").allow) == ["ulaw"]
    assert read(Endpoint, "allow=ulaw:40").allow.ptime("ulaw") == 40
    assert "opus" in read(Endpoint, "allow=all").allow
    assert list(read(Endpoint, "allow=alaw,g722:40\nallow=all").allow)[:3] == ["alaw", "g722", "opus"]
    assert read(Endpoint, "allow=alaw,g722:40\nallow=all").allow.ptime("g722") == 40
    assert list(read(Endpoint, "allow=(ulaw|alaw)").allow) == ["ulaw", "alaw"]
    assert not read(Endpoint, "").allow
    assert "'nonsense' is not a codec" in refused(Endpoint, "allow=ulaw,nonsense")


@pytest.mark.parametrize(
    "text",
    [
        "100rel=supported", "dtmf_mode=rfc2833", "timers=accept", "callerid_privacy=yes", "media_encryption=yes",
        "identify_by=username,nose", "dtls_verify=fingerprint,certificate", "incoming_call_offer_pref=local_merge",
        "timers_min_se=89", "timers_sess_expires=100\ntimers_min_se=200", "tos_audio=lowdelay", "from_user=a b",
        "from_user=a@b", "set_var=A", "rtp_timeout=-1", "fax_detect_timeout=-1", "deny=nowhere", "rtp_port_start=2000",
        "rtp_port_start=20\nrtp_port_end=30", "follow_redirect_methods=invite", "dtmfmode=info", "secret=x", "nat=yes",
        "codec_prefs_incoming_offer=operation:union",
    ],
)  # fmt: skip
def test_endpoints_refused(text: str) -> None:
    refused(Endpoint, text)


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("timers=forced", "timers", "always"),
        ("direct_media_method=reinvite", "direct_media_method", "invite"),
        ("dtls_setup=odd", "dtls_setup", "active"),
        ("dtls_fingerprint=odd", "dtls_fingerprint", "SHA-256"),
        ("call_group=1,3-5,64,-1,abc", "call_group", (1, 3, 4, 5)),
        ("tos_audio=EF", "tos_audio", 184),
        ("tos_audio=999", "tos_audio", 231),
        ("100rel=required", "rel100", "required"),
        ('callerid="Alice \\"A\\" X" <6001>', "callerid", ('Alice "A" X', "6001")),
        ("callerid=<6001>", "callerid", ("", "6001")),
        ("callerid=6001", "callerid", ("", "6001")),
        ("callerid=Dave <6004>", "callerid", ("Dave", "6004")),
        ("webrtc=nonsense", "webrtc", False),
        ("sdp_session=a b", "sdp_session", "a-b"),
        ("set_var=A=1\nset_var=B=2", "set_var", (("A", "1"), ("B", "2"))),
    ],
)
def test_endpoints_accepted(text: str, attribute: str, value: object) -> None:
    assert getattr(read(Endpoint, text), attribute) == value


def test_access_rules_keep_file_order() -> None:
    endpoint = read(Endpoint, "permit=10.0.0.1\ndeny=0.0.0.0/0\npermit=10.0.0.2\ncontact_deny=10.0.0.0/8\nacl=office")
    assert [rule.allow for rule in endpoint.address_rules] == [True, False, True]
    assert endpoint.address_rules.allows("10.0.0.2")
    assert not endpoint.address_rules.allows("10.0.0.1")
    assert not endpoint.contact_rules.allows("10.1.1.1")
    assert endpoint.acl == ("office",)


def test_webrtc_presets() -> None:
    made = read(Endpoint, "webrtc=yes")
    assert (made.bundle, made.rtcp_mux, made.use_avpf, made.ice_support, made.media_use_received_transport) == (
        True,
    ) * 5
    assert (made.media_encryption, made.dtls_verify, made.dtls_setup) == ("dtls", "fingerprint", "actpass")
    assert made.dtls_auto_generate_cert
    assert read(Endpoint, "webrtc=yes\ndtls_setup=active").dtls_setup == "active"
    assert not read(Endpoint, "media_encryption=dtls").ice_support


def test_auth() -> None:
    assert read(Auth, "auth_type=digest").auth_type == "digest"
    plain = read(Auth, "username=alice\npassword=a\\;b")
    assert plain.password == "a;b"
    assert plain.ha1("MD5", "asterisk") == hashlib.md5(b"alice:asterisk:a;b").hexdigest()
    hashed = read(Auth, f"auth_type=md5\nmd5_cred={'AB' * 16}")
    assert hashed.ha1("MD5", "r") == "ab" * 16
    assert hashed.ha1("SHA-256", "r") is None
    refused(Auth, "auth_type=magic")
    refused(Auth, "auth_type=google_oauth")
    refused(Auth, "md5_cred=short")
    refused(Auth, "password_digest=MD5:12")
    refused(Auth, "password_digest=SHA-1:" + "a" * 40)


def test_ha1_is_the_hash_of_rfc_7616() -> None:
    auth = Auth("x", username="Mufasa", password="Circle of Life")
    realm = "http-auth@example.org"
    assert auth.ha1("MD5", realm) == "3d78807defe7de2157e2b0b6573a855f"
    assert auth.ha1("SHA-256", realm) == "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"


def test_aor() -> None:
    aor = read(Aor, "contact=sip:a@h,<sips:b@h\\;x=1>\ncontact=sip:c@h\nqualify_timeout=-1.5")
    assert aor.contact == ("sip:a@h", "sips:b@h;x=1", "sip:c@h")
    assert aor.qualify_timeout == -1.5
    for text in (
        "contact=tel:1",
        "contact=host",
        "qualify_frequency=86401",
        "qualify_frequency=-1",
        "qualify_timeout=x",
    ):
        refused(Aor, text)


def test_identify() -> None:
    made = read(
        Identify, "match=10.0.0.0/8,192.0.2.1:5062,sip.example.com\nmatch=[2001:db8::1]\nmatch_header=X-A: /^b/"
    )
    assert [str(item) for item in made.match] == [
        "10.0.0.0/255.0.0.0", "192.0.2.1:5062/255.255.255.255", "sip.example.com", "2001:db8::1/128",
    ]  # fmt: skip
    assert (made.match[1].port, made.match[2].host) == (5062, "sip.example.com")
    for text in ("match=!10.0.0.1", "match=300.1.1.1", "match=a b", "match_header=nope", "match_header=A: /(/"):
        refused(Identify, text)


def test_transport() -> None:
    assert str(read(TransportConfig, "bind=0.0.0.0").bind) == "0.0.0.0:5060"
    assert str(read(TransportConfig, "protocol=tls\nbind=[::]").bind) == "[::]:5061"
    assert read(TransportConfig, "protocol=ws").bind is None
    for text in ("", "bind=::", "bind=x", "protocol=sctp", "bind=0.0.0.0\nexternal_signaling_port=70000", "localnet=x"):
        refused(TransportConfig, text)


def test_registration_needs_its_uris() -> None:
    assert "server_uri" in refused(Registration, "client_uri=sip:a@h")
    assert "needs endpoint" in refused(Registration, "client_uri=sip:a@h\nserver_uri=sip:h\nline=yes")
    assert read(Registration, "client_uri=sip:a@h\nserver_uri=sip:h").retry_interval == 60


def test_contact_ids_are_as_recorded() -> None:
    assert contact_id("alice", "sip:alice2@127.0.0.1:15291;x=1") == "alice;@6162d655a54db39ee4849f7a4691ae46"
    assert permanent_contact_id("trunk1", "sip:127.0.0.1:15281") == "trunk1@@10ac869c9562df8336fbe5b77b01e1ce"
    contact = Contact("alice;@6162d655a54db39ee4849f7a4691ae46", uri="sip:alice2@127.0.0.1:15291;x=1")
    assert contact.aor == "alice"
    assert contact.hash.startswith("6162d655")
    rows = dict(contact.listing())
    assert (rows["prune_on_boot"], rows["qualify_2xx_only"], rows["qualify_timeout"]) == ("no", "false", "3.000000")
    assert "cseq" not in rows
