"""The ICE agent of one media transport: by which addresses it and the peer reach each other (RFC 8445).

What a peer has told, and what we have told it, hold for one *generation*: a pair of user fragments and passwords with
its list of checks (:mod:`~asterism.media.transports.checks`). A restart makes a new one; media goes on over the old
one's pair until the new one has found its own (RFC 8445 9).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from aioice.stun import Class, Message, Method

from asterism.media.transports import stun
from asterism.media.transports.candidates import (
    MOST,
    Address,
    Base,
    LocalCandidate,
    RemoteCandidate,
    foundation,
    priority,
    read_candidate,
)  # fmt: skip
from asterism.media.transports.checks import CheckList, Credentials
from asterism.media.transports.gathering import Gathering
from asterism.media.transports.ice_services import IceServices
from asterism.media.transports.pairs import Pair
from asterism.media.transports.parameters import IceParameters

_MOST_EARLY = 32
"""Checks of a peer that are kept until its description is known."""
_MOST_NAMES = 8
"""Names of one peer that are asked for at one time."""
_MOST_RESTARTS = 3
"""Restarts of ours that the peer has answered, and none of which has found a path."""


class SocketBase:
    """One of the transport's sockets, as what checks are sent from."""

    __slots__ = ("_send", "address", "component", "foundation", "kind", "priority")

    def __init__(self, component: int, address: Address, send: Callable[[bytes, Address, int], None]) -> None:
        self.component = component
        self.kind = "host"
        self.address = address
        self.foundation = foundation("host", address[0])
        self.priority = priority("host", component)
        self._send = send

    def send(self, data: bytes, address: Address) -> None:
        """Send a packet from this socket; what cannot be sent is lost."""
        with suppress(OSError):
            self._send(data, address, self.component)


class _Generation:
    """A user fragment and a password of ours, and what has become of them."""

    __slots__ = ("checks", "early", "password", "remote", "ufrag")

    def __init__(self, ufrag: str, password: str) -> None:
        self.ufrag = ufrag
        self.password = password
        self.remote: IceParameters | None = None
        self.checks: CheckList | None = None
        self.early: deque[tuple[Message, Base, Address]] = deque(maxlen=_MOST_EARLY)
        """Checks that were answered before the peer's description came."""

    def is_of(self, remote: IceParameters) -> bool:
        """Whether the peer still has the credentials of this generation."""
        known = self.remote
        return known is not None and (known.ufrag, known.password) == (remote.ufrag, remote.password)


