"""The server's nonces: self-authenticating, so that none has to be stored."""

from __future__ import annotations

import hashlib
import hmac
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from enum import Enum
from typing import ClassVar

# The module base64 does the same, by five calls.
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class NonceState(Enum):
    """The result of :meth:`NonceFactory.check`."""

    VALID = "valid"
    STALE = "stale"
    """Ours, but too old: challenge again with ``stale=true``."""
    FOREIGN = "foreign"
    """Not made by this factory (or before a restart with another secret)."""


class NonceFactory:
    """Nonces that carry their own proof: time, randomness and a keyed BLAKE2s hash over both and the realm.

    Issuing keeps no state. Checking a nonce costs one hash and says whether it is ours and young enough; counting
    ``nc`` is the authenticator's affair.

    Args:
        secret: the key; a new one at every start makes old nonces foreign.
        random: gives that many random bytes (``os.urandom``); asked for those of several nonces at a time.
        lifetime: seconds for which a nonce is valid.
    """

    __slots__ = ("_keyed", "_pool", "_random", "lifetime")

    _TIME: ClassVar[int] = 6
    _RANDOM: ClassVar[int] = 6
    _SOURCE: ClassVar[int] = 3
    _MAC: ClassVar[int] = 12
    _POOL: ClassVar[int] = 40

    def __init__(self, secret: bytes, random: Callable[[int], bytes], lifetime: float = 32.0) -> None:
        self._keyed = hashlib.blake2s(digest_size=self._MAC, key=hashlib.sha256(secret).digest())
        self._random = random
        self._pool = b""
        self.lifetime = lifetime

    def _sign(self, data: bytes, realm: str) -> bytes:
        # The data is of fixed length, so that it and the realm cannot be taken apart in two ways.
        signed = self._keyed.copy()
        signed.update(data + realm.encode("utf-8", "surrogateescape"))
        return signed.digest()

    def issue(self, now: float, realm: str = "", source: str = "") -> str:
        """A new nonce, valid from ``now`` (seconds of any clock that does not go back) for this realm.

        ``source`` is whom it is sent to: whoever sends it back from there receives what is sent there, see
        :meth:`proves`.
        """
        pool = self._pool or self._random(self._RANDOM * self._POOL)
        self._pool = pool[self._RANDOM :]
        data = int(now * 1000).to_bytes(self._TIME, "big") + pool[: self._RANDOM]
        data += self._sign(data, source)[: self._SOURCE]
        return b2a_base64(data + self._sign(data, realm), newline=False).translate(_URL_SAFE).decode("ascii")

    def check(self, nonce: str, now: float, realm: str = "") -> NonceState:
        """Whether the nonce is ours, made for this realm, and still valid."""
        issued = self.time_of(nonce, realm)
        if issued is None:
            return NonceState.FOREIGN
        return NonceState.VALID if issued - 1.0 <= now < issued + self.lifetime else NonceState.STALE

    def time_of(self, nonce: str, realm: str = "") -> float | None:
        """When a nonce was made, on the clock given to :meth:`issue`; ``None`` if it is not ours for this realm."""
        size = self._TIME + self._RANDOM + self._SOURCE
        if len(nonce) != (size + self._MAC) // 3 * 4 or not nonce.isascii():
            return None
        try:
            raw = a2b_base64(nonce.encode("ascii").translate(_FROM_URL_SAFE))
        except ValueError:
            return None
        data = raw[:size]
        if not hmac.compare_digest(raw[size:], self._sign(data, realm)):
            return None
        return int.from_bytes(data[: self._TIME], "big") / 1000

    def proves(self, nonce: str, source: str) -> bool:
        """Whether a nonce that was found to be ours was issued to this source."""
        raw = a2b_base64(nonce.encode("ascii").translate(_FROM_URL_SAFE))
        size = self._TIME + self._RANDOM
        return hmac.compare_digest(raw[size : size + self._SOURCE], self._sign(raw[:size], source)[: self._SOURCE])

    def issued_at(self, nonce: str) -> float:
        """When a nonce that was found to be ours was made, on the clock given to :meth:`issue`."""
        return int.from_bytes(a2b_base64(nonce.encode("ascii").translate(_FROM_URL_SAFE))[: self._TIME], "big") / 1000
