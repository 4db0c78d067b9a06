"""``outbound-publish``: states that this server publishes at another."""

from __future__ import annotations

from asterism.data.kinds import BOOL, NAME, NAMES, SECONDS, TEXT, UINT, Integer
from asterism.data.options import ConfiguredObject, InvalidOptionError, option
from asterism.sip.objects.kinds import SIP_URI


class OutboundPublish(ConfiguredObject, type="outbound-publish"):
    """Publishes states of an event package at another server (RFC 3903).

    ``@name`` options are for what publishes: ``@device_state``, ``@device_state_filter``, ``@mailbox_state``,
    ``@mailbox_state_filter`` for ``asterisk-devicestate`` and ``asterisk-mwi``; ``@body``, ``@context``, ``@exten`` for
    ``presence`` and ``dialog``; ``@mailbox`` for ``message-summary``.
    """

    SOURCES = ("config,pjsip.conf,criteria=type=outbound-publish",)
    REALTIME = "ps_outbound_publishes"
    REFERENCES = {"outbound_auth": "auth"}  # noqa: RUF012

    server_uri = option(SIP_URI, "", "The server and what is published there: Request-URI of PUBLISH.", required=True)
    from_uri = option(SIP_URI, "", "Who publishes; it stands in To (as in Asterisk 22). Empty: server_uri.")
    to_uri = option(SIP_URI, "", "Whose state it is; it stands in From (as in Asterisk 22). Empty: server_uri.")
    event = option(TEXT, "", "Event package: asterisk-devicestate, asterisk-mwi, presence, ...", required=True)
    expiration = option(Integer(1, accepted="seconds, 1 or more"), 3600, "Lifetime asked for.")
    max_auth_attempts = option(UINT, 5, "How often in a row credentials are given to a server that asks again.")
    outbound_auth = option(NAMES, (), "Credentials to answer challenges with.")
    outbound_proxy = option(TEXT, "", "Route for PUBLISH, a URI with its ;lr.")
    transport = option(NAME, "", "Transport for PUBLISH.")
    multi_user = option(BOOL, False, "One publication for each extension or mailbox, its name as user of all URIs.")
    retry_interval = option(
        SECONDS, 60, "Seconds after which what was not answered is sent again; 0: with the next change."
    )

    def validate(self, given: frozenset[str]) -> None:
        """The package is looked up in lower case."""
        if not self.event.strip():
            raise InvalidOptionError("event", "it is empty")
