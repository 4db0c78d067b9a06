"""``sip set debug``: the trace of SIP messages in the form of ``chan_sip``."""

from __future__ import annotations

import ipaddress
import math
import re
import time
from typing import TYPE_CHECKING

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.log import VERBOSE, Multiline
from asterism.data.network import parse_address
from asterism.hostport import format_host_port, split_host_port

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.chan_sip.peers import Peers
    from asterism.core.log import ServerLogger
    from asterism.sip.core import SipCore
    from asterism.stack.flow import Flow

_SDES_KEY = re.compile(r"(inline:)[A-Za-z0-9+/=]+")
_REMEMBERED = 256
_FRESH = 5.0
"""Seconds for which the addresses of peers are taken to be what they were."""
_SYNTAX = "sip set debug {off|on|ip addr[:port]|peer peername}"
_DESCRIPTION = (
    "Writes all SIP messages into the log, or those of one address or peer, or none. Keys of encrypted media are left"
    " out. pjsip set logger does the same in another form, and has more filters."
)
_HOST = (Argument("address", "Address, with a port where only that is meant.", required=True),)
_PEER = (Argument("peername", "A peer that has an address now.", required=True),)


class SipDebug:
    """Writes messages to the log while it is switched on.

    ``nat`` gives what ``[general]`` says of NAT, which counts for who is no peer with an address.
    """

    def __init__(
        self, core: SipCore, peers: Peers, log: ServerLogger, nat: Callable[[], Collection[str]] = tuple
    ) -> None:
        self._general_nat = nat
        self._core = core
        self._peers = peers
        self._log = log
        self.everything = False
        self.address: tuple[str, int] | None = None
        """The one address whose messages are written; port 0 stands for any."""
        self._located: dict[tuple[str, int], SipPeer] = {}
        self._looked = -math.inf
        self._sent: dict[int, int] = {}
        """How often a message was sent again, by its hash, for the latest of them."""

    @property
    def active(self) -> bool:
        """Whether anything is written."""
        return self.everything or self.address is not None

    def apply(self) -> None:
        """Watch the transports, or no more."""
        if self._core.started:
            self._core.state.traces.set(self._core.transports, "sip_debug", self.trace if self.active else None)

    def off(self) -> None:
        """Write nothing."""
        self.everything = False
        self.address = None
        self._sent.clear()
        self._located, self._looked = {}, -math.inf
        self.apply()

    def _wanted(self, remote: tuple[str, int]) -> bool:
        if self.everything or self.address is None:
            return self.everything
        host, port = self.address
        try:
            same = parse_address(remote[0]) == parse_address(host)
        except ValueError:
            same = remote[0] == host
        return same and port in (0, remote[1])

    def trace(self, direction: str, data: bytes, flow: Flow) -> None:
        """Write one message (:class:`~asterism.sip.traces.Traces`)."""
        remote = flow.remote[0], flow.remote[1]
        if not data.strip() or not self._wanted(remote):
            return
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        if "inline:" in text:
            text = _SDES_KEY.sub(r"\1<hidden>", text)
        where = format_host_port(*remote)
        log, shown = self._log.log, Multiline
        if direction == "in":
            head, _, body = text.partition("\n\n")
            cut = bool(body) and not body.endswith("\n")
            lines = body.count("\n") + cut
            text += "\n" * cut
            log(
                VERBOSE,
                "\n<--- SIP read from %s:%s --->\n%s<------------->",
                flow.transport.upper(),
                where,
                shown(text),
            )
            log(VERBOSE, "--- (%d headers %d lines) ---", head.count("\n") + 1, lines)
        elif text.startswith("SIP/2.0 "):
            reliably = "Reliably " if _is_final_to_invite(text) else ""
            nat = self._nat(remote)
            log(
                VERBOSE, "\n<--- %sTransmitting (%s) to %s --->\n%s\n<------------>", reliably, nat, where, shown(text)
            )  # fmt: skip
        else:
            log(VERBOSE, "%s (%s) to %s:\n%s\n---", self._how(data), self._nat(remote), where, shown(text))

    def _nat(self, remote: tuple[str, int]) -> str:
        now = time.monotonic()
        if now > self._looked + _FRESH:
            self._located, self._looked = self._peers.located(), now
        found = self._located.get(remote)
        nat = self._general_nat() if found is None else found.nat
        return "NAT" if "force_rport" in nat else "no NAT"

    def _how(self, data: bytes) -> str:
        """In which way a request is sent: as ACK, for the first time, or again."""
        if data.startswith(b"ACK "):
            return "Transmitting"
        key = hash(data)
        times = self._sent.pop(key, -1) + 1
        self._sent[key] = times
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        return f"Retransmitting #{times}" if times else "Reliably Transmitting"

    # Commands.

    def complete_peers(self, typed: list[str]) -> Iterable[str]:
        """Names of peers."""
        return [one.name for one in self._peers.all()] if len(typed) < 2 else []

    @command("sip set debug on", Documentation("Trace all SIP messages", _SYNTAX, _DESCRIPTION), choice=True)
    def debug_on(self, call: CommandCall) -> str:
        """All of them."""
        call.takes_nothing()
        return self._on()

    def _on(self) -> str:
        again = self.active
        self.everything = True
        self.address = None
        self.apply()
        return f"SIP Debugging {'re-enabled' if again else 'enabled'}\n"

    @command("sip set debug off", Documentation("Trace no SIP messages", _SYNTAX, _DESCRIPTION), choice=True)
    def debug_off(self, call: CommandCall) -> str:
        """None."""
        call.takes_nothing()
        return self._off()

    def _off(self) -> str:
        self.off()
        return "SIP Debugging Disabled\n"

    @command(
        "sip set debug ip", Documentation("Trace the SIP messages of one address", _SYNTAX, _DESCRIPTION, _HOST),
        choice=True,
    )  # fmt: skip
    def debug_ip(self, call: CommandCall) -> str:
        """Those of one address."""
        return self._ip(call.args)

    def _ip(self, words: list[str]) -> str:
        if len(words) != 1:
            raise UsageError("one address")
        text = words[0]
        try:
            bare = text.count(":") > 1 and not text.startswith("[")
            host, port = (text, None) if bare else split_host_port(text)
            ipaddress.ip_address(host)
        except ValueError:
            raise UsageError(f"'{text}' is no address") from None
        return self._one(host, port or 0)

    @command(
        "sip set debug peer", Documentation("Trace the SIP messages of one peer", _SYNTAX, _DESCRIPTION, _PEER),
        "complete_peers", choice=True,
    )  # fmt: skip
    def debug_peer(self, call: CommandCall) -> str:
        """Those of one peer, from where it is now."""
        return self._peer(call.args)

    def _peer(self, words: list[str]) -> str:
        if len(words) != 1:
            raise UsageError("one peer")
        name = words[0]
        peer = self._peers.get(name)
        if peer is None:
            return f"No such peer '{name}'\n"
        address = self._peers.address(peer)
        if address is None:
            return f"Unable to get IP address of peer '{name}'\n"
        return self._one(*address)

    def _one(self, host: str, port: int) -> str:
        self.everything = False
        self.address = (host, port)
        self.apply()
        return f"SIP Debugging Enabled for IP: {host}\n"

    # The spelling of earlier versions.

    @command("sip debug", Documentation(
        "Trace all SIP messages", "sip debug [off|on|ip addr[:port]|peer peername]",
        "Another spelling of sip set debug; without a word it is sip set debug on.",
    ), ("on", "off", "ip", "peer"))  # fmt: skip
    def debug(self, call: CommandCall) -> str:
        """All of them, or what the words say."""
        first, *rest = call.args or ["on"]
        if first in ("on", "off") and not rest:
            return self._on() if first == "on" else self._off()
        if first == "ip":
            return self._ip(rest)
        if first == "peer":
            return self._peer(rest)
        raise UsageError("on, off, ip or peer")

    @command("sip no debug", Documentation("Trace no SIP messages", "sip no debug", "The same as sip set debug off."))
    def no_debug(self, call: CommandCall) -> str:
        """None."""
        call.takes_nothing()
        return self._off()


def _is_final_to_invite(text: str) -> bool:
    found = re.search(r"^CSeq[ \t]*:[ \t]*\d+[ \t]+INVITE", text, re.MULTILINE | re.IGNORECASE)
    return found is not None and text[8:9] != "1"
