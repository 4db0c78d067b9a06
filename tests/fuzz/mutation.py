"""Mutations of inputs: blind ones of bytes, and ones that know lines, words, numbers and brackets."""

# ruff: noqa: E501 (one entry a line)

from __future__ import annotations

import random
import re
from collections.abc import Sequence

NUMBERS = (
    b"0", b"-1", b"1", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648", b"4294967295", b"4294967296",
    b"18446744073709551616", b"99999999999999999999999999", b"1e400", b"0x10", b"00000000000000000001", b"+5", b"3.5",
    "٣".encode(), "²".encode(), "²²".encode(), b"nan",
)  # fmt: skip
WORDS = (
    b"", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\r\n ", b"\0", b"\x7f", b"\x85", b"\xff\xfe", "\u2028".encode(),
    "\ud800".encode("utf-8", "surrogatepass"), "é".encode(), "\U0001f600".encode(), b'"', b"'", b"\\", b"%", b"%00",
    b"%zz", b"<", b">", b"<>", b";", b";;", b",", b",,", b"=", b":", b"@", b"/", b"..", b"*", b"?", b"&", b"|", b"!",
    b"~", b"`", b"$", b"${", b"${X}", b"$[", b"$[1+1]", b"[", b"]", b"(", b")", b"{", b"}", b"()", b"-", b"+", b"^",
    b"tag=x", b";lr", b";q=2", b"sip:", b"sips:x", b"tel:+1", b"[::1]", b"[", b"0.0.0.0", b"255.255.255.255",
    b"application/sdp", b"multipart/mixed;boundary=x", b"SIP/2.0", b"100rel", b"timer", b"replaces", b"A" * 300,
    b"(" * 100, b"[" * 100, b"${" * 50, b'"' * 33, b"," * 200, b"%s%n%d", b"{0}", b"\x1b[31m",
)  # fmt: skip
HEADERS = (
    b"Require: 100rel", b"Supported: 100rel, timer, replaces", b"Session-Expires: 90;refresher=uac", b"Min-SE: 90000",
    b"Record-Route: <sip:127.0.0.1:5071;lr>", b"Route: <sip:127.0.0.1;lr>", b"Contact: *", b"Expires: 0", b"To: <sip:x>",
    b"Contact: <sip:a@127.0.0.1>;expires=4294967296, sip:b@[::1];q=0.1", b"RSeq: 0", b"RAck: 1 1 INVITE", b"CSeq: 1 X",
    b"Replaces: x;to-tag=1;from-tag=2", b"Refer-To: <sip:x@y?Replaces=a%3Bto-tag%3Db>", b"Event: refer", b"Reason: Q.850;cause=x",
    b"Diversion: <sip:x@y>;reason=unconditional;counter=99999", b"History-Info: <sip:x@y?Reason=SIP%3Bcause%3D302>;index=1",
    b"P-Asserted-Identity: \"x\" <sip:1@2>, <tel:3>", b"Privacy: id;header", b"Remote-Party-ID: <sip:x@y>;privacy=full",
    b"Content-Type: multipart/mixed;boundary=x", b"Content-Encoding: gzip", b"Content-Disposition: session;handling=required",
    b"Authorization: Digest username=\"carol\", nc=0, nonce=\"\", uri=\"\", realm=\"\", response=\"\"", b"Max-Forwards: 0",
    b"WWW-Authenticate: Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256, qop=\"auth,auth-int\"", b"Retry-After: 1",
    b"WWW-Authenticate: Basic realm=x", b"Min-Expires: 9999999999", b"Allow: INVITE", b"Warning: 399 x \"y\"", b"Path: <sip:x;lr>",
    b"Content-Length: 99999", b"Content-Length: -1", b"Via: SIP/2.0/UDP x;branch=z9hG4bK;received=1", b"Subject:", b":", b"x",
    b"Accept-Contact: *", b"Join: x", b"Timestamp: 1e9", b"Date: x", b"Security-Client: x", b"Date: Sat, 99 Nov 2010 23:29:00 GMT",
)  # fmt: skip
LINES = (
    b"m=audio 65535 RTP/AVP 0", b"m=audio 0 RTP/AVP 0", b"m=audio 9 RTP/SAVPF 111 0", b"m=video 5000 RTP/AVP 96", b"m=",
    b"m=application 9 UDP/DTLS/SCTP webrtc-datachannel", b"m=image 5000 udptl t38", b"m=audio 5000/4 RTP/AVP 0 255 -1 x",
    b"c=IN IP6 ::1", b"c=IN IP4 0.0.0.0", b"c=IN IP4 nowhere.invalid", b"c=IN IP4 224.2.1.1/127/3", b"c=", b"a=inactive",
    b"a=rtpmap:0 opus/48000/2", b"a=rtpmap:96 telephone-event/0", b"a=rtpmap:999999 x/999999999999", b"a=rtpmap:", b"a=ptime:0",
    b"a=ptime:99999999999", b"a=fmtp:101", b"a=maxptime:-1", b"a=rtcp:65536", b"a=rtcp-mux", b"a=sendonly", b"a=crypto:1 x",
    b"o=- 99999999999999999999999 -1 IN IP4 x", b"b=AS:-1", b"a=mid:0", b"a=group:BUNDLE 0", b"a=setup:actpass", b"t=0", b"v=1",
    b"a=fmtp:101 0-99999999,x", b"a=rtpmap:101 telephone-event/8000/99", b"a=fmtp:111 useinbandfec=1;;=;", b"s=", b"z=1 2",
)  # fmt: skip
_NUMBER = re.compile(rb"\d+")
_TOKEN = re.compile(rb"[\w.-]+|[^\w\s]|\s+")


