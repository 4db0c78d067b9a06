"""The messages of RFC 4475 and RFC 5118, and the answers that ``docs/stack/torture.md`` says they get."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests" / "data" / "rfc4475"
PAGE = ROOT / "docs" / "stack" / "torture.md"

_ROW = re.compile(r"^\| `([\w-]+)` \| ([\d.]+) \| .* \| (-|\d+) \| (-|\d+) \|$", re.MULTILINE)

ANSWERS = {name: (alone, server) for name, _, alone, server in _ROW.findall(PAGE.read_text())}
"""By message: the status that the bare UAS and the server answer, ``-`` for none."""

_TEXT = """{method} {uri} SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP {via};branch=z9hG4bKas3-{name}
Call-ID: {name}-SSG9559905523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@{contact}>
CSeq: 8612 {method}
"""

_SDP = """v=0
o=assistant 971731711378798081 0 IN IP6 {one}
s=Live video feed for today's meeting
c=IN IP6 {one}
t=3338481189 3370017201
m=audio 6000 RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""


def _rfc5118(
    name: str,
    method: str = "REGISTER",
    uri: str = "sip:[2001:db8::10]",
    via: str = "[2001:db8::9:1]",
    contact: str = "[2001:db8::1]",
    more: str = "",
    to: str = "",
    sdp: str = "",
) -> bytes:
    text = _TEXT.format(name=name, method=method, uri=uri, via=via, contact=contact) + more
    text = text.replace("To: sip:user@example.com", f"To: sip:user@example.com{to}")
    sdp = sdp.replace("\n", "\r\n")
    kind = "Content-Type: application/sdp\n" if sdp else ""
    return (f"{text}{kind}Content-Length: {len(sdp)}\n\n").replace("\n", "\r\n").encode() + sdp.encode()


def _messages() -> dict[str, bytes]:
    call = "sip:user@[2001:db8::10]"
    address = "2001:db8::20"
    found = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.dat"))}
    more = [
        ("reference", {}),
        ("no-brackets", {"uri": "sip:2001:db8::10"}),
        ("port-inside", {"uri": "sip:[2001:db8::10:5070]"}),
        ("port-outside", {"uri": "sip:[2001:db8::10]:5070"}),
        ("received", {"method": "BYE", "via": "[2001:db8::9:1];received=[2001:db8::9:255]", "to": ";tag=bd76ya"}),
        ("received-plain", {"method": "BYE", "via": "[2001:db8::9:1];received=2001:db8::9:255", "to": ";tag=bd76ya"}),
        ("sdp", {"method": "INVITE", "uri": call, "sdp": _SDP.format(one=address)}),
        (
            "two-families",
            {
                "method": "INVITE",
                "uri": call,
                "sdp": _SDP.format(one=address)
                + "m=video 6024 RTP/AVP 107\nc=IN IP4 192.0.2.1\na=rtpmap:107 H263/90000\n",
            },
        ),
        (
            "two-vias",
            {
                "method": "INVITE",
                "uri": call,
                "via": "192.0.2.1:16823",
                "more": "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3\n",
                "sdp": _SDP.format(one=address),
            },
        ),
        (
            "mapped",
            {
                "method": "INVITE",
                "uri": call,
                "contact": "[::ffff:192.0.2.10]:19823",
                "sdp": _SDP.format(one="::ffff:192.0.2.10"),
            },
        ),
        ("three-colons", {"method": "OPTIONS", "uri": "sip:[2001:db8:::192.0.2.1]"}),
        ("two-colons", {"method": "OPTIONS", "uri": "sip:[2001:db8::192.0.2.1]"}),
    ]
    return found | {name: _rfc5118(name, **values) for name, values in more}


MESSAGES = _messages()
