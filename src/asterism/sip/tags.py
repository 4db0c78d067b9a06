"""Local tags and other identifiers we make up."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from asterism.core.identifiers import random_uuid

if TYPE_CHECKING:
    from asterism.stack.message import Request

_SAFE_BRANCH = re.compile(r"z9hG4bK[A-Za-z0-9._~+!%*'`-]{1,80}\Z")


def tag_from_branch(request: Request) -> str:
    """The To-tag of every stateless response to ``request`` (RFC 3261 section 8.2.7).

    It is the branch itself, as Asterisk does it, when the branch is a unique RFC 3261 one; else a digest of
    what identifies an RFC 2543 transaction.
    """
    branch = request.branch
    if branch and _SAFE_BRANCH.match(branch):
        return branch
    cseq = request.cseq
    text = f"{request.call_id}\0{request.from_.tag}\0{cseq.number}\0{branch}"
    return hashlib.blake2s(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def new_tag() -> str:
    """A fresh random local tag."""
    return random_uuid()


def new_call_id() -> str:
    """A fresh random Call-ID."""
    return random_uuid()
