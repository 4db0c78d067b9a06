"""How a driver behaves towards a peer, where drivers differ: one table, asked by the layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["PJSIP", "Answer", "Habits", "Reception", "Refused", "Style", "Timing"]


class Refused(NamedTuple):
    """What a final response to an INVITE of ours comes to."""

    cause: int
    """The Q.850 cause (``HANGUPCAUSE``)."""
    shown: str = ""
    """``busy`` or ``congestion`` where that is what Dial is to take it for, whatever the cause; empty: by the cause."""


class Answer(NamedTuple):
    """The response that a cause or a status is told by."""

    status: int
    phrase: str = ""
    """Its reason phrase; empty: the usual one."""


_DECLINED = Answer(603)


@dataclass(frozen=True, slots=True)
class Style:
    """How messages to a peer are dressed: headers that all of them have, and the order of headers."""

    agent: str = ""
    """``Server`` of responses and ``User-Agent`` of requests; empty: none."""
    allow: str = ""
    """The methods that ``Allow`` lists."""
    supported: str = ""
    """The option tags that ``Supported`` lists."""
    accept: str = ""
    """What ``Accept`` lists in answers to OPTIONS; no other response has it."""


class Timing(NamedTuple):
    """Timers of requests to a peer, in seconds (RFC 3261 17.1)."""

    t1: float
    """T1, the estimate of a round trip."""
    timer_b: float
    """Timer B, and all that equal it."""
    shortest: float = 0.0
    """Where the peer is checked, T1 is the last round trip, but not less than this; 0: it is not measured."""


class Reception(NamedTuple):
    """How requests over one transport are answered as long as nobody has shown who sends them.

    It is the transport's and no endpoint's, so that the answers do not tell whose name is known.
    """

    style: Style
    forbids: bool = True
    """Whether a wrong password is answered 403, instead of with the next challenge."""
    realm: str = ""
    """The realm of challenges where an auth object has none; empty: that of ``[global]``."""
    realms: frozenset[str] = frozenset()
    """Domains, in lower case, that are the realm of requests from somebody of them, or else to somebody of them."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What an endpoint's peer sees of the driver that its configuration was written for.

    One field for each observable difference; a default is the way of ``chan_pjsip``. Who serves an endpoint asks
    ``endpoint.habits`` for what it needs to know, and never which file the endpoint is from. Each field is
    described in ``docs/compatibility.md``.
    """

    technology: str = "PJSIP"
    """The channels' technology, as in ``PJSIP/alice-00000001``."""
    srv_lookup: bool = True
    """Whether the NAPTR and SRV records of a name are looked up; otherwise its addresses alone (``srvlookup``)."""

    quality_scores: bool = True
    """The variables ``RTPAUDIOQOS...`` have the scores ``rxmes`` and ``txmes``, and columns; without: neither."""
    status_events: bool = True
    """Whether ``chan_pjsip``'s events tell of reachability and registrations (ContactStatus, PeerStatus, Registry); a
    driver with others raises its own."""
    session_timeout_events: bool = False
    """Whether SessionTimeout is raised for a call that ends as no audio came, or no refresh (RFC 4028)."""

    timing: Timing | None = None
    """Timers of requests to it; ``None``: those of ``[system]``."""

    # Messages

    style: Style | None = None
    """How messages are dressed; ``None``: as the message has it."""
    phrases: Mapping[int, str] = field(default_factory=dict)
    """Reason phrases of statuses that are not told by a cause, where they are not the usual ones."""
    methods: frozenset[str] = frozenset()
    """Methods that are taken within a dialog, any other is 501; empty: all that somebody takes."""
    own_number: bool = False
    """Whether our Contact says whom the peer talks to, the dialled extension or the caller, and From has our port."""
    nobody: tuple[str, str] = ("", "")
    """Name and user in From of requests that are nobody's call; an empty user: ``[global] default_from_user``."""

    fax_signs: frozenset[str] = frozenset(("cng", "t38"))
    """What makes a call a fax, with ``fax_detect``: the tone of the machine that calls, its request for T.38."""

    # Who may what

    unchallenged: frozenset[str] = frozenset()
    """Methods whose requests are not asked for a password."""
    unchallenged_at_home: frozenset[str] = frozenset()
    """Methods whose requests are not, if they come from an address of the endpoint (``SipState.at_home``)."""
    transports: frozenset[str] = frozenset()
    """Transports over which it may register (``UDP``, ...), 403 otherwise; empty: any."""
    domains: Mapping[str, str] = field(default_factory=dict)
    """Domains that are local, each with the context of its calls or an empty one; none: any domain is."""
    foreign_domains: bool = True
    """Whether calls to other domains than these are taken."""
    subscribe_refusal: Answer = _DECLINED
    """The answer to SUBSCRIBE with ``allow_subscribe=no``."""
    transfer_refusal: Answer = _DECLINED
    """The answer to REFER with ``allow_transfer=no``."""
    message_refusal: Answer | None = None
    """The answer to every MESSAGE outside of calls; ``None``: they are taken."""
    message_prefix: str = "pjsip"
    """What ``MESSAGE(to)`` begins with."""
    options_context: str = ""
    """Context in which the extension of an OPTIONS is looked for; empty: the call context."""

    # Registration

    expiry_slack: int = 0
    """Seconds that a binding lasts longer than the answer says."""
    expires_told: bool = False
    """Whether each 200 to a REGISTER that binds has an Expires of its own."""
    refresh_margin: int = 10
    """Seconds before their end at which registrations of ours are refreshed; half their time where that is shorter."""
    registers_port: bool = False
    """Whether From and To of a REGISTER of ours have the port of its address."""

    # Calls

    refusals: Mapping[int, Refused] | None = None
    """Meaning of the final responses of a called peer, 5 and 4 for others of 500 to 599 and of the rest."""
    answers: Mapping[int, Answer] | None = None
    """How hang-up causes are told to a caller whose call is not answered, 0 for those that are not listed."""
    reasons: bool = True
    """Whether causes are written into Reason headers, and taken from them (RFC 3326)."""
    hangup_headers: bool = False
    """Whether a BYE of ours tells the cause in ``X-Asterisk-HangupCause`` and ``X-Asterisk-HangupCauseCode``."""
    skips_known_sdp: bool = False
    """Whether an offer within a call is taken for no change as long as the version in its ``o=`` is the same."""
    proposes_timers: bool = True
    """Whether a call of ours proposes session timers with ``timers=yes``, instead of waiting for the peer to."""
    refresher: str = ""
    """Who refreshes a session where the peer leaves that open, ``uac`` or ``uas``; empty: the peer."""

    shrinks_numbers: bool = False
    """Whether callers' numbers lose brackets, blanks, hyphens and inner dots."""

    # Transfers

    refer_at_once: bool = False
    """Whether the one NOTIFY of a REFER says at once that the transfer was begun, and nothing of what comes of it."""

    refer_bare: bool = False
    """Whether a REFER of ours has Refer-To and Referred-By alone, the former in angle brackets always."""
    redirect_name: str = ""
    """The display name of Contact in a 302 of ours."""
    redirect_goes_on: bool = False
    """Whether the dialplan goes on behind ``Transfer`` after a 302, until it waits for something."""

    # Subscriptions

    accept_required: bool = False
    """Whether a SUBSCRIBE to an extension without Accept is refused (489)."""
    old_bodies: bool = False
    """Whether bodies and headers of NOTIFY are those of ``chan_sip``, with another one when a phone begins to ring."""
    body_types: Mapping[str, str] = field(default_factory=dict)
    """Content types of NOTIFY bodies that go out under other names."""
    subscription_limits: tuple[int, int] = (0, 0)
    """The shortest and the longest subscription in seconds, into which one is brought silently; 0: none."""
    tells_ringing: str = "yes"
    """Whether subscribers hear of ringing: ``yes``, ``no``, or ``notinuse``: not while the extension is in a call."""
    tells_hold: bool = True
    """Whether subscribers hear of hold."""
    tells_callers: bool = True
    """Whether dialog-info says who calls."""
    own_mailboxes: bool = False
    """Whether a SUBSCRIBE to mailboxes is to those of who sends it, whatever its Request-URI names."""


PJSIP = Habits()
"""The way of ``chan_pjsip``, which every endpoint has that was not given another."""
