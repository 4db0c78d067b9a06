"""The ``cc_*`` options of a channel, and what call completion keeps on it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asterism.pbx.calls.completion.monitors import Monitor
    from asterism.pbx.calls.completion.transaction import Transaction
    from asterism.pbx.channels.channel import Channel

KEY = "cc"
"""Where ``channel.data`` has its :class:`ChannelCompletion`. A channel without one takes no part."""
AGENT_POLICIES = ("never", "generic", "native")
MONITOR_POLICIES = ("never", "generic", "native", "always")
MOST_SECONDS = 604800
"""The longest of the timers: a week."""
MOST_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class Parameters:
    """Call completion options of a party; all timers are in seconds."""

    cc_agent_policy: str = "never"
    cc_monitor_policy: str = "never"
    cc_offer_timer: int = 20
    ccnr_available_timer: int = 7200
    ccbs_available_timer: int = 4800
    cc_recall_timer: int = 20
    cc_max_agents: int = 5
    cc_max_monitors: int = 5
    cc_callback_macro: str = ""
    cc_callback_sub: str = ""
    cc_agent_dialstring: str = ""

    def option(self, name: str) -> str:
        """An option as text; raises ``KeyError`` for an unknown option."""
        if name not in NAMES:
            raise KeyError(name)
        return str(getattr(self, name))

    def with_option(self, name: str, value: str) -> Parameters:
        """A copy with one option set; raises ``KeyError`` for a wrong name and ``ValueError`` for a wrong value."""
        if name not in NAMES:
            raise KeyError(name)
        value = value.strip()
        found: Any = value
        if name in _POLICIES:
            found = value.lower()
            if found not in _POLICIES[name]:
                raise ValueError(f"'{value}' is no policy; known: {', '.join(_POLICIES[name])}")
        elif name in _NUMBERS:
            most = MOST_REQUESTS if "_max_" in name else MOST_SECONDS
            if not (value.isascii() and value.isdigit() and len(value) < 9 and int(value) <= most):
                raise ValueError(f"'{value}' is no number from 0 to {most}")
            found = int(value)
        changes: dict[str, Any] = {name: found}
        return replace(self, **changes)


NAMES = tuple(one.name for one in fields(Parameters))
_POLICIES = {"cc_agent_policy": AGENT_POLICIES, "cc_monitor_policy": MONITOR_POLICIES}
_NUMBERS = frozenset(one.name for one in fields(Parameters) if isinstance(one.default, int))
DEFAULT = Parameters()


@dataclass(slots=True, eq=False)
class ChannelCompletion:
    """Call completion data of one channel, or of both halves of a Local channel.

    Attributes:
        parameters: the channel's options.
        transaction: the transaction that this channel's failed call has created.
        recall: the transaction whose recall this channel is.
        native: makes the monitor that the called side itself has offered (``(device, destination) -> Monitor``);
            only where the policy wants it.
        found: of a Local channel, the monitors of the parties that its second half could not reach.
        outer: of a Local channel, the call completion data of the channel that called it.
        caller: the calling channel, once its call has failed.
    """

    parameters: Parameters = DEFAULT
    transaction: Transaction | None = None
    recall: Transaction | None = None
    native: Any = None
    found: list[Monitor] = field(default_factory=list)
    outer: ChannelCompletion | None = None
    destination: str = ""
    caller: Channel | None = None


def parameters_of(channel: Channel) -> Parameters:
    """The options of a channel."""
    found = channel.data.get(KEY)
    return found.parameters if isinstance(found, ChannelCompletion) else DEFAULT


def kept(channel: Channel) -> ChannelCompletion:
    """Call completion data of a channel, created if there is none yet."""
    found = channel.data.get(KEY)
    if not isinstance(found, ChannelCompletion):
        found = channel.data[KEY] = ChannelCompletion()
    return found
