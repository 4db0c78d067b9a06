"""URIs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.stack import ParseError, Uri


def test_parts_of_a_full_uri() -> None:
    uri = Uri.parse(
        "sips:Alice:s%20c@Atlanta.example.com:5061;transport=TCP;LR;method=INVITE?subject=x&priority=urgent"
    )
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == (
        "sips",
        "Alice",
        "s c",
        "atlanta.example.com",
        5061,
    )
    assert uri.params == {"transport": "TCP", "lr": None, "method": "INVITE"}
    assert uri.headers == "subject=x&priority=urgent"
    assert (uri.param("lr"), uri.param("transport"), uri.param("none")) == ("", "TCP", None)
    assert uri.secure


@pytest.mark.parametrize(
    "text", ["sip:bob@pbx1", "sip:100@10.0.0.1:5060", "sip:pbx", "sip:a_b@my_host.local", "sip:x@host."]
)
def test_hosts_of_reality(text: str) -> None:
    uri = Uri.parse(text)
    assert str(uri) == text
    assert str(uri.replace(port=99)).endswith(":99")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@",
        "sip:a@",
        "sip:a b@c",
        "sip:a@b:99999",
        "sip:a@b:x",
        "<sip:a@b>",
        "sip:a%4@b",
        "sip:a@b@c",
        "x y",
        "tel:",
        "sip:a@-b",
        "sip:a@b;x=\x00",
        "sip:a\r\n@b",
        "alice",
        "sip:a@b;=x",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Uri.parse(text)


def test_tel_urn_and_unknown() -> None:
    tel = Uri.parse("tel:+1-201-555-0123;phone-context=example.com")
    assert (tel.scheme, tel.user, tel.params) == ("tel", "+1-201-555-0123", {"phone-context": "example.com"})
    assert Uri.parse("urn:service:sos").opaque == "service:sos"
    assert str(Uri.parse("IM:fred@x")) == "IM:fred@x"
    assert Uri.parse("IM:fred@x").scheme == "im"


def test_user_escapes() -> None:
    assert Uri.parse("sip:*8%23@h").user == "*8#"
    assert str(Uri("sip", "*8#", "h")) == "sip:*8%23@h"
    assert Uri.parse("sip:a%0d%0ab%00@h").user == "a%0d%0ab%00"
    assert str(Uri("sip", "a\r\nb", "h")) == "sip:a%0D%0Ab@h"
    assert Uri.parse("sip:50%2523@h").user == "50%2523"


# RFC 3261 19.1.4
@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        ("sip:biloxi.com;transport=tcp;method=REGISTER", "sip:biloxi.com;method=REGISTER;transport=tcp"),
        ("sip:alice@atlanta.com?subject=a%20x&p=urgent", "sip:alice@atlanta.com?p=urgent&subject=a%20x"),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
        ("tel:+1201;ext=12-34", "TEL:+1-201;EXT=1234"),
        ("tel:7042;phone-context=+1-914", "tel:7042;phone-context=+1914"),
        ("tel:7042;x=a;phone-context=Example.com", "tel:7042;phone-context=example.com;X=A"),
        ("sip:a@[2001:db8::1]:5060", "sip:a@[2001:DB8:0:0::1]:5060"),
        ("sip:a@[::ffff:192.0.2.1]", "sip:a@[::ffff:c000:201]"),
        ("urn:service:sos.fire", "URN:Service:SOS.Fire"),
        ("urn:uuid:F81D4fae", "urn:UUID:F81D4fae"),
        ("mailto:a@b", "MAILTO:a@b"),
    ],
)
def test_equivalent(one: str, two: str) -> None:
    assert Uri.parse(one).matches(Uri.parse(two))
    assert Uri.parse(two).matches(Uri.parse(one))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@b", "sips:a@b"),
        ("sip:bob@192.0.2.4", "sip:bob@phone21.boxesbybob.com"),
        *(("sip:a@b", f"sip:a@b;{name}=1") for name in ("user", "ttl", "method", "maddr", "transport")),
        ("sip:a:x@b", "sip:a:y@b"),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:db8::2]"),
        ("sip:a@[2001:db8::1]", "sip:a@b"),
        ("tel:+1201;ext=1", "tel:+1201;ext=2"),
        ("tel:+1201;ext=1", "tel:+1201"),
        ("tel:1201", "tel:+1201"),
        ("tel:7042;phone-context=a-b.example", "tel:7042;phone-context=ab.example"),
        ("urn:uuid:F81D4fae", "urn:uuid:f81D4fae"),
        ("urn:a:x", "urn:b:x"),
        ("mailto:a@b", "mailto:A@b"),
    ],
)
def test_not_equivalent(one: str, two: str) -> None:
    assert not Uri.parse(one).matches(Uri.parse(two))


users = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="%"), min_size=1, max_size=20)
hosts = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,5})?", fullmatch=True),
    st.ip_addresses(v=6).map(str),
)
tokens = st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True)


@given(
    st.sampled_from(["sip", "sips"]),
    users,
    hosts,
    st.none() | st.integers(0, 65535),
    st.none() | users,
    st.dictionaries(tokens, st.none() | tokens, max_size=4),
)
def test_round_trip(
    scheme: str, user: str, host: str, port: int | None, password: str | None, params: dict[str, str | None]
) -> None:
    uri = Uri(scheme, user, host, port, password=password, params=params)
    again = Uri.parse(str(uri))
    assert again == uri
    assert hash(again) == hash(uri)
    assert again.matches(uri)


@given(st.text(max_size=40) | st.text("sip:@;=?%[]tel.0a<> ", max_size=30).map("sip:".__add__))
def test_any_text_parses_or_is_a_parse_error(text: str) -> None:
    try:
        uri = Uri.parse(text)
    except ParseError:
        return
    assert Uri.parse(str(uri)) == uri


def test_half_a_character_in_a_user() -> None:
    assert str(Uri("sip", "a\ud800b\udcff", "host")) == "sip:a?b?@host"
    assert str(Uri("sip", "b\udcff", "host")) == "sip:b%FF@host"
