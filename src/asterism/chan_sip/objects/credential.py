"""``auth = user:secret@realm``: credentials for one realm, in peers and in ``[authentication]``."""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

import re
from dataclasses import dataclass

from asterism.data.kinds import Lines

GRAMMAR = "user:secret@realm or user#md5@realm"

_md5 = re.compile(r"[0-9A-Fa-f]{32}").fullmatch


@dataclass(frozen=True, slots=True)
class Credential:
    """What answers challenges of one realm: ``secret``, or ``md5``, the hash of ``user:realm:secret``."""

    user: str
    realm: str
    secret: str = ""
    md5: str = ""

    @classmethod
    def parse(cls, text: str) -> Credential:
        """Read ``user:secret@realm`` or ``user#md5@realm``.

        The realm begins after the last ``@``, and the secret after the first ``:``, so that the secret may have both. A
        ``#`` counts where there is no ``:``. Raises ``ValueError``.
        """
        before, at, realm = text.strip().rpartition("@")
        realm = realm.strip()
        if not at or not realm:
            raise ValueError("it names no realm after an '@'")
        user, colon, secret = before.partition(":")
        md5 = ""
        if not colon:
            user, mark, md5 = before.partition("#")
            if not mark:
                raise ValueError("it has neither ':' and a secret nor '#' and a hash")
            md5 = md5.strip().lower()
            if not _md5(md5):
                raise ValueError("what follows '#' is not an MD5 hash, 32 hexadecimal digits")
        user = user.strip()
        if not user:
            raise ValueError("it names no user")
        return cls(user, realm, secret, md5)

    def __str__(self) -> str:
        return f"{self.user}#{self.md5}@{self.realm}" if self.md5 else f"{self.user}:{self.secret}@{self.realm}"


class CredentialsKind(Lines):
    """Credentials, one per line; every line adds one."""

    def __init__(self) -> None:
        super().__init__(GRAMMAR)

    def check(self, name: str) -> str:
        Credential.parse(name)
        return name
