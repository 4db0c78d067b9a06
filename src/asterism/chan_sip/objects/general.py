"""``SipGeneral``: ``[general]`` of ``sip.conf``, with the lines of ``[authentication]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.chan_sip.objects.kinds import ADDRESS, BOOL, CREDENTIALS, PORT, BoolOr, NumberOr
from asterism.chan_sip.objects.mwi_line import MwiLinesKind
from asterism.chan_sip.objects.register_line import RegisterLinesKind
from asterism.chan_sip.objects.shared import SipOptions
from asterism.data.kinds import INT, SECONDS, TEXT, UINT, Choice, Integer, Lines
from asterism.data.network import NetworkList
from asterism.data.options import option
from asterism.sip.objects.kinds import DSCP

if TYPE_CHECKING:
    from asterism.data.data import Data

_MILLISECONDS = Integer(accepted="milliseconds, 0 or more")
_PRIORITY = Integer(0, 7)


class SipGeneral(SipOptions, type="sip_general"):
    """``[general]`` of ``sip.conf``; its only object has the id ``general``."""

    SOURCES = ("sip.conf",)
    LABEL = "[general]"

    WITHOUT_EFFECT = {  # noqa: RUF012
        "tags, folded lines and escapes are always read as RFC 3261 says": "pedantic",
        "clients that do not read are limited by what waits for them": "websocket_write_timeout",
        "media goes directly as soon as the call is answered, see directmedia": "directrtpsetup",
        "tones are found by one measure": "relaxdtmf",
        "the jitter buffer writes no log of its own": "jblog",
        "the server does not ask how it is seen from outside: externaddr and externhost say it": (
            "stunaddr subscribe_network_change_event"
        ),
        "a REGISTER that cannot be answered at once gets its 100 anyway": "registertrying",
        "unknown names are always answered as wrong passwords": "alwaysauthreject",
        "text goes with the mark of audio": "tos_text cos_text",
        "whoever registers must be known: a section for each, or one template for all": "autocreatepeer",
    }

    # Calls and identity

    allowguest = option(BOOL, True, "Take calls of senders that are not known.")
    match_auth_username = option(BOOL, False, "Find users by the name in their credentials, not by From.")
    realm = option(TEXT, "asterisk", "Realm of challenges.")
    domainsasrealm = option(BOOL, False, "Take the realm from To or From where that is a domain of domain lines.")
    useragent = option(TEXT, "", "User-Agent and Server header; empty: Asterisk PBX with the version.")
    sdpsession = option(TEXT, "", "s= of SDP; empty: as useragent.")
    sdpowner = option(TEXT, "root", "User in o= of SDP.")
    pedantic = option(BOOL, True, "Compare tags and read escapes as RFC 3261 says.")
    compactheaders = option(BOOL, False, "Write short header names.")
    legacy_useroption_parsing = option(BOOL, False, "Ignore what follows a ; in a URI's user part.")
    shrinkcallerid = option(BOOL, True, "Leave ( ) - blanks and dots out of callers' numbers.")
    send_diversion = option(BOOL, True, "Send Diversion headers.")
    refer_addheaders = option(BOOL, True, "Headers of SIPAddHeader go out with REFER too.")
    textsupport = option(BOOL, False, "Take calls with text (T.140).")
    notifymimetype = option(TEXT, "application/simple-message-summary", "Content-Type of mailbox states.")

    # Transports

    bindaddr = option(ADDRESS, None, "Address of all transports that have none of their own.")
    bindport = option(PORT, 0, "Port for bindaddr; 0: 5060.")
    udpbindaddr = option(ADDRESS, None, "Address for UDP.")
    udpenable = option(BOOL, True, "Serve UDP.")
    tcpenable = option(BOOL, False, "Serve TCP.")
    tcpbindaddr = option(ADDRESS, None, "Address for TCP.")
    tlsenable = option(BOOL, False, "Serve TLS.")
    tlsbindaddr = option(ADDRESS, None, "Address for TLS.")
    rtpbindaddr = option(ADDRESS, None, "Address for media.")
    tcpauthtimeout = option(SECONDS, 30, "Time in which who opens a connection must have shown who it is.")
    tcpauthlimit = option(UINT, 100, "Connections whose owner has not shown who it is.")
    websocket_enabled = option(BOOL, True, "Take SIP by WebSocket.")
    websocket_write_timeout = option(_MILLISECONDS, 100, "Time that writing to a WebSocket may take.")
    tos_sip = option(DSCP, 0, "Traffic class of SIP.")
    tos_audio = option(DSCP, 0, "Traffic class of audio.")
    tos_video = option(DSCP, 0, "Traffic class of video.")
    tos_text = option(DSCP, 0, "Traffic class of text.")
    cos_sip = option(_PRIORITY, 4, "Ethernet priority of SIP.")
    cos_audio = option(_PRIORITY, 5, "Ethernet priority of audio.")
    cos_video = option(_PRIORITY, 6, "Ethernet priority of video.")
    cos_text = option(_PRIORITY, 5, "Ethernet priority of text.")
    srvlookup = option(BOOL, True, "Look up SRV records of hosts.")
    tlscertfile = option(TEXT, "asterisk.pem", "Certificate for TLS.")
    tlsprivatekey = option(TEXT, "", "Key file for TLS; empty: that of tlscertfile.")
    tlscafile = option(TEXT, "", "Certificate authorities, one file.")
    tlscapath = option(TEXT, "", "Certificate authorities, a folder.")
    tlsdontverifyserver = option(BOOL, False, "Do not check servers' certificates.")
    tlsverifyclient = option(BOOL, False, "Check clients' certificates.")
    tlscipher = option(TEXT, "", "OpenSSL cipher list for TLS.")
    tlsclientmethod = option(Choice("sslv23", "tlsv1", "sslv3", "sslv2"), "sslv23", "TLS version of connections made.")
    tlsdisablev1 = option(BOOL, False, "Refuse TLS 1.0.")
    tlsdisablev11 = option(BOOL, False, "Refuse TLS 1.1.")
    tlsdisablev12 = option(BOOL, False, "Refuse TLS 1.2.")
    t1min = option(_MILLISECONDS, 100, "Shortest T1 that is measured.")

    # NAT

    media_address = option(TEXT, "", "Address to write into SDP.")
    externaddr = option(TEXT, "", "The server's address as seen from outside, host[:port].")
    externhost = option(TEXT, "", "The same as a name that is looked up again and again.")
    externrefresh = option(SECONDS, 10, "Interval of those look-ups.")
    externtcpport = option(PORT, 0, "TCP port as seen from outside.")
    externtlsport = option(PORT, 0, "TLS port as seen from outside.")
    localnet = option(NetworkList(), (), "Networks that are inside; may be repeated.")
    matchexternaddrlocally = option(BOOL, False, "Tell the outside address only where the own one is in a localnet.")
    stunaddr = option(TEXT, "", "STUN server, host[:port].")
    subscribe_network_change_event = option(BOOL, True, "Register again when the outside address has changed.")

    # Registration and qualify

    maxexpiry = option(SECONDS, 3600, "Longer registrations are cut to this.")
    minexpiry = option(SECONDS, 60, "Shorter registrations are refused.")
    defaultexpiry = option(
        SECONDS, 120, "Lifetime of registrations that name none, and of those made by register lines."
    )
    submaxexpiry = option(SECONDS, 0, "Longest subscription; 0: maxexpiry.")
    subminexpiry = option(SECONDS, 0, "Shortest subscription; 0: minexpiry.")
    mwiexpiry = option(SECONDS, 3600, "Lifetime of the subscriptions of mwi lines.")
    qualifygap = option(_MILLISECONDS, 100, "Pause between the peers that are checked.")
    qualifypeers = option(Integer(1), 1, "Peers that are checked at a time.")
    register = option(RegisterLinesKind(), (), "Register at another server; may be repeated.", secret=True)
    mwi = option(MwiLinesKind(), (), "Follow a mailbox of another server; may be repeated.", secret=True)
    auth = option(CREDENTIALS, (), "Credentials of [authentication], user:secret@realm.", secret=True)
    registertimeout = option(SECONDS, 20, "Time to the next attempt of a registration.")
    registerattempts = option(UINT, 0, "How many attempts may fail in a row; 0: any number.")
    register_retry_403 = option(BOOL, False, "Go on after 403.")
    registertrying = option(BOOL, False, "Answer REGISTER with 100 first.")
    regcontext = option(TEXT, "", "Contexts that get an extension for every registered peer, with & between them.")
    regextenonqualify = option(BOOL, False, "Take those extensions away while the peer does not answer.")
    dynamic_exclude_static = option(BOOL, False, "Refuse registrations from addresses of peers that do not register.")
    autocreatepeer = option(BoolOr("persist"), "no", "Make a peer for whoever registers.")

    # Security

    alwaysauthreject = option(BOOL, True, "Answer unknown names as wrong passwords.")
    authfailureevents = option(BOOL, False, "Raise PeerStatus when a peer gives a wrong password.")
    auth_options_requests = option(BOOL, False, "Challenge OPTIONS.")
    accept_outofcall_message = option(BOOL, True, "Take MESSAGE outside calls.")
    auth_message_requests = option(BOOL, True, "Challenge MESSAGE.")
    domain = option(
        Lines("domain[,context]"), (), "A domain of this server, with a context for its calls; may be repeated."
    )
    autodomain = option(BOOL, False, "Add the server's own names and addresses to them.")
    allowexternaldomains = option(BOOL, True, "Take calls and transfers to other domains.")

    # Media

    relaxdtmf = option(BOOL, False, "Take tones that are less than clear.")
    directrtpsetup = option(BOOL, False, "Have the parties exchange media directly from the first offer.")
    jbenable = option(BOOL, False, "Use a jitter buffer.")
    jbforce = option(BOOL, False, "Use it for all calls.")
    jbmaxsize = option(_MILLISECONDS, 200, "Its size.")
    jbresyncthreshold = option(INT, 1000, "Jump of timestamps that starts it anew.")
    jbimpl = option(Choice("fixed", "adaptive"), "fixed", "Its kind.")
    jbtargetextra = option(_MILLISECONDS, 40, "What the adaptive one adds.")
    jblog = option(BOOL, False, "Log its frames.")

    # Subscriptions

    notifyringing = option(BoolOr("notinuse"), "yes", "Tell subscribers of ringing.")
    notifyhold = option(BOOL, False, "Tell subscribers of hold.")
    notifycid = option(BoolOr("ignore-context"), "no", "Tell subscribers who calls.")
    mwi_from = option(TEXT, "", "User in From of mailbox states.")

    # Realtime

    rtcachefriends = option(BOOL, False, "Keep peers of databases in memory.")
    rtsavesysname = option(BOOL, False, "Store the system's name with registrations.")
    rtupdate = option(BOOL, True, "Write registrations back.")
    rtautoclear = option(NumberOr(120, 0, "seconds"), 120, "Forget cached peers after this; 0: never.")
    rtsavepath = option(BOOL, False, "Store the Path of registrations.")
    ignoreregexpire = option(BOOL, False, "Call peers whose registration has expired.")

    # Debugging

    sipdebug = option(BOOL, False, "Trace SIP from the start.")
    recordhistory = option(BOOL, False, "Record the history of dialogs.")
    dumphistory = option(BOOL, False, "Log it at the end of each.")
    callevents = option(BOOL, False, "Raise events of calls.", no_effect="events of calls are always raised")


def general_of(data: Data) -> SipGeneral | None:
    """``[general]`` of ``sip.conf``; ``None`` without such a file."""
    found = data.get(SipGeneral, "general")
    return found if isinstance(found, SipGeneral) else None
