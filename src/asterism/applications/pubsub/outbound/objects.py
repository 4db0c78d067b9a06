"""``outbound-subscription``: a subscription of this server at another one."""

from __future__ import annotations

from asterism.data.kinds import NAME, NAMES, SECONDS, TEXT, UINT, Integer
from asterism.data.options import ConfiguredObject, InvalidOptionError, derived, option
from asterism.sip.objects.habits import PJSIP, Habits
from asterism.sip.objects.kinds import SIP_URI


class OutboundSubscription(ConfiguredObject, type="outbound-subscription"):
    """Subscribes this server to something at another server, and keeps it subscribed.

    Options whose name begins with ``@`` are for the event package that reads what is told.
    """

    SOURCES = ("config,pjsip.conf,criteria=type=outbound-subscription",)
    REALTIME = "ps_outbound_subscriptions"
    REFERENCES = {"outbound_auth": "auth"}  # noqa: RUF012

    habits: Habits = derived(PJSIP)
    """How the driver behaves that the subscription was written for."""

    server_uri = option(SIP_URI, "", "What is subscribed to: Request-URI of SUBSCRIBE.", required=True)
    from_uri = option(SIP_URI, "", "Who subscribes: From of SUBSCRIBE; empty: server_uri.")
    to_uri = option(SIP_URI, "", "To of SUBSCRIBE; empty: server_uri.")
    event = option(TEXT, "message-summary", "Event package; a module must be there that reads it.")
    mailbox = option(TEXT, "", "Mailbox here that message-summary counts for: 6001@default.")
    contact_user = option(TEXT, "", "User part of Contact; empty: that of from_uri.")
    expiration = option(Integer(1), 3600, "Seconds asked for.")
    retry_interval = option(Integer(1), 60, "Seconds to the next attempt after a passing failure, or the end of one.")
    fatal_retry_interval = option(SECONDS, 0, "Time to the next attempt after any other refusal; 0: give up.")
    max_retries = option(UINT, 10, "How many attempts may fail in a row.")
    max_random_initial_delay = option(SECONDS, 10, "The first attempt is made at a random moment within this.")
    outbound_auth = option(NAMES, (), "Credentials to answer challenges with.")
    outbound_proxy = option(SIP_URI, "", "Route for SUBSCRIBE, a URI with its ;lr.")
    transport = option(NAME, "", "Transport for SUBSCRIBE.")

    def validate(self, given: frozenset[str]) -> None:
        """Counts without a mailbox would go nowhere."""
        if self.event.lower() == "message-summary" and not self.mailbox:
            raise InvalidOptionError("mailbox", "message-summary needs it")
