"""``mwi =>``: subscriptions of this server to mailboxes of others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from asterism.chan_sip.objects.mwi_line import CONTEXT, MwiLine
from asterism.chan_sip.translation.general_auth import names_of
from asterism.chan_sip.translation.general_making import GeneralObject, lines_of
from asterism.chan_sip.translation.general_registrations import FOREVER, proxy_route, served
from asterism.chan_sip.translation.rules import Rule
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.chan_sip.reading import SipConf
    from asterism.chan_sip.translation.names import Names
    from asterism.config.file import Option, Section

TYPE = "outbound-subscription"
_RETRY = 60


def mailboxes(conf: SipConf, names: Names, kind: str) -> Iterable[Section]:
    """The subscriptions, and the credentials of each."""
    if kind not in ("", TYPE, "auth"):
        return
    shared = names_of(conf, names)
    for number, (option, line) in enumerate(_lines(conf), 1):
        auths = list(shared)
        if line.secret or line.auth_user:
            auths.insert(0, names.mwi_auth(number))
            if kind != TYPE:
                auth = GeneralObject(conf, "auth", names.mwi_auth(number), option.position)
                auth.put("username", line.auth_user or line.user)
                auth.put("password", line.secret)
                yield auth.section
        if kind != "auth":
            yield _subscription(conf, names, number, option, line, auths)


def _subscription(conf: SipConf, names: Names, number: int, option: Option, line: MwiLine, auths: list[str]) -> Section:
    general = conf.general
    made = GeneralObject(conf, TYPE, names.mwi(number), option.position)
    made.put("server_uri", str(Uri("sip", line.user, line.host.lower(), line.port or None)))
    made.put("event", "message-summary")
    made.put("mailbox", f"{line.mailbox}@{CONTEXT}")
    made.put("expiration", str(max(general.mwiexpiry, 1)), "mwiexpiry")
    made.put("retry_interval", str(min(max(general.mwiexpiry, 1), _RETRY)), "mwiexpiry")
    # It is tried again each mwiexpiry, whatever the answer was.
    made.put("fatal_retry_interval", str(max(general.mwiexpiry, 1)), "mwiexpiry")
    made.put("max_retries", str(FOREVER))
    made.put("max_random_initial_delay", "0")
    if auths:
        made.put("outbound_auth", ",".join(auths))
    made.put("outbound_proxy", proxy_route(general.outboundproxy), "outboundproxy")
    if "udp" in served(conf):
        made.put("transport", names.transport("udp"))
    return made.section


def _lines(conf: SipConf) -> Iterator[tuple[Option, MwiLine]]:
    for option in lines_of(conf, "mwi"):
        yield option, MwiLine.parse(option.value)


RULES = (
    Rule("mwi", ("outbound-subscription.server_uri", "outbound-subscription.mailbox", "auth.password")),
    Rule("mwiexpiry", ("outbound-subscription.expiration",)),
)
