"""``[general]``: what becomes ``[global]`` and ``[system]``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.chan_sip.translation.general_making import GeneralObject, yes_no
from asterism.chan_sip.translation.rules import Rule

if TYPE_CHECKING:
    from asterism.chan_sip.reading import SipConf
    from asterism.chan_sip.translation.names import Names
    from asterism.config.file import Section

T1 = 500
"""Milliseconds of T1 where ``timert1`` is not set."""


def core(conf: SipConf, names: Names, kind: str) -> Iterable[Section]:
    """``global`` and ``system``, each if it says anything."""
    if kind in ("", "global"):
        made = _global(conf, names)
        if not made.empty:
            yield made.section
    if kind in ("", "system"):
        made = _system(conf)
        if not made.empty:
            yield made.section


def t1(general_t1: int, t1min: int) -> int:
    """T1 in milliseconds: ``timert1``, but not less than ``t1min``."""
    return max(general_t1 or T1, t1min)


def _global(conf: SipConf, names: Names) -> GeneralObject:
    general = conf.general
    made = GeneralObject(conf, "global", "global")
    made.put("user_agent", general.useragent, "useragent")
    made.put("default_realm", general.realm or "asterisk", "realm")
    made.put("max_forwards", str(general.maxforwards), "maxforwards")
    made.put("default_from_user", general.callerid.number or general.callerid.name or "asterisk", "callerid")
    made.put("ignore_uri_user_options", yes_no(general.legacy_useroption_parsing), "legacy_useroption_parsing")
    if names.written:
        made.put("debug", yes_no(general.sipdebug), "sipdebug")
        made.put("regcontext", general.regcontext.partition("&")[0], "regcontext")
        if general.match_auth_username:
            made.put("endpoint_identifier_order", "auth_username,ip,username,anonymous", "match_auth_username")
    return made


def _system(conf: SipConf) -> GeneralObject:
    general = conf.general
    made = GeneralObject(conf, "system", "system")
    first = t1(general.timert1, general.t1min)
    made.put("timer_t1", str(first), "timert1", "t1min")
    made.put("timer_b", str(general.timerb or 64 * first), "timerb", "timert1", "t1min")
    made.put("compact_headers", yes_no(general.compactheaders), "compactheaders")
    return made


RULES = (
    Rule("useragent", ("global.user_agent",)),
    Rule("realm", ("global.default_realm", "auth.realm")),
    Rule("legacy_useroption_parsing", ("global.ignore_uri_user_options",)),
    Rule("sipdebug", ("global.debug",), here="traces SIP from the start, as sip set debug on does"),
    Rule("compactheaders", ("system.compact_headers",)),
    Rule("match_auth_username", ("global.endpoint_identifier_order", "endpoint.identify_by")),
    Rule(
        "regcontext", ("global.regcontext",),
        "the extension is the AOR's name, whatever regexten says, and in one context", "changed",
        here="an extension for each registered peer, in each of the contexts",
    ),
    Rule(
        "regextenonqualify", (), "an extension stays while the phone is registered", "untranslated",
        here="the extensions of regexten go while the peer does not answer",
    ),
    Rule("timert1", ("system.timer_t1",), "for all endpoints alike: that of [general]", "changed"),
    Rule("timerb", ("system.timer_b",), "for all endpoints alike: that of [general]", "changed"),
    Rule(
        "t1min", ("system.timer_t1",), "T1 is not measured: it is the floor of timert1", "changed",
        here="the floor of timert1, and of T1 as it is measured where qualify is on",
    ),
)  # fmt: skip
