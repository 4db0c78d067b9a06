"""The habits of ``chan_sip``: what a peer of ``sip.conf`` sees that one of ``pjsip.conf`` does not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from asterism.chan_sip.domains import domains
from asterism.chan_sip.translation.general_core import t1
from asterism.sip.objects.habits import Answer, Habits, Reception, Refused, Style, Timing

if TYPE_CHECKING:
    from asterism.chan_sip.objects.general import SipGeneral
    from asterism.chan_sip.objects.peer import SipPeer

TECHNOLOGY = "SIP"
AGENT = "Asterisk PBX"
"""``useragent`` where the file has none."""
NOBODY = "asterisk"
"""Name and number of a caller who has none, unless ``callerid`` of ``[general]`` says otherwise."""
METHODS = ("INVITE", "ACK", "CANCEL", "OPTIONS", "BYE", "REFER", "SUBSCRIBE", "NOTIFY", "INFO", "PUBLISH", "MESSAGE")
"""The methods that ``chan_sip`` has, in the order of its Allow."""
_IN_DIALOGS = frozenset((*METHODS, "PRACK"))
REFRESH_MARGIN = 15
"""Seconds before its end at which a registration of ours is refreshed."""
SLACK = 10
"""Seconds that a binding outlasts its time."""

REFUSALS: Final[Mapping[int, Refused]] = MappingProxyType(
    {
        4: Refused(127),
        5: Refused(34, "congestion"),
        401: Refused(21),
        403: Refused(21),
        404: Refused(1),
        407: Refused(21),
        408: Refused(18),
        409: Refused(41),
        410: Refused(22, "congestion"),
        420: Refused(3),
        480: Refused(19, "busy"),
        482: Refused(127, "congestion"),
        483: Refused(19),
        484: Refused(1),
        485: Refused(1),
        486: Refused(17, "busy"),
        488: Refused(58),
        500: Refused(38, "congestion"),
        501: Refused(29),
        502: Refused(27, "congestion"),
        504: Refused(102, "congestion"),
        505: Refused(127),
        600: Refused(17, "busy"),
        603: Refused(21, "busy"),
        604: Refused(1),
        606: Refused(58),
    }
)
"""What the final responses of a called peer come to."""

ANSWERS: Final[Mapping[int, Answer]] = MappingProxyType(
    {
        0: Answer(603, "Declined"),
        1: Answer(404),
        2: Answer(404),
        3: Answer(404),
        17: Answer(486, "Busy here"),
        18: Answer(408),
        19: Answer(480, "Temporarily unavailable"),
        20: Answer(480, "Temporarily unavailable"),
        21: Answer(403),
        22: Answer(410),
        27: Answer(502),
        28: Answer(484, "Address incomplete"),
        29: Answer(501),
        31: Answer(480, "Temporarily unavailable"),
        34: Answer(503),
        38: Answer(500, "Server internal failure"),
        42: Answer(503),
        58: Answer(488, "Not Acceptable Here"),
        66: Answer(503),
        127: Answer(500, "Network error"),
    }
)
"""The answers to callers whose calls end by these causes."""

PHRASES: Final[Mapping[int, str]] = MappingProxyType(
    {415: "Unsupported media type", 488: "Not acceptable here", 501: "Method Not Implemented"}
)
"""Reason phrases of refusals that no cause stands for."""


_FORBIDDEN = Answer(403, "Forbidden (policy)")
_DECLINED = Answer(603, "Declined (policy)")
_NO_MESSAGES = Answer(405)
SUMMARY = "application/simple-message-summary"
_NO_TYPES: Mapping[str, str] = MappingProxyType({})
_KEPT = 1024
"""Different habits that are kept: peers that do not differ in them share theirs."""


def habits_of(general: SipGeneral, peer: SipPeer | None) -> Habits:
    """The habits towards a peer; ``None``: towards callers who are nobody's (``allowguest``)."""
    mine = general if peer is None else peer
    unchallenged: list[str] = []
    at_home: list[str] = []
    if peer is not None and "invite" in peer.insecure:
        # Anybody can write its name into From; a user has no address that could tell.
        (at_home if peer.is_peer else unchallenged).append("INVITE")
    if not general.auth_message_requests:
        unchallenged.append("MESSAGE")
    if not general.auth_options_requests:
        unchallenged.append("OPTIONS")
    return _habits(
        style_of(general),
        _nobody(general),
        tuple((one.name.lower(), one.context) for one in domains(general)),
        general.allowexternaldomains,
        general.accept_outofcall_message,
        "" if general.auth_options_requests else general.context,
        (general.subminexpiry or general.minexpiry, general.submaxexpiry or general.maxexpiry),
        (general.notifyringing, general.notifyhold, general.notifycid != "no"),
        tuple(unchallenged),
        tuple(at_home),
        _transports(general, peer),
        mine.use_q850_reason,
        mine.ignoresdpversion,
        mine.session_refresher,
        general.srvlookup,
        timing_of(general, peer),
        general.shrinkcallerid,
        general.notifymimetype,
        mine.faxdetect,
    )


