"""Dialplan functions of ``chan_sip``: SIP_HEADER, SIP_HEADERS, SIPPEER, CHECKSIPDOMAIN."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from asterism.chan_sip.channels import invite_of, sip_session
from asterism.chan_sip.domains import is_local
from asterism.chan_sip.objects.general import general_of
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.peer_items import FOREIGN, ITEMS, WITH_NAME, View, value
from asterism.chan_sip.peers import Peers, peers_of
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.data.errors import DataUnavailableError
from asterism.pbx.vocabulary.marks import function, function_preparer, register_marked
from asterism.stack.headers import canonical

if TYPE_CHECKING:
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.core import SipCore

_OUR_RECEIVED = re.compile(r";received=[^;,]*")
_OUR_RPORT = re.compile(r";rport=[0-9]+")
_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,9})")


def _as_sent(via: str) -> str:
    """A Via without what this server has put in on the way (RFC 3261 18.2.1, RFC 3581)."""
    return _OUR_RPORT.sub(";rport", _OUR_RECEIVED.sub("", via))


class SipFunctions:
    """The functions."""

    def __init__(self, core: SipCore, pbx: Pbx, peers: Peers) -> None:
        self._core = core
        self._pbx = pbx
        self._peers = peers

    @function("SIP_HEADER", Documentation(
        "A header of the INVITE of a SIP call", "SIP_HEADER(name[,number])",
        "Of a channel that has called here it is the INVITE that came, of one that was called the INVITE that it was "
        "sent. Of a header that is not there the value is empty.\n"
        "Headers of a REFER that transferred the call here are in the hash TRANSFER_DATA: set GET_TRANSFERRER_DATA on "
        "the channel that may transfer (with _ or __ in front, so that called channels inherit it) to the beginning of "
        "the names that are wanted, or * for all, and read HASHKEYS(TRANSFER_DATA) and HASH(TRANSFER_DATA,name) on the "
        "transferred channel. What is in the body, such as SDP, cannot be read.",
        (Argument("name", "The header, in any case; the short form of a name means the same.", True),
         Argument("number", "Which one, where there are several; the first is 1, and meant without a number.")),
        ("SIP_HEADERS", "SIPAddHeader", "PJSIP_HEADER"),
    ), foreign=True)  # fmt: skip
    def read_header(self, channel: Channel | None, args: str) -> str:
        """The value of a header."""
        name, _, number = args.partition(",")
        wanted = name.strip()
        if not wanted:
            self._pbx.log.warning("This function requires a header name.")
            return ""
        headers = self._headers(channel, "SIP_HEADER")
        found = _NUMBER.match(number)
        left = max(int(found[1]), 1) if found is not None else 1
        spelling = canonical(str(wanted)).lower()
        for header, text in headers:
            if canonical(header).lower() == spelling:
                left -= 1
                if not left:
                    return _as_sent(text) if spelling == "via" else text
        return ""

    @function("SIP_HEADERS", Documentation(
        "The names of the headers of the INVITE of a SIP call", "SIP_HEADERS([prefix])",
        "Comma separated, in the order of the message, each name once: SIP_HEADERS(X-) may be X-Account,X-Line. POP "
        "and SIP_HEADER read them one by one. Which INVITE is meant is told at SIP_HEADER.",
        (Argument("prefix", "Only names that begin so, in this very case."),),
        ("SIP_HEADER", "POP", "PJSIP_HEADERS"),
    ), foreign=True)  # fmt: skip
    def read_headers(self, channel: Channel | None, args: str) -> str:
        """The names."""
        names = dict.fromkeys(name for name, _ in self._headers(channel, "SIP_HEADERS"))
        return ",".join(name for name in names if name.startswith(args))

    def _headers(self, channel: Channel | None, function: str) -> list[tuple[str, str]]:
        session = sip_session(channel)
        if session is None:
            self._pbx.log.warning("%s: This function can only be used on SIP channels.", function)
            return []
        invite = invite_of(session)
        return [] if invite is None else invite.headers

    @function("SIPPEER", Documentation(
        "An item of a peer of sip.conf", "SIPPEER(peername[,item])",
        "Of a peer or an item that there is not the value is empty.",
        (Argument("peername", "The peer.", True),
         Argument("item", "What to give; ip without one.", False,
                  (*((name, text) for name, (text, _) in ITEMS.items()), *WITH_NAME))),
        ("CHECKSIPDOMAIN", "CHANNEL", "PJSIP_ENDPOINT", "PJSIP_CONTACT"),
    ), marks=True)  # fmt: skip
    def read_peer(self, channel: Channel | None, args: str) -> str:
        """The item."""
        name, _, item = args.partition(",")
        peer = self._peers.get(str(name).strip())
        if peer is None:
            return ""
        item = str(item).strip() or "ip"
        view = View(self._peers, self._pbx.channels, general_of(self._core.data))
        found = value(view, peer, item)
        return self._pbx.dialplan.environment.foreign(found) if item.lower() in FOREIGN else found

    @function_preparer("SIPPEER")
    async def fetch_peer(self, args: str) -> None:
        """Have a peer that is in a database."""
        with suppress(DataUnavailableError):
            await self._core.data.retrieve(SipPeer, args.partition(",")[0].strip())

    @function("CHECKSIPDOMAIN", Documentation(
        "Whether a domain is one of this server's", "CHECKSIPDOMAIN(domain)",
        "The value is the domain as it was given if it is named by a domain line of sip.conf, or is the server's own "
        "with autodomain=yes; otherwise it is empty. Upper and lower case mean the same.",
        (Argument("domain", "The domain.", True),),
        ("SIPPEER",),
    ))  # fmt: skip
    def check_domain(self, channel: Channel | None, args: str) -> str:
        """The domain, or nothing."""
        if not args:
            self._pbx.log.warning("CHECKSIPDOMAIN requires an argument - A domain name")
            return ""
        return args if is_local(general_of(self._core.data), str(args)) else ""


class SipFunctionsModule(Module):
    """Registers the functions."""

    name = "chan_sip_functions"
    part_of = ("chan_sip",)
    requires = ("chan_sip", "chan_sip_peers", "session")
    description = "Dialplan functions of chan_sip"

    def load(self, server: Any) -> None:
        """Register them."""
        register_marked(server.pbx, SipFunctions(server.sip, server.pbx, peers_of(server)))
