"""The ``WWW-Authenticate`` header of a challenge, in the recorded parameter order."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from asterism.sip.authentication import DigestChallenge


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def challenge_header(challenge: DigestChallenge) -> str:
    """The value of one header: realm, nonce, opaque, [domain,] [stale,] algorithm, qop[, userhash]."""
    opaque = challenge.opaque or secrets.token_hex(8)
    nonce = challenge.nonce or secrets.token_hex(16)
    domain = f',domain="{_quoted(challenge.domain)}"' if challenge.domain else ""
    stale = ",stale=true" if challenge.stale else ""
    qop = f',qop="{challenge.qop}"' if challenge.qop else ""
    userhash = ",userhash=true" if challenge.userhash else ""
    return (
        f'Digest realm="{_quoted(challenge.realm)}",nonce="{nonce}",opaque="{opaque}"'
        f"{domain}{stale},algorithm={challenge.algorithm}{qop}{userhash}"
    )


def challenge_headers(challenges: Sequence[DigestChallenge]) -> list[tuple[str, str]]:
    """One ``WWW-Authenticate`` header for each challenge."""
    return [("WWW-Authenticate", challenge_header(challenge)) for challenge in challenges]
