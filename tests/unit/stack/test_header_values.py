"""What typed headers mean: defaults, case, bounds, and what is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from asterism.stack import ParseError, canonical, parse_message
from asterism.stack import headers as h

# The registry of compact forms: RFC 3261, 3515, 3841, 3892, 4028, 4474, 6665, 8224.
COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
MANDATORY = {"v": "SIP/2.0/UDP h;branch=z9hG4bKx", "f": "<sip:a@h>;tag=1", "t": "<sip:b@h>", "i": "c", "l": "0"}


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize(("short", "name"), COMPACT.items())
def test_compact_forms(short: str, name: str, upper: bool) -> None:
    lines = {**MANDATORY, "CSeq": "1 OPTIONS"}
    value = lines.setdefault(short, "x")
    text = "".join(f"{key.upper() if upper else key}: {each}\r\n" for key, each in lines.items())
    message = parse_message(f"OPTIONS sip:b@h SIP/2.0\r\n{text}\r\n".encode())
    assert (name, value) in message.headers
    assert message.get(name) == message.get(name.lower()) == message.get(short) == value
    assert canonical(short.upper() if upper else short) == name


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (h.Replaces, "c;to-tag=1"),
        (h.Replaces, "c;from-tag=1"),
        (h.Replaces, "c;to-tag;from-tag=1"),
        (h.Replaces, "c;to-tag=1;from-tag=1; TO-TAG =2"),
        (h.Replaces, ";to-tag=1;from-tag=1"),
        (h.Replaces, "a b;to-tag=1;from-tag=1"),
        (h.Replaces, "a,b;to-tag=1;from-tag=1"),
        (h.Join, "c;to-tag=1"),
        (h.TargetDialog, "c;to-tag=1;from-tag=1"),
        (h.ReferSub, "maybe"),
        (h.Privacy, "id;;user"),
        (h.Identity, "a b;info=<https://h>"),
        (h.Identity, ";info=<https://h>"),
        (h.Event, "a/b"),
        (h.SipETag, ""),
        (h.RSeq, "0"),
        (h.RSeq, "4294967296"),
        (h.MinSE, "-1"),
        (h.SessionExpires, "90s"),
        (h.RetryAfter, "5;duration=x"),
        (h.RetryAfter, "soon"),
        (h.SipWarning, "37 h \"x\""),
        (h.SipWarning, "370 h x"),
        (h.CallInfo, "http://h"),
        (h.AlertInfo, "<a b>"),
        (h.UserToUser, ""),
        (h.MediaType, "text"),
        (h.ContentDisposition, "a b"),
        (h.Date, "Sat, 13 Nov 2010 23:29:00 EST"),
        (h.Date, "Sat, 31 Feb 2010 23:29:00 GMT"),
    ],
)  # fmt: skip
def test_refused(kind: type[h.HeaderValue], text: str) -> None:
    with pytest.raises(ParseError):
        kind.parse(text)


@pytest.mark.parametrize("text", ["4294967296 1 INVITE", "0 1 INVITE", "1 2147483648 INVITE", "1 INVITE", "1 1 a b"])
def test_what_no_rack_says(text: str) -> None:
    with pytest.raises(ParseError):
        h.RAck.parse(text)


@pytest.mark.parametrize(("text", "good"), [("2147483647 A", True), ("2147483648 A", False), ("-1 A", False)])
def test_sequence_numbers_end_below_2_to_the_31st(text: str, good: bool) -> None:
    if good:
        assert h.CSeq.parse(text).number == 2**31 - 1
    else:
        with pytest.raises(ParseError):
            h.CSeq.parse(text)


def test_what_is_not_said_has_a_default() -> None:
    rpid = h.RemotePartyId.parse("<sip:a@h>")
    assert (rpid.party, rpid.privacy, rpid.screened) == ("calling", "off", False)
    diversion = h.Diversion.parse("<sip:a@h>")
    assert (diversion.reason, diversion.counter) == ("unknown", 1)
    assert h.Diversion.parse("<sip:a@h>;counter=0").counter == 1
    assert h.Diversion.parse("<sip:a@h>;counter=x").counter == 1
    assert h.HistoryInfo.parse("<sip:a@h>").index == ()
    assert h.HistoryInfo.parse("<sip:a@h>;index=1.x").index == ()
    assert h.SecurityClient.parse("tls").preference == 1.0
    assert h.SecurityClient.parse("tls;q=1.5").preference == 1.0
    assert h.ContentDisposition.parse("session").required
    assert h.ContentDisposition.parse("session;handling=REQUIRED").required
    assert not h.ContentDisposition.parse("session;handling=Optional").required
    assert h.SessionExpires.parse("90").refresher == ""
    assert h.ReferTo.parse("<sip:a@h>").method == "INVITE"
    assert h.ReferTo.parse("<sip:a@h;method=SUBSCRIBE>").method == "SUBSCRIBE"
    assert h.ReferTo.parse("<sip:a@h?Subject=x>").replaces is None
    assert h.Event.parse("presence").id is None
    state = h.SubscriptionState.parse("active")
    assert (state.reason, state.expires, state.retry_after) == ("", None, None)
    assert h.CallInfo.parse("<http://h/x>").purpose == ""
    assert h.Identity.parse("abc").info == ""
    assert h.Reason.parse("SIP").cause is None
    assert h.Reason.parse("SIP").text == ""


def test_case_does_not_matter_where_the_grammar_says_so() -> None:
    assert h.SecurityClient.parse("TLS").mechanism == "tls"
    assert h.SessionExpires.parse("90;Refresher=UAC").refresher == "uac"
    state = h.SubscriptionState.parse("Terminated;Reason=NoResource;Retry-After=5;Expires=9")
    assert (state.state, state.reason, state.retry_after, state.expires) == ("terminated", "noresource", 5, 9)
    assert h.Event.parse("Presence.WInfo").package == "presence.winfo"
    assert "id" in h.Privacy.parse("ID")
    assert h.RemotePartyId.parse("<sip:a@h>;party=CALLED;screen=YES").screened
    assert h.ReferSub.parse("TRUE").wanted
    assert h.CallInfo.parse("<http://h>;purpose=Icon").purpose == "icon"
    assert h.UserToUser.parse("4142;encoding=HEX").data == b"AB"
    assert h.ReferTo.parse("<sip:a@h?REPLACES=c%3Bto-tag%3D1%3Bfrom-tag%3D2>").replaces is not None


def test_privacy_takes_commas_too() -> None:
    assert h.Privacy.parse("id, User").values == ("id", "user")


def test_dialog_headers_name_their_tags() -> None:
    target = h.TargetDialog.parse("c;local-tag=l;remote-tag=r")
    assert (target.call_id, target.to_tag, target.from_tag) == ("c", "r", "l")
    replaces = h.Replaces.parse("c@h;from-tag=f;to-tag=t")
    assert (replaces.call_id, replaces.to_tag, replaces.from_tag, replaces.early_only) == ("c@h", "t", "f", False)


@pytest.mark.parametrize("escaped", ["c%0Dx%3Bto-tag%3D1%3Bfrom-tag%3D2", "c%0A%3Bto-tag%3D1%3Bfrom-tag%3D2"])
def test_replaces_in_a_uri_brings_no_control_characters(escaped: str) -> None:
    with pytest.raises(ParseError):
        _ = h.ReferTo.parse(f"<sip:a@h?Replaces={escaped}>").replaces


def test_user_to_user_data_that_is_not_what_it_says() -> None:
    with pytest.raises(ParseError):
        _ = h.UserToUser.parse("xyz;encoding=hex").data
    assert h.UserToUser.parse("xyz;encoding=isdn-text").data == b"xyz"


def test_dates() -> None:
    leap = h.Date.parse("Sat, 31 Dec 2016 23:59:60 GMT")
    assert leap.moment == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
    east = datetime(2010, 11, 14, 0, 29, tzinfo=timezone(timedelta(hours=1)))
    assert str(h.Date(east)) == "Sat, 13 Nov 2010 23:29:00 GMT"
    assert h.Date.parse("Mon, 1 Nov 2010 00:00:00 GMT").moment.day == 1


def test_via_received_and_rport() -> None:
    via = h.Via.parse("SIP/2.0/udp [2001:DB8::1]:5070;received=[2001:db8::9:255];rport=5061;branch=z9hG4bKx")
    assert (via.transport, via.host, via.port) == ("UDP", "2001:db8::1", 5070)
    assert (via.received, via.rport, via.wants_rport) == ("2001:db8::9:255", 5061, True)
    assert str(via).startswith("SIP/2.0/UDP [2001:db8::1]:5070;")
    bare = h.Via.parse("SIP/2.0/UDP h;rport")
    assert (bare.received, bare.rport, bare.wants_rport, bare.branch) == (None, None, True, None)
    assert h.Via.parse("SIP/2.0/UDP h;rport=x").rport is None
    assert not h.Via.parse("SIP/2.0/UDP h").wants_rport


@pytest.mark.parametrize(("branch", "good"), [("z9hG4bK", False), ("z9hG4bK1", True), ("Z9HG4BK1", True), ("1", False)])
def test_branches_of_rfc_3261(branch: str, good: bool) -> None:
    assert h.Via.parse(f"SIP/2.0/UDP h;branch={branch}").is_rfc3261 is good
