"""Options that ``sip.conf`` has in ``[general]`` and in the sections of peers, which override it there."""

from __future__ import annotations

from asterism.chan_sip.objects.kinds import BOOL, DIRECT_MEDIA, NAT, T38, T38_KIND, BoolOr, NumberOr
from asterism.data.kinds import NAMES, SECONDS, TEXT, UINT, Choice, Choices, Integer, Names
from asterism.data.network import AccessRule, Rules
from asterism.data.options import ConfiguredObject, derived, modifier, option
from asterism.sip.objects.codecs import ALLOW, DISALLOW, CodecList
from asterism.sip.objects.kinds import CALLER_ID, GROUPS, CallerId

_MILLISECONDS = Integer(accepted="milliseconds, 0 or more")
_SESSION_SECONDS = Integer(90, accepted="seconds, 90 or more")
_ACLS = Names("names of sections in acl.conf, comma separated", accumulates=True)
BUILT_IN = CodecList(("ulaw", "alaw", "gsm", "h263"))
"""The codecs of a file without ``allow`` and ``disallow``."""


class SipOptions(ConfiguredObject):
    """The options of ``[general]`` that a peer may override."""

    WITHOUT_EFFECT = {  # noqa: RUF012
        "there is one engine": "rtp_engine",
        "digits are always taken whether their end comes or not": "rfc2833compensate",
        "there is no advice of charge": "snom_aoc_enabled",
    }

    contact_rules: Rules = derived(Rules())
    """``contactdeny`` and ``contactpermit``, in file order."""

    # Calls and the dialplan

    context = option(TEXT, "default", "Dialplan context in which calls start.")
    allowoverlap = option(
        BoolOr("dtmf"), "yes", "Ask for more digits when a number is only a start: by 484, or by tones."
    )
    allowtransfer = option(BOOL, True, "Let it transfer calls by REFER.")
    maxforwards = option(Integer(1, 255), 70, "Max-Forwards of requests.")
    use_q850_reason = option(
        BOOL, False, "Send the cause of a hang-up in a Reason header, and believe that of the peer."
    )
    promiscredir = option(BOOL, False, "Follow a 3xx to whatever host it names.")
    usereqphone = option(BOOL, False, "Add user=phone where the user part is a telephone number.")
    recordonfeature = option(TEXT, "automon", "Feature run by INFO with 'Record: on'; empty: none.")
    recordofffeature = option(TEXT, "automon", "Feature run by INFO with 'Record: off'; empty: none.")
    disallowed_methods = option(
        Names("SIP methods, comma separated"), (), "Methods that it is taken not to know, whatever its Allow says."
    )
    parkinglot = option(TEXT, "", "Parking lot of its channels.")
    language = option(TEXT, "", "Language of prompts; empty: the server's.")
    tonezone = option(TEXT, "", "Zone of indications.conf whose tones it hears; empty: the server's.")
    mohinterpret = option(TEXT, "default", "Music class that it hears when the other party puts it on hold.")
    mohsuggest = option(TEXT, "", "Music class that the other party is to hear when this one puts it on hold.")
    callgroup = option(GROUPS, (), "Groups whose members may pick up calls to it.")
    pickupgroup = option(GROUPS, (), "Groups whose calls it may pick up.")
    namedcallgroup = option(NAMES, (), "Like callgroup, with free names.")
    namedpickupgroup = option(NAMES, (), "Like pickupgroup, with free names.")
    callcounter = option(BOOL, False, "Count its calls for the state of its device.")
    outofcall_message_context = option(TEXT, "", "Context for MESSAGE outside calls; empty: the call context.")
    snom_aoc_enabled = option(BOOL, False, "Send advice of charge in the manner of Snom.")
    progressinband = option(
        BoolOr("never"), "never", "Ringing as audio of a 183 (yes), once there is other audio (no), or never."
    )
    prematuremedia = option(BOOL, True, "Send no 183 before the call makes progress, though there is audio.")

    # Identity

    callerid = option(CALLER_ID, CallerId(), "Caller ID of calls; in [general] the number only where there is none.")
    fromdomain = option(TEXT, "", "Host part of From in requests to it.")
    trustrpid = option(BOOL, False, "Believe Remote-Party-ID and P-Asserted-Identity.")
    sendrpid = option(BoolOr("rpid", "pai"), "no", "Send Remote-Party-ID (yes, rpid) or P-Asserted-Identity (pai).")
    rpid_update = option(BOOL, False, "Tell changes of the connected party at once, by UPDATE.")
    rpid_immediate = option(BOOL, False, "Tell changes of the connected party before the answer.")
    trust_id_outbound = option(BoolOr("legacy"), "legacy", "Tell it identities that asked for privacy.")

    # Routing, NAT and registration

    transport = option(
        Choices("udp", "tcp", "tls", "ws", "wss"),
        ("udp",),
        "Transports that it uses; the first one is that of requests to it.",
    )
    timert1 = option(_MILLISECONDS, 0, "RFC 3261's T1; 0: 500.")
    timerb = option(_MILLISECONDS, 0, "How long an INVITE waits for its first response; 0: 64 times T1.")
    qualify = option(
        NumberOr(2000, 0, "milliseconds"), 0, "Check it by OPTIONS; answers that take longer count as late (LAGGED)."
    )
    qualifyfreq = option(SECONDS, 60, "Interval of the OPTIONS that check it.")
    keepalive = option(NumberOr(60, 0, "seconds"), 0, "Interval of keep-alive packets by UDP; 0: none.")
    contactpermit = modifier(AccessRule(True), "contact_rules", "Contact addresses that may be registered.")
    contactdeny = modifier(AccessRule(False), "contact_rules", "Contact addresses that may not be registered.")
    contactacl = option(_ACLS, (), "Named access lists for the addresses that are registered.")
    supportpath = option(BOOL, False, "Keep the Path of a REGISTER, and use it as a route.")
    outboundproxy = option(TEXT, "", "Where requests to it go: [transport://]host[:port][,force].")
    nat = option(NAT, ("auto_force_rport",), "What is done for peers behind NAT.")

    # Codecs and media

    allow = option(ALLOW, BUILT_IN, "Codecs in order of preference.")
    disallow = modifier(DISALLOW, "allow", "Codecs to take out of what allow lines gave so far.")
    preferred_codec_only = option(BOOL, False, "Answer with one codec only.")
    ignore_requested_pref = option(BOOL, False, "Answer in the order of allow, not that of the offer.")
    autoframing = option(BOOL, False, "Send packets of the length that the peer asks for.")
    dtmfmode = option(Choice("rfc2833", "info", "shortinfo", "inband", "auto"), "rfc2833", "How digits travel.")
    rfc2833compensate = option(BOOL, False, "Take the telephone events of peers that send no end of them.")
    directmedia = option(DIRECT_MEDIA, ("yes",), "Let the parties exchange media without the server.")
    ignoresdpversion = option(BOOL, False, "Read SDP though its version is that of the one before.")
    maxcallbitrate = option(UINT, 384, "Most kbit/s of video, told in SDP.")
    videosupport = option(BoolOr("always"), "no", "Take calls with video.")
    rtptimeout = option(SECONDS, 0, "Hang up after so much silence; 0: never.")
    rtpholdtimeout = option(SECONDS, 0, "Hang up after so much silence on hold; 0: never.")
    rtpkeepalive = option(SECONDS, 0, "Interval of keep-alive packets of media; 0: none.")
    rtp_engine = option(TEXT, "asterisk", "RTP engine.")
    g726nonstandard = option(BOOL, False, "Take G726-32 to be packed as AAL2 packs it.")
    icesupport = option(BOOL, False, "Find media paths by ICE.")
    avpf = option(BOOL, False, "Offer and demand the AVPF profiles.")
    force_avp = option(BOOL, False, "Write AVP profiles even for DTLS.")
    rtcp_mux = option(BOOL, False, "Put RTCP on the RTP port.")
    encryption = option(BoolOr("try"), "no", "Encrypt media (SRTP).")
    encryption_taglen = option(Choice("80", "32"), "80", "Bits of SRTP's authentication tag.")
    dtlsenable = option(BOOL, False, "Encrypt media by DTLS.")
    dtlsverify = option(BoolOr("fingerprint", "certificate"), "no", "What of the peer's proof to check.")
    dtlsrekey = option(SECONDS, 0, "Interval of new DTLS keys; 0: none.")
    dtlsautogeneratecert = option(BOOL, False, "Make a certificate per session.")
    dtlscertfile = option(TEXT, "", "Certificate for DTLS.")
    dtlsprivatekey = option(TEXT, "", "Key file for DTLS.")
    dtlscipher = option(TEXT, "", "OpenSSL cipher list for DTLS.")
    dtlscafile = option(TEXT, "", "Certificate authorities, one file.")
    dtlscapath = option(TEXT, "", "Certificate authorities, a folder.")
    dtlssetup = option(Choice("actpass", "active", "passive"), "actpass", "Who starts the DTLS handshake.")
    dtlsfingerprint = option(Choice("sha-256", "sha-1"), "sha-256", "Hash of the certificate's fingerprint.")
    t38pt_udptl = option(T38_KIND, T38(), "Accept T.38.")
    t38pt_usertpsource = option(BOOL, False, "Send T.38 to where audio comes from.")
    faxdetect = option(BoolOr("cng", "t38"), "no", "Go to extension 'fax' when a fax is recognised.")

    # Session timers

    session_timers = option(
        Choice("accept", "originate", "refuse"), "accept", "Session timers: where the peer asks, always, or never.",
        name="session-timers",
    )  # fmt: skip
    session_expires = option(_SESSION_SECONDS, 1800, "Session interval asked for.", name="session-expires")
    session_minse = option(_SESSION_SECONDS, 90, "Shortest session interval accepted.", name="session-minse")
    session_refresher = option(Choice("uas", "uac"), "uas", "Who is to refresh the session.", name="session-refresher")

    # Subscriptions

    allowsubscribe = option(BOOL, True, "Accept SUBSCRIBE.")
    subscribecontext = option(TEXT, "", "Context with the hints that it may watch; empty: the call context.")
    vmexten = option(TEXT, "asterisk", "Extension of the voicemail system, told with the state of mailboxes.")
    buggymwi = option(BOOL, False, "Tell mailbox states without the numbers of urgent messages.")
