"""What the features of one server have in common: the settings in force, and what runs because of a key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.core.log import log_subject
from asterism.core.restriction import restriction
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.features.settings import FeatureSettings, Options
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto
from asterism.pbx.vocabulary.flow import EndDialplan

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger
    from asterism.pbx.calls.features.consultation import Consultation
    from asterism.pbx.channels.channel import Channel

KEY = "features"
"""Where ``channel.data`` has the options of a channel that has its own."""


class Features:
    """The settings, and the features in progress. Each channel runs one at a time."""

    def __init__(self, log: ServerLogger) -> None:
        self._log = log
        self.settings = FeatureSettings()
        self.actions: dict[str, Callable[[Channel], None]] = {}
        """What modules bring to keys that they do not know: ``parkcall``, ``automixmon``."""
        self.running: dict[Channel, asyncio.Task[None]] = {}
        """What runs on channels because of a key."""
        self.transfers: dict[Channel, Consultation | None] = {}
        """Transferers with a transfer by key in progress; with its consultation once there is one."""

    def start(self, channel: Channel, work: Coroutine[Any, Any, None], name: str) -> bool:
        """Run ``work`` on a channel in a task of its own; ``False`` where another one runs on it."""
        if channel in self.running or not channel.alive:
            work.close()
            return False
        task = channel.pbx.loop.create_task(self._run(channel, work, name), name=f"{name} {channel.name}")
        self.running[channel] = task
        task.add_done_callback(lambda _: self.running.pop(channel, None))
        return True

    async def _run(self, channel: Channel, work: Coroutine[Any, Any, None], name: str) -> None:
        log_subject.set(channel)
        restriction.set(0)
        try:
            await work
        except ChannelHangup:
            return
        except Goto as jump:
            if channel.alive and not channel.leaving:
                channel.redirect(jump)
        except EndDialplan:
            if channel.bridge is not None:
                channel.bridge.depart(channel)
        except FAILURES as error:
            if task_ends(error):
                raise
            report_failure(self._log, f"{name} of {channel.name}")

    def transfers_in(self, bridge: Bridge) -> bool:
        """Whether a member of a bridge is transferring it."""
        return any(member in self.transfers for member in bridge.members)

    def close(self) -> None:
        """End what runs."""
        for task in list(self.running.values()):
            task.cancel()
        for consultation in list(self.transfers.values()):
            if consultation is not None:
                consultation.give_up()


def options_of(channel: Channel) -> Options:
    """The options that count for a channel: its own (``FEATURE``), or those of the file."""
    own: Options | None = channel.data.get(KEY)
    return channel.pbx.features.settings.options if own is None else own


def inherit(called: Channel, caller: Channel) -> None:
    """Hand down a caller's options to a channel that it calls, where they are to be."""
    own: Options | None = caller.data.get(KEY)
    if own is not None and own.inherit:
        called.data[KEY] = own


def bridge_of(channel: Channel) -> Bridge | None:
    """The bridge that a channel is in."""
    bridge = channel.bridge
    return bridge if isinstance(bridge, Bridge) else None


@contextmanager
def away(channel: Channel) -> Iterator[None]:
    """Have a channel by itself meanwhile, although it is in a bridge."""
    bridge = bridge_of(channel)
    if bridge is not None:
        bridge.set_away(channel, True)
    try:
        yield
    finally:
        channel.flush_digits()
        bridge = bridge_of(channel)
        if bridge is not None:
            bridge.set_away(channel, False)
        channel.away = False
