"""SRTP and SRTCP by libsrtp: the crypto suites, keys, and one direction of a transport (RFC 3711, RFC 4568, RFC 7714).

Theory of operation. A packet is protected and unprotected where it lies: libsrtp works in place, and the buffers that
all sessions of a server share are given to it once. That is why this goes through the functions that pylibsrtp binds
rather than through its ``Session.protect``, which copies each packet twice and takes none of more than 1,500 octets.

Nothing is ever encrypted twice under one key and nonce. A key of ours is used for one :class:`Outbound` and never again
(:class:`UsedKeys`), and within one libsrtp refuses a packet whose number was sent before.
"""

from __future__ import annotations

import errno
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import blake2b
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

from asterism.media.relay import Views
from asterism.media.transports.parameters import SrtpKey

TRAILER = 32
"""Octets that protection adds at most: a tag of 16, and the index of SRTCP."""
WINDOW = 128
"""Packets of the replay window (RFC 3711 3.3.2), which is at least 64."""
WIDE_WINDOW = 0x7FFF
"""The widest replay window: none that comes is too late for it."""
MOST_SOURCES = 256
"""SSRCs of one peer under one key; packets of others are dropped."""
_MOST_USED = 8192
_SOURCE = struct.Struct("!I")


class Suite(NamedTuple):
    """A crypto suite.

    Attributes:
        name: as ``a=crypto`` has it (RFC 4568 6.2, RFC 7714 14.2).
        profile: how pylibsrtp's ``Policy`` calls it.
        dtls: how OpenSSL calls it in DTLS (RFC 5764 4.1.2, RFC 7714 14.2).
        key: octets of the master key.
        salt: octets of the master salt.
        tag: octets of a packet's authentication tag.
        by_default: whether it is offered without being configured.
    """

    name: str
    profile: str
    dtls: str
    key: int
    salt: int
    tag: int
    by_default: bool

    @property
    def size(self) -> int:
        """Octets of master key and salt together."""
        return self.key + self.salt


_ALL = (
    Suite("AES_CM_128_HMAC_SHA1_80", "SRTP_PROFILE_AES128_CM_SHA1_80", "SRTP_AES128_CM_SHA1_80", 16, 14, 10, True),
    Suite("AES_CM_128_HMAC_SHA1_32", "SRTP_PROFILE_AES128_CM_SHA1_32", "SRTP_AES128_CM_SHA1_32", 16, 14, 4, True),
    Suite("AEAD_AES_128_GCM", "SRTP_PROFILE_AEAD_AES_128_GCM", "SRTP_AEAD_AES_128_GCM", 16, 12, 16, False),
    Suite("AEAD_AES_256_GCM", "SRTP_PROFILE_AEAD_AES_256_GCM", "SRTP_AEAD_AES_256_GCM", 32, 12, 16, False),
)
SUITES: Mapping[str, Suite] = MappingProxyType({suite.name: suite for suite in _ALL})
"""Every suite that is understood, by its name in ``a=crypto``."""


def new_key(suite: str, random: Callable[[int], bytes]) -> SrtpKey:
    """A key for one direction of one transport, of bytes that ``random`` gives.

    Raises:
        KeyError: there is no such suite.
    """
    return SrtpKey(suite, random(SUITES[suite].size))


def check(key: SrtpKey) -> None:
    """Raise ``ValueError`` unless ``key`` has a known suite and its length."""
    suite = SUITES.get(key.suite)
    if suite is None:
        raise ValueError(f"not a crypto suite: {key.suite[:64]!r}")
    if len(key.key) != suite.size:
        raise ValueError(f"a key of {suite.name} has {suite.size} octets, not {len(key.key)}")


