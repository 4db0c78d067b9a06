"""How often one party may be transferred: loops of transfers end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

MAX_TRANSFERS = 20
"""Transfers of one party within :data:`WINDOW`; each is a call of its own as well, which ``Max-Forwards`` limits."""
WINDOW = 60.0
"""Seconds."""
_KEY = "transfers"


def allow(transferee: Channel) -> bool:
    """Count a transfer of a party; ``False`` when there were too many of late."""
    now = transferee.pbx.loop.time()
    since, count = transferee.data.get(_KEY, (now, 0))
    if now - since >= WINDOW:
        since, count = now, 0
    if count >= MAX_TRANSFERS:
        transferee.pbx.log.notice(
            "%s is not transferred any more: %d times within a minute", transferee.name, MAX_TRANSFERS
        )
        return False
    transferee.data[_KEY] = (since, count + 1)
    return True