class IceAgent:
    """Finds and keeps the path of a transport's media.

    Attributes:
        mux: whether RTCP goes with RTP on one port; there is one component then. Set before :attr:`local` is used.
        on_selected: told the component (1: RTP, 2: RTCP), what packets are to be sent from (``kind`` is ``relay`` where
            they go through a TURN server; ``send(data, address)``) and the peer's address, whenever that changes.
        on_relayed: told a packet that came through a TURN server and is not of STUN: component, octets, source.
        on_failed: told the component that has no path, or no longer one, and why. A path that is found later is told
            all the same.
    """

    def __init__(
        self,
        services: IceServices,
        local: Sequence[Address],
        send: Callable[[bytes, Address, int], None],
        *,
        mux: bool = False,
    ) -> None:
        """An agent that knows nothing of the peer yet.

        Args:
            services: what all agents share.
            local: the addresses of the sockets for RTP and for RTCP, as they are bound.
            send: sends octets to an address from the socket of a component; may raise OSError.
            mux: whether there is one component.
        """
        self.mux = mux
        self.on_selected: Callable[[int, Base, Address], None] = lambda _component, _base, _address: None
        self.on_relayed: Callable[[int, bytes, Address], None] = lambda _component, _data, _address: None
        self.on_failed: Callable[[int, str], None] = lambda _component, _reason: None
        self._services = services
        self._bases = [SocketBase(number, address, send) for number, address in enumerate(local, 1)]
        self._gathering = Gathering(services, self._bases, self._from_relay)
        self._current = self._new_generation()
        self._offered: _Generation | None = None
        """The credentials of a restart that we have offered."""
        self._last: _Generation | None = None
        """The generation before, while its path is still the one in use."""
        self._named: dict[tuple[CheckList, RemoteCandidate], asyncio.Task[None]] = {}
        self._lost = False
        self._restarts = 0
        self._closed = False

    def close(self) -> None:
        """Send nothing any more, and give back what TURN servers have allocated; harmless when done before."""
        if not self._closed:
            self._closed = True
            for generation in self._generations():
                if generation.checks is not None:
                    generation.checks.close()
            for task in self._named.values():
                task.cancel()
            self._gathering.close()

    # What we tell.

    @property
    def local(self) -> IceParameters:
        """What our next description tells: credentials and candidates; without candidates ICE is of no use here."""
        generation = self._offered or self._current
        lines = tuple(str(candidate) for candidate in self.candidates)
        return IceParameters(generation.ufrag, generation.password, lines, self._services.settings.lite)

    @property
    def candidates(self) -> list[LocalCandidate]:
        """Where we can be reached, as far as it is known."""
        found = [candidate for base in self._components for candidate in self._hosts(base)]
        return found + [one for one in self._gathering.usable if one.component in self._numbers]

    @property
    def gathers(self) -> bool:
        """Whether :meth:`gather` has something to ask for before a description is made."""
        return self._services.settings.gathers and not self._gathering.done

    async def gather(self) -> None:
        """Ask the STUN and TURN servers of ``rtp.conf`` for further candidates; takes two seconds at most."""
        if self.gathers and not self._closed:
            await self._gathering.run(self._numbers)

    @property
    def lost(self) -> bool:
        """Whether there is no path, and an offer of ours should ask for a restart: three times without one between."""
        return self._lost and self._restarts < _MOST_RESTARTS

    def restart(self) -> None:
        """Have the next offer ask for a restart, by new credentials; the path in use stays until there is a new one."""
        if self._current.checks is not None and self._offered is None:
            self._offered = self._new_generation()

    def roll_back(self) -> None:
        """Forget an offer of a restart: it was refused."""
        self._offered = None

    @property
    def _components(self) -> Sequence[SocketBase]:
        return self._bases[:1] if self.mux else self._bases

    @property
    def _numbers(self) -> tuple[int, ...]:
        return tuple(base.component for base in self._components)

    def _new_generation(self) -> _Generation:
        random = self._services.random
        return _Generation(random(16).hex(), random(16).hex())

    def _hosts(self, base: SocketBase) -> list[LocalCandidate]:
        settings = self._services.settings
        host, port = base.address
        found: list[str] = []
        for address in self._services.hosts(host):
            instead = settings.advertised.get(address)
            if instead is not None:
                found.append(instead.address)
            if instead is None or instead.with_local:
                found.append(address)
        number = base.component
        return [
            LocalCandidate(number, "host", (told, port), foundation("host", told), priority("host", number, 65535 - at))
            for at, told in enumerate(found)
        ]

    # What the peer tells.

    def apply(self, remote: IceParameters, *, controlling: bool) -> None:
        """Take what a description of the peer says; the same once more changes nothing.

        Other credentials than before are a restart, or the answer of another phone that our offer went to.

        Args:
            remote: its credentials and candidates; candidates that cannot be used are ignored.
            controlling: whether the description answers an offer of ours.
        """
        if self._closed:
            return
        offered, self._offered = self._offered, None if controlling else self._offered
        if controlling and offered is not None:
            self._restarts += 1
        current = self._current
        if current.is_of(remote):
            # It restarts nothing, whatever we have offered.
            self._add(current, remote)
            return
        generation = current
        if controlling and offered is not None:
            generation = offered
        elif current.checks is not None:
            # An offer of other credentials is answered by other ones; an answer is to those that we have told.
            generation = self._new_generation()
            if controlling:
                generation.ufrag, generation.password = current.ufrag, current.password
            else:
                self._offered = None
        self._start(generation, remote, controlling)

    def has_told(self, remote: IceParameters) -> bool:
        """Whether a peer's credentials are ones of ours, sent back: it would be with ourselves that we talk."""
        return any((one.ufrag, one.password) == (remote.ufrag, remote.password) for one in self._generations())

    def _start(self, generation: _Generation, remote: IceParameters, controlling: bool) -> None:
        services = self._services
        lite = services.settings.lite
        generation.remote = remote
        self._lost = False
        bases: list[Base] = [*self._components]
        bases += [base for base in self._gathering.relays if base.usable and base.component in self._numbers]
        checks = generation.checks = CheckList(
            services.loop,
            Credentials(generation.ufrag, generation.password.encode(), remote.ufrag, remote.password.encode()),
            bases,
            # Of a full agent and a lite one, the full one is controlling (RFC 8445 6.1.1).
            controlling=controlling if lite is remote.lite else remote.lite,
            lite=lite,
            peer_lite=remote.lite,
            random=services.random,
            on_used=self._used,
            on_failed=self._failed,
        )
        before = self._current
        if before is not generation:
            generation.early.extend(before.early)
            self._current = generation
            if before.checks is not None and before.checks.used:
                self._forget_last()
                self._last = before
            elif before.checks is not None:
                before.checks.close()
        self._add(generation, remote)
        for message, base, address in generation.early:
            if self._is_of(message, generation):
                checks.learn(message, base, address)
        generation.early.clear()

    def _add(self, generation: _Generation, remote: IceParameters) -> None:
        checks = generation.checks
        if checks is None:
            return
        loopback = self._services.settings.loopback
        found: list[RemoteCandidate] = []
        for line in remote.candidates[:MOST]:
            candidate = read_candidate(line, loopback=loopback)
            if candidate is None or candidate.component not in self._numbers:
                continue
            if candidate.host.endswith(".local"):
                self._ask_for(checks, candidate)
            else:
                found.append(candidate)
        checks.add(found)

    def _ask_for(self, checks: CheckList, candidate: RemoteCandidate) -> None:
        """Look up the name of a candidate, unless that is being done."""
        key = checks, candidate
        if key not in self._named and len(self._named) < _MOST_NAMES:
            task = self._named[key] = self._services.run(self._resolve(checks, candidate))
            task.add_done_callback(lambda _task: self._named.pop(key, None))

    async def _resolve(self, checks: CheckList, candidate: RemoteCandidate) -> None:
        address = await self._services.names.resolve(candidate.host)
        if address is not None:
            found = read_candidate(
                f"{candidate.foundation} {candidate.component} udp {candidate.priority} {address} {candidate.port} "
                "typ host",
                loopback=self._services.settings.loopback,
            )
            if found is not None:
                checks.add([found])

    # Packets.

    def receive(self, data: bytes | memoryview, address: Address, component: int) -> None:
        """Take a datagram that begins like STUN (RFC 7983) from a socket; whatever it is, nothing is raised."""
        self._receive(data, address, self._bases[component - 1])

    def _from_relay(self, base: Base, data: bytes, address: Address) -> None:
        """Something came through a TURN server."""
        if data and data[0] < 4:
            self._receive(data, address, base)
        else:
            self.on_relayed(base.component, data, address)

    def _receive(self, data: bytes | memoryview, address: Address, base: Base) -> None:
        message = None if self._closed else stun.read(data)
        if message is None or message.message_method is not Method.BINDING:
            return
        if message.message_class is Class.REQUEST:
            self._request(message, base, address)
        elif message.message_class is not Class.INDICATION:
            for generation in self._generations():
                if generation.checks is not None and generation.checks.owns(message):
                    generation.checks.response_received(message, base, address)
                    return
            self._gathering.response_received(message, address)

    def _request(self, message: Message, base: Base, address: Address) -> None:
        """Answer a check. Who does not know our password gets no answer: not even that it is wrong is told."""
        for generation in self._generations():
            if self._is_of(message, generation) and stun.is_signed(message, generation.password.encode()):
                if generation.checks is None:
                    base.send(stun.success(message, address, generation.password.encode()), address)
                    generation.early.append((message, base, address))
                else:
                    generation.checks.request_received(message, base, address)
                return

    def _is_of(self, message: Message, generation: _Generation) -> bool:
        """Whether a check is meant for a generation; the peer's part of the name is not known from the beginning."""
        ours, _, theirs = message.attributes.get("USERNAME", "").partition(":")
        remote = generation.remote
        return ours == generation.ufrag and (remote is None or theirs == remote.ufrag)

    def _generations(self) -> list[_Generation]:
        return [known for known in (self._current, self._offered, self._last) if known is not None]

    # What checks have found.

    def _used(self, checks: CheckList, pair: Pair) -> None:
        current = self._current.checks
        if checks is current:
            if pair.component == 1:
                self._lost, self._restarts = False, 0
                self._forget_last()
                self._gathering.end_keeping()
        elif self._last is None or checks is not self._last.checks or current is None or pair.component in current.used:
            return
        self.on_selected(pair.component, pair.base, pair.remote.address)

    def _failed(self, checks: CheckList, component: int, reason: str) -> None:
        current, last = self._current.checks, self._last
        if checks is current:
            self._lost = self._lost or component == 1
            if last is not None and last.checks is not None and component in last.checks.used:
                return  # media goes on by the path of before
        elif last is not None and checks is last.checks:
            if component == 1:
                self._forget_last()
            if current is None or component in current.used:
                return
        else:
            return
        if component == 1:
            self._gathering.renew()
        self.on_failed(component, f"ICE: {reason}")

    def _forget_last(self) -> None:
        last, self._last = self._last, None
        if last is not None and last.checks is not None:
            last.checks.close()
