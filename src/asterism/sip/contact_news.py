"""What happens to contacts, as the console and tests are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.sip.contacts import ContactStatus

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger
    from asterism.core.test_events import TestEvents
    from asterism.sip.contacts import Contact, Reachability


class ContactNews:
    """Writes verbose lines, and TestEvents while somebody wants them.

    What happens in every registration asks for both before it calls, so that it costs nothing when nobody listens.
    """

    __slots__ = ("_log", "_tests")

    def __init__(self, log: ServerLogger, tests: TestEvents) -> None:
        self._log = log
        self._tests = tests

    def added(self, contact: Contact) -> None:
        """A REGISTER has made a new binding."""
        if self._log.verbosity >= 3:
            self._log.verbose(
                3, "Added contact '%s' to AOR '%s' with expiration of %d seconds",
                contact.uri, contact.aor, contact.lifetime,
            )  # fmt: skip
        self._test("AOR_CONTACT_ADDED", contact, ("Expiration", contact.lifetime))

    def refreshed(self, contact: Contact) -> None:
        """A REGISTER has refreshed a binding."""
        if self._log.verbosity >= 4:
            self._log.verbose(
                4, "Refreshed contact '%s' on AOR '%s' with new expiration of %d seconds",
                contact.uri, contact.aor, contact.lifetime,
            )  # fmt: skip
        self._test("AOR_CONTACT_REFRESHED", contact, ("Expiration", contact.lifetime))

    def removed(self, contact: Contact, why: str) -> None:
        """A binding is no more."""
        if self._log.verbosity >= 3:
            self._log.verbose(3, "Removed contact '%s' from AOR '%s' due to %s", contact.uri, contact.aor, why)
        if self._log.verbosity >= 2:
            self._log.verbose(2, "Contact %s/%s has been deleted", contact.aor, contact.uri)
        self._test("AOR_CONTACT_REMOVED", contact)

    def answered(self, contact: Contact, state: Reachability, *, changed: bool) -> None:
        """A qualify had an answer, or none in time; ``changed``: unlike the one before."""
        if changed and self._log.verbosity >= 3:
            self._log.verbose(
                3, "Contact %s/%s is now %s.  RTT: %.3f msec",
                contact.aor, contact.uri, state.status.event_name, state.rtt_usec / 1000,
            )  # fmt: skip
        if self._tests.wanted:
            status = ("Status", state.status.event_name)
            if changed:
                self._tests.send("AOR_CONTACT_UPDATE", (("Contact", contact.id), status))
            rtt = state.rtt_usec if state.status is ContactStatus.REACHABLE else 0
            self._tests.send("AOR_CONTACT_QUALIFY_RESULT", (("Contact", contact.id), status, ("RTT", rtt)))

    def turned(self, endpoint: str, available: bool) -> None:
        """An endpoint can be called now, or no more."""
        self._log.verbose(2, "Endpoint %s is now %s", endpoint, "Reachable" if available else "Unreachable")

    def _test(self, state: str, contact: Contact, *more: tuple[str, object]) -> None:
        if self._tests.wanted:
            binding = (("Contact", contact.uri), ("AOR", contact.aor), *more, ("UserAgent", contact.user_agent))
            self._tests.send(state, binding)
