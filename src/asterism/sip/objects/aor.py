"""``aor``: an address of record, and under which conditions contacts are bound to it."""

from __future__ import annotations

from asterism.data.kinds import BOOL, DECIMAL, NAMES, SECONDS, TEXT, UINT, Integer
from asterism.data.options import ConfiguredObject, derived, option
from asterism.sip.objects.kinds import UriList

QUALIFY_FREQUENCY = Integer(0, 86400, "seconds, 0 to 86400")
NO_EFFECT_AUTHENTICATE = "challenges to qualify requests are always answered"


class Aor(ConfiguredObject, type="aor"):
    """Where an endpoint can be reached: permanent contacts, and those that it registers."""

    SOURCES = ("config,pjsip.conf,criteria=type=aor", "pjsip_wizard,pjsip_wizard.conf")
    REALTIME = "ps_aors"
    ON_DEMAND = True

    pace: tuple[float, int] = derived((0.0, 0))
    """Seconds, and how many contacts are checked after each such pause at the start; 0 contacts: by chance."""

    contact = option(UriList(), (), "A contact that is always there; may be repeated.")
    contact_until_registered = option(
        BOOL, False, "The contacts of the file count only while none is registered.", listed=False
    )
    max_contacts = option(UINT, 0, "How many contacts may be registered; 0: none.")
    remove_existing = option(BOOL, False, "Make room for a new contact by dropping those that expire first.")
    remove_unavailable = option(BOOL, False, "Make room by dropping contacts that do not answer.")
    default_expiration = option(SECONDS, 3600, "Lifetime of a contact that names none.")
    minimum_expiration = option(SECONDS, 60, "Shorter lifetimes are raised to this.")
    maximum_expiration = option(SECONDS, 7200, "Longer lifetimes are cut to this.")
    qualify_frequency = option(QUALIFY_FREQUENCY, 0, "Interval of the OPTIONS that check a contact; 0: none.")
    qualify_retry_frequency = option(
        QUALIFY_FREQUENCY, 0, "The interval while a contact does not answer; 0: the same.", listed=False
    )
    keep_alive_interval = option(
        SECONDS, 0, "Interval of packets that keep a NAT's way to a contact open, by UDP; 0: none.", listed=False
    )
    qualify_timeout = option(DECIMAL, 3.0, "Seconds after which a contact counts as unreachable.")
    qualify_2xx_only = option(BOOL, False, "Only a 2xx shows that a contact is reachable.")
    authenticate_qualify = option(BOOL, False, "Answer challenges to OPTIONS.", no_effect=NO_EFFECT_AUTHENTICATE)
    outbound_proxy = option(TEXT, "", "Route for the OPTIONS, a URI with its ;lr.")
    support_path = option(BOOL, False, "Keep the Path of a REGISTER and use it as a route.")
    mailboxes = option(NAMES, (), "Mailboxes that a subscription to this AOR tells of.")
    voicemail_extension = option(TEXT, "", "Extension of the voicemail system.")
