"""``registration``: a registration of this server at another one."""

from __future__ import annotations

from asterism.data.kinds import BOOL, NAME, NAMES, SECONDS, TEXT, UINT, YES_NO, Choice
from asterism.data.options import ConfiguredObject, InvalidOptionError, derived, option
from asterism.sip.objects.habits import PJSIP, Habits
from asterism.sip.objects.kinds import SIP_URI


class Registration(ConfiguredObject, type="registration"):
    """Registers the server at a provider, and keeps it registered."""

    SOURCES = ("config,pjsip.conf,criteria=type=registration", "pjsip_wizard,pjsip_wizard.conf")
    REALTIME = "ps_registrations"
    REFERENCES = {"outbound_auth": "auth"}  # noqa: RUF012

    habits: Habits = derived(PJSIP)
    """How the driver behaves that the registration was written for."""

    server_uri = option(SIP_URI, "", "The registrar: Request-URI of REGISTER.", required=True)
    client_uri = option(SIP_URI, "", "The address registered: From and To of REGISTER.", required=True)
    contact_user = option(TEXT, "", "User part of Contact; empty: s.")
    contact_header_params = option(TEXT, "", "Parameters added to Contact, a=b;c=d.")
    expiration = option(SECONDS, 3600, "Lifetime asked for.")
    retry_interval = option(SECONDS, 60, "Time to the next attempt after a passing failure.")
    forbidden_retry_interval = option(SECONDS, 0, "Time to the next attempt after 403; 0: give up.")
    fatal_retry_interval = option(SECONDS, 0, "Time to the next attempt after any other failure; 0: give up.")
    max_retries = option(UINT, 10, "How many attempts may fail in a row.")
    auth_rejection_permanent = option(BOOL, True, "Give up when the credentials are refused.")
    max_random_initial_delay = option(SECONDS, 10, "The first attempt is made at a random moment within this.")
    outbound_auth = option(NAMES, (), "Credentials to answer challenges with.")
    outbound_proxy = option(TEXT, "", "Route for REGISTER, a URI with its ;lr.")
    transport = option(NAME, "", "Transport for REGISTER.")
    line = option(BOOL, False, "Mark the Contact so that calls for it are recognised; needs endpoint.")
    endpoint = option(NAME, "", "Endpoint of calls so recognised.")
    support_path = option(BOOL, False, "Announce support of path.")
    support_outbound = option(YES_NO, False, "Announce support of outbound.")
    security_negotiation = option(Choice("no", "mediasec"), "no", "Negotiate security mechanisms (RFC 3329).")
    security_mechanisms = option(NAMES, (), "Mechanisms to offer.", listed=False)
    user_agent = option(TEXT, "", "User-Agent of REGISTER, if another than usual.")

    def validate(self, given: frozenset[str]) -> None:
        """A line without an endpoint, or the reverse, recognises nothing."""
        if self.line and not self.endpoint:
            raise InvalidOptionError("line", "it needs endpoint")
        if self.endpoint and not self.line:
            raise InvalidOptionError("endpoint", "it needs line=yes")
