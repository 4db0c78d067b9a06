"""Where a URI leads (RFC 3263), as a machine that asks DNS questions and takes answers.

:class:`Resolution` works out one URI: ask what :attr:`Resolution.questions` lists, give the answers to
:meth:`Resolution.take`, until it is done; then :attr:`Resolution.targets` are to be tried in order, going on to the
next on a timeout, a 503 or a failed connection (4.3). :class:`DnsCache` keeps answers for their time to live.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from asterism.stack.uri import Uri

_MAX_HOSTS = 16
"""Host names that one resolution looks up; more SRV records than this are left out."""
_MAX_TARGETS = 32
_LONGEST_NAME = 255
"""Characters of a name of the DNS (RFC 1035 section 2.3.4); answers to what is longer are not kept."""
_MAX_RECORDS = 256
"""Records of an answer that is kept."""

_SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS", "SIP+D2W": "WS", "SIPS+D2W": "WSS"}
_SRV_PREFIX = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}
_DEFAULT_PORT = {"UDP": 5060, "TCP": 5060, "TLS": 5061, "WS": 80, "WSS": 443}


class Question(NamedTuple):
    """A DNS query: ``kind`` is ``NAPTR``, ``SRV``, ``A`` or ``AAAA``."""

    kind: str
    name: str


class Naptr(NamedTuple):
    """An answer of kind ``NAPTR``."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """An answer of kind ``SRV``."""

    priority: int
    weight: int
    port: int
    target: str


Records = Sequence[Any]
"""Answers to one question: :class:`Naptr`, :class:`Srv`, or address strings; empty when there are none."""


class Target(NamedTuple):
    """One place to try: ``name`` is the URI's host, which its certificate has to prove (RFC 5922 section 4).

    It is not that of an SRV record: whoever can forge an answer of the DNS could name itself there.
    """

    transport: str
    host: str
    port: int
    name: str


_Steps = Generator[list[Question], Mapping[Question, Records], list[Target]]


class Resolution:
    """Works out one URI.

    Args:
        uri: a ``sip`` or ``sips`` URI: the next hop of a request.
        transports: what we can send over, in order of preference; the DNS is asked for these only.
        families: address families, 4 and 6, in order of preference.
        transport: overrides the URI's own ``transport`` parameter.
        choose: ``choose(total)`` returns an integer from 0 to ``total``; picks among SRV weights.

    Attributes:
        questions: what to ask now; empty when done.
        targets: the outcome; empty if the URI leads nowhere.
        done: whether ``targets`` is final.
    """

    __slots__ = ("_choose", "_families", "_steps", "_transports", "done", "questions", "targets")

    def __init__(
        self,
        uri: Uri,
        *,
        transports: Sequence[str] = ("UDP", "TCP", "TLS"),
        families: Sequence[int] = (4, 6),
        transport: str = "",
        choose: Callable[[int], int] = lambda total: random.randint(0, total),
    ) -> None:
        self._transports = tuple(transports)
        self._families = tuple(families)
        self._choose = choose
        self.questions: list[Question] = []
        self.targets: list[Target] = []
        self.done = False
        self._steps = self._run(uri, transport or uri.params.get("transport") or "")
        self._advance(None)

    def take(self, answers: Mapping[Question, Records]) -> None:
        """Take the answers to all of :attr:`questions`; one left out counts as having none."""
        if not self.done:
            self._advance(answers)

    def _advance(self, answers: Mapping[Question, Records] | None) -> None:
        try:
            self.questions = next(self._steps) if answers is None else self._steps.send(answers)
        except StopIteration as outcome:
            self.questions = []
            self.targets = outcome.value[:_MAX_TARGETS]
            self.done = True

    def _run(self, uri: Uri, asked: str) -> _Steps:
        """Sections 4.1 and 4.2."""
        host = uri.params.get("maddr") or uri.host
        secure = uri.scheme == "sips"
        transport = asked.upper()
        if secure:
            transport = {"": "", "UDP": "TLS", "TCP": "TLS", "WS": "WSS"}.get(transport, transport)
        address = _numeric(host)
        if address is not None:
            transport = transport or ("TLS" if secure else "UDP")
            return [Target(transport, address, uri.port or _default_port(transport), uri.host)]
        if uri.port is not None:
            transport = transport or ("TLS" if secure else "UDP")
            return (yield from self._addresses([(transport, host, uri.port)], uri.host))
        names = (
            [] if transport and transport not in _SRV_PREFIX else (yield from self._services(host, secure, transport))
        )
        hosts = yield from self._servers(names)
        if hosts is None:
            transport = transport or ("TLS" if secure else "UDP")
            hosts = [(transport, host, _default_port(transport))]
        return (yield from self._addresses(hosts, uri.host))

    def _services(
        self, host: str, secure: bool, asked: str
    ) -> Generator[list[Question], Mapping[Question, Records], list[tuple[str, str]]]:
        """The transports of a domain and the names of their SRV records: NAPTR, or else our own order.

        A transport that was ``asked`` for stays the only one, but where its SRV records are is NAPTR's to say too.
        """
        wanted = (asked,) if asked else self._transports
        question = Question("NAPTR", host)
        answers = yield [question]
        found: list[tuple[str, str]] = []
        for record in sorted(answers.get(question, ())):
            transport = _SERVICES.get(record.service.upper())
            if (
                transport is not None
                and transport in wanted
                and record.flags.lower() == "s"
                and (not secure or record.service.upper().startswith("SIPS"))
            ):
                found.append((transport, record.replacement.rstrip(".")))
        if found:
            return found
        allowed = ("TLS",) if secure and not asked else wanted
        return [(name, f"{_SRV_PREFIX[name]}.{host}") for name in allowed if name in _SRV_PREFIX]

    def _servers(
        self, names: list[tuple[str, str]]
    ) -> Generator[list[Question], Mapping[Question, Records], list[tuple[str, str, int]] | None]:
        """The servers behind SRV names, in the order to try; ``None`` if there are no such records at all."""
        if not names:
            return None
        answers = yield list(dict.fromkeys(Question("SRV", name) for _, name in names))
        hosts: list[tuple[str, str, int]] = []
        known = False
        for transport, name in names:
            records = answers.get(Question("SRV", name), ())
            known = known or bool(records)
            hosts.extend((transport, record.target.rstrip("."), record.port) for record in self._by_weight(records))
        return hosts[:_MAX_HOSTS] if known else None

    def _by_weight(self, records: Records) -> list[Srv]:
        """The order of RFC 2782: priorities ascending, weights by lot. A target of ``.`` means no service."""
        ordered: list[Srv] = []
        left = [record for record in records if record.target.rstrip(".")]
        for priority in sorted({record.priority for record in left}):
            # Weight 0 first, so that it has its small chance.
            group = sorted(
                (record for record in left if record.priority == priority), key=lambda record: record.weight > 0
            )
            while group:
                lot = self._choose(sum(record.weight for record in group))
                running = 0
                for position, record in enumerate(group):
                    running += record.weight
                    if running >= lot:
                        ordered.append(group.pop(position))
                        break
                else:
                    ordered.append(group.pop())
        return ordered

    def _addresses(self, hosts: list[tuple[str, str, int]], name: str) -> _Steps:
        """The addresses of the hosts; each host's first family first."""
        unknown = dict.fromkeys(host for _, host, _ in hosts if _numeric(host) is None)
        kinds = ["AAAA" if family == 6 else "A" for family in self._families]
        answers: Mapping[Question, Records] = {}
        if unknown:
            answers = yield [Question(kind, host) for host in unknown for kind in kinds]
        targets: list[Target] = []
        for transport, host, port in hosts:
            numeric = _numeric(host)
            if numeric is not None:
                targets.append(Target(transport, numeric, port, name))
                continue
            for kind in kinds:
                addresses = answers.get(Question(kind, host), ())
                targets.extend(Target(transport, address, port, name) for address in addresses)
        return list(dict.fromkeys(targets))


