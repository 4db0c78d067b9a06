import pytest
from hypothesis import given
from hypothesis import strategies as st
from transaction_kit import request_text

from asterism.stack import make_response, parse_message
from asterism.stack.stateless import header_block, response_bytes


@given(
    st.sampled_from((180, 200, 302, 401, 481, 503, 699)),
    st.sampled_from(("<sip:b@x>", "<sip:b@x>;tag=t", '"a;tag=1" <sip:b@x;tag=2>', "sip:b@x ; TAG = q")),
    st.lists(
        st.sampled_from(
            (
                "Record-Route: <sip:p1;lr>",
                "v: SIP/2.0/UDP next.example;branch=z9hG4bKnext",
                "X-Odd: \udcff",
                "Contact: <sip:a@b>",
                "Timestamp: 1",
            )
        )
    ),
    st.sampled_from(((), (("Server", "Asterism"),), (("Allow", "INVITE"), ("warning", '399 x "y"')))),
)
def test_same_bytes_as_a_response_that_was_made(status, to, extra, more):
    text = request_text(to=to, extra="".join(f"{line}\r\n" for line in extra))
    request = parse_message(text.encode("utf-8", "surrogateescape"))
    response = make_response(request, status, to_tag="abc")  # type: ignore[arg-type]
    for name, value in more:
        response.add_header(name, value)
    assert response_bytes(request, status, "abc", header_block(more)) == response.to_bytes()  # type: ignore[arg-type]


@pytest.mark.parametrize("line", [("Server", "a\r\nb"), ("Server", "a\0"), ("Bad name", "x"), ("", "x")])
def test_lines_that_would_break_the_message_are_refused(line):
    with pytest.raises(ValueError, match="header"):
        header_block([line])
