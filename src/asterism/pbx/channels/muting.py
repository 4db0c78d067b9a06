"""Muting one direction of a channel's audio: the function MUTEAUDIO and the action MuteAudio."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.config.values import is_boolean, is_true
from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.media.taps import Direction
from asterism.media.volume import Mute
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_DIRECTIONS = (
    ("in", "what the far end says"),
    ("out", "what the far end hears"),
    ("all", "both"),
)
_KEY = "mute"
"""Where ``channel.data`` keeps the taps by their directions."""
_NAMES = frozenset(name for name, _ in _DIRECTIONS)


class Muting(PbxModule):
    """MUTEAUDIO and MuteAudio."""

    name: ClassVar[str] = "res_mutestream"
    description: ClassVar[str] = "Muting of a channel's audio"

    @function_writer(
        "MUTEAUDIO",
        Documentation(
            "Mute the channel's audio, or let it be heard again.",
            "MUTEAUDIO(direction)",
            "Set it to on or off. Digits pass nevertheless.",
            (Argument("direction", "", True, _DIRECTIONS),),
            ("MuteAudio",),
        ),
    )
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """On or off."""
        direction = args.strip().lower()
        if direction not in _NAMES:
            raise FunctionError("it takes in, out or all")
        if not is_boolean(value):
            raise FunctionError(f"'{value}' is neither on nor off")
        _mute(needs_channel(channel), direction, is_true(value))

    @action(
        "MuteAudio",
        "system",
        Documentation(
            "Mute an audio stream.",
            description="Silences one direction of a channel's audio, or both. Digits pass nevertheless.",
            arguments=(
                Argument("Channel", "Name of the channel, or its uniqueid.", True),
                Argument("Direction", "Which direction.", True, _DIRECTIONS),
                Argument("State", "What to do.", True, (("on", "mute"), ("off", "let it be heard again"))),
            ),
            see_also=("MUTEAUDIO",),
        ),
    )
    def mute_audio(self, call: ActionCall) -> None:
        """Run the action."""
        name, direction, state = call.get("Channel"), call.get("Direction").strip().lower(), call.get("State")
        if not name:
            call.error("No channel specified")
            return
        if direction not in _NAMES:
            call.error("Direction must be in, out or all")
            return
        if not is_boolean(state):
            call.error("State must be on or off")
            return
        channel = self.pbx.channels.get(name)
        if channel is None or channel.dead:
            call.error("No such channel")
            return
        _mute(channel, direction, is_true(state))
        call.success()


def _mute(channel: Channel, direction: str, on: bool) -> None:
    """Put the taps there, or take them off."""
    muted: dict[str, Mute] = channel.data.setdefault(_KEY, {})
    for name in ("in", "out") if direction == "all" else (direction,):
        tap = muted.pop(name, None)
        if tap is not None:
            channel.detach(tap)
        if on:
            muted[name] = Mute()
            channel.attach(muted[name], Direction(name))