def _default_port(transport: str) -> int:
    return _DEFAULT_PORT.get(transport, 5060)


def _numeric(host: str) -> str | None:
    """The host as an address, ``None`` if it is a name."""
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return None


class FailedTargets:
    """Targets that failed lately: they are tried last until their time is over.

    Args:
        clock: the present time in seconds.
        lifetime: for how long a failure is remembered, unless the target itself said.
        limit: how many are remembered; the oldest goes first.
    """

    __slots__ = ("_clock", "_lifetime", "_limit", "_until")

    def __init__(self, clock: Callable[[], float], lifetime: float = 30.0, limit: int = 1024) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._limit = limit
        self._until: dict[tuple[str, str, int], float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, target: Target, seconds: float = 0.0) -> None:
        """Note a failure; ``seconds`` is what the target's Retry-After says, a minute of it at most."""
        key = target[:3]
        self._until.pop(key, None)
        if len(self._until) >= self._limit:
            del self._until[next(iter(self._until))]
        self._until[key] = self._clock() + (min(seconds, 60.0) or self._lifetime)

    def last(self, targets: Sequence[Target]) -> list[Target]:
        """The targets, those that failed lately behind the others."""
        if not self._until:
            return list(targets)
        return sorted(targets, key=self._failed)

    def _failed(self, target: Target) -> bool:
        key = target[:3]
        until = self._until.get(key)
        if until is None:
            return False
        if until <= self._clock():
            del self._until[key]
            return False
        return True


class DnsCache:
    """Answers by question, each for its time to live.

    Args:
        clock: the present time in seconds.
        limit: how many answers are kept; the oldest goes first.
        longest: seconds after which even a longer-lived answer is asked for again.
    """

    __slots__ = ("_clock", "_entries", "_limit", "_longest")

    def __init__(self, clock: Callable[[], float], limit: int = 4096, longest: float = 3600.0) -> None:
        self._clock = clock
        self._limit = limit
        self._longest = longest
        self._entries: dict[Question, tuple[float, Records]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, question: Question) -> Records | None:
        """The answer, ``None`` if it is not known or too old."""
        entry = self._entries.get(question)
        if entry is None:
            return None
        if entry[0] <= self._clock():
            del self._entries[question]
            return None
        return entry[1]

    def put(self, question: Question, records: Records, ttl: float) -> None:
        """Keep an answer (or that there is none) for ``ttl`` seconds."""
        if ttl <= 0 or len(question.name) > _LONGEST_NAME or len(records) > _MAX_RECORDS:
            return
        entries = self._entries
        entries.pop(question, None)
        if len(entries) >= self._limit:
            del entries[next(iter(entries))]
        entries[question] = (self._clock() + min(ttl, self._longest), records)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
