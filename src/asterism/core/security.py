"""Security events: one set for every service, told to the bus and to the security log.

The names, fields and order are those of Asterisk 22: fail2ban's stock filter matches the log lines.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventBus, EventType, Fields
from asterism.core.log import SECURITY, ServerLogger, printable
from asterism.core.registry import Owner

Address = tuple[str, str, int]
"""Transport ("UDP"), host and port."""

INFORMATIONAL = frozenset({"ChallengeSent", "SuccessfulAuth"})
"""Events that tell of nothing that went wrong."""
_VERSION = {"InvalidPassword": 2}

_SYNOPSES = {
    "FailedACL": ("A request came from an address that an access list denies.", ("ACLName",)),
    "InvalidAccountID": ("A request named an account that does not exist.", ()),
    "SessionLimit": ("A login was refused because the account has all the sessions it may have.", ()),
    "MemoryLimit": ("A request was refused for want of memory.", ()),
    "LoadAverageLimit": ("A request was refused because the machine is too busy.", ()),
    "RequestNotSupported": ("A request asked for something that the service does not do.", ("RequestType",)),
    "RequestNotAllowed": ("An account asked for something that it may not do.", ("RequestType", "RequestParams")),
    "AuthMethodNotAllowed": ("An account tried a way to authenticate that is not open to it.", ("AuthMethod",)),
    "RequestBadFormat": ("A request could not be understood.", ("RequestType", "RequestParams")),
    "SuccessfulAuth": ("An account authenticated.", ("UsingPassword",)),
    "UnexpectedAddress": ("An authenticated request came from another address than before.", ("ExpectedAddress",)),
    "ChallengeResponseFailed": (
        "The answer to a challenge was wrong.",
        ("Challenge", "Response", "ExpectedResponse"),
    ),
    "InvalidPassword": ("A wrong password was given.", ("Challenge", "ReceivedChallenge", "ReceivedHash")),
    "ChallengeSent": ("An account was asked to prove itself.", ("Challenge",)),
    "InvalidTransport": ("An account used a transport that is not open to it.", ("AttemptedTransport",)),
}
_FIELDS = {
    "EventTV": "When it happened, UTC.",
    "Severity": "Informational or Error.",
    "Service": "Where it happened: PJSIP, SIP (endpoints of sip.conf) or AMI.",
    "EventVersion": "Version of the event's fields.",
    "AccountID": "The account that was named; <unknown> when it is none of ours.",
    "SessionID": "What groups events of one exchange: the Call-ID, or the manager's session.",
    "LocalAddress": "Where it came in: family/transport/host/port.",
    "RemoteAddress": "Where it came from: family/transport/host/port.",
    "SessionTV": "When the session began, for services that have sessions.",
    "ACLName": "The access list.",
    "RequestType": "What was asked for.",
    "RequestParams": "With which parameters.",
    "AuthMethod": "The way to authenticate.",
    "UsingPassword": "1 when a password was checked, else 0.",
    "ExpectedAddress": "The address known before: family/transport/host/port.",
    "Challenge": "The challenge that was given.",
    "Response": "The answer that came.",
    "ExpectedResponse": "The right answer; empty, for it would help to guess the secret.",
    "ReceivedChallenge": "The challenge that the client says it answers.",
    "ReceivedHash": "The answer that came.",
    "AttemptedTransport": "The transport that was used.",
}
_COMMON = (
    "EventTV", "Severity", "Service", "EventVersion", "AccountID", "SessionID", "LocalAddress", "RemoteAddress",
)  # fmt: skip


def _render(fields: Fields) -> Fields:
    return fields


def _event_type(name: str, synopsis: str, extra: tuple[str, ...]) -> EventType:
    arguments = tuple(Argument(field, _FIELDS[field]) for field in (*_COMMON, *extra, "SessionTV"))
    return EventType(name, "security", _render, Documentation(synopsis, arguments=arguments))


SECURITY_EVENTS: Mapping[str, EventType] = {
    name: _event_type(name, synopsis, extra) for name, (synopsis, extra) in _SYNOPSES.items()
}
"""The event types by name; subscribe to them on the bus."""


class SecurityEvents:
    """Publishes security events of one server."""

    def __init__(self, bus: EventBus, log: ServerLogger) -> None:
        self._bus = bus
        self._log = log

    def register(self, owner: Owner) -> None:
        """Make the event types known."""
        self._bus.register(owner, *SECURITY_EVENTS.values())

    def wanted(self, name: str) -> bool:
        """Whether anybody would see the event: ask before collecting costly fields."""
        # A loop, not any(): every REGISTER asks twice.
        for handler in self._log.handlers:
            if handler.level <= SECURITY:
                return True
        return bool(self._bus.listeners[SECURITY_EVENTS[name]])

    def publish(
        self,
        name: str,
        *,
        service: str,
        account: str,
        session: str,
        local: Address,
        remote: Address,
        session_time: float | None = None,
        **extra: object,
    ) -> None:
        """Tell one event.

        ``session`` is what groups events of one dialogue (the Call-ID; the manager's session);
        ``extra`` are the event's own fields in Asterisk's order. ``session_time`` is the epoch
        time the session began, for services that have sessions.
        """
        fields: list[tuple[str, object]] = [
            ("EventTV", timestamp(time.time())),
            ("Severity", "Informational" if name in INFORMATIONAL else "Error"),
            ("Service", service),
            ("EventVersion", _VERSION.get(name, 1)),
            ("AccountID", account),
            ("SessionID", session),
            ("LocalAddress", _address(local)),
            ("RemoteAddress", _address(remote)),
            *extra.items(),
        ]
        if session_time is not None:
            fields.append(("SessionTV", timestamp(session_time)))
        self._bus.publish(SECURITY_EVENTS[name], fields)
        line = ",".join([f'{key}="{value}"' for key, value in fields])
        # One look at the whole line: what a peer sent must not be able to forge a second field or line (fail2ban
        # reads these), but nearly always nothing in it could.
        if line.count('"') != 2 * len(fields) or not line.isprintable():
            line = ",".join([f'{key}="{_quoted(value)}"' for key, value in fields])
        self._log.security('SecurityEvent="%s",%s', name, line)


def timestamp(epoch: float) -> str:
    """Epoch seconds as ``2026-11-21T11:20:01.187+0000``, UTC."""
    milliseconds = int(epoch * 1000)
    date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return f"{date}.{milliseconds % 1000:03d}+0000"


def _address(address: Address) -> str:
    transport, host, port = address
    family = "IPV6" if ":" in host else "IPV4"
    return f"{family}/{transport}/{host}/{port}"


def _quoted(value: object) -> str:
    return printable(str(value).replace('"', "'"))
