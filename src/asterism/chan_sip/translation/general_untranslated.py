"""``[general]``: options that no option of ``pjsip.conf`` stands for: what they do here, or why they do nothing."""

from __future__ import annotations

from collections.abc import Iterator

from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.translation.rules import Rule


def _left(option: str, text: str, here: str = "") -> Rule:
    return Rule(option, (), text, "untranslated", here=here)


def _without_effect() -> Iterator[tuple[str, str]]:
    for reason, names in SipGeneral.WITHOUT_EFFECT.items():
        for name in names.split():
            yield name, reason


RULES = (
    _left(
        "allowguest", "an endpoint named anonymous takes calls of unknown senders; without it they are refused",
        here="calls of unknown senders start in the context of [general]",
    ),
    _left(
        "domainsasrealm", "the realm is that of the auth object",
        here="challenges to a domain of this server, or to somebody of one, have it as their realm",
    ),
    _left("domain", "calls are not told apart by domain", here="the domains of this server, and the contexts of calls"),
    _left("autodomain", "calls are not told apart by domain", here="adds the server's own names and addresses to them"),
    _left(
        "allowexternaldomains", "calls to any domain are taken",
        here="without it calls to domains that are not this server's are refused (404)",
    ),
    _left(
        "srvlookup", "SRV records are always asked for; a port in the URI is the way without them",
        here="without it hosts are looked up by their addresses alone",
    ),
    _left(
        "qualifygap", "the first checks are spread by max_initial_qualify_time of [global]",
        here="the pause between the peers that are checked at the start",
    ),
    _left(
        "qualifypeers", "the first checks are spread by max_initial_qualify_time of [global]",
        here="how many peers are checked at the same time at the start",
    ),
    _left(
        "shrinkcallerid", "FILTER() in the dialplan takes characters out of a caller's number",
        here="callers' numbers lose brackets, blanks, hyphens and inner dots",
    ),
    _left("notifymimetype", "the type is always that of RFC 3842", here="the Content-Type of mailbox states"),
    _left(
        "accept_outofcall_message", "a message_context without extensions refuses every MESSAGE",
        here="no: MESSAGE outside of calls is refused (405)",
    ),
    _left(
        "auth_message_requests", "an endpoint with auth is challenged for MESSAGE too",
        here="no: MESSAGE needs no password",
    ),
    _left(
        "refer_addheaders", "headers of a REFER cannot be added", here="headers of SIPAddHeader go out with REFER too"
    ),
    _left("textsupport", "t140 in allow, and max_text_streams of the endpoint", here="calls may have text (T.140)"),
    _left(
        "authfailureevents", "security events tell of wrong passwords",
        here="PeerStatus Rejected is raised for wrong passwords",
    ),
    *(
        _left(name, "sorcery.conf: a cache before the database", here="how peers of databases are kept")
        for name in ("rtcachefriends", "rtautoclear", "rtupdate", "rtsavesysname", "rtsavepath", "ignoreregexpire")
    ),
    *(_left(name, reason) for name, reason in _without_effect()),
    _left("recordhistory", "pjsip set history on", here="the history of dialogs is recorded from the start"),
    _left("dumphistory", "pjsip show history", here="the history of each dialog goes to the log at its end"),
    _left("websocket_enabled", "a transport with protocol=ws or wss, and http.conf",
          here="no: peers of sip.conf are not served over WebSocket"),
)  # fmt: skip