def blind(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Bytes changed, removed, put in and spliced."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(made) + 1)
        kind = chance.randrange(5)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del made[at : at + chance.choice((1, 1, 4, 40, 400))]
        elif kind == 2:
            made[at:at] = chance.randbytes(chance.choice((1, 2, 8, 64)))
        elif kind == 3:
            other = chance.choice(others)
            cut = chance.randrange(len(other) + 1)
            made[at : at + chance.randint(0, 8)] = other[cut : cut + chance.choice((4, 40, 400))]
        else:
            made[at:at] = made[at : at + chance.choice((1, 8, 80))] * chance.choice((1, 2, 30))
    return bytes(made)


def structured(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """One to four changes of a piece, a line, a word or a number."""
    made = data
    if b"\0" in data and chance.random() < 0.2:
        made = _recombined(data, chance, others)
    for _ in range(chance.choice((1, 1, 2, 3, 4))):
        made = chance.choice((_pieces, _lines, _lines, _numbers, _words, _words, _put))(made, chance, others)
    return made


def _pieces(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Steps that a NUL separates: repeated, dropped, exchanged, taken from another input."""
    pieces = data.split(b"\0")
    at = chance.randrange(len(pieces))
    kind = chance.randrange(6)
    if kind == 0:
        pieces.insert(at, pieces[at])
    elif kind == 1:
        del pieces[at]
    elif kind == 2:
        other = chance.randrange(len(pieces))
        pieces[at], pieces[other] = pieces[other], pieces[at]
    elif kind == 3:
        pieces.insert(at, chance.choice(chance.choice(others).split(b"\0")))
    elif kind == 4:
        pieces.insert(at, b"?" + bytes((chance.randrange(1, 256),)))
    elif len(pieces[at]) > 1:
        pieces[at] = pieces[at][:1] + bytes((chance.randrange(1, 256),)) + pieces[at][2:]
    return b"\0".join(pieces)


def _recombined(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """The beginning of an input, then steps of others in any order."""
    pieces = data.split(b"\0")
    made = pieces[: chance.choice((1, 2, 2, 3, 4))]
    for _ in range(chance.randrange(3, 14)):
        made.append(chance.choice(chance.choice(others).split(b"\0")))
    return b"\0".join(made)


def _lines(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Lines: repeated, dropped, exchanged, taken from another input or from what often hurts."""
    end = b"\r\n" if b"\r\n" in data else b"\n"
    lines = data.split(end)
    at = chance.randrange(len(lines))
    kind = chance.randrange(7)
    if kind == 0:
        lines[at:at] = [lines[at]] * chance.choice((1, 1, 20))
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        other = chance.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 3:
        lines.insert(at, chance.choice(chance.choice(others).splitlines() or [b""]))
    elif kind == 4:
        lines.insert(at, chance.choice(HEADERS))
    elif kind == 5:
        lines.insert(at, chance.choice(LINES))
    else:
        name, colon, _ = lines[at].partition(b":")
        lines[at] = name + colon + chance.choice(WORDS)
    return end.join(lines)


def _numbers(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A number becomes one at a boundary."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return data + chance.choice(NUMBERS)
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(NUMBERS) + data[one.end() :]


def _words(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A word is dropped, repeated, exchanged for another or for what often hurts."""
    found = list(_TOKEN.finditer(data))
    if not found:
        return data + chance.choice(WORDS)
    one = chance.choice(found)
    word: bytes = chance.choice((b"", one.group() * 2, chance.choice(found).group(), chance.choice(WORDS)))
    return data[: one.start()] + word + data[one.end() :]


def _put(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Something that often hurts is put in anywhere."""
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(WORDS) + data[at:]


def mutate_message(data: bytes, chance: random.Random) -> bytes:
    """A SIP message with one to three things wrong; its Content-Length mostly still fits."""
    head, empty, body = data.partition(b"\r\n\r\n")
    for _ in range(chance.choice((1, 1, 2, 3))):
        change = chance.choice((_lines, _lines, _numbers, _words, _put))
        if body and chance.random() < 0.4:
            body = change(body, chance, (data,))
        else:
            head = change(head, chance, (data,))
    if chance.random() < 0.9:
        head = re.sub(rb"(?i)(\r\nContent-Length:) *\d+", rb"\1 %d" % len(body), head)
    return head + empty + body
