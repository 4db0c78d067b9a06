"""``endpoint``: a peer that calls, is called, or both. Not an address: AORs hold those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.data.kinds import (
    BOOL,
    CAPITAL_YES_NO,
    NAME,
    NAMES,
    SECONDS,
    TEXT,
    UINT,
    YES_NO,
    Choice,
    Choices,
    Integer,
    Names,
    Text,
    Variables,
)
from asterism.data.network import AccessRule, HostKind, HostPortKind, Rules
from asterism.data.options import ConfiguredObject, InvalidOptionError, derived, modifier, option
from asterism.sip.objects.codecs import ALLOW, DISALLOW, CodecList
from asterism.sip.objects.habits import PJSIP, Habits
from asterism.sip.objects.identify import Identify
from asterism.sip.objects.kinds import (
    CALLER_ID,
    DSCP,
    GROUPS,
    CallerId,
    CodecPreferences,
    CodecPreferencesKind,
)

if TYPE_CHECKING:
    from asterism.data.data import Data
    from asterism.sip.objects.auth import Auth
    from asterism.sip.outbound_authentication import KnownAuths

_OFFER = CodecPreferencesKind("intersect", "only_preferred", "only_nonpreferred")
_ANSWER = CodecPreferencesKind("intersect", "union", "only_preferred", "only_nonpreferred")
_PRESENTATIONS = Choice(
    "allowed_not_screened", "allowed_passed_screen", "allowed_failed_screen", "allowed", "prohib_not_screened",
    "prohib_passed_screen", "prohib_failed_screen", "prohib", "unavailable",
)  # fmt: skip
_DTLS_VERIFY = {"no": "No", "yes": "Yes", "fingerprint": "Fingerprint", "certificate": "Certificate"}
_PORT = Integer(0, 65535)
_CC_TIMER = Integer(0, 604800)
_CC_REQUESTS = Integer(0, 10000)


_IDENTIFY_BY = ("username", "ip")
"""The default: an option that was written is another object, even with the same words."""


class Endpoint(ConfiguredObject, type="endpoint"):
    """A SIP peer: who it is, how it authenticates, what its calls look like.

    The ``aors`` say where it can be reached, the ``auth`` objects what it must know.
    """

    SOURCES = ("config,pjsip.conf,criteria=type=endpoint", "pjsip_wizard,pjsip_wizard.conf")
    REALTIME = "ps_endpoints"
    WITHOUT_EFFECT = {  # noqa: RUF012
        "reserved, as in Asterisk": (
            "codec_prefs_incoming_offer codec_prefs_outgoing_offer codec_prefs_incoming_answer "
            "codec_prefs_outgoing_answer"
        ),
        "media uses the address family of the signalling": "rtp_ipv6 t38_udptl_ipv6",
        "there is one engine": "rtp_engine",
        "there is no advice of charge": "send_aoc",
        "Identity headers are neither made nor checked": "stir_shaken stir_shaken_profile",
        "locations are not conveyed": "geoloc_incoming_call_profile geoloc_outgoing_call_profile",
        "mechanisms are negotiated by registrations alone": "security_negotiation security_mechanisms",
    }
    ON_DEMAND = True
    REFERENCES = {"aors": "aor", "auth": "auth", "outbound_auth": "auth"}  # noqa: RUF012

    address_rules: Rules = derived(Rules())
    """``deny`` and ``permit``, in file order."""
    contact_rules: Rules = derived(Rules())
    """``contact_deny`` and ``contact_permit``, in file order."""
    direct_media_rules: Rules = derived(Rules())
    """``direct_media_deny`` and ``direct_media_permit``, in file order."""
    own_auths: tuple[Auth, ...] = derived(())
    """Credentials in place of those that ``outbound_auth`` names: one call may have its own."""
    habits: Habits = derived(PJSIP)
    """How the driver behaves towards this peer; set by whoever makes the object from something else than pjsip.conf."""

    known_auths: KnownAuths | None = derived(None)
    """Of one that stands for a sender of its own: its credentials, also when they are gone."""

    # Calls and the dialplan

    context = option(TEXT, "default", "Dialplan context in which calls from this endpoint start.")
    aors = option(NAMES, (), "AORs that are rung for this endpoint and that it may register.")
    allow_overlap = option(BOOL, True, "Ask for more digits (484) when a number is only the start of an extension.")
    overlap_by_tones = option(
        BOOL, False, "Take such a call and hear the further digits as tones; needs allow_overlap = no.", listed=False
    )
    overlap_context = option(TEXT, "", "Context to look for longer numbers in; empty: the call's context.")
    accountcode = option(TEXT, "", "Account code of this endpoint's channels.")
    language = option(TEXT, "", "Language of prompts; empty: the server's.")
    tone_zone = option(TEXT, "", "Zone of indications.conf whose tones it hears; empty: the server's.")
    set_var = option(Variables(), (), "Channel variable for every channel of the endpoint; may be repeated.")
    call_group = option(GROUPS, (), "Groups whose members may pick up calls to this endpoint.")
    pickup_group = option(GROUPS, (), "Groups whose calls this endpoint may pick up.")
    named_call_group = option(NAMES, (), "Like call_group, with free names.")
    named_pickup_group = option(NAMES, (), "Like pickup_group, with free names.")
    device_state_busy_at = option(UINT, 0, "Number of channels from which the device counts as busy; 0: never.")
    progress_on_audio = option(
        BOOL, False, "Tell 183 with SDP when a sound is to be heard before the answer.", listed=False
    )
    client_codes = option(BOOL, False, "Take INFO requests with X-ClientCode as the account code.", listed=False)
    inband_progress = option(BOOL, False, "Play ringback in 183 early media where 180 would be sent.")
    moh_suggest = option(TEXT, "default", "Music class for the other party when this one puts it on hold.")
    moh_passthrough = option(BOOL, False, "Pass hold on to the other party instead of playing music to it.")
    suppress_moh_on_sendonly = option(BOOL, False, "Play no music when the peer goes sendonly or inactive.")
    one_touch_recording = option(BOOL, False, "Obey INFO requests with a Record header.")
    record_on_feature = option(TEXT, "automixmon", "Feature run by 'Record: on'.")
    record_off_feature = option(TEXT, "automixmon", "Feature run by 'Record: off'.")
    user_eq_phone = option(BOOL, False, "Add user=phone where the user part is a telephone number.")
    ignore_183_without_sdp = option(BOOL, False, "Keep a 183 that has no SDP from the caller.")
    suppress_q850_reason_headers = option(BOOL, False, "Send no Reason header with a Q.850 cause.")
    redirect_method = option(
        Choice("user", "uri_core", "uri_pjsip"), "user",
        "Who follows a 3xx: the dialplan (user), Dial (uri_core) or this driver itself (uri_pjsip).",
    )  # fmt: skip
    follow_redirect_methods = option(Choices("message"), (), "Methods besides INVITE whose 3xx is followed.")
    send_aoc = option(BOOL, False, "Send advice-of-charge bodies.")
    tenantid = option(TEXT, "", "Tenant that the endpoint's channels belong to.")
    message_context = option(TEXT, "", "Context for MESSAGE outside calls; empty: the call context.")

    # Call completion

    cc_agent_policy = option(
        Choice("never", "generic", "native"), "never",
        "How it asks to be called back: never, by CallCompletionRequest, or by its own SUBSCRIBE (RFC 6910).",
        listed=False,
    )  # fmt: skip
    cc_monitor_policy = option(
        Choice("never", "generic", "native", "always"), "never",
        "How others wait for it: never, by its device state, by a SUBSCRIBE to it, or by that where it offers it.",
        listed=False,
    )  # fmt: skip
    cc_offer_timer = option(_CC_TIMER, 20, "Seconds that it has to ask.", listed=False)
    ccnr_available_timer = option(_CC_TIMER, 7200, "Seconds that others wait for it after no answer.", listed=False)
    ccbs_available_timer = option(_CC_TIMER, 4800, "Seconds that others wait for it after busy.", listed=False)
    cc_recall_timer = option(_CC_TIMER, 20, "Seconds that it is rung to be called back.", listed=False)
    cc_max_agents = option(_CC_REQUESTS, 5, "Requests that it may have at a time, with native.", listed=False)
    cc_max_monitors = option(_CC_REQUESTS, 5, "Callers that may wait for it at a time.", listed=False)
    cc_callback_macro = option(TEXT, "", "Macro on the channel that calls it back: macro-NAME,s,1.", listed=False)
    cc_callback_sub = option(TEXT, "", "Subroutine there: [[context,]exten,]priority[(args)].", listed=False)
    cc_agent_dialstring = option(TEXT, "", "What to dial to call it back; empty: itself.", listed=False)

    # Codecs and media

    allow = option(ALLOW, CodecList(), "Codecs in order of preference; without any, calls get 488.")
    disallow = modifier(DISALLOW, "allow", "Codecs to take out of what allow lines gave so far.")
    codec_prefs_incoming_offer = option(_OFFER, CodecPreferences(), "How an offer received combines with allow.")
    codec_prefs_outgoing_offer = option(
        _ANSWER, CodecPreferences(operation="union"), "How the caller's codecs combine with allow in an offer sent."
    )
    codec_prefs_incoming_answer = option(_ANSWER, CodecPreferences(), "How an answer received combines with allow.")
    codec_prefs_outgoing_answer = option(_ANSWER, CodecPreferences(), "How the core's codecs limit an answer sent.")
    incoming_call_offer_pref = option(
        Choice("local", "local_first", "remote", "remote_first"), "local",
        "Whose codec order counts when a call comes in; *_first keeps a single codec.",
    )  # fmt: skip
    outgoing_call_offer_pref = option(
        Choice("local", "local_merge", "local_first", "remote", "remote_merge", "remote_first"), "remote_merge",
        "Whose codec order counts in an offer sent; *_merge appends the other side's remaining codecs.",
    )  # fmt: skip
    preferred_codec_only = option(BOOL, False, "Answer with one codec only; incoming_call_offer_pref replaces it.")
    asymmetric_rtp_codec = option(BOOL, False, "Let the two directions use different codecs.")
    g726_non_standard = option(
        BOOL, False, "Take G726-32 to be packed as AAL2 packs it; g726aal2 in allow is offered under that name too."
    )
    use_ptime = option(BOOL, False, "Send packets of the length that the peer asks for.")
    dtmf_mode = option(
        Choice("rfc4733", "inband", "info", "auto", "auto_info", "none", "short_info"), "rfc4733",
        "How digits travel; auto falls back from events to tones, auto_info to INFO; short_info is INFO with a number "
        "alone (application/dtmf).",
    )  # fmt: skip
    direct_media = option(BOOL, True, "Let the parties exchange media without the server where possible.")
    direct_media_method = option(
        Choice("invite", "update", aliases={"reinvite": "invite"}, shown={"update": "invite"}), "invite",
        "Request that moves media between server and peer.",
    )  # fmt: skip
    direct_media_glare_mitigation = option(
        Choice("none", "outgoing", "incoming"), "none", "Calls of this direction leave moving media to the other side."
    )
    disable_direct_media_on_nat = option(BOOL, False, "Keep media when its source is not the address in the SDP.")
    direct_media_acl = option(
        NAMES, (), "Named access lists for addresses that it may exchange media with directly.", listed=False
    )
    direct_media_deny = modifier(
        AccessRule(False), "direct_media_rules", "Addresses that it exchanges no media with directly."
    )
    direct_media_permit = modifier(
        AccessRule(True), "direct_media_rules", "Addresses that it may exchange media with directly."
    )
    rtp_symmetric = option(BOOL, False, "Send media to where it comes from.")
    rtp_ipv6 = option(BOOL, False, "Prefer IPv6 addresses for media.")
    rtp_engine = option(TEXT, "asterisk", "RTP engine; there is one.")
    rtp_keepalive = option(SECONDS, 0, "Interval of keep-alive packets while nothing is sent; 0: none.")
    rtp_timeout = option(SECONDS, 0, "Hang up after so much silence; 0: never.")
    rtp_timeout_hold = option(SECONDS, 0, "Hang up after so much silence on hold; 0: never.")
    rtp_port_start = option(_PORT, 0, "First port of this endpoint's own RTP range; needs rtp_port_end.")
    rtp_port_end = option(_PORT, 0, "Last port of this endpoint's own RTP range.")
    media_address = option(HostKind(), "", "Address to write into SDP.")
    bind_rtp_to_media_address = option(BOOL, False, "Open RTP sockets on media_address only.")
    max_audio_streams = option(UINT, 1, "Audio streams per call.")
    max_video_streams = option(UINT, 1, "Video streams per call.")
    max_video_bitrate = option(UINT, 0, "Bandwidth of video to tell in SDP, in kbit/s; 0: none.", listed=False)
    max_text_streams = option(UINT, 0, "Streams of T.140 text per call; needs t140 in allow.", listed=False)
    sdp_owner = option(Text("a word", blank_becomes="-"), "-", "User name in the o= line.")
    sdp_session = option(Text(blank_becomes="-"), "Asterisk", "Session name in the s= line.")
    tos_audio = option(DSCP, 0, "Traffic class of audio packets.")
    tos_video = option(DSCP, 0, "Traffic class of video packets.")
    cos_audio = option(UINT, 0, "Ethernet priority of audio packets.")
    cos_video = option(UINT, 0, "Ethernet priority of video packets.")
    follow_early_media_fork = option(BOOL, True, "Take the SDP of another branch that answers early.")
    accept_multiple_sdp_answers = option(BOOL, False, "Take changed SDP answers before the 200.")
    webrtc = option(YES_NO, False, "Set everything that a browser needs: AVPF, DTLS, ICE, rtcp-mux, bundle.")
    bundle = option(BOOL, False, "Negotiate one transport for all streams.")
    rtcp_mux = option(BOOL, False, "Put RTCP on the RTP port.")

    # Media security and ICE

    media_encryption = option(
        Choice("no", "sdes", "dtls"), "no", "How media must be encrypted; calls in the clear are refused."
    )
    media_encryption_optimistic = option(BOOL, False, "Go on in the clear where the peer does not encrypt.")
    srtp_tag_32 = option(BOOL, False, "Offer SRTP's 32-bit authentication tag.")
    srtp_suites = option(
        Choices("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"), (),
        "Suites of SRTP that are accepted, and offered in this order; empty: AES_CM_128_HMAC_SHA1_80 and _32, of which "
        "one is offered (srtp_tag_32).", listed=False,
    )  # fmt: skip
    use_avpf = option(BOOL, False, "Offer and demand the AVPF profiles.")
    force_avp = option(BOOL, False, "Write AVP profiles even for DTLS.")
    media_use_received_transport = option(BOOL, False, "Answer with the profile of the offer.")
    ice_support = option(BOOL, False, "Find media paths by ICE.")
    dtls_verify = option(
        Choice("no", "yes", "fingerprint", "certificate", shown=_DTLS_VERIFY),
        "no",
        "What of the peer's proof to check.",
    )
    dtls_rekey = option(SECONDS, 0, "Interval of new DTLS keys; 0: none.")
    dtls_auto_generate_cert = option(CAPITAL_YES_NO, False, "Make a certificate per session.")
    dtls_cert_file = option(TEXT, "", "Certificate for DTLS.")
    dtls_private_key = option(TEXT, "", "Key file for DTLS.")
    dtls_cipher = option(TEXT, "", "OpenSSL cipher list for DTLS.")
    dtls_ca_file = option(TEXT, "", "Certificate authorities, one file.")
    dtls_ca_path = option(TEXT, "", "Certificate authorities, a folder.")
    dtls_setup = option(
        Choice("active", "passive", "actpass", fallback="active"), "active", "Who starts the DTLS handshake."
    )
    dtls_fingerprint = option(
        Choice("SHA-256", "SHA-1", fallback="SHA-256"), "SHA-256", "Hash of the certificate's fingerprint."
    )

    # Identity and privacy

    callerid = option(CALLER_ID, CallerId(), "Caller ID given to calls from this endpoint.")
    callerid_privacy = option(_PRESENTATIONS, "allowed_not_screened", "Presentation given with callerid.")
    callerid_tag = option(TEXT, "", "Tag given with callerid, for the dialplan.")
    from_user = option(Text("a URI's user part", refused=" @"), "", "User part of From in requests to this endpoint.")
    from_domain = option(HostPortKind(), "", "Host part of From in requests to this endpoint.")
    contact_user = option(TEXT, "", "User part of the Contact that this endpoint is given.", listed=False)
    trust_id_inbound = option(BOOL, False, "Believe the identity headers it sends.")
    trust_id_outbound = option(BOOL, False, "Tell it identities that asked for privacy.")
    send_pai = option(BOOL, False, "Send P-Asserted-Identity.")
    send_rpid = option(BOOL, False, "Send Remote-Party-ID.")
    rpid_immediate = option(BOOL, False, "Tell changed identities before the call is answered.")
    send_connected_line = option(YES_NO, True, "Send it changes of the connected party.")
    trust_connected_line = option(YES_NO, True, "Take changes of the connected party from it.")
    connected_line_method = option(
        Choice("invite", "update", aliases={"reinvite": "invite"}), "invite",
        "Request that carries such changes; invite still prefers UPDATE where the peer allows it.",
    )  # fmt: skip
    send_diversion = option(BOOL, True, "Send Diversion headers.")
    send_history_info = option(BOOL, False, "Send History-Info headers.")
    stir_shaken = option(YES_NO, False, "Sign and check Identity headers.")
    stir_shaken_profile = option(TEXT, "", "Profile of stir_shaken.conf.")
    geoloc_incoming_call_profile = option(TEXT, "", "Location profile for calls from it.")
    geoloc_outgoing_call_profile = option(TEXT, "", "Location profile for calls to it.")

    # Session timers and provisional responses

    timers = option(
        Choice("no", "yes", "required", "always", aliases={"forced": "always"}), "yes",
        "Session timers: never, where the peer asks, only with peers that have them, or on every call.",
    )  # fmt: skip
    timers_min_se = option(Integer(90), 90, "Shortest session interval accepted, in seconds.")
    timers_sess_expires = option(Integer(90), 1800, "Session interval asked for, in seconds.")
    rel100 = option(
        Choice("no", "yes", "required", "peer_supported"), "yes",
        "Reliable provisional responses: never, on demand, always, or wherever the peer can.", name="100rel",
    )  # fmt: skip

    # Subscriptions and messages

    allow_subscribe = option(BOOL, True, "Accept SUBSCRIBE (603 otherwise).")
    sub_min_expiry = option(SECONDS, 0, "Shortest subscription accepted; shorter ones get 423.")
    subscribe_context = option(TEXT, "", "Context with the hints it may watch; empty: the call context.")
    mailboxes = option(NAMES, (), "Mailboxes whose state it is told without asking.")
    aggregate_mwi = option(BOOL, True, "Tell the state of all mailboxes in one NOTIFY.")
    mwi_subscribe_replaces_unsolicited = option(YES_NO, False, "Stop telling once it subscribes.")
    mwi_from_user = option(TEXT, "", "User part of From in such NOTIFY requests.")
    voicemail_extension = option(TEXT, "", "Extension of the voicemail system.")
    mwi_without_urgent = option(BOOL, False, "Leave urgent messages out of mailbox states.", listed=False)
    incoming_mwi_mailbox = option(TEXT, "", "Mailbox that is set by NOTIFY requests from it.")
    notify_early_inuse_ringing = option(BOOL, False, "Show an extension that rings while in use as early.")
    notify_dialog_ids = option(
        BOOL, False, "Say in dialog-info in which dialog an extension rings, for INVITE with Replaces.", listed=False
    )
    strict_bodies = option(BOOL, False, "Write bodies of NOTIFY as the schemas of their RFCs have them.", listed=False)
    max_subscriptions = option(
        UINT, 1000, "How many subscriptions the endpoint may have here; 503 beyond.", listed=False
    )

    # Routing and NAT

    transport = option(NAME, "", "Transport for requests to it; empty: any that suits.")
    outbound_proxy = option(TEXT, "", "Route for requests to it, a URI with its ;lr.")
    force_rport = option(BOOL, True, "Answer to where a request came from.")
    rewrite_contact = option(BOOL, False, "Take the source of a message for its Contact.")
    detect_nat = option(
        Choices("signalling", "media"), (),
        "Do so only for who is behind a NAT, by the Via of requests: force_rport and rewrite_contact (signalling), "
        "rtp_symmetric (media).", listed=False,
    )  # fmt: skip
    max_forwards = option(Integer(0, 255), 0, "Max-Forwards of requests to it; 0: that of [global].", listed=False)
    disallowed_methods = option(
        Names("SIP methods, comma separated"), (), "UPDATE, MESSAGE: not sent to it in calls, whatever its Allow says.",
        listed=False,
    )  # fmt: skip

    # Fax

    t38_udptl = option(BOOL, False, "Accept T.38.")
    t38_udptl_ec = option(Choice("none", "fec", "redundancy"), "none", "Error correction of T.38.")
    t38_udptl_maxdatagram = option(UINT, 0, "Largest T.38 datagram, whatever the peer says; 0: as it says.")
    t38_udptl_nat = option(BOOL, False, "Send T.38 to where it comes from.")
    t38_udptl_ipv6 = option(BOOL, False, "Use IPv6 for T.38.")
    t38_bind_udptl_to_media_address = option(BOOL, False, "Bind T.38 sockets to media_address.")
    fax_detect = option(BOOL, False, "Go to extension 'fax' when a fax tone is heard.")
    fax_detect_timeout = option(SECONDS, 0, "Stop listening for it after this; 0: never.")

    # Transfers

    allow_transfer = option(BOOL, True, "Let it transfer calls: by REFER, and by INVITE with Replaces.")
    allow_replaces = option(
        Choice("no", "authenticated", "identified", "yes"), "identified",
        "Let its calls replace others (RFC 3891): never, by credentials or address, by any way but anonymous, always.",
        listed=False,
    )  # fmt: skip
    refer_blind_progress = option(BOOL, True, "Report the progress of blind transfers.")

    # Security

    auth = option(NAMES, (), "Credentials it must know; none: it is not challenged.")
    outbound_auth = option(NAMES, (), "Credentials to answer its challenges with.")
    identify_by = option(
        Choices("username", "auth_username", "ip", "header", "request_uri"), _IDENTIFY_BY,
        "Ways in which it may be recognised.",
    )  # fmt: skip
    acl = option(NAMES, (), "Named access lists for its source address.")
    deny = modifier(AccessRule(False), "address_rules", "Source addresses that are refused.")
    permit = modifier(AccessRule(True), "address_rules", "Source addresses that are let in.")
    contact_acl = option(NAMES, (), "Named access lists for the addresses it registers.")
    contact_deny = modifier(AccessRule(False), "contact_rules", "Contact addresses that are refused.")
    contact_permit = modifier(AccessRule(True), "contact_rules", "Contact addresses that are let in.")
    allow_unauthenticated_options = option(BOOL, False, "Answer its OPTIONS without a challenge.")
    security_negotiation = option(Choice("no", "mediasec"), "no", "Negotiate security mechanisms (RFC 3329).")
    security_mechanisms = option(NAMES, (), "Mechanisms to offer.", listed=False)

    def named_by(self, method: str, data: Data) -> bool:
        """Whether its name alone, in From (``username``) or in credentials (``auth_username``), may identify it.

        By default not by From when it has no ``auth`` but an ``identify`` object: it is then recognised by that, and
        whoever writes its name would be let in. ``identify_by`` written out says otherwise.
        """
        if method not in self.identify_by:
            return False
        if self.auth or method != "username" or self.identify_by is not _IDENTIFY_BY:
            return True
        return not data.find(Identify, "endpoint", self.id)

    def remark(self, data: Data) -> str:
        """Warn of an endpoint that is identified by name alone, without a password."""
        if self.auth or self.id.partition("@")[0] == "anonymous" or not self.named_by("username", data):
            return ""
        return (
            "it has no 'auth' and may be named in From: whoever does is let in without a password. "
            "Give it 'auth', or 'identify_by = ip' and an identify object"
        )

    def validate(self, given: frozenset[str]) -> None:
        """Apply the presets of ``webrtc`` and ``bundle``; check timers and the port range."""
        if self.timers_sess_expires < self.timers_min_se:
            name = "timers_sess_expires" if "timers_sess_expires" in given else "timers_min_se"
            raise InvalidOptionError(name, "timers_sess_expires is less than timers_min_se")
        start, end = self.rtp_port_start, self.rtp_port_end
        if (start or end) and not (1024 <= start < end):
            name = "rtp_port_start" if "rtp_port_start" in given else "rtp_port_end"
            raise InvalidOptionError(name, "both ends of the range must be given", "1024 <= start < end <= 65535")
        if self.webrtc:
            self.bundle = self.use_avpf = self.ice_support = self.media_use_received_transport = True
            if "media_encryption" not in given:
                self.media_encryption = "dtls"
            if "dtls_verify" not in given:
                self.dtls_verify = "fingerprint"
            if "dtls_setup" not in given:
                self.dtls_setup = "actpass"
            if not self.dtls_cert_file:
                self.dtls_auto_generate_cert = True
        if self.bundle:
            self.rtcp_mux = True
