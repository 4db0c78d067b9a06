"""Broadcast: speak to many channels at once, or hear many."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.spying.broadcasting import Broadcasting, Way
from asterism.pbx.calls.spying.choice import mark_spying
from asterism.pbx.channels.answering import answer
from asterism.pbx.dialplan.language.arguments import option_letters, split_arguments
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_OPTIONS = (
    ("b", "with w: those that the channels' far ends talk to hear this channel as well"),
    ("l", "no effect: what waits to be heard is kept as long as is useful anyhow"),
    ("o", "with s: hear only what the channels' far ends say, not what they hear"),
    ("r", "no effect: with b, everybody in a bridge of any size hears this channel anyhow"),
    ("s", "hear the channels, all mixed"),
    ("w", "the channels' far ends hear this channel"),
)


class BroadcastApplication(PbxModule):
    """The application."""

    name: ClassVar[str] = "app_broadcast"
    description: ClassVar[str] = "Channel Audio Broadcasting"

    @application(
        "Broadcast",
        Documentation(
            "Speak to many channels at once, or hear them",
            "Broadcast(options,channel[,channel2[,...]])",
            "Answers first. The channels go on with whatever they do. It ends when all of them have hung up.",
            (
                Argument("options", "Letters: w, s, or both, and how.", True, values=_OPTIONS),
                Argument("channel", "The whole name of a channel, or its uniqueid.", True),
            ),
            ("ChanSpy", "Page"),
        ),
    )
    async def broadcast(self, channel: Channel, args: str) -> None:
        """Run Broadcast."""
        log = channel.pbx.log
        options, *names = [word.strip() for word in split_arguments(args)] or [""]
        letters = option_letters(options)
        for letter in sorted(letters - {one for one, _ in _OPTIONS}):
            log.warning("Broadcast on %s: option '%s' is unknown", channel.name, letter)
        way = Way(
            speaks="w" in letters,
            to_peers={"w", "b"} <= letters,
            hears="s" in letters,
            from_peers="s" in letters and "o" not in letters,
        )
        if not (way.speaks or way.hears):
            log.warning("Broadcast on %s: it needs the option w or s", channel.name)
            return
        found = [(name, channel.pbx.channels.get(name)) for name in names if name]
        for name in [name for name, target in found if target is None]:
            log.warning("Broadcast on %s: there is no channel '%s'", channel.name, name)
        targets = [target for _, target in found if target is not None]
        if not targets:
            log.warning("Broadcast on %s: it needs a channel", channel.name)
            return
        if channel.state is not ChannelState.UP:
            await answer(channel)
        broadcasting = Broadcasting(channel, targets, way)
        mark_spying(channel, True)
        try:
            broadcasting.begin()
            await broadcasting.wait()
        finally:
            broadcasting.stop()
            mark_spying(channel, False)
