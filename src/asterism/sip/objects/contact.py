"""``contact``: one binding of an AOR, made by REGISTER or written in the AOR."""

from __future__ import annotations

import hashlib
from typing import Any

from asterism.data.kinds import BOOL, DECIMAL, SECONDS, TEXT, UINT, YES_NO
from asterism.data.options import ConfiguredObject, derived, option
from asterism.sip.objects.aor import NO_EFFECT_AUTHENTICATE, QUALIFY_FREQUENCY
from asterism.sip.objects.kinds import Epoch
from asterism.stack.uri import Uri


class Contact(ConfiguredObject, type="contact"):
    """Where an AOR can be reached now, and what was known of the REGISTER that said so."""

    SOURCES = ("astdb,registrar",)
    REALTIME = "ps_contacts"
    INDEXES = ("aor",)
    RUNTIME = True
    VERSION = "expiration_time"
    EXTENDED = False

    aor: str = derived("")
    """The AOR, which the id starts with."""
    lifetime: int = derived(0)
    """Seconds that it was bound for by the REGISTER that this server took last; 0: another one took it."""

    uri = option(TEXT, "", "The URI to send requests to.")
    expiration_time = option(Epoch(), 0, "When the binding ends; 0: never.")
    qualify_frequency = option(QUALIFY_FREQUENCY, 0, "Interval of checks, from the AOR.")
    qualify_timeout = option(DECIMAL, 3.0, "Seconds to wait for an answer, from the AOR.")
    qualify_2xx_only = option(BOOL, False, "Only 2xx counts, from the AOR.")
    authenticate_qualify = option(YES_NO, False, "From the AOR.", no_effect=NO_EFFECT_AUTHENTICATE)
    outbound_proxy = option(TEXT, "", "Route for checks, from the AOR.")
    path = option(TEXT, "", "Path of the REGISTER, the route to this contact.")
    user_agent = option(TEXT, "", "User-Agent of the REGISTER.")
    endpoint = option(TEXT, "", "Endpoint that registered.")
    reg_server = option(TEXT, "", "Server that took the REGISTER.")
    via_addr = option(TEXT, "", "Host of the REGISTER's last Via.")
    via_port = option(UINT, 0, "Port of the REGISTER's last Via.")
    call_id = option(TEXT, "", "Call-ID of the REGISTER.")
    prune_on_boot = option(YES_NO, False, "Forget the binding at start: its connection cannot outlive the server.")
    cseq = option(UINT, 0, "CSeq of the REGISTER, to tell late ones.", listed=False)
    q = option(DECIMAL, 1.0, "Preference among the AOR's contacts, 0 to 1.", listed=False)
    original_uri = option(TEXT, "", "The URI that the phone gave, where the one to use was made of it.", listed=False)
    registered_at = option(SECONDS, 0, "When the binding was made, in Unix seconds.", listed=False)

    def __init__(self, id: str, **values: Any) -> None:  # noqa: A002 - the base's word
        super().__init__(id, **values)
        self.restored()

    def restored(self) -> None:
        """Find the AOR again in the id."""
        self.aor = self.id.partition(";@")[0] if ";@" in self.id else self.id.partition("@@")[0]

    @property
    def parsed(self) -> Uri:
        """The URI, parsed (cached by value). Raises ``ParseError``."""
        return Uri.parse(self.uri)

    @property
    def permanent(self) -> bool:
        """Whether it comes from the configuration of its AOR and never expires."""
        return not self.expiration_time

    @property
    def hash(self) -> str:
        """The last part of the id, as listings show it (its first ten digits)."""
        return self.id[-32:]


def contact_id(aor: str, uri: str) -> str:
    """The id of a registered contact, ``alice;@<MD5 of the URI>``."""
    return f"{aor};@{hashlib.md5(uri.encode('utf-8', 'surrogateescape'), usedforsecurity=False).hexdigest()}"


def permanent_contact_id(aor: str, uri: str) -> str:
    """The id of a contact written in an AOR, ``trunk@@<MD5 of the URI>``."""
    return f"{aor}@@{hashlib.md5(uri.encode('utf-8', 'surrogateescape'), usedforsecurity=False).hexdigest()}"
