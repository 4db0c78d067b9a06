"""What a caller demands of the channels that are called for it: that nobody can listen.

``CHANNEL(secure_bridge_signaling)`` and ``CHANNEL(secure_bridge_media)`` set it; a technology whose channel cannot keep
to it is not called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.core.containment import FAILURES, report_failure
from asterism.pbx.vocabulary.errors import RequestError

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

KEY = "secure_bridge"
"""Where a channel keeps its :class:`Security`, in ``channel.data``."""
NOT_AVAILABLE = 58
"""Q.850: bearer capability not presently available; why such a call fails."""


@dataclass(slots=True)
class Security:
    """What is demanded; ``None``: nothing was said."""

    signaling: bool | None = None
    media: bool | None = None


def pass_on(caller: Channel, called: Channel) -> None:
    """Have a channel that is called for another keep to what that demands; it has not been called yet.

    Raises:
        RequestError: it cannot; the channel has been hung up.
    """
    demand: Security | None = caller.data.get(KEY)
    if demand is None or not (demand.signaling or demand.media):
        return
    require = getattr(called.driver, "require_security", None)
    kept = False
    if require is not None:
        try:
            kept = require(demand)
        except FAILURES:
            report_failure(called.pbx.log, f"require_security of the {called.technology.name} driver")
    if not kept:
        called.pbx.log.notice("%s is not called for %s: it cannot be secured as demanded", called.name, caller.name)
        called.hang_up()
        raise RequestError(NOT_AVAILABLE, "it cannot be secured as demanded")
