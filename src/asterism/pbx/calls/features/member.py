"""Which keys a party of a call has: by the options of Dial or Bridge, and by the variables of its channel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asterism.pbx.calls.features import applications
from asterism.pbx.calls.features.keys import Action, Keys
from asterism.pbx.calls.features.table import bridge_of, options_of
from asterism.pbx.calls.features.transferring import attended_transfer, blind_transfer
from asterism.pbx.vocabulary.causes import Cause

if TYPE_CHECKING:
    from asterism.pbx.calls.features.settings import KeyedApplication
    from asterism.pbx.channels.channel import Channel

LETTERS = frozenset("hHkKtTwWxX")
"""Options of Dial by which parties have keys: small ones the called party, capitals the caller."""
_NAMES = frozenset({"DYNAMIC_FEATURES", "BRIDGE_FEATURES"})


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


def wants_keys(channel: Channel) -> bool:
    """Whether variables of a channel give it keys."""
    return channel.has_any(_NAMES) or not _NAMES.isdisjoint(channel.pbx.dialplan.globals)


def keys_of(channel: Channel, letters: frozenset[str], *, called: bool, ends: Action = disconnect) -> Keys | None:
    """The keys of a party of a call, ``None`` where it has none.

    ``letters`` are the options of Dial, or of Bridge, ``ends`` is what ends the call. Where two have the same code, the
    first of these counts: what is built in, and the applications in the order in which they are named.
    """
    mine = {letter.lower() for letter in letters if letter.islower() is called and letter in LETTERS}
    mine.update((channel.get_variable("BRIDGE_FEATURES") or "").lower())
    options = options_of(channel)
    codes: dict[str, Action] = {}
    for letter, name, action in _BUILT_IN:
        code = getattr(options, name)
        if letter in mine and code:
            codes.setdefault(code, ends if action is disconnect else action)
    names = channel.get_variable("DYNAMIC_FEATURES")
    if names:
        role = "callee" if called else "caller"
        for feature in channel.pbx.features.settings.named(names):
            if feature.by in ("both", role):
                codes.setdefault(feature.code, partial(_run, feature))
    return Keys(codes, options.featuredigittimeout / 1000) if codes else None


def _run(feature: KeyedApplication, channel: Channel) -> None:
    applications.run(channel, feature)
