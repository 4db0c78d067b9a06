"""Which keys a party of a call has: by the options of Dial or Bridge, and by the variables of its channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asterism.core.calling import require_async
from asterism.pbx.calls.features import applications
from asterism.pbx.calls.features.keys import Action, Keys
from asterism.pbx.calls.features.settings import LONGEST_CODE, is_code
from asterism.pbx.calls.features.table import away, bridge_of, options_of
from asterism.pbx.calls.features.transferring import attended_transfer, blind_transfer
from asterism.pbx.vocabulary.causes import Cause

if TYPE_CHECKING:
    from asterism.pbx.calls.features.settings import KeyedApplication
    from asterism.pbx.channels.channel import Channel

LETTERS = frozenset("hHkKtTwWxX")
"""Options of Dial by which parties have keys: small ones the called party, capitals the caller."""
_NO_KEYS: Mapping[str, Action] = MappingProxyType({})
VARIABLES = frozenset({"DYNAMIC_FEATURES", "BRIDGE_FEATURES"})
"""Variables that give a channel keys."""


def disconnect(channel: Channel) -> None:
    """The key that ends the call: its party leaves it."""
    bridge = bridge_of(channel)
    if bridge is not None:
        channel.hangup_cause = channel.hangup_cause or Cause.NORMAL_CLEARING
        bridge.depart(channel)


def _attended(channel: Channel) -> None:
    attended_transfer(channel)


def _extra(name: str) -> Action:
    """The key of what another module brings (recording, parking)."""

    def act(channel: Channel) -> None:
        action = channel.pbx.features.actions.get(name)
        if action is None:
            channel.pbx.log.notice("%s: there is nothing here that does %s", channel.name, name)
        else:
            action(channel)

    return act


_BUILT_IN: tuple[tuple[str, str, Action], ...] = (
    ("t", "blindxfer", blind_transfer),
    ("t", "atxfer", _attended),
    ("h", "disconnect", disconnect),
    ("k", "parkcall", _extra("parkcall")),
    ("x", "automixmon", _extra("automixmon")),
    ("w", "automon", _extra("automixmon")),
)


def keys_of(
    channel: Channel,
    letters: frozenset[str],
    *,
    called: bool,
    ends: Action = disconnect,
    more: Mapping[str, Action] = _NO_KEYS,
) -> Keys | None:
    """The keys of a party of a call, ``None`` where it has none.

    ``letters`` are the options of Dial, or of Bridge, ``ends`` is what ends the call, ``more`` are keys of
    the code that dials. Where two have the same code, the first of these counts: those, what is built in, and the
    applications in the order in which they are named.
    """
    mine = {letter.lower() for letter in letters if letter.islower() is called and letter in LETTERS}
    mine.update((channel.get_variable("BRIDGE_FEATURES") or "").lower())
    options = options_of(channel)
    codes: dict[str, Action] = dict(more)
    known: dict[str, str] = {}
    for letter, name, action in _BUILT_IN:
        code = getattr(options, name)
        if letter in mine and code:
            codes.setdefault(code, ends if action is disconnect else action)
            known.setdefault(code, name)
    names = channel.get_variable("DYNAMIC_FEATURES")
    if names:
        role = "callee" if called else "caller"
        for feature in channel.pbx.features.settings.named(names):
            if feature.by in ("both", role):
                codes.setdefault(feature.code, partial(_run, feature))
                known.setdefault(feature.code, feature.name)
    return Keys(codes, options.featuredigittimeout / 1000, known) if codes else None


def program_keys(functions: Mapping[str, Callable[[Any], Awaitable[None]]]) -> dict[str, Action]:
    """The keys of code written in Python: each runs a function with the channel, which is by itself meanwhile.

    Raises:
        ValueError: One is no code (up to 11 of 0-9, *, #, A-D).
        NotAsyncError: What it is to run is not ``async``.
    """
    keys: dict[str, Action] = {}
    for code, function in functions.items():
        if not is_code(code):
            raise ValueError(f"'{code}' is no code: up to {LONGEST_CODE} of 0-9, *, #, A-D")
        require_async(function, f"what the key '{code}' runs")
        keys[code.upper()] = partial(_run_program, code, function)
    return keys


def _run_program(code: str, function: Callable[[Any], Awaitable[None]], channel: Channel) -> None:
    async def run() -> None:
        with away(channel):
            await function(channel)

    channel.pbx.features.start(channel, run(), f"the key {code}")


def _run(feature: KeyedApplication, channel: Channel) -> None:
    applications.run(channel, feature)
