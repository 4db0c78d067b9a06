"""The digits of a user: which of them make an entry of the menu, and which go on to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.pbx.bridges.bridge import Bridge

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.menus import Menu
    from asterism.pbx.channels.channel import Channel


class MenuKeys:
    """The user's member calls this with each digit (:attr:`~asterism.pbx.bridges.member.Member.on_digit`).

    Digits that may become a longer entry are held back for ``pause`` seconds. Then the entry that they are counts; what
    is none goes on to the others if ``passes``, else it is dropped.
    """

    __slots__ = ("_chosen", "_held", "_timer", "menu", "passes", "pause")

    def __init__(self, menu: Menu, chosen: Callable[[str], None], *, pause: float, passes: bool) -> None:
        """``chosen`` is called with the digits of an entry that was dialled."""
        self.menu = menu
        self.pause = pause
        self.passes = passes
        self._chosen = chosen
        self._held: list[tuple[str, int]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        """Take a digit; ``False``: it is for the others."""
        held = self._held
        self.stop()
        if held and not self._leads("".join(one for one, _ in held) + digit):
            self._settle(channel)
        dialled = "".join(one for one, _ in held) + digit
        if not self._leads(dialled):
            return not self.passes
        held.append((digit, duration_ms))
        if self.menu.begins(dialled):
            self._timer = channel.pbx.loop.call_later(self.pause, self._settle, channel)
        else:
            self._settle(channel)
        return True

    def _leads(self, digits: str) -> bool:
        return digits in self.menu.entries or self.menu.begins(digits)

    def _settle(self, channel: Channel) -> None:
        """Nothing longer has come of what is held."""
        held = self._held
        dialled = "".join(one for one, _ in held)
        bridge = channel.bridge
        if dialled in self.menu.entries:
            held.clear()
            self._chosen(dialled)
            return
        told = list(held)
        held.clear()
        if self.passes and isinstance(bridge, Bridge):
            for digit, duration_ms in told:
                bridge.send_on(channel, digit, duration_ms)

    def stop(self) -> None:
        """Wait for no further digit."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
