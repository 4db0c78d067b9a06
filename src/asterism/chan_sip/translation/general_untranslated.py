"""``[general]``: options that no option of ``pjsip.conf`` stands for: what they do here, or why they do nothing."""

from __future__ import annotations

from asterism.chan_sip.translation.rules import Rule


def _left(option: str, text: str, here: str = "") -> Rule:
    return Rule(option, (), text, "untranslated", here=here)


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
    _left("autocreatepeer", "whoever is to register needs an endpoint", here="who registers gets a peer of that name"),
    _left("recordhistory", "pjsip set history on", here="the history of dialogs is recorded from the start"),
    _left("dumphistory", "pjsip show history", here="the history of each dialog goes to the log at its end"),
    _left("websocket_enabled", "a transport with protocol=ws or wss, and http.conf",
          here="no: peers of sip.conf are not served over WebSocket"),
)  # fmt: skip
