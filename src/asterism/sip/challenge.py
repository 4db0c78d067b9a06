"""Challenges: the 401 and its ``WWW-Authenticate`` headers, their parameters in Asterisk's order."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.sip.authentication import DigestChallenge
    from asterism.sip.rx import Rx

_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"'})


def challenge_headers(challenges: Sequence[DigestChallenge]) -> list[tuple[str, str]]:
    """One for each: realm, nonce, opaque, [domain,] [stale,] algorithm, qop[, userhash]."""
    headers = []
    for challenge in challenges:
        realm = challenge.realm.translate(_QUOTED)
        opaque = challenge.opaque or secrets.token_hex(8)
        nonce = challenge.nonce or secrets.token_hex(16)
        domain = f',domain="{challenge.domain.translate(_QUOTED)}"' if challenge.domain else ""
        stale = ",stale=true" if challenge.stale else ""
        qop = f',qop="{challenge.qop}"' if challenge.qop else ""
        userhash = ",userhash=true" if challenge.userhash else ""
        value = (
            f'Digest realm="{realm}",nonce="{nonce}",opaque="{opaque}"'
            f"{domain}{stale},algorithm={challenge.algorithm}{qop}{userhash}"
        )
        headers.append(("WWW-Authenticate", value))
    return headers


def challenge(challenges: Sequence[DigestChallenge], rx: Rx) -> None:
    """Answer 401 statelessly; 403 when there is nothing to challenge with."""
    if challenges:
        rx.respond_stateless(401, headers=challenge_headers(challenges), unproved=True)
    else:
        rx.respond_stateless(403, unproved=True)
