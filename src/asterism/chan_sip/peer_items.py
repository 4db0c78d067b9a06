"""The items of ``SIPPEER()``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from asterism.chan_sip import words

if TYPE_CHECKING:
    from asterism.chan_sip.objects.general import SipGeneral
    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.chan_sip.peers import Peers
    from asterism.pbx.assembly.channel import Channel
    from asterism.pbx.channels.table import ChannelTable


class View(NamedTuple):
    """What the items are read from."""

    peers: Peers
    channels: ChannelTable[Channel]
    general: SipGeneral | None


Item = Callable[[View, "SipPeer"], str]


def _ip(view: View, peer: SipPeer) -> str:
    found = view.peers.address(peer)
    return "" if found is None else found[0]


def _port(view: View, peer: SipPeer) -> str:
    found = view.peers.address(peer)
    return "0" if found is None else str(found[1])


def _expire(view: View, peer: SipPeer) -> str:
    found = view.peers.registration(peer)
    return "-1" if found is None else str(int(found.expiration_time))


def _calls(view: View, peer: SipPeer) -> str:
    return str(view.peers.calls(peer, view.channels) if words.call_limit(peer) else 0)


ITEMS: dict[str, tuple[str, Item]] = {
    "ip": ("its address; the item that is meant without one", _ip),
    "port": ("its port", _port),
    "status": ("whether it answers, and how soon: OK (5 ms), LAGGED (3000 ms), UNREACHABLE, UNKNOWN, Unmonitored",
               lambda view, peer: view.peers.status(peer)),
    "mailbox": ("its mailboxes, comma separated", lambda _, peer: ",".join(peer.mailbox)),
    "context": ("the context of its calls", lambda _, peer: peer.context),
    "expire": ("when its registration ends, in seconds since 1970; -1 without one", _expire),
    "dynamic": ("yes if it registers, else no", lambda _, peer: "yes" if peer.dynamic else "no"),
    "callerid_name": ("the name of its caller ID", lambda _, peer: peer.callerid.name),
    "callerid_num": ("the number of its caller ID", lambda _, peer: peer.callerid.number),
    "callgroup": ("its callgroup", lambda _, peer: words.numbers(peer.callgroup)),
    "pickupgroup": ("its pickupgroup", lambda _, peer: words.numbers(peer.pickupgroup)),
    "namedcallgroup": ("its namedcallgroup", lambda _, peer: ",".join(peer.namedcallgroup)),
    "namedpickupgroup": ("its namedpickupgroup", lambda _, peer: ",".join(peer.namedpickupgroup)),
    "codecs": ("its codecs, as (ulaw|alaw)", lambda _, peer: words.codecs(peer.allow)),
    "regexten": ("its regexten", lambda _, peer: peer.regexten),
    "limit": ("its call-limit; 2147483647 where its calls are only counted, 0 where they are not",
              lambda _, peer: str(words.call_limit(peer))),
    "busylevel": ("its busylevel", lambda _, peer: str(peer.busylevel)),
    "curcalls": ("how many calls it has, where they are counted", _calls),
    "language": ("the language of its prompts", lambda _, peer: peer.language),
    "accountcode": ("its account code", lambda _, peer: peer.accountcode),
    "useragent": ("the User-Agent with which it registered", lambda view, peer: view.peers.useragent(peer)),
    "maxforwards": ("its Max-Forwards; 0 where that of [general] counts",
                    lambda view, peer: str(words.max_forwards(peer, view.general))),
}  # fmt: skip
"""What they are, and how they are read."""
WITH_NAME = (
    ("chanvar[name]", "the value of its setvar of that name"),
    ("codec[x]", "the name of its codec number x, the first being 0"),
)
FOREIGN = frozenset(("useragent", "ip"))
"""Items with text that a phone sent."""


def value(view: View, peer: SipPeer, item: str) -> str:
    """The value of an item; empty for one that there is not."""
    found = ITEMS.get(item.lower())
    if found is not None:
        return found[1](view, peer)
    kind, bracket, rest = item.partition("[")
    name = rest.removesuffix("]")
    if not bracket or name == rest:
        return ""
    if kind.lower() == "chanvar":
        return next((text for key, text in reversed(peer.setvar) if key == name), "")
    if kind.lower() == "codec" and name.isascii() and name.isdigit() and len(name) < 4:
        codecs = list(peer.allow)
        return codecs[int(name)] if int(name) < len(codecs) else ""
    return ""
