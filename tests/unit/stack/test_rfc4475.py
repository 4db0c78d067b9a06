"""The torture messages of RFC 4475, with the outcome the RFC documents, at the level of the parser."""

from pathlib import Path

import pytest

from asterism.stack import ParseError, Request, Response, Uri, make_response, parse_message
from asterism.stack.bodies import parse_body
from asterism.stack.headers import Date

FOLDER = Path(__file__).resolve().parents[2] / "data" / "rfc4475"

VALID = [
    "bcast",
    "bext01",
    "cparam01",
    "cparam02",
    "dblreq",
    "esc01",
    "esc02",
    "escnull",
    "intmeth",
    "inv2543",
    "invut",
    "longreq",
    "lwsdisp",
    "mpart01",
    "noreason",
    "novelsc",
    "regaut01",
    "regescrt",
    "sdp01",
    "semiuri",
    "transports",
    "unkscm",
    "unksm2",
    "unreason",
    "wsinv",
    "zeromf",
    "badbranch",
    "baddate",
]

# The status the RFC asks for; None where it leaves the choice and we read on.
INVALID = {
    "badaspec": 400,
    "baddn": 400,
    "badinv01": 400,
    "badvers": 505,
    "clerr": 400,
    "insuf": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "mcl01": 400,
    "mismatch01": 400,
    "mismatch02": 400,
    "multi01": 400,
    "ncl": 400,
    "quotbal": 400,
    "regbadct": 400,
    "scalar02": 400,
    "trws": 400,
    "escruri": None,
    "bigcode": 400,
    "scalarlg": 400,
}
UNANSWERABLE = {"insuf", "bigcode", "scalarlg"}


def load(name: str) -> bytes:
    return (FOLDER / f"{name}.dat").read_bytes()


def parse(name: str) -> Request | Response:
    message = parse_message(load(name))
    message.validate()
    return message


def test_every_file_has_an_outcome() -> None:
    names = {path.stem for path in FOLDER.glob("*.dat")}
    assert names == set(VALID) | set(INVALID)
    assert len(names) == 49


@pytest.mark.parametrize("name", VALID)
def test_valid_message_parses_and_rebuilds(name: str) -> None:
    message = parse(name)
    again = parse_message(message.to_bytes())
    again.validate()
    strip = [line for line in message.headers if line[0] != "Content-Length"]
    assert [line for line in again.headers if line[0] != "Content-Length"] == strip
    assert again.start_line() == message.start_line()
    assert again.body == message.body
    if isinstance(message, Request):
        response = parse_message(make_response(message, 200, to_tag="x1").to_bytes())
        response.validate()
        assert response.get_all("Via") == message.get_all("Via")
        assert response.to.tag is not None


@pytest.mark.parametrize("name", sorted(set(INVALID) - {"escruri"}))
def test_invalid_message_is_refused(name: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(name)
    assert caught.value.status == INVALID[name]
    if name in UNANSWERABLE:
        assert caught.value.request is None
    else:
        request = caught.value.request
        assert request is not None
        response = make_response(request, caught.value.status, to_tag="t").to_bytes()
        assert response.startswith(b"SIP/2.0 %d " % caught.value.status)
        assert response.count(b"\r\n\r\n") == 1


def test_wsinv_reads_through_folding_and_white_space() -> None:
    message = parse("wsinv")
    assert message.method == "INVITE"
    assert message.max_forwards == 68
    assert message.cseq == (9, "INVITE")
    assert [via.branch for via in message.vias] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
    assert message.to.uri == Uri.parse("sip:vivekg@chair-dnrc.example.com")
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.from_.tag == "98asjd8"
    assert message.contacts[0].display == 'Quoted string ""'
    assert message.contacts[0].params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert message.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.content_type is not None
    assert message.content_type.name == "application/sdp"


def test_intmeth_takes_unusual_characters() -> None:
    message = parse("intmeth")
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.to.display == "BEL: NUL: DEL:"


def test_escapes_are_resolved_once() -> None:
    assert parse("esc01").uri.user == "sips:user@example.com"
    message = parse("escnull")
    assert [contact.uri.user for contact in message.contacts] == ["%00", "%00%00"]
    assert parse("esc02").method == "RE%47IST%45R"
    assert parse("esc02").contacts.__len__() == 2


def test_semicolons_in_the_user_part_are_not_parameters() -> None:
    uri = parse("semiuri").uri
    assert uri.user == "user;par=u@example.net"
    assert uri.params == {}


def test_parameters_of_a_bare_address_belong_to_the_header() -> None:
    one, two = parse("cparam01").contacts[0], parse("cparam02").contacts[0]
    assert "unknownparam" in one.params
    assert "unknownparam" in two.uri.params
    to = parse("inv2543").to
    assert to.params == {"user": "phone"}


def test_only_the_announced_body_is_taken() -> None:
    message = parse("dblreq")
    assert message.method == "REGISTER"
    assert message.body == b""


def test_unknown_schemes_pass_the_parser() -> None:
    assert parse("unkscm").uri.scheme == "nobodyknowsthisscheme"
    assert parse("novelsc").uri.scheme == "soap.beep"
    assert parse("unksm2").to.uri.scheme == "isbn"


def test_unusual_reasons() -> None:
    message = parse("unreason")
    assert message.reason.startswith("= 2**3 * 5**2 ")
    assert "простое" in message.reason
    assert parse("noreason").reason == ""


def test_mpart_is_a_multipart_body() -> None:
    body = parse_body(parse("mpart01"))
    assert body is not None
    assert [part.content_type.name for part in body.parts] == ["text/plain", "application/octet-stream"]
    assert body.parts[0].content == b"Hello"


def test_bad_date_fails_only_where_it_is_read() -> None:
    message = parse("baddate")
    with pytest.raises(ParseError):
        message.typed(Date)


def test_escaped_headers_in_the_request_uri_are_kept_apart() -> None:
    # The RFC lets an element refuse it or ignore the headers; we leave it to the transaction user.
    message = parse("escruri")
    assert message.uri.headers.startswith("Route=")


def test_branch_of_nothing_but_the_cookie_is_not_a_branch() -> None:
    assert not parse("badbranch").via.is_rfc3261


def test_zero_max_forwards_is_a_number() -> None:
    assert parse("zeromf").max_forwards == 0
