"""Event and Subscription-State (RFC 6665), SIP-ETag and SIP-If-Match (RFC 3903)."""

from __future__ import annotations

from typing import ClassVar

from asterism.stack.headers.base import ParamValue


class Event(ParamValue):
    """An event package with its ``id``."""

    NAME: ClassVar[str] = "Event"
    __slots__ = ()

    @property
    def package(self) -> str:
        """The package with its templates, lower case."""
        return self.value.lower()

    @property
    def id(self) -> str | None:
        """The ``id`` that tells subscriptions of one dialog apart."""
        return self.param("id")


class SubscriptionState(ParamValue):
    """``active``, ``pending`` or ``terminated``, with what belongs to it."""

    NAME: ClassVar[str] = "Subscription-State"
    __slots__ = ()

    @property
    def state(self) -> str:
        """The state, lower case."""
        return self.value.lower()

    @property
    def expires(self) -> int | None:
        """Seconds left."""
        return self.number("expires")

    @property
    def reason(self) -> str:
        """Why it ended (``timeout``, ``deactivated``, ...); ``""`` if not given."""
        return (self.param("reason") or "").lower()

    @property
    def retry_after(self) -> int | None:
        """Seconds to wait before subscribing again."""
        return self.number("retry-after")


class SipETag(ParamValue):
    """The version of a publication."""

    NAME: ClassVar[str] = "SIP-ETag"
    __slots__ = ()


class SipIfMatch(ParamValue):
    """The version that a publication changes."""

    NAME: ClassVar[str] = "SIP-If-Match"
    __slots__ = ()
