"""Listings of publications for the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import UsageError

if TYPE_CHECKING:
    from asterism.applications.pubsub.outbound.publications import OutboundPublications
    from asterism.applications.pubsub.registry import PubSub

_RULER = "=" * 75 + "\n"
_INBOUND = (
    "Endpoint: <Endpoint.......................................................>\n"
    "Resource: <Resource/Event.................................................>\n"
    "  Expiry: <Expiry>  <Entity tag>  <Parts>  <Bytes>\n" + _RULER + "\n"
)
_OUTBOUND = (
    "Publication: <Publication/Server URI......................................>\n"
    "      Event: <Event/User..................................................>\n"
    "     Status: <Status....>  <Expiry>  <Entity tag>\n" + _RULER + "\n"
)


class InboundListing:
    """``pjsip show|list publications inbound``."""

    def __init__(self, tables: PubSub) -> None:
        self._publications = tables.publications

    @command(
        "pjsip show publications inbound",
        Documentation(
            "Show what others have published here.",
            "pjsip show publications inbound",
            "Each with its endpoint, what it is for, the seconds that are left, its entity tag and its size.",
        ),
    )
    def show(self, call: CommandCall) -> str:
        """One after the other."""
        if call.args:
            raise UsageError
        rows = [
            f"Endpoint: {one.endpoint}\nResource: {one.resource}/{one.event}\n"
            f"  Expiry: {self._publications.remaining(one):8}  {one.tag:12}  {len(one.parts):7}  {one.size:7}\n\n"
            for one in self._publications
        ]
        return f"{_INBOUND}{''.join(rows)}{len(rows)} active publications\n\n"

    @command(
        "pjsip list publications inbound",
        Documentation("List what others have published here.", "pjsip list publications inbound", "One line for each."),
    )
    def lines(self, call: CommandCall) -> str:
        """One line each."""
        if call.args:
            raise UsageError
        rows = [
            f"{one.endpoint:30.30} {f'{one.resource}/{one.event}':30.30} "
            f"{self._publications.remaining(one):6} {one.tag}\n"
            for one in self._publications
        ]
        head = f"{'Endpoint':30} {'Resource/Event':30} {'Expiry':6} Entity tag\n\n"
        return f"{head}{''.join(rows)}{len(rows)} active publications\n\n"


class OutboundListing:
    """``pjsip show|list publications outbound``."""

    def __init__(self, publications: OutboundPublications) -> None:
        self._publications = publications

    @command(
        "pjsip show publications outbound",
        Documentation(
            "Show what this server publishes at others.",
            "pjsip show publications outbound",
            "Each outbound-publish with how it stands there; with multi_user once for each user. Nothing is sent "
            "before there is something to tell.",
        ),
    )
    def show(self, call: CommandCall) -> str:
        """One after the other."""
        if call.args:
            raise UsageError
        rows = [
            f"Publication: {name}\n      Event: {event}\n     Status: {status:12}  {expiry:8}  {tag}\n\n"
            for name, event, status, expiry, tag in self._rows()
        ]
        return f"{_OUTBOUND}{''.join(rows)}{len(rows)} publications\n\n"

    @command(
        "pjsip list publications outbound",
        Documentation(
            "List what this server publishes at others.", "pjsip list publications outbound", "One line for each."
        ),
    )
    def lines(self, call: CommandCall) -> str:
        """One line each."""
        if call.args:
            raise UsageError
        rows = [
            f"{name:40.40} {event:24.24} {status:9} {expiry:6}\n" for name, event, status, expiry, _ in self._rows()
        ]
        head = f"{'Publication/Server URI':40} {'Event/User':24} {'Status':9} Expiry\n\n"
        return f"{head}{''.join(rows)}{len(rows)} publications\n\n"

    def _rows(self) -> list[tuple[str, str, str, int, str]]:
        rows: list[tuple[str, str, str, int, str]] = []
        for one in self._publications:
            config = one.config
            name = f"{config.id}/{config.server_uri}"
            if not one.clients:
                rows.append((name, config.event, "Idle" if one.publisher is not None else "No module", 0, ""))
            for user in sorted(one.clients):
                client = one.clients[user]
                event = f"{config.event}/{user}" if user else config.event
                rows.append((name, event, client.status.value, client.remaining, client.tag))
        return rows
