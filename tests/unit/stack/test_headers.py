"""Typed header values."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.stack import ParseError, Request, Uri, canonical
from asterism.stack import headers as h

KINDS = sorted(
    (
        kind
        for kind in vars(h).values()
        if isinstance(kind, type) and issubclass(kind, h.HeaderValue) and hasattr(kind, "NAME")
    ),
    key=lambda kind: kind.NAME,
)

SAMPLES = {
    "Alert-Info": "<http://www.example.com/sounds/moo.wav>;info=alert-internal",
    "Call-Info": "<http://www.example.com/alice/photo.jpg>;purpose=icon",
    "Content-Disposition": "session;handling=optional",
    "Content-Type": 'multipart/mixed;boundary="unique boundary"',
    "Date": "Sat, 13 Nov 2010 23:29:00 GMT",
    "Diversion": "<sip:+19195551212@p4.isp.com>;reason=user-busy;counter=2;privacy=off",
    "Event": "presence;id=a7",
    "Geolocation": "<cid:target123@atlanta.example.com>",
    "History-Info": "<sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302>;index=1.2;rc=1",
    "Identity": "eyJhbGciOi.J0eXAiOi.5SVuQY-_;info=<https://biloxi.example.org/biloxi.cer>;alg=ES256",
    "Join": "12345600@atlanta;from-tag=1;to-tag=2",
    "Min-SE": "90",
    "P-Asserted-Identity": '"Cullen Jennings" <sip:fluffy@cisco.com>',
    "P-Preferred-Identity": "<tel:+14085264000>",
    "Path": "<sip:P3.example.com;lr>",
    "Privacy": "id;critical",
    "RSeq": "988789",
    "Reason": 'Q.850;cause=16;text="Terminated"',
    "Refer-Sub": "false",
    "Refer-To": "<sip:carol@c?Replaces=090459243588173445%3Bto-tag%3D7743%3Bfrom-tag%3Dd7s>",
    "Referred-By": '<sip:r@ref.example>;cid="2UWQFN309shb3@ref.example"',
    "Remote-Party-ID": '"John" <sip:jdoe@foo.com>;party=called;privacy=full;screen=yes',
    "Replaces": "425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only",
    "Retry-After": "120 (I'm in a meeting);duration=3600",
    "SIP-ETag": "dx200xyz",
    "SIP-If-Match": "dx200xyz",
    "Security-Client": "ipsec-ike;q=0.1",
    "Security-Server": "tls;q=0.2",
    "Security-Verify": "digest;d-alg=md5",
    "Service-Route": "<sip:P2.HOME.EXAMPLE.COM;lr>",
    "Session-Expires": "4000;refresher=uac",
    "Subscription-State": "terminated;reason=noresource;retry-after=30",
    "Target-Dialog": "fa77as7dad8@host;local-tag=kkaz-;remote-tag=6544",
    "User-to-User": "56a390f3d2b7310023a2;encoding=hex;purpose=foo",
    "Warning": '370 devnull "Choose a \\"bigger\\" pipe"',
}


def test_every_family_has_a_sample() -> None:
    assert {kind.NAME for kind in KINDS} == set(SAMPLES)
    assert all(canonical(kind.NAME.lower()) == kind.NAME for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.NAME)
def test_sample_parses_and_writes_itself(kind: type[h.HeaderValue]) -> None:
    value = kind.parse(SAMPLES[kind.NAME])
    assert str(value) == SAMPLES[kind.NAME]
    assert kind.parse(str(value)) == value
    assert hash(kind.parse(str(value))) == hash(value)
    assert value != "other"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.NAME)
@given(text=st.text(max_size=30) | st.text('<>;="\\, a1@:sip', max_size=30))
def test_any_text_parses_or_is_a_parse_error(kind: type[h.HeaderValue], text: str) -> None:
    with contextlib.suppress(ParseError):
        kind.parse(text)


def typed(name: str, *values: str) -> Request:
    request = Request("INVITE", Uri.parse("sip:a@b"))
    for value in values:
        request.add_header(name, value)
    return request


def test_reading_from_a_message() -> None:
    message = typed("Reason", 'SIP ;cause=200 ;text="Call, completed", Q.850;cause=16', "X;cause=x")
    assert [(one.protocol, one.cause, one.text) for one in message.typed_all(h.Reason)] == [
        ("SIP", 200, "Call, completed"),
        ("Q.850", 16, ""),
        ("X", None, ""),
    ]
    assert message.typed(h.SessionExpires) is None
    timer = typed("x", "1800;refresher=UAS").typed(h.SessionExpires)
    assert timer is not None
    assert (timer.seconds, timer.refresher) == (1800, "uas")
    with pytest.raises(ParseError):
        typed("Session-Expires", "soon").typed(h.SessionExpires)


def test_fields() -> None:
    assert h.Date.parse(SAMPLES["Date"]).moment == datetime(2010, 11, 13, 23, 29, tzinfo=UTC)
    retry = h.RetryAfter.parse(SAMPLES["Retry-After"])
    assert (retry.seconds, retry.comment, retry.duration) == (120, "I'm in a meeting", 3600)
    warning = h.SipWarning.parse(SAMPLES["Warning"])
    assert (warning.code, warning.agent, warning.text) == (370, "devnull", 'Choose a "bigger" pipe')
    assert "id" in h.Privacy.parse("id; critical")
    rpid = h.RemotePartyId.parse(SAMPLES["Remote-Party-ID"])
    assert (rpid.party, rpid.privacy, rpid.screened, rpid.uri.user) == ("called", "full", True, "jdoe")
    diversion = h.Diversion.parse(SAMPLES["Diversion"])
    assert (diversion.reason, diversion.counter) == ("user-busy", 2)
    assert h.HistoryInfo.parse(SAMPLES["History-Info"]).index == (1, 2)
    replaces = h.ReferTo.parse(SAMPLES["Refer-To"]).replaces
    assert replaces is not None
    assert (replaces.call_id, replaces.to_tag, replaces.from_tag) == ("090459243588173445", "7743", "d7s")
    assert h.Replaces.parse(SAMPLES["Replaces"]).early_only
    state = h.SubscriptionState.parse(SAMPLES["Subscription-State"])
    assert (state.state, state.reason, state.retry_after, state.expires) == ("terminated", "noresource", 30, None)
    assert h.UserToUser.parse("68656c6c6f").data == b"hello"
    assert h.UserToUser.parse('"hi";encoding=text').data == b"hi"
    assert h.SecurityClient.parse("tls;q=0.25").preference == 0.25
    assert h.Identity.parse(SAMPLES["Identity"]).info == "https://biloxi.example.org/biloxi.cer"
    assert not h.ContentDisposition.parse(SAMPLES["Content-Disposition"]).required
    assert h.RAck.parse("776656 1 INVITE") == (776656, 1, "INVITE")
    assert str(h.Reason.make("Q.850", 16, 'a "b"')) == 'Q.850;cause=16;text="a \\"b\\""'
    assert str(h.Replaces.make("c", "t", "f")) == "c;to-tag=t;from-tag=f"
    assert str(h.SessionExpires.make(90, "uas")) == "90;refresher=uas"


@pytest.mark.parametrize(
    ("text", "comment", "params"),
    [
        ("5 (at (or \\) near) lunch) ;duration=3", "at (or \\) near) lunch", {"duration": "3"}),
        ("5(a)", "a", {}),
        ("5 ()", "", {}),
        ("5;x=y", "", {"x": "y"}),
    ],
)
def test_comments_nest(text: str, comment: str, params: dict[str, str]) -> None:
    retry = h.RetryAfter.parse(text)
    assert (retry.seconds, retry.comment, retry.params) == (5, comment, params)
    assert h.RetryAfter.parse(str(retry)) == retry


@pytest.mark.parametrize("comment", ["a)", "(a", "a\\", "a) (b"])
def test_comments_that_do_not_close_are_refused(comment: str) -> None:
    with pytest.raises(ParseError):
        h.RetryAfter.parse(f"5 ({comment})")
    with pytest.raises(ValueError, match="parentheses"):
        h.RetryAfter(5, comment)


def test_name_addr() -> None:
    address = h.NameAddr.parse('"a, \\"b\\" <x>" <sip:u@h;p=1?X=y>;tag=q;d="x;y"')
    assert (address.display, address.uri.user, address.tag, address.param("d")) == ('a, "b" <x>', "u", "q", "x;y")
    assert h.NameAddr.parse("sip:u@h;tag=1").tag == "1"
    assert h.NameAddr.parse("<sip:u@h;tag=1>").tag is None
    assert h.NameAddr.parse("Unquoted tokens here <sip:u@h>").display == "Unquoted tokens here"
    assert h.NameAddr.parse("<tel:+123>").uri.scheme == "tel"
    assert str(address.with_tag("n").without_params("d").uri) == "sip:u@h;p=1?X=y"
    for bad in (
        "",
        "<>",
        "<sip:a@b",
        'x"y <sip:a@b>',
        "<sip:a@b>x",
        "<sip:a@b>;;=",
        "sip:a@b?x=y",
        "<sip:a@b>, <sip:c@d>",
    ):
        with pytest.raises(ParseError):
            h.NameAddr.parse(bad)


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30),
    st.from_regex(r"[a-z0-9.]{1,9}", fullmatch=True),
)
def test_name_addr_round_trip(display: str, tag: str) -> None:
    address = h.NameAddr(display, Uri.parse("sip:u@h;lr"), {"tag": tag, "lr": None})
    assert h.NameAddr.parse(str(address)) == address


@given(
    st.sampled_from(["", '"" ', "bob ", '"bob" ', '"Bö, b" ', '"\u0080 \u2028" ', '"a\\"b" ', " bob  "]),
    st.sampled_from(["sip:u@h", "SIP:u@H;lr", "sip:%61@h", "tel:+1-2", "sip:h:5060?x=y"]),
    st.sampled_from(["", ";tag=1", ";tag=a.b", ";TAG=1", ";tag=1;x", ";x;tag=1", "; tag=1"]),
)
def test_an_address_is_written_alike_whether_it_came_so_or_was_made_so(display: str, uri: str, params: str) -> None:
    for _ in range(2):
        address = h.NameAddr.parse(f"{display}<{uri}>{params}")
        assert str(address) == str(h.NameAddr(address.display, address.uri, address.params))


@given(st.text(max_size=40) | st.text('<>"\\;=, sip:@ab', max_size=40))
def test_any_address_parses_or_is_a_parse_error(text: str) -> None:
    for kind in (h.NameAddr, h.Via, h.CSeq, h.RAck):
        with contextlib.suppress(ParseError):
            kind.parse(text)


def test_via() -> None:
    via = h.Via.parse("SIP / 2.0 / udp  First.example.com : 4000 ;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1")
    assert (via.transport, via.host, via.port, via.branch) == ("UDP", "first.example.com", 4000, "z9hG4bKa7c6a8dlze.1")
    assert h.Via.parse(str(via)) == via
    for bad in (
        "SIP/2.0/UDP",
        "SIP/3.0/UDP h",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP h;",
        "SIP/2.0/UDP h;;,;,,",
        "SIP/2.0/UDP h x",
    ):
        if bad.endswith("h;"):
            assert h.Via.parse(bad).params == {}
        else:
            with pytest.raises(ParseError):
                h.Via.parse(bad)


def test_long_white_space_costs_nothing() -> None:
    # A quadratic pattern would take minutes here.
    for text in (" " * 8000 + "x y", "a" + " " * 8000, '"' + "\\a" * 4000, "<" * 8000, ";a=" * 4000, "-" * 8000):
        for kind in (h.NameAddr, h.Via, h.CSeq, h.Reason, h.RetryAfter, h.SipWarning, h.CallInfo):
            with contextlib.suppress(ParseError):
                kind.parse(text)
