"""Keep-alives by STUN on the port of SIP over UDP (RFC 5626 sections 3.5.2 and 5.4, RFC 8489)."""

from __future__ import annotations

import ipaddress
import struct
import zlib

_BINDING_REQUEST = 0x0001
_BINDING_SUCCESS = 0x0101
_BINDING_ERROR = 0x0111
_COOKIE = 0x2112A442
_XOR_MAPPED_ADDRESS = 0x0020
_ERROR_CODE = 0x0009
_UNKNOWN_ATTRIBUTES = 0x000A
_FINGERPRINT = 0x8028
_FINGERPRINT_XOR = 0x5354554E
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_MUST_BE_KNOWN = 0x8000
"""Attributes below this one must be understood."""
_LARGEST_REQUEST = 128
"""Bytes of a request. A keep-alive is small; an answer is hardly larger, so it does not amplify forged requests."""


def answer(data: bytes, host: str, port: int) -> bytes | None:
    """The answer to a Binding request from this address; ``None`` for anything else.

    The answer says which address the request came from. Credentials are not asked for and not looked at: a request
    with MESSAGE-INTEGRITY, like one with any other attribute that must be understood, gets 420.
    """
    if not _HEADER.size <= len(data) <= _LARGEST_REQUEST:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != _BINDING_REQUEST or cookie != _COOKIE or length != len(data) - _HEADER.size:
        return None
    unknown: list[int] = []
    marked = False
    position = _HEADER.size
    while position < len(data):
        if len(data) - position < _ATTRIBUTE.size:
            return None
        name, size = _ATTRIBUTE.unpack_from(data, position)
        if name == _FINGERPRINT:
            marked = True
            if size != 4 or data[position + _ATTRIBUTE.size :] != _fingerprint(data[:position]):
                return None
        elif name < _MUST_BE_KNOWN:
            unknown.append(name)
        position += _ATTRIBUTE.size + (size + 3 & ~3)
    if position != len(data):
        return None
    if unknown:
        names = struct.pack(f"!{len(unknown)}H", *unknown)
        attributes = _attribute(_ERROR_CODE, b"\0\0\x04\x14Unknown Attribute") + _attribute(_UNKNOWN_ATTRIBUTES, names)
        kind = _BINDING_ERROR
    else:
        attributes = _attribute(_XOR_MAPPED_ADDRESS, _mapped(host, port, transaction))
        kind = _BINDING_SUCCESS
    # The length counts the fingerprint that follows; a client that put one in gets one back.
    message = _HEADER.pack(kind, len(attributes) + 8 * marked, _COOKIE, transaction) + attributes
    return message + _ATTRIBUTE.pack(_FINGERPRINT, 4) + _fingerprint(message) if marked else message


def _mapped(host: str, port: int, transaction: bytes) -> bytes:
    address = ipaddress.ip_address(host.partition("%")[0])
    key = struct.pack("!I", _COOKIE) + transaction
    hidden = bytes(one ^ other for one, other in zip(address.packed, key, strict=False))
    return struct.pack("!BBH", 0, 1 if address.version == 4 else 2, port ^ (_COOKIE >> 16)) + hidden


def _attribute(name: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(name, len(value)) + value + bytes(-len(value) % 4)


def _fingerprint(message: bytes) -> bytes:
    return struct.pack("!I", zlib.crc32(message) ^ _FINGERPRINT_XOR)
