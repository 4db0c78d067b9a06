"""Every number that a peer can send, at its bounds and beyond them: an answer, or nothing; never an exception."""

from __future__ import annotations

import logging
import socket

import pytest

from asterism.testing import Phone, running_server, until

PJSIP = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:0
[peer]
type=endpoint
context=calls
disallow=all
allow=ulaw
identify_by=ip
aors=peer
[peer]
type=aor
max_contacts=2
[peer]
type=identify
endpoint=peer
match=127.0.0.66
[101]
type=endpoint
context=calls
disallow=all
allow=ulaw
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
"""
NUMBERS = [
    "", "-1", "0", "1", "+5", "255", "256", "65534", "65535", "65536", "99999", "2147483647", "2147483648",
    "4294967295", "4294967296", "9" * 19, "9" * 400, "1e999", "nan", "0x10", "\u0663", "\u00b2",
]  # fmt: skip
HEADERS = ["Max-Forwards", "Expires", "Min-Expires", "Session-Expires", "Min-SE", "RSeq", "RAck", "Timestamp",
           "Retry-After", "Content-Length", "Date"]  # fmt: skip
ATTRIBUTES = ["", "a=ptime:{}", "a=maxptime:{}", "a=rtcp:{}", "a=rtpmap:101 telephone-event/{}", "a=rtpmap:{} PCMU/{}",
              "a=fmtp:101 {}-{}", "b=AS:{}"]  # fmt: skip


def request(method, number, port, to, *, header="", changed="", body=""):
    lines = {
        "Via": f"SIP/2.0/UDP 127.0.0.66:{port};rport;branch=z9hG4bK{changed}{header}{method}{number}{hash(body)}",
        "From": "<sip:peer@127.0.0.66>;tag=a",
        "To": f"<sip:600@127.0.0.1:{to}>",
        "Call-ID": f"{method}{header}{changed}{number}{hash(body)}",
        "CSeq": f"1 {method}",
        "Contact": f"<sip:peer@127.0.0.66:{port}>",
    }
    start = f"{method} sip:600@127.0.0.1 SIP/2.0"
    if changed == "uri":
        start = f"{method} sip:600@127.0.0.1:{number} SIP/2.0"
    elif changed == "via":
        lines["Via"] = f"SIP/2.0/UDP 127.0.0.66:{number};rport={number};ttl={number};branch=z9hG4bKvia{method}"
    elif changed == "contact":
        lines["Contact"] = f"<sip:peer@127.0.0.66:{number}>;expires={number};q={number}"
    elif changed == "cseq":
        lines["CSeq"] = f"{number} {method}"
    if header:
        lines[header] = f"{number} {number} INVITE" if header == "RAck" else number
    if body:
        lines["Content-Type"] = "application/sdp"
    text = "\r\n".join([start, *(f"{name}: {value}" for name, value in lines.items())])
    return f"{text}\r\n\r\n{body}".encode()


def description(attribute, number):
    port = 4000 if attribute else number
    connection = "127.0.0.1" if attribute else f"127.0.0.1/{number}/{number}"
    return (
        f"v=0\r\no=- {number} {number} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {connection}\r\nt={number} {number}\r\n"
        f"m=audio {port} RTP/AVP 0 101\r\n{attribute.format(number, number)}\r\n"
    )


@pytest.mark.parametrize("number", NUMBERS, ids=[number[:12] or "empty" for number in NUMBERS])
async def test_a_number_at_its_bounds_raises_nothing(number):
    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            if record.exc_info or record.levelno >= logging.ERROR:
                records.append(record.getMessage())

    keep = Keep()
    extensions = "[calls]\nexten => 600,1,Answer()\n same => n,Hangup()\n"
    files = {"pjsip.conf": PJSIP, "extensions.conf": extensions, "rtp.conf": "[general]\nrtcpinterval=20\n"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.66", 0))
        port = peer.getsockname()[1]
        async with running_server(files) as server, Phone("101", server, "secret") as phone:
            server.log.addHandler(keep)
            to = server.sip_address()
            for method in ("OPTIONS", "INVITE", "REGISTER", "ACK", "BYE", "MESSAGE", "PRACK", "CANCEL"):
                for header in HEADERS:
                    peer.sendto(request(method, number, port, to[1], header=header), to)
                for changed in ("uri", "via", "contact", "cseq"):
                    peer.sendto(request(method, number, port, to[1], changed=changed), to)
                assert (await phone.register()).status == 200
            for attribute in ATTRIBUTES:
                body = description(attribute, number)
                peer.sendto(request("INVITE", number, port, to[1], body=body), to)
            assert (await phone.register()).status == 200
            await until(lambda: not server.pbx.channels, 10)
            server.log.removeHandler(keep)
    assert records == []
