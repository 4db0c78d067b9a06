"""Reading ``sip.conf``: what counts, what is told, and where."""

from __future__ import annotations

import pytest

from asterism.chan_sip.reading import SipConf, read
from asterism.config.file import ConfigFile


def conf(text: str, users: str | None = None) -> SipConf:
    return read(ConfigFile.parse(text, "sip.conf"), None if users is None else ConfigFile.parse(users, "users.conf"))


def told(found: SipConf) -> list[str]:
    return [*map(str, found.problems), *map(str, found.warnings)]


def test_a_peer_begins_with_the_values_of_general() -> None:
    found = conf("[general]\ncontext=a\nallow=g722\n[x]\ntype=peer\ndisallow=ulaw\n[y]\ntype=user\ncontext=b\n")
    assert [(peer.id, peer.kind, peer.context) for peer in found.peers.values()] == [
        ("x", "peer", "a"),
        ("y", "user", "b"),
    ]
    assert str(found.peers["x"].allow) == "alaw,gsm,h263,g722"
    assert told(found) == []


def test_a_wrong_value_keeps_the_default_and_the_section_counts() -> None:
    found = conf("[x]\ntype=peer\nqualify=often\ninsecure=port,all\nhost=h\n")
    assert (found.peers["x"].qualify, found.peers["x"].insecure, found.peers["x"].host) == (0, (), "h")
    assert told(found) == [
        (
            "sip.conf:3: peer 'x': option 'qualify' cannot be 'often': it is not a whole number; "
            "accepted: milliseconds; yes is 2000, no is 0"
        ),
        (
            "sip.conf:4: peer 'x': option 'insecure' cannot be 'port,all': 'all' is not one of the accepted words; "
            "accepted: port, invite, no, yes, very; comma separated"
        ),
    ]


def test_secrets_are_not_told() -> None:
    found = conf("[x]\ntype=peer\nmd5secret=letmein\n")
    assert "letmein" not in told(found)[0]
    assert "md5secret" in told(found)[0]


def test_a_section_without_a_known_type_is_left_out() -> None:
    found = conf("[a]\nhost=x\n[b]\ntype=pear\n[c]\ntype=peer\n")
    assert list(found.peers) == ["c"]
    assert told(found) == [
        "sip.conf:1: section 'a' is left out: it has no type; accepted: user, peer, friend",
        "sip.conf:4: section 'b' is left out: 'pear' is no type; did you mean 'peer'?; accepted: user, peer, friend",
    ]


def test_unknown_options_are_warned_of_once() -> None:
    text = "[t](!)\nqualfy=yes\n[a](t)\ntype=peer\n[b](t)\ntype=peer\nregister=x\n[general]\nsecret=x\n"
    assert told(conf(text)) == [
        "sip.conf:9: option 'secret' belongs into the section of a peer, and has no effect in [general]",
        "sip.conf:2: there is no option 'qualfy' for a peer; did you mean 'qualify'?; it has no effect",
        "sip.conf:7: option 'register' belongs into [general], and has no effect for a peer",
    ]


def test_a_peer_may_have_timers_of_its_own() -> None:
    found = conf("[general]\ntimert1=200\n[x]\ntype=peer\ntimert1=300\n[y]\ntype=peer\n")
    assert [each.timert1 for each in (found.general, *found.peers.values())] == [200, 300, 200]
    assert told(found) == []


def test_an_empty_host_is_an_error_of_host() -> None:
    found = conf("[x]\ntype=peer\ncontext=c\nhost=\n")
    (line,) = told(found)
    assert line.startswith("sip.conf:4: peer 'x': option 'host' is empty: it can neither register nor be called; acc")
    assert not found.peers["x"].dynamic


@pytest.mark.parametrize(("name", "right"), [("register", "u@h"), ("mwi", "u:s@h/100")])
def test_an_empty_line_is_told(name: str, right: str) -> None:
    found = conf(f"[general]\n{name} =>\n{name} => {right}\n")
    (line,) = told(found)
    assert line.startswith(f"sip.conf:2: [general]: option '{name}' cannot be ")
    assert getattr(found.general, name) == (right,)


