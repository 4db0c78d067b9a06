"""Inputs to start from: the torture messages, usual headers and descriptions, and what fuzzing once found."""

from __future__ import annotations

from pathlib import Path

import codec_target
import dtls_target
import fax_targets
import feedback_targets
import ice_targets
import section_targets
import stun_target
from completion_target import SEEDS as COMPLETION
from dialplan_targets import EXPRESSIONS, FILES
from event_targets import BODIES, CONVERSATIONS, LISTS
from manager_target import SEEDS as MANAGER
from publication_target import SEEDS as PUBLISHED
from refer_target import SEEDS as REFER
from replaces_target import SEEDS as REPLACES
from seeds_server import SERVER, files
from transaction_kit import request_text

FOLDER = Path(__file__).parent / "corpus"
TORTURE = Path(__file__).resolve().parents[1] / "data" / "rfc4475"

URIS = (
    b"sip:alice@atlanta.example.com",
    b"sips:1212@[2001:db8::1]:5061;transport=tcp;lr?Subject=a%20b&Route=%3Csip:x%3E",
    b"tel:+1-201-555-0123;phone-context=example.com",
    b"urn:service:sos",
    b"sip:%61;x=%22:pw%3a@h;maddr=1.2.3.4;ttl=1;method=INVITE",
)
ADDRESSES = (
    b'"A. \\"G.\\" Bell" <sip:agb@bell.example> ;tag=a48s',
    b"sip:c8oqz84zk7z@privacy.example;tag=hyh8",
    b"Anonymous <sips:[::1]>, <tel:1>;q=0.5;expires=3600",
    b"SIP/2.0/UDP 192.0.2.1:5060 ;branch=z9hG4bK87asdks7;rport;received=192.0.2.207",
    b"SIP / 2.0 / TLS [2001:db8::9:1]:5061;branch=z9hG4bKas3-111;ttl=16;maddr=1.1.1.1",
)
HEADERS = (
    b"Sat, 13 Nov 2010 23:29:00 GMT",
    b"120 (I'm in a meeting);duration=60",
    b"307 isi.edu \"Session parameter 'foo' not understood\"",
    b'SIP ;cause=200 ;text="Call completed elsewhere"',
    b"98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff;early-only",
    b"<sip:bob@b.example?Replaces=1%40a%3Bto-tag%3D1%3Bfrom-tag%3D2>",
    b'<sip:+1@h>;party=calling;privacy="full";screen=yes;reason=no-answer;counter=2;index=1.1',
    b"presence.winfo;id=5",
    b"terminated;reason=rejected;retry-after=5;expires=0",
    b"1800;refresher=uac",
    b"<http://www.example.com/alice/photo.jpg> ;purpose=icon;appearance-index=1",
    b'digest;d-qop=auth;d-ver="0000000000000000000000000000abcd";q=0.1',
    b"56a390f3d2b7310023a;encoding=hex;content=isdn-uui;purpose=isdn-uui",
    b'multipart/mixed;boundary="a b";type=x',
    b"session;handling=optional",
    b"id;critical",
)
SDPS = (
    (
        b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nb=AS:84\r\nt=0 0\r\n"
        b"m=audio 6000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"
        b"a=sendonly\r\nm=video 0 RTP/SAVPF 107\r\nc=IN IP6 ::1\r\na=rtpmap:107 H264/90000\r\n"
        b"a=crypto:1 X inline:a|2^20\r\n"
    ),
    b"v=0\no=x 0 0 IN IP4 0.0.0.0\ns=\nc=IN IP4 0.0.0.0\nt=0 0\nm=image 9 udptl t38\n",
)
DIGESTS = (
    (
        b'Digest realm="atlanta.com", domain="sip:ss1.carrier.com", qop="auth,auth-int", nonce="f84f1c", opaque="",'
        b" stale=FALSE, algorithm=SHA-512-256"
    ),
    (
        b'Digest username="bob", realm="biloxi.com", nonce="dcd98b7", uri="sip:bob@biloxi.com", qop=auth-int,'
        b' nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc"'
    ),
    b'nextnonce="47364c23432d2e131a5fb210812c", qop=auth, rspauth="6629", cnonce="0a4f113b", nc=00000001',
)


def torture() -> list[bytes]:
    """The messages of RFC 4475."""
    return [path.read_bytes() for path in sorted(TORTURE.glob("*.dat"))]


def seeds(name: str) -> list[bytes]:
    """What to start a target with, the inputs kept in ``corpus/`` included."""
    kept = [path.read_bytes() for path in sorted(FOLDER.glob(f"{name}-*"))]
    invite = request_text("INVITE").encode()
    first: tuple[bytes, ...] | list[bytes]
    if name == "codecs":
        first = codec_target.seeds()
    elif name in feedback_targets.TARGETS:
        first = feedback_targets.TARGETS[name][1]
    elif name in section_targets.TARGETS:
        first = section_targets.TARGETS[name][1]
    elif name in fax_targets.TARGETS:
        first = fax_targets.TARGETS[name][1]
    elif name == "dtls":
        first = dtls_target.seeds()
    elif name == "stun":
        first = stun_target.SEEDS
    elif name in ice_targets.TARGETS:
        first = ice_targets.TARGETS[name][1]
    elif name == "uri":
        first = URIS
    elif name == "address":
        first = ADDRESSES
    elif name == "header":
        first = [bytes([number]) + text for text in HEADERS for number in range(32)]
    elif name == "sdp":
        first = SDPS
    elif name == "digest":
        first = DIGESTS
    elif name == "published":
        first = PUBLISHED
    elif name == "expression":
        first = EXPRESSIONS
    elif name == "extensions":
        first = FILES
    elif name == "message":
        first = [*torture(), invite]
    elif name == "completion":
        first = COMPLETION
    elif name == "replaces":
        first = REPLACES
    elif name == "refer":
        first = REFER
    elif name == "bodies":
        first = BODIES
    elif name == "lists":
        first = LISTS
    elif name == "events":
        first = CONVERSATIONS
    elif name == "manager":
        first = MANAGER
    elif name == "framer":
        first = [invite + b"\r\n\r\n" + invite, *torture()]
    elif name in SERVER:
        first = SERVER[name]
    elif name in ("config", "dialplan"):
        first = files(name)
    else:
        first = [bytes([number]) + data for number in (0, 4, 6) for data in (invite, b"\x01\0\x02\0\x12\0\x05\0\x16")]
        first += [b"\0".join(b"\x04" + data for data in torture()[at : at + 8]) for at in range(0, 40, 8)]
    return [*first, *kept]
