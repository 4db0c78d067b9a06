"""All call completions of a server, and how calls lead to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.core.containment import attempt
from asterism.pbx.calls.completion.agents import Agent, GenericAgent
from asterism.pbx.calls.completion.machine import ASKED, State
from asterism.pbx.calls.completion.monitors import CCBS, CCNR, GenericMonitor, Monitor, Queues
from asterism.pbx.calls.completion.parameters import DEFAULT, KEY, ChannelCompletion, Parameters, kept
from asterism.pbx.calls.completion.transaction import Transaction
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.device_state import DeviceState

if TYPE_CHECKING:
    from asterism.core.registry import Owner
    from asterism.pbx.calls.dialing import Leg
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

MAX_TRANSACTIONS = 1000
"""Transactions at a time, mere offers included; calls that fail while there are so many offer nothing."""
MAX_MONITORS = 64
"""Called parties that one transaction watches."""
DEVICE_PREFIX = "ccss"
"""``ccss:PJSIP/alice`` is the device whose state says how far alice's request got."""
_DECLINED = frozenset((int(Cause.CALL_REJECTED), int(Cause.ANSWERED_ELSEWHERE)))

_STATES: Mapping[State, DeviceState] = MappingProxyType(
    {
        State.AVAILABLE: DeviceState.NOT_INUSE,
        State.OFFERED: DeviceState.NOT_INUSE,
        State.REQUESTED: DeviceState.NOT_INUSE,
        State.ACTIVE: DeviceState.INUSE,
        State.CALLEE_READY: DeviceState.INUSE,
        State.CALLER_BUSY: DeviceState.ONHOLD,
        State.RECALLING: DeviceState.RINGING,
        State.COMPLETE: DeviceState.NOT_INUSE,
        State.FAILED: DeviceState.NOT_INUSE,
    }
)


@dataclass(frozen=True, slots=True)
class CompletionSettings:
    """``ccss.conf``: how many requests there may be, and what lamps of requests show."""

    enabled: bool = True
    cc_max_requests: int = 20
    states: Mapping[State, DeviceState] = field(default_factory=lambda: _STATES)


NativeMonitors = Callable[[str, str, str], "Callable[[str, str], Monitor] | None"]
"""Given an endpoint's name, a URI and a service that it has offered: makes the monitor, for a device and what was
dialled."""
NativeAgents = Callable[["Channel", Parameters], "Agent | None"]
"""Makes the agent of a caller whose own protocol can request completion; ``None``: this one's cannot."""


