"""Questions to name servers, for SRVQUERY and ENUMLOOKUP."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from asterism.pbx.vocabulary.flow import FunctionError

TIMEOUT = 5.0
"""Seconds that one question may take."""
MOST_RECORDS = 200
"""Records of an answer that are kept."""


class NaptrRecord(NamedTuple):
    """RFC 3403 section 4.1."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


class SrvRecord(NamedTuple):
    """RFC 2782."""

    priority: int
    weight: int
    port: int
    host: str


async def ask(name: str, kind: str, servers: Sequence[tuple[str, int]] = (), timeout: float = TIMEOUT) -> list[Any]:
    """The records of a name, none where there are none; of ``servers``, by default the system's.

    Raises :class:`FunctionError` for what is no name, and where no server answers.
    """
    # In a thread: it takes too long for the loop, and a server whose dialplan asks nothing never needs it.
    await asyncio.to_thread(import_module, "dns.asyncresolver")
    import dns.exception
    import dns.resolver

    try:
        resolver = await asyncio.to_thread(_resolver, servers, timeout)
        answer = await resolver.resolve(f"{name.rstrip('.')}.", kind, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return []
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise FunctionError(f"no answer for {kind} of '{name}': {type(error).__name__}") from None
    return list(answer)[:MOST_RECORDS]


def _resolver(servers: Sequence[tuple[str, int]], timeout: float) -> Any:
    """A resolver of these servers, or of those that the system's files name: it reads them."""
    import dns.asyncresolver
    from dns.nameserver import Do53Nameserver

    resolver = dns.asyncresolver.Resolver(configure=not servers)
    if servers:
        resolver.nameservers = [Do53Nameserver(host, port) for host, port in servers]
    resolver.lifetime = timeout
    return resolver


def naptr(records: Iterable[Any]) -> list[NaptrRecord]:
    """NAPTR records in their order."""
    found: list[NaptrRecord] = []
    for one in records:
        flags, service, regexp = (part.decode("utf-8", "replace") for part in (one.flags, one.service, one.regexp))
        found.append(NaptrRecord(one.order, one.preference, flags, service, regexp, one.replacement.to_text()))
    return sorted(found)


def srv(records: Iterable[Any]) -> list[SrvRecord]:
    """SRV records in the order to try them: by priority, then at random, those with more weight earlier (RFC 2782)."""
    found = [SrvRecord(one.priority, one.weight, one.port, one.target.to_text().rstrip(".")) for one in records]
    ordered: list[SrvRecord] = []
    for priority in sorted({one.priority for one in found}):
        left = [one for one in found if one.priority == priority]
        while left:
            (chosen,) = random.choices(left, [one.weight or 0.001 for one in left])
            left.remove(chosen)
            ordered.append(chosen)
    return ordered