def test_a_user_and_a_peer_of_one_name() -> None:
    for first, second in (("user", "peer"), ("peer", "user")):
        found = conf(f"[x]\ntype={first}\nsecret=a\n[x]\ntype={second}\nsecret=b\n")
        assert {peer.id: (peer.name, peer.kind) for peer in found.peers.values()} == {
            "x": ("x", "peer"),
            "x/user": ("x", "user"),
        }
        assert told(found) == []
        assert set(found.lines) == {"x", "x/user"}


def test_a_peer_that_is_defined_twice_is_one() -> None:
    found = conf("[x]\ntype=peer\nhost=a\ncontext=c\n[x]\ntype=friend\nhost=b\n")
    peer = found.peers["x"]
    assert (peer.kind, peer.host, peer.context) == ("friend", "b", "c")
    assert told(found) == ["sip.conf:5: 'x' is already defined at sip.conf:1: these lines are added to it"]


def test_older_names_of_options() -> None:
    found = conf(
        "[general]\nexternip=192.0.2.1\n[x]\ntype=peer\ncanreinvite=no\nusername=u\ninsecure=very\nnat=never\n"
    )
    peer = found.peers["x"]
    assert (peer.directmedia, peer.defaultuser, peer.insecure, peer.nat) == ((), "u", ("port", "invite"), ())
    assert found.general.externaddr == "192.0.2.1"


def test_users_conf_makes_friends_and_registrations() -> None:
    users = (
        "[general]\nhassip=yes\nsecret=all\nhasvoicemail=yes\n[6001]\nfullname=Ann\nqueues=x\n[6002]\nhassip=no\n"
        "[out]\nhassip=no\nregistersip=yes\nhost=sip.example\nusername=u\nsecret=s\ncontact=77\n"
    )
    found = conf("", users)
    assert list(found.peers) == ["6001"]
    peer = found.peers["6001"]
    assert (peer.kind, peer.secret, peer.fullname, peer.mailbox, peer.origin) == (
        "friend", "all", "Ann", ("6001@default",), "users.conf",
    )  # fmt: skip
    assert found.general.register == ("u:s@sip.example/77",)
    assert told(found) == []


def test_where_an_option_is_set() -> None:
    found = conf("[general]\ncontext=a\n[x]\ntype=peer\ncanreinvite=no\n")
    peer = found.peers["x"]
    lines = [found.position(peer, name).line for name in ("directmedia", "context", "secret")]
    assert lines == [5, 2, 3]


def test_what_is_right_in_a_list_counts() -> None:
    found = conf("[x]\ntype=peer\ndisallow=all\nallow=alaw, foo|ulaw,bar\npermit=10.0.0.0/8,office\n")
    peer = found.peers["x"]
    assert str(peer.allow) == "alaw,ulaw"
    assert list(map(str, peer.address_rules)) == ["permit=10.0.0.0/255.0.0.0"]
    assert [text.partition(": option ")[2].partition(";")[0] for text in told(found)] == [
        "'allow' cannot be 'alaw, foo|ulaw,bar': 'foo' is not a codec",
        "'allow' cannot be 'alaw, foo|ulaw,bar': 'bar' is not a codec",
        "'permit' cannot be '10.0.0.0/8,office': 'office' is not an address or network",
    ]


def test_a_mistake_in_deny_lets_nobody_in() -> None:
    found = conf("[x]\ntype=friend\ndeny=0.0.0.0/33\npermit=10.0.0.0/8\ncontactdeny=all\n")
    peer = found.peers["x"]
    assert [peer.address_rules.allows(each) for each in ("10.1.2.3", "192.0.2.1", "2001:db8::1")] == [
        True,
        False,
        False,
    ]
    assert not peer.contact_rules.allows("10.1.2.3")
    assert all("in its place all addresses are denied" in text for text in told(found))