class Completion:
    """The transactions, by number."""

    def __init__(self, pbx: Host) -> None:
        self._pbx = pbx
        self.settings = CompletionSettings()
        self.transactions: dict[int, Transaction] = {}
        self.queues = Queues(pbx, self._is_recalled)
        self._last = 0
        self._natives: dict[str, NativeAgents] = {}
        self._native_monitors: NativeMonitors | None = None

    def __len__(self) -> int:
        return len(self.transactions)

    def __iter__(self) -> Iterator[Transaction]:
        return iter(tuple(self.transactions.values()))

    def register_native(self, owner: Owner, technology: str, make: NativeAgents) -> None:
        """Have ``make`` give the agents of callers of a channel technology (``PJSIP``)."""
        self._natives[technology] = make

        def remove() -> None:
            if self._natives.get(technology) is make:
                del self._natives[technology]

        owner.on_release(remove)

    def register_native_monitors(self, owner: Owner, make: NativeMonitors) -> None:
        """Have ``make`` give the monitors for what called parties offer by their own protocol."""
        self._native_monitors = make

        def remove() -> None:
            if self._native_monitors is make:
                self._native_monitors = None

        owner.on_release(remove)

    def offered(self, called: Channel, endpoint: str, uri: str, service: str) -> None:
        """A called party offers completion by itself: a subscription to ``uri``."""
        make = self._native_monitors
        if make is not None:
            kept(called).native = attempt(self._pbx.log, "a native monitor", None, make, endpoint, uri, service)

    def waiting(self, caller: Channel) -> Transaction | None:
        """The transaction that a caller with native signalling may request now; answers to the caller announce it."""
        state = caller.data.get(KEY)
        found = state.transaction if isinstance(state, ChannelCompletion) else None
        return found if found is not None and found.agent.kind == "native" and not found.over else None

    def calls_again(self, channel: Channel, marked: bool) -> None:
        """Match a new call with the transaction whose caller has been told to call again, by its place in the dialplan.

        It matches if it says so (``marked``) or comes from the same number: one device may serve many numbers.
        """
        place = (channel.context, channel.exten)
        found = None
        for one in self:
            if one.state is State.CALLEE_READY and one.caller == channel.device and one.agent.kind == "native":
                same = one.agent.number == channel.caller.number
                if (one.context, one.exten) == place and (same or (marked and found is None)):
                    found = one
                    if same:
                        break
        if found is not None and found.recall():
            found.linkedid = channel.linkedid
            kept(channel).recall = found
            channel.set_variable("CC_INTERFACES", found.interfaces_of(*place))

    def recalled_by(self, called: Channel) -> Monitor | None:
        """The native monitor for a channel called by a recall; ``None`` if there is none."""
        for one in self.transactions.values():
            if one.state is State.RECALLING and one.linkedid == called.linkedid:
                for monitor in one.monitors:
                    if monitor.kind == "native" and monitor.device == called.device:
                        return monitor
        return None

    # -- calls ---------------------------------------------------------------------------------------------

    def rings(self, caller: Channel, leg: Leg) -> None:
        """A called phone rings. A caller with native signalling learns now that it may request completion."""
        state = kept(caller)
        if state.parameters.cc_agent_policy == "native" and state.recall is None and state.outer is None:
            self._failed(caller, state, [leg])

    def dialed(self, caller: Channel, legs: Iterable[Leg], answered: bool) -> None:
        """A Dial is over, or its caller is gone."""
        state = kept(caller)
        recall, state.recall = state.recall, None
        if recall is not None:
            recall.recalled(answered)
        if answered:
            if state.transaction is not None and state.transaction.state is State.AVAILABLE:
                state.transaction.fail("the call was answered")
            return
        self._failed(caller, state, legs)

    def _failed(self, caller: Channel, state: ChannelCompletion, legs: Iterable[Leg]) -> None:
        if not self.settings.enabled:
            return
        state.caller = caller
        place = _place_of(caller)
        found: list[Monitor] = []
        dialled: list[str] = []
        for leg in legs:
            called = leg.channel.data.get(KEY)
            if not isinstance(called, ChannelCompletion):
                continue
            called.destination = leg.destination
            if called.found:
                found += called.found
                dialled.append(leg.destination)
                continue
            monitor = self._monitor(leg.channel, leg.destination, called)
            if monitor is not None:
                monitor.place = place
                found.append(monitor)
                dialled.append(leg.destination)
        if found:
            self._found(state, place, found, dialled)

    def _found(
        self, state: ChannelCompletion, place: tuple[str, str], found: list[Monitor], dialled: list[str]
    ) -> None:
        """Called parties could be watched: offer that to the caller, or leave it to the call around this one."""
        outer = state.outer
        if outer is not None:
            state.found += found
            if outer.caller is not None and state.destination:
                # The call around it is over already: its caller gave up.
                self._found(outer, _place_of(outer.caller), found, [state.destination])
            return
        transaction = state.transaction
        if transaction is None or transaction.over:
            transaction = self._make(state, place)
            if transaction is None:
                return
        if transaction.state not in (State.AVAILABLE, State.OFFERED):
            return
        for monitor in found:
            if monitor.transaction is None and len(transaction.monitors) < MAX_MONITORS:
                transaction.add(monitor)
                destinations = transaction.interfaces.setdefault(monitor.place, [])
                if monitor.destination not in destinations:
                    destinations.append(monitor.destination)
        outermost = transaction.interfaces.setdefault(place, [])
        outermost += [one for one in dialled if one not in outermost]

    def _monitor(self, called: Channel, destination: str, state: ChannelCompletion) -> Monitor | None:
        parameters = state.parameters
        policy, cause = parameters.cc_monitor_policy, int(called.hangup_cause)
        native = state.native if policy in ("native", "always") else None
        if policy == "never" or (cause in _DECLINED and native is None):
            return None
        if cause == Cause.USER_BUSY or called.state is ChannelState.BUSY:
            service = CCBS
        elif called.state is ChannelState.RINGING or native is not None:
            service = CCNR
        else:
            return None
        if sum(one.device == called.device for each in self for one in each.monitors) >= parameters.cc_max_monitors:
            self._pbx.log.verbose(3, "No call completion for %s: it has cc_max_monitors already", called.device)
            return None
        if native is not None:
            made: Monitor | None = attempt(self._pbx.log, "a native monitor", None, native, called.device, destination)
            if made is not None:
                return made
        if policy == "native":
            return None
        return GenericMonitor(self._pbx, called.device, destination, service, parameters, self.queues)

    def _make(self, state: ChannelCompletion, place: tuple[str, str]) -> Transaction | None:
        caller, parameters = state.caller, state.parameters
        if caller is None or parameters.cc_agent_policy == "never" or len(self.transactions) >= MAX_TRANSACTIONS:
            return None
        agent: Agent | None
        if parameters.cc_agent_policy == "native":
            make = self._natives.get(caller.technology.name)
            agent = None if make is None else attempt(
                self._pbx.log, "a native agent", None, make, caller, parameters
            )  # fmt: skip
            if agent is None:
                return None
        else:
            agent = GenericAgent(self._pbx, caller, parameters.cc_agent_dialstring)
        if sum(one.caller == agent.device and one.state in ASKED for one in self) >= agent.most:
            self._pbx.log.verbose(3, "No call completion for %s: it has as many requests as it may", agent.device)
            return None
        self._last += 1
        transaction = Transaction(self._pbx, self._last, place, parameters, agent, self._moved)
        self.transactions[transaction.number] = transaction
        state.transaction = transaction
        if caller.dead:
            self._pbx.loop.call_soon(self._offer, transaction)
        return transaction

    def ended(self, channel: Channel) -> None:
        """A channel has ended: offer completion of its failed call; fail a recall that dialled nobody."""
        state = channel.data[KEY]
        if not isinstance(state, ChannelCompletion):
            return
        recall, state.recall = state.recall, None
        if recall is not None:
            recall.fail("the recall did not reach the called party")
        if state.transaction is not None:
            self._offer(state.transaction)

    def _offer(self, transaction: Transaction) -> None:
        if transaction.state is not State.AVAILABLE:
            return
        for other in self:
            # Without a protocol of its own the caller could not say which one it means.
            if other.state is State.OFFERED and other.caller == transaction.caller and other.agent.kind == "generic":
                other.fail("the caller has made another call")
        transaction.offer()

    def _moved(self, transaction: Transaction) -> None:
        if transaction.over:
            self.transactions.pop(transaction.number, None)
            self.queues.consider(transaction.caller)
        self._pbx.device_states.changed(f"{DEVICE_PREFIX}:{transaction.caller}")

    def _is_recalled(self, device: str) -> bool:
        return any(one.caller == device and one.state is State.RECALLING for one in self.transactions.values())

    # -- what the caller asks for --------------------------------------------------------------------------

    @property
    def asked(self) -> int:
        """Number of requests."""
        return sum(one.state in ASKED for one in self.transactions.values())

    def request(self, channel: Channel) -> str:
        """Request what was offered to a caller last; the reason why that cannot be, empty when it can."""
        state = channel.data.get(KEY)
        transaction = state.transaction if isinstance(state, ChannelCompletion) else None
        if transaction is None or transaction.state not in (State.AVAILABLE, State.OFFERED):
            offered = [one for one in self if one.caller == channel.device and one.state is State.OFFERED]
            if not offered:
                return "NO_CORE_INSTANCE"
            transaction = offered[-1]
        if transaction.agent.kind != "generic":
            return "NOT_GENERIC"
        if self.asked >= self.settings.cc_max_requests:
            return "TOO_MANY_REQUESTS"
        self._offer(transaction)
        return "" if transaction.request() else "UNSPECIFIED"

    def cancel(self, channel: Channel) -> str:
        """Cancel what a caller has requested last, or else what is offered to it; why not, or empty."""
        found = [one for one in self if one.caller == channel.device]
        if not found:
            return "NO_CORE_INSTANCE"
        found.sort(key=lambda one: (one.state in ASKED, one.number))
        if found[-1].agent.kind != "generic":
            return "NOT_GENERIC"
        found[-1].fail("the caller cancelled it")
        return ""

    def state_of(self, device: str) -> DeviceState:
        """The state of ``ccss:device``: of the request that is furthest."""
        states = self.settings.states
        found = [one.state for one in self.transactions.values() if one.caller == device]
        if not found:
            return states[State.COMPLETE]
        order = list(State)
        return states[max(found, key=order.index)]

    def end_all(self, reason: str) -> None:
        """End every transaction."""
        for transaction in self:
            transaction.fail(reason)


def _place_of(caller: Channel) -> tuple[str, str]:
    """Context and extension that a caller dialled: its current ones, or those that called the subroutine it is in."""
    frames = getattr(caller.dialplan_state, "frames", ())
    return (frames[0].context, frames[0].exten) if frames else (caller.context, caller.exten)


def inside(requestor: Channel, one: Channel, two: Channel) -> None:
    """Let the halves of a Local channel share their data; parties it could not reach are offered to the requestor."""
    outer = requestor.data.get(KEY)
    if not isinstance(outer, ChannelCompletion):
        return
    one.data[KEY] = two.data[KEY] = ChannelCompletion(DEFAULT, outer=outer)
    if outer.recall is not None:
        two.set_variable("CC_INTERFACES", outer.recall.interfaces_of(two.context, two.exten))
