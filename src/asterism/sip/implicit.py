"""Subscriptions that a request makes by itself, a REFER for instance (RFC 3515 2.4.4): who keeps them.

Whoever answers such a request does not know how subscriptions are kept, and the module that keeps them is another
application, which may not be loaded. So both meet here, by the name of an event package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.core.errors import DuplicateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.core.registry import Owner
    from asterism.sip.rx import Rx
    from asterism.stack.dialog import Dialog


class ImplicitSubscription(Protocol):
    """One such subscription: a usage of the dialog of its request."""

    def notify(self, body: str) -> None:
        """Tell the subscriber; each body is sent, in order, after the NOTIFY before it was answered.

        After the end it does nothing.
        """

    def close(self, body: str, reason: str = "noresource") -> None:
        """Tell the last, and end the subscription with it.

        Args:
            body: the body of the last NOTIFY.
            reason: as in Subscription-State (RFC 6665 4.1.3).
        """


class ImplicitSubscriptions(Protocol):
    """Whoever keeps the implicit subscriptions of one event package."""

    expires: int
    """Seconds that a subscription lasts."""

    def open(
        self, rx: Rx, dialog: Dialog, resource: str, ended: Callable[[], None] | None = None
    ) -> ImplicitSubscription:
        """Begin the subscription that ``rx``, which ``dialog`` is of, asks for by itself; nothing is sent.

        Args:
            rx: the request; its flow and endpoint are the subscription's.
            dialog: an established dialog.
            resource: what is subscribed to, for listings.
            ended: called once, when nothing more will be sent: the last NOTIFY was answered, or one failed.
        """


class ImplicitTable:
    """Those who keep implicit subscriptions, by event package."""

    def __init__(self) -> None:
        self._keepers: dict[str, ImplicitSubscriptions] = {}

    def register(self, owner: Owner, package: str, keeper: ImplicitSubscriptions) -> None:
        """Have ``keeper`` keep those of ``package``, until ``owner`` is released.

        Raises:
            DuplicateError: the package has one.
        """
        if package in self._keepers:
            raise DuplicateError(f"implicit subscriptions of '{package}' are kept already")
        self._keepers[package] = keeper

        def undo() -> None:
            del self._keepers[package]

        owner.on_release(undo)

    def get(self, package: str) -> ImplicitSubscriptions | None:
        """Return who keeps those of a package; ``None``: none can be made."""
        return self._keepers.get(package)
