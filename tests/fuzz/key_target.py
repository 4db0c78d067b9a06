"""``a=crypto``: which lines are read, as another reader has it, and which count; no key is sent under twice."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Sequence

from asterism.applications.session.media_transport import crypto
from asterism.media.transports.parameters import SrtpKey
from asterism.media.transports.srtp import UsedKeys

_OCTETS = {"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30, "AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44}
"""Octets of key and salt (RFC 4568 6.2, RFC 7714 12) of the suites that are understood."""
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==?)?|[A-Za-z0-9+/]{3}=?)?=*\Z")
_PARAMETERS = (
    "WSH=128",
    "wsh=64",
    "-x",
    "-KDR=1",
    "KDR=1",
    "UNENCRYPTED_SRTP",
    "FEC_ORDER=FEC_SRTP",
    "WSH",
    "x-y",
    "W=1",
)
_MORE = (
    "2^31",
    "2^48",
    "2^49",
    "2^20|1:4",
    "1:4",
    "0",
    "1",
    "2^",
    "2^0",
    "281474976710656",
    "281474976710657",
    "2^48|2^48",
)
_KEY = b"inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
SEEDS = (
    b"1 AES_CM_128_HMAC_SHA1_80 " + _KEY,
    b"2 AES_CM_128_HMAC_SHA1_32 " + _KEY + b"|2^31\n2 AES_CM_128_HMAC_SHA1_80 " + _KEY[:-1] + b"k",
    b"1 AES_CM_128_HMAC_SHA1_80 " + _KEY + b"|2^20|1:4 KDR=1",
    b"3 AEAD_AES_128_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA WSH=128",
    b"1 AES_CM_128_HMAC_SHA1_80 " + _KEY + b";" + _KEY,
    b"\n".join(b"%d aead_aes_256_gcm inline:%s" % (tag, base64.b64encode(bytes(44))) for tag in range(18)),
)


def key(data: bytes) -> None:
    """Each line of the input is a value of ``a=crypto``; together they are those of a section."""
    values = data.decode("utf-8", "surrogateescape").split("\n")
    for value in values:
        found = crypto.parse(value)
        assert found == _plain_read(value)
        if found is not None:
            assert crypto.parse(str(found)) == found
    lines = crypto.read(values)
    first: dict[int, crypto.CryptoLine] = {}
    for value in values[: crypto.MOST_LINES]:
        line = _plain_read(value)
        if line is not None and line.tag not in first:
            first[line.tag] = line
    assert lines == tuple(first.values())
    for suite in _OCTETS:
        assert crypto.chosen(lines, (suite,)) == next((line for line in lines if line.suite == suite), None)
    assert crypto.chosen(lines, tuple(_OCTETS)) == next(iter(lines), None)
    _taken([line.srtp_key for line in lines])


def _taken(keys: Sequence[SrtpKey]) -> None:
    """Of senders with these keys, one of each key is let."""
    used, senders = UsedKeys(), set()
    for one in (*keys, *keys):
        try:
            used.take(one)
        except ValueError:
            assert one.key in senders
        else:
            assert one.key not in senders, "two senders with one key"
            senders.add(one.key)


def _plain_read(value: str) -> crypto.CryptoLine | None:
    """The line by RFC 4568 9.1, as far as it can be used here."""
    words = value.split()
    if len(value) > 512 or len(words) < 3:
        return None
    tag, suite, keys, *parameters = words
    size = _OCTETS.get(suite.upper()) if suite.isascii() else None
    if size is None or not (tag.isascii() and tag.isdigit() and len(tag) <= 9):
        return None
    if any(not (one[0] == "-" or one.upper()[:4] == "WSH=") for one in parameters):
        return None
    if keys[:7].lower() != "inline:" or keys.count("|") > 1:
        return None
    text, bar, lifetime = keys[7:].partition("|")
    if bar:
        power, digits = lifetime.startswith("2^"), lifetime.removeprefix("2^")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > (2 if power else 15):
            return None
        if int(digits) > (48 if power else 2**48) or not (power or int(digits)):
            return None
    octets = text.encode("utf-8", "surrogateescape")
    if not _BASE64.match(octets):
        return None
    bare = octets.rstrip(b"=")
    plain = base64.b64decode(bare + b"=" * (-len(bare) % 4))
    return crypto.CryptoLine(int(tag), suite.upper(), plain) if len(plain) == size else None


def mutate(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Lines made anew, field by field; one or two fields of a line are odd."""
    lines = data.split(b"\n")
    for _ in range(chance.choice((1, 1, 2, 17))):
        at = chance.randrange(len(lines) + 1)
        lines[at : at + chance.randrange(2)] = [_made(chance)]
    return b"\n".join(lines)


def _made(chance: random.Random) -> bytes:
    odd = {chance.randrange(8) for _ in range(chance.choice((0, 0, 1, 1, 2)))}
    suite = chance.choice(tuple(_OCTETS))
    tag = chance.choice(("0", "999999999", "1000000000", "-1", "x", "٣", "")) if 0 in odd else str(chance.randrange(4))
    size = _OCTETS[suite] + (chance.choice((1, -1, 2, -2, 8, -8)) if 1 in odd else 0)
    if 2 in odd:
        suite = chance.choice((suite.lower(), suite[:-1], suite + "0", "F8_128_HMAC_SHA1_80", "NULL"))
    text = base64.b64encode(bytes(size) if chance.random() < 0.5 else chance.randbytes(size)).decode()
    if 3 in odd:
        at = chance.randrange(len(text))
        text = chance.choice(
            (text.rstrip("="), text + "=", text[:at] + chance.choice("=-_ |:;é\x85") + text[at:], text[:-1])
        )
    if 4 in odd:
        text += "".join("|" + chance.choice(_MORE) for _ in range(chance.choice((1, 1, 2))))
    made = f"{tag} {suite} {chance.choice(('INLINE:', 'inline', 'uri:', ':')) if 5 in odd else 'inline:'}{text}"
    if 6 in odd:
        made += "".join(" " + chance.choice(_PARAMETERS) for _ in range(chance.choice((1, 1, 3))))
    if 7 in odd:
        made = chance.choice((made + " " * 450, " " + made + "\t", made.replace(" ", "  "), made + " -" + "x" * 400))
    return made.encode()
