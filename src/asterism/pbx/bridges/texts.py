"""Texts that a member of a bridge sends within its call: the others get them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.bridges.bridge import HOLDING, Bridge
from asterism.pbx.channels.texting import send_text

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def pass_text(source: Channel, text: str) -> bool:
    """Give a text to the others in the channel's bridge, except those who want none; whether anybody took it."""
    bridge = source.bridge
    if not isinstance(bridge, Bridge) or bridge.uses is HOLDING:
        return False
    taken = False
    for other, member in list(bridge.members.items()):
        if other is not source and member.texts:
            taken = send_text(other, text) or taken
    return taken