class UsedKeys:
    """The keys that a server has sent under: none is taken a second time.

    Two streams under one key are as good as not encrypted where their SSRCs are equal. Of each key a digest is kept, of
    the last 8,192.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def take(self, key: SrtpKey) -> None:
        """Take ``key`` for a new outbound session. Raises ``ValueError`` where it was taken before."""
        digest = blake2b(key.key, digest_size=16).digest()
        if digest in self._seen:
            raise ValueError("a key that was used before")
        self._seen[digest] = None
        if len(self._seen) > _MOST_USED:
            self._seen.popitem(last=False)


class Buffers:
    """What SRTP needs once for a server: libsrtp's functions, and the buffers in which it works.

    Attributes:
        received: the buffer into which all sockets are read.
        views: the first so many octets of it.
        incoming: the same buffer, as libsrtp is given it.
        sent: the buffer in which a packet is made that is not in ``received``.
        sent_views: the first so many octets of it.
        outgoing: the same buffer, as libsrtp is given it.
        length: through which libsrtp is told a packet's length and tells that of what it has made.
        used: the keys under which anything was sent.
    """

    __slots__ = (
        "_pylibsrtp", "incoming", "length", "outgoing", "protect", "protect_rtcp", "received", "sent", "sent_views",
        "unprotect", "unprotect_rtcp", "used", "views",
    )  # fmt: skip

    def __init__(self, received: bytearray, views: Views) -> None:
        # Only servers with encrypted calls load the library.
        self._pylibsrtp: Any = import_module("pylibsrtp")
        binding: Any = import_module("pylibsrtp._binding")
        self.received, self.views = received, views
        self.sent = bytearray(len(received) + TRAILER)
        self.sent_views = Views(self.sent)
        self.incoming: Any = binding.ffi.from_buffer(received)
        self.outgoing: Any = binding.ffi.from_buffer(self.sent)
        self.length: Any = binding.ffi.new("int *")
        self.protect: Callable[[Any, Any, Any], int] = binding.lib.srtp_protect
        self.protect_rtcp: Callable[[Any, Any, Any], int] = binding.lib.srtp_protect_rtcp
        self.unprotect: Callable[[Any, Any, Any], int] = binding.lib.srtp_unprotect
        self.unprotect_rtcp: Callable[[Any, Any, Any], int] = binding.lib.srtp_unprotect_rtcp
        self.used = UsedKeys()

    def session(self, key: SrtpKey, *, outbound: bool, window: int = WINDOW) -> Any:
        """A session of pylibsrtp for any SSRC in one direction. Raises ``ValueError`` for a key that is none."""
        check(key)
        library = self._pylibsrtp
        policy = library.Policy(
            key=key.key,
            ssrc_type=library.Policy.SSRC_ANY_OUTBOUND if outbound else library.Policy.SSRC_ANY_INBOUND,
            srtp_profile=getattr(library.Policy, SUITES[key.suite].profile),
        )
        policy.window_size = window
        return library.Session(policy)


class Outbound:
    """What is sent under one key."""

    __slots__ = ("_buffers", "_session", "handle", "key")

    def __init__(self, buffers: Buffers, key: SrtpKey) -> None:
        """Begin to send under ``key``. Raises ``ValueError`` where it is none, or was used before."""
        check(key)
        buffers.used.take(key)
        self._buffers = buffers
        self._session = buffers.session(key, outbound=True)
        self.handle: Any = self._session._srtp[0]
        self.key = key

    def protect(self, packet: memoryview | bytes) -> memoryview:
        """The protected packet; it is good until the next one. Raises ``OSError`` where it must not be sent."""
        return self._apply(self._buffers.protect, packet)

    def protect_rtcp(self, packet: memoryview | bytes) -> memoryview:
        """The same for RTCP."""
        return self._apply(self._buffers.protect_rtcp, packet)

    def _apply(self, function: Callable[[Any, Any, Any], int], packet: memoryview | bytes) -> memoryview:
        buffers, size = self._buffers, len(packet)
        if size > len(buffers.sent) - TRAILER:
            raise OSError(errno.EMSGSIZE, "too long to be protected")
        buffers.sent[:size] = packet
        buffers.length[0] = size
        if function(self.handle, buffers.outgoing, buffers.length):
            raise OSError(errno.EBADMSG, "not protected: its number was sent before, or it is no packet")
        return buffers.sent_views[buffers.length[0]]


class Inbound:
    """What comes under one key, from any SSRC. It is unprotected in the buffer that all sessions share."""

    __slots__ = ("_buffers", "_session", "handle", "key", "sources")

    def __init__(self, buffers: Buffers, key: SrtpKey, window: int = WINDOW) -> None:
        """Begin to take what comes under ``key``. Raises ``ValueError`` where it is none."""
        self._buffers = buffers
        self._session = buffers.session(key, outbound=False, window=window)
        self.handle: Any = self._session._srtp[0]
        self.key = key
        self.sources: set[int] = set()
        """SSRCs of what was authentic."""

    def unprotect(self, size: int) -> int:
        """The size of the packet that was made of the first ``size`` octets received; 0: it is not the peer's."""
        return self._apply(self._buffers.unprotect, size, 8)

    def unprotect_rtcp(self, size: int) -> int:
        """The same for RTCP."""
        return self._apply(self._buffers.unprotect_rtcp, size, 4)

    def _apply(self, function: Callable[[Any, Any, Any], int], size: int, at: int) -> int:
        # libsrtp keeps a state for each SSRC of authentic packets. Only who has the key can make it grow, so far.
        buffers = self._buffers
        (source,) = _SOURCE.unpack_from(buffers.received, at)
        known = source in self.sources
        if size < at + 4 or (not known and len(self.sources) >= MOST_SOURCES):
            return 0
        buffers.length[0] = size
        if function(self.handle, buffers.incoming, buffers.length):
            return 0
        if not known:
            self.sources.add(source)
        return int(buffers.length[0])
