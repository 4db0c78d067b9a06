"""DNS queries for the resolver: asynchronous, cached, one query in flight per question."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from asterism.stack.resolver import DnsCache, Naptr, Question, Records, Resolution, Srv, Target

if TYPE_CHECKING:
    import dns.message

    from asterism.stack.uri import Uri

_NEGATIVE_TTL = 30.0
"""Seconds for which an answer without records is believed when the zone does not say."""
_LONGEST_NEGATIVE_TTL = 300.0
"""Seconds for which it is believed at most, whatever the zone says: a peer may be getting its records just now."""
_FAILURE_TTL = 5.0
"""Seconds for which a question whose servers failed is not asked again."""


class DnsResolver:
    """Resolves SIP URIs over the network (RFC 3263).

    Args:
        nameservers: addresses to ask, with their port where it is not ``port``; empty for those of the system.
        hosts: a file in the form of ``/etc/hosts`` that is looked into first, ``""`` for none; by default the system's
            unless ``nameservers`` are given.
        port: where they listen.
        timeout: seconds that one question may take.
        cache: where answers are kept; by default a cache on the loop's clock.
        log: for what goes wrong.

    """

    def __init__(
        self,
        nameservers: Sequence[str | tuple[str, int]] = (),
        *,
        hosts: str | None = None,
        port: int = 53,
        timeout: float = 5.0,
        cache: DnsCache | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        # Imported here: a server that only meets numeric addresses never needs it.
        import dns.asyncresolver
        from dns.nameserver import Do53Nameserver

        self._log = log or logging.getLogger("asterism.transport")
        self._resolver = dns.asyncresolver.Resolver(configure=not nameservers)
        if nameservers:
            self._resolver.nameservers = [
                Do53Nameserver(*((each, port) if isinstance(each, str) else each)) for each in nameservers
            ]
        self._resolver.lifetime = timeout
        self._hosts = hosts if hosts is not None else ("" if nameservers else "/etc/hosts")
        self._in_flight: dict[Question, asyncio.Task[Records]] = {}
        self.cache = DnsCache(asyncio.get_running_loop().time) if cache is None else cache

    async def resolve(self, uri: Uri, **options: Any) -> list[Target]:
        """The targets of a URI in the order to try; empty if it leads nowhere.

        Args:
            uri: the next hop.
            options: see :class:`Resolution` (``transports``, ``families``, ``transport``).
        """
        resolution = Resolution(uri, **options)
        while not resolution.done:
            questions = resolution.questions
            answers = await asyncio.gather(*(self.ask(question) for question in questions))
            resolution.take(dict(zip(questions, answers, strict=True)))
        return resolution.targets

    async def ask(self, question: Question) -> Records:
        """The records of one question: from the cache, from a query under way, or from the network."""
        known = self.cache.get(question)
        if known is not None:
            return known
        task = self._in_flight.get(question)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._query(question))
            self._in_flight[question] = task
            task.add_done_callback(lambda _: self._in_flight.pop(question, None))
        # Several may wait for one query; one of them giving up must not end it for the others.
        return await asyncio.shield(task)

    def close(self) -> None:
        """Give up the queries under way."""
        for task in list(self._in_flight.values()):
            task.cancel()

    async def _query(self, question: Question) -> Records:
        import dns.exception
        import dns.resolver

        records: list[Any] = []
        ttl = _NEGATIVE_TTL
        try:
            if self._hosts and question.kind in ("A", "AAAA"):
                local = await asyncio.to_thread(_from_hosts_file, question, self._hosts)
                if local:
                    self.cache.put(question, local, _NEGATIVE_TTL)
                    return local
            name = f"{question.name.rstrip('.')}."
            answer = await self._resolver.resolve(name, question.kind, raise_on_no_answer=False)
            records = [_record(question.kind, data) for data in answer]
            # That of the aliases on the way counts too.
            ttl = float(answer.chaining_result.minimum_ttl) if records else _negative_ttl(answer.response)
        except dns.resolver.NXDOMAIN as error:
            ttl = min(map(_negative_ttl, error.kwargs["responses"].values()), default=ttl)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            # Includes names that are no host names at all.
            self._log.warning("DNS: no answer for %s %r: %s", question.kind, question.name, type(error).__name__)
            ttl = _FAILURE_TTL
        self.cache.put(question, records, ttl)
        return records


def _negative_ttl(response: dns.message.QueryMessage) -> float:
    """For how long an answer without records holds (RFC 2308 section 5)."""
    import dns.rdatatype

    if any(record.rdtype == dns.rdatatype.SOA for record in response.authority):
        return min(float(response.resolve_chaining().minimum_ttl), _LONGEST_NEGATIVE_TTL)
    return _NEGATIVE_TTL


def _record(kind: str, data: Any) -> Any:
    if kind == "SRV":
        return Srv(data.priority, data.weight, data.port, data.target.to_text())
    if kind == "NAPTR":
        return Naptr(
            data.order,
            data.preference,
            data.flags.decode("ascii", "replace"),
            data.service.decode("ascii", "replace"),
            data.replacement.to_text(),
        )
    return data.address


def _from_hosts_file(question: Question, path: str = "/etc/hosts") -> list[str]:
    """The addresses that the hosts file gives a name, of the family asked for."""
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            entries = [line.partition("#")[0].split() for line in lines]
    except OSError:
        return []
    name = question.name.rstrip(".").lower()
    wants_six = question.kind == "AAAA"
    return [
        words[0]
        for words in entries
        if len(words) > 1 and name in (word.lower() for word in words[1:]) and (":" in words[0]) is wants_six
    ]
