"""``global``: settings of the SIP core as a whole."""

from __future__ import annotations

from asterism.data.kinds import BOOL, INT, SECONDS, TEXT, UINT, YES_NO, Choice, Choices, Integer
from asterism.data.options import ConfiguredObject, option
from asterism.sip.objects.kinds import Algorithms


class GlobalSettings(ConfiguredObject, type="global"):
    """The one section ``[global]`` of ``pjsip.conf``; without it, the defaults."""

    REALTIME = "ps_globals"
    WITHOUT_EFFECT = {  # noqa: RUF012
        "notifications do not wait in a queue of their own": "mwi_tps_queue_high mwi_tps_queue_low",
        "REFER is not handled": "norefersub",
    }

    max_forwards = option(UINT, 70, "Max-Forwards of requests.")
    keep_alive_interval = option(SECONDS, 90, "Interval of keep-alives on connections; 0: none.")
    contact_expiration_check_interval = option(
        SECONDS, 30, "Interval at which expired contacts are removed; calls never go to them. 0: each as it expires."
    )
    disable_multi_domain = option(BOOL, False, "Look endpoints up by user alone, not by user@domain.")
    max_initial_qualify_time = option(SECONDS, 0, "Time over which the first checks after start are spread.")
    unidentified_request_period = option(SECONDS, 5, "Window in which unidentified requests are counted.")
    unidentified_request_count = option(UINT, 5, "Unidentified requests of one source that are reported.")
    unidentified_request_prune_interval = option(SECONDS, 30, "Interval at which those counts are forgotten.")
    user_agent = option(TEXT, "", "User-Agent and Server header; empty: Asterism with its version.")
    regcontext = option(TEXT, "", "Context that gets an extension for every registered endpoint.")
    default_outbound_endpoint = option(
        TEXT, "default_outbound_endpoint", "Endpoint for requests to plain URIs outside calls."
    )
    default_voicemail_extension = option(TEXT, "", "Voicemail extension where neither endpoint nor AOR has one.")
    debug = option(TEXT, "no", "Trace SIP from the start: yes, no, or only a host.")
    endpoint_identifier_order = option(
        Choices("ip", "username", "anonymous", "header", "auth_username", "request_uri"),
        ("ip", "username", "anonymous"), "Order in which endpoints are recognised; others follow as loaded.",
    )  # fmt: skip
    default_from_user = option(TEXT, "asterisk", "User part of From where there is no other.")
    default_realm = option(TEXT, "asterisk", "Realm of challenges where the auth object has none.")
    mwi_tps_queue_high = option(INT, 500, "Queued mailbox notifications that count as overload.")
    mwi_tps_queue_low = option(INT, -1, "Queue length at which that ends; -1: nine tenths of the mark above.")
    mwi_disable_initial_unsolicited = option(BOOL, False, "Tell no mailbox states at start.")
    ignore_uri_user_options = option(BOOL, False, "Ignore what follows a ; in a URI's user part.")
    use_callerid_contact = option(YES_NO, False, "Put the caller's number into Contact.")
    send_contact_status_on_update_registration = option(YES_NO, False, "Raise ContactStatus on refreshes too.")
    taskprocessor_overload_trigger = option(
        Choice("none", "global", "pjsip_only"), "global", "Which queues' overload refuses new requests (503)."
    )
    norefersub = option(YES_NO, True, "Announce support of norefersub.")
    allow_sending_180_after_183 = option(BOOL, False, "Send a 180 that follows a 183.")
    all_codecs_on_empty_reinvite = option(
        BOOL, False, "Offer all codecs, not only those agreed, when a re-INVITE has no offer."
    )
    default_auth_algorithms_uas = option(Algorithms(), ("MD5",), "Hashes to challenge with.")
    default_auth_algorithms_uac = option(Algorithms(), ("MD5",), "Hashes to answer challenges with.")
    auth_userhash = option(
        YES_NO, False, "Ask clients to send a hash of their user name in credentials, not the name (RFC 7616).",
        listed=False,
    )  # fmt: skip
    check_digest_uri = option(
        YES_NO, True, "Refuse credentials whose uri is not the Request-URI; no: for proxies that change it on the way.",
        listed=False,
    )  # fmt: skip
    ignore_unknown_require = option(
        YES_NO, False, "Take requests whose Require names extensions that nobody here knows, instead of answering 420.",
        listed=False,
    )  # fmt: skip
    allow_without_authenticator = option(
        BOOL, False, "Let endpoints with auth in though no authenticator is loaded.", listed=False
    )
    max_subscriptions = option(
        UINT, 100_000, "How many subscriptions the server takes in all; 503 beyond.", listed=False
    )
    max_publications = option(
        UINT, 10_000, "How many publications of others there may be in all; 503 beyond.", listed=False
    )
    max_list_items = option(
        UINT, 1000, "How many resources a resource_list may come to, with the lists in it; 500 beyond.", listed=False
    )
    max_list_depth = option(
        Integer(1, 100), 10, "How many resource_lists may be one in the other; 500 beyond.", listed=False
    )
