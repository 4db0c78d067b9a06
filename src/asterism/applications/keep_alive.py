"""Keep-alive packets to contacts (``keep_alive_interval`` of an AOR): two line ends, which keep a NAT's way open.

A reliable connection has its own (``keep_alive_interval`` of ``[global]``); contacts by UDP alone are sent these.
"""

from __future__ import annotations

import random
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from asterism.core.errors import AsterismError
from asterism.core.module import Module
from asterism.sip.contacts import Contact
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import ParseError, SipError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.data.table import Change
    from asterism.sip.server import SipServer
    from asterism.stack.timers import Timer

PACKET = b"\r\n\r\n"


class KeepAlives(Module):
    """One timer for each contact of an AOR that wants it."""

    name = "contact_keep_alive"
    part_of = ("res_pjsip",)
    requires = ("res_pjsip",)
    description = "Keep-alive packets to contacts behind NAT"

    def __init__(self) -> None:
        self._timers: dict[str, Timer] = {}

    def load(self, server: SipServer) -> None:
        """Keep the server."""
        self._server = server

    def start(self) -> None:
        """Begin with the contacts that there are, and follow registrations and AORs."""
        data, location = self._server.data, self._server.sip.location
        location.on_added.append(self._added)
        location.on_removed.append(self._removed)
        data.observe(Aor, self._aor_changed)
        for aor in data.all(Aor):
            self._follow(aor)

    def unload(self) -> None:
        """Send no more."""
        location = self._server.sip.location
        if self._added in location.on_added:
            location.on_added.remove(self._added)
            location.on_removed.remove(self._removed)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _aor_changed(self, change: Change[Aor]) -> None:
        if change.new is not None:
            self._follow(change.new)

    def _follow(self, aor: Aor) -> None:
        if aor.keep_alive_interval:
            for contact in self._server.sip.location.contacts(aor.id):
                self._added(contact)

    def _interval(self, contact: Contact) -> int:
        aor = self._server.data.get(Aor, contact.aor)
        return aor.keep_alive_interval if isinstance(aor, Aor) else 0

    def _added(self, contact: Contact) -> None:
        interval = self._interval(contact)
        if interval and contact.id not in self._timers:
            # Spread: those that register together are not sent to together.
            self._arm(contact, random.uniform(0, interval))

    def _removed(self, contact: Contact) -> None:
        timer = self._timers.pop(contact.id, None)
        if timer is not None:
            timer.cancel()

    def _arm(self, contact: Contact, delay: float) -> None:
        timers: Any = self._server.sip.layer.timers
        self._timers[contact.id] = timers.call_later(delay, self._due, contact)

    def _due(self, contact: Contact) -> None:
        del self._timers[contact.id]
        sip, interval = self._server.sip, self._interval(contact)
        current = {item.id: item for item in sip.location.contacts(contact.aor)}.get(contact.id)
        if not interval or current is None:
            return
        self._arm(current, float(interval))
        names = (current.endpoint,) if current.endpoint else tuple(sip.location.endpoints_of(current.aor))
        found = self._server.data.get(Endpoint, names[0]) if names else None
        try:
            way = sip.way_to(Uri.parse(current.uri), found if isinstance(found, Endpoint) else None)
        except (ParseError, OSError, AsterismError, SipError):
            return  # a check of the contact, or a call, tells of it
        if isawaitable(way):
            self._server.spawn(self._send_later(way), f"keep-alive/{current.aor}")
        else:
            self._send(way)

    async def _send_later(self, waiting: Any) -> None:
        try:
            self._send(await waiting)
        except (OSError, AsterismError, SipError):
            return

    def _send(self, way: Any) -> None:
        if way.flow is not None and not way.flow.reliable:
            way.flow.send(PACKET)
