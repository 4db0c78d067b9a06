"""``ignoreregexpire``: a peer whose registration is over is called where it was, until it says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.chan_sip.objects.general import SipGeneral, general_of
from asterism.chan_sip.objects.peer import SipPeer
from asterism.core.module import Module
from asterism.data.errors import DataError
from asterism.sip.contacts import Contact

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.data.data import Change
    from asterism.sip.core import SipCore
    from asterism.sip.server import SipServer

KEPT_SECONDS = 10 * 365 * 86400
"""Lifetime of a contact that is kept: until the peer registers again, or takes it back."""


def is_kept(contact: Contact, now: float) -> bool:
    """Whether a contact is there only because its end was ignored. No REGISTER is granted half so long a time."""
    return contact.expiration_time > now + KEPT_SECONDS / 2


class ExpiredContacts:
    """Puts contacts back that went because their time was over."""

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._undo: Callable[[], None] | None = None

    def follow(self) -> None:
        """Do so while ``[general]`` wants it."""
        general = general_of(self._core.data)
        wanted = general is not None and general.ignoreregexpire
        if wanted and self._undo is None:
            self._undo = self._core.data.observe(Contact, self._changed)
        elif not wanted:
            self.stop()

    def stop(self) -> None:
        """Put nothing back any more."""
        if self._undo is not None:
            self._undo()
            self._undo = None

    def _changed(self, change: Change[Contact]) -> None:
        contact = change.item
        if change.new is not None or contact.expiration_time > self._core.location.wall_clock():
            return
        if contact.aor in self._core.data.objects(SipPeer):
            # Not within the commit that takes it away.
            self._core.layer.timers.call_later(0.0, self._put_back, contact)

    def _put_back(self, contact: Contact) -> None:
        data = self._core.data
        if data.find_staged(Contact, "aor", contact.aor):
            return
        until = int(self._core.location.wall_clock()) + KEPT_SECONDS
        try:
            data.put_now(contact.replace(expiration_time=until))
        except DataError as error:
            self._core.log.warning("the contact of '%s' is not kept: %s", contact.aor, error)


class ChanSipExpired(Module):
    """Keeps contacts whose time is over (``ignoreregexpire``)."""

    name = "chan_sip_expired"
    part_of = ("chan_sip",)
    requires = ("chan_sip",)
    description = "Contacts of sip.conf that outlast their registration"

    def load(self, server: SipServer) -> None:
        """Follow ``[general]``."""
        self._contacts = ExpiredContacts(server.sip)
        server.data.observe(SipGeneral, lambda _change: self._contacts.follow())

    def start(self) -> None:
        """Begin."""
        self._contacts.follow()

    def unload(self) -> None:
        """End."""
        self._contacts.stop()
