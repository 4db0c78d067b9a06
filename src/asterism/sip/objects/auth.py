"""``auth``: what one side must know to prove who it is."""

from __future__ import annotations

import hashlib

from asterism.data.kinds import SECONDS, TEXT, Choice
from asterism.data.options import ConfiguredObject, InvalidOptionError, option
from asterism.sip.objects.kinds import ALGORITHMS, DIGESTS, Md5

_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class Auth(ConfiguredObject, type="auth"):
    """Digest credentials: a user name with a password or with hashes of it.

    The same object serves to check a peer's answers and to answer a peer's challenges.
    """

    SOURCES = ("config,pjsip.conf,criteria=type=auth", "pjsip_wizard,pjsip_wizard.conf")
    REALTIME = "ps_auths"
    WITHOUT_EFFECT = {  # noqa: RUF012
        "OAuth tokens are not asked for": "refresh_token oauth_clientid oauth_secret",
    }
    ON_DEMAND = True

    auth_type = option(
        Choice("userpass", "md5", "digest", "google_oauth", shown={"digest": "userpass"}), "userpass",
        "Kind of credentials; userpass and md5 are older names of digest.",
    )  # fmt: skip
    username = option(TEXT, "", "User name of the credentials.")
    password = option(TEXT, "", "Password in the clear.", secret=True)
    password_digest = option(DIGESTS, (), "Hashes of user:realm:password, in place of a password.", secret=True)
    md5_cred = option(Md5(), "", "The MD5 hash alone, as older files write it.", secret=True)
    realm = option(TEXT, "", "Realm of the challenge; when answering, the realm these are for, empty or * for any.")
    nonce_lifetime = option(SECONDS, 32, "How long a challenge is good.")
    supported_algorithms_uac = option(ALGORITHMS, (), "Hashes to answer challenges with.")
    supported_algorithms_uas = option(ALGORITHMS, (), "Hashes to challenge with, in this order.")
    refresh_token = option(TEXT, "", "Token that OAuth access tokens are asked with.", secret=True)
    oauth_clientid = option(TEXT, "", "OAuth client.")
    oauth_secret = option(TEXT, "", "OAuth client's secret.", secret=True)

    def validate(self, given: frozenset[str]) -> None:
        """Complete the hashes; OAuth needs its three values."""
        if self.auth_type == "google_oauth":
            for name in ("refresh_token", "oauth_clientid", "oauth_secret"):
                if not getattr(self, name):
                    raise InvalidOptionError("auth_type", f"google_oauth needs {name}")
        if self.md5_cred and not any(item.startswith("MD5:") for item in self.password_digest):
            self.password_digest = (*self.password_digest, f"MD5:{self.md5_cred}")

    def ha1(self, algorithm: str, realm: str, username: str = "") -> str | None:
        """``H(user:realm:password)`` for ``MD5``, ``SHA-256`` or ``SHA-512-256``, or ``None`` if not to be had.

        A stored hash comes first: it stands in for the password of exactly its own realm.
        """
        for item in self.password_digest:
            name, _, digest = item.partition(":")
            if name == algorithm:
                return digest
        if not self.password and self.password_digest:
            return None
        text = f"{username or self.username}:{realm}:{self.password}"
        return hashlib.new(_HASHES[algorithm], text.encode("utf-8", "surrogateescape")).hexdigest()