@lru_cache(maxsize=_KEPT)
def _habits(
    style: Style,
    nobody: tuple[str, str],
    domains: tuple[tuple[str, str], ...],
    foreign_domains: bool,
    messages: bool,
    options_context: str,
    subscription_limits: tuple[int, int],
    told: tuple[str, bool, bool],
    unchallenged: tuple[str, ...],
    at_home: tuple[str, ...],
    transports: tuple[str, ...],
    reasons: bool,
    reads_all_sdp: bool,
    refresher: str,
    srv_lookup: bool,
    timing: Timing,
    shrinks_numbers: bool,
    summary_type: str,
    fax_signs: str,
) -> Habits:
    ringing, hold, callers = told
    return Habits(
        technology=TECHNOLOGY,
        fax_signs=frozenset((fax_signs,)) if fax_signs in ("cng", "t38") else frozenset(("cng", "t38")),
        srv_lookup=srv_lookup,
        timing=timing,
        shrinks_numbers=shrinks_numbers,
        body_types=_NO_TYPES if summary_type == SUMMARY else MappingProxyType({SUMMARY: summary_type}),
        quality_scores=False,
        status_events=False,
        session_timeout_events=True,
        style=style,
        phrases=PHRASES,
        methods=_IN_DIALOGS,
        own_number=True,
        nobody=nobody,
        unchallenged=frozenset(unchallenged),
        unchallenged_at_home=frozenset(at_home),
        transports=frozenset(name.upper() for name in transports),
        domains=MappingProxyType(dict(domains)),
        foreign_domains=foreign_domains,
        subscribe_refusal=_FORBIDDEN,
        transfer_refusal=_DECLINED,
        message_refusal=None if messages else _NO_MESSAGES,
        message_prefix="sip",
        options_context=options_context,
        expiry_slack=SLACK,
        expires_told=True,
        refresh_margin=REFRESH_MARGIN,
        registers_port=True,
        refusals=REFUSALS,
        answers=ANSWERS,
        reasons=reasons,
        hangup_headers=True,
        skips_known_sdp=not reads_all_sdp,
        proposes_timers=False,
        refresher=refresher,
        refer_at_once=True,
        refer_bare=True,
        redirect_name="Transfer",
        redirect_goes_on=True,
        accept_required=True,
        old_bodies=True,
        subscription_limits=subscription_limits,
        tells_ringing=ringing,
        tells_hold=hold,
        tells_callers=callers,
        own_mailboxes=True,
    )


def _nobody(general: SipGeneral) -> tuple[str, str]:
    """Name and number of callers who have none."""
    name, number = general.callerid
    return name or number or NOBODY, number or name or NOBODY


def _transports(general: SipGeneral, peer: SipPeer | None) -> tuple[str, ...]:
    """The transports over which a peer may register; without ``websocket_enabled`` those of WebSocket are none."""
    if peer is None:
        return ()
    allowed = [name for name in peer.transport if general.websocket_enabled or name not in ("ws", "wss")]
    return tuple(allowed or ["none"])


def timing_of(general: SipGeneral, peer: SipPeer | None) -> Timing:
    """Timers of requests to a peer; of one that is checked T1 is measured."""
    mine = general if peer is None else peer
    first = t1(mine.timert1, general.t1min)
    shortest = general.t1min / 1000 if peer is not None and peer.qualify else 0.0
    return Timing(first / 1000, (mine.timerb or 64 * first) / 1000, shortest)


def style_of(general: SipGeneral) -> Style:
    """How messages are dressed."""
    return _style(general.useragent or AGENT)


@lru_cache(maxsize=8)
def _style(agent: str) -> Style:
    return Style(agent, ", ".join(METHODS), "replaces, timer", "application/sdp")


def reception_of(general: SipGeneral) -> Reception:
    """How those who have not shown who they are get their answers on a transport of ``sip.conf``."""
    realms = frozenset(one.name.lower() for one in domains(general)) if general.domainsasrealm else frozenset()
    return Reception(style_of(general), realm=general.realm, realms=realms)
