"""``SipPeer``: a section of ``sip.conf`` (or ``users.conf``) with a ``type``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.chan_sip.objects.kinds import BOOL, CREDENTIALS, INSECURE, MAILBOXES, PORT
from asterism.chan_sip.objects.shared import SipOptions
from asterism.data.kinds import NAMES, TEXT, UINT, Choice, Integer, Variables
from asterism.data.network import AccessRule, HostKind, Rules
from asterism.data.options import derived, modifier, option
from asterism.sip.objects.kinds import Md5

if TYPE_CHECKING:
    from asterism.data.data import Data

_PRESENTATIONS = Choice(
    "allowed_not_screened", "allowed_passed_screen", "allowed_failed_screen", "allowed", "prohib_not_screened",
    "prohib_passed_screen", "prohib_failed_screen", "prohib", "unavailable",
    aliases={"yes": "allowed_not_screened", "no": "prohib_not_screened"},
)  # fmt: skip
USER_SUFFIX = "/user"
"""Ends the id of a user that has a peer of the same name beside it."""


class SipPeer(SipOptions, type="sip_peer"):
    """A phone or trunk of ``sip.conf``: a ``user`` (it calls), a ``peer`` (it is called too) or a ``friend`` (both)."""

    SOURCES = ("sip.conf",)
    LABEL = "peer"
    ON_DEMAND = True

    kind: str = derived("friend")
    """``user``, ``peer`` or ``friend``."""
    origin: str = derived("sip.conf")
    """The file it is from, or the realtime family."""
    address_rules: Rules = derived(Rules())
    """``deny`` and ``permit``, in file order."""
    direct_media_rules: Rules = derived(Rules())
    """``directmediadeny`` and ``directmediapermit``, in file order."""

    # Where it is

    host = option(TEXT, "dynamic", "Where it is: dynamic (it registers), an address or a name.")
    port = option(PORT, 0, "Its port; 0: the transport's.")
    defaultip = option(HostKind(), "", "Its address until it registers.")
    defaultuser = option(TEXT, "", "User of the Request-URI until it registers, and name in credentials sent to it.")
    regexten = option(TEXT, "", "Extension that exists while it is registered, exten[@context][&...].")
    callbackextension = option(TEXT, "", "Register there with these data; the extension is that of calls that come.")

    # Security

    secret = option(TEXT, "", "Its password; also sent to it unless there is a remotesecret.", secret=True)
    md5secret = option(Md5(), "", "MD5 of user:realm:password, in place of secret.", secret=True)
    remotesecret = option(TEXT, "", "Password sent to it.", secret=True)
    auth = option(CREDENTIALS, (), "Credentials for one of its realms, user:secret@realm.", secret=True)
    insecure = option(
        INSECURE, (), "port: its source port does not matter; invite: calls from its address are not challenged."
    )
    permit = modifier(AccessRule(True), "address_rules", "Source addresses that are let in.")
    deny = modifier(AccessRule(False), "address_rules", "Source addresses that are refused.")
    acl = option(NAMES, (), "Named access lists for its source address.")

    # Calls

    accountcode = option(TEXT, "", "Account code of its channels.")
    amaflags = option(
        Choice("default", "omit", "billing", "documentation"), "default", "Flag of its channels for billing."
    )
    setvar = option(Variables(), (), "Channel variable of all its calls; may be repeated.")
    description = option(TEXT, "", "Words for listings.")
    useclientcode = option(BOOL, False, "Take an INFO with X-ClientCode as the account code.")
    call_limit = option(
        Integer(0, 0x7FFFFFFF), 0, "Most calls at a time, in each direction; 0: no limit.", name="call-limit"
    )
    busylevel = option(UINT, 0, "Number of calls from which its device is busy; 0: never.")
    directmediapermit = modifier(
        AccessRule(True), "direct_media_rules", "Addresses that it may exchange media with directly."
    )
    directmediadeny = modifier(
        AccessRule(False), "direct_media_rules", "Addresses that it exchanges no media with directly."
    )
    directmediaacl = option(NAMES, (), "Named access lists for addresses of direct media.")

    # Identity

    fromuser = option(TEXT, "", "User part of From in requests to it.")
    callingpres = option(_PRESENTATIONS, "allowed_not_screened", "Presentation of its caller ID.")
    cid_tag = option(TEXT, "", "Tag of its caller ID, for the dialplan.")
    fullname = option(TEXT, "", "Name of its caller ID.")
    cid_number = option(TEXT, "", "Number of its caller ID.")
    trunkname = option(TEXT, "", "Its name as a trunk; its caller ID is then that of the call.")

    # Mailboxes

    mailbox = option(MAILBOXES, (), "Mailboxes whose state it is told.")
    subscribemwi = option(BOOL, False, "Tell it only when it subscribes.")
    unsolicited_mailbox = option(TEXT, "", "Mailbox that is set by NOTIFY requests from it.")

    @property
    def name(self) -> str:
        """The section's name."""
        return self.id.removesuffix(USER_SUFFIX)

    @property
    def is_user(self) -> bool:
        """Whether calls of it are found by the name in From."""
        return self.kind != "peer"

    @property
    def is_peer(self) -> bool:
        """Whether it can be called, and may register."""
        return self.kind != "user"

    @property
    def dynamic(self) -> bool:
        """Whether it registers."""
        return self.host.lower() == "dynamic"


def peer_of(data: Data, name: str) -> SipPeer | None:
    """The peer or friend of a name, in memory; a user is not called."""
    found = data.get(SipPeer, name)
    return found if isinstance(found, SipPeer) and found.is_peer else None
