"""The trace logger: SIP messages as they go over the wire, to the log (``pjsip set logger``).

Off, it costs nothing: the transports' hook is not set.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.log import VERBOSE, Multiline
from asterism.core.module import Module
from asterism.core.restriction import file_allowed
from asterism.data.network import parse_address
from asterism.hostport import format_host_port, split_host_port
from asterism.interception.pcap import PcapFile
from asterism.sip.objects.global_ import GlobalSettings

if TYPE_CHECKING:
    from asterism.data.network import Network
    from asterism.sip.server import SipServer
    from asterism.stack.flow import Flow

_SDES_KEY = re.compile(r"(inline:)[A-Za-z0-9+/=]+")
_SDES_KEY_BYTES = re.compile(rb"(inline:)([A-Za-z0-9+/=]+)")
_METHOD = re.compile(rb"([A-Z]{1,32}) ")
_CSEQ = re.compile(rb"\r?\nCSeq[ \t]*:[ \t]*\d+[ \t]+([A-Z]{1,32})", re.IGNORECASE)


class TraceLogger:
    """Writes messages to the log, all of them or those of some hosts and methods."""

    def __init__(self, server: SipServer) -> None:
        self._server = server
        self.everything = False
        self.networks: list[Network] = []
        self.methods: list[str] = []
        self.verbose = True
        """Whether the log is written to at all."""
        self.pcap: PcapFile | None = None
        """The capture file, which gets what passes the filters as well."""

    @property
    def chosen(self) -> bool:
        """Whether the filters let anything pass."""
        return self.everything or bool(self.networks) or bool(self.methods)

    @property
    def active(self) -> bool:
        """Whether anything is traced."""
        return (self.verbose or self.pcap is not None) and self.chosen

    def apply(self) -> None:
        """Set or clear the transports' hook."""
        sip = self._server.sip
        if sip.started:
            sip.state.traces.set(sip.transports, "logger", self.trace if self.active else None)

    def capture(self, path: Path) -> None:
        """Write what is traced, everything where nothing is, to a capture file. Raises ``OSError``."""
        opened = PcapFile(path)
        if self.pcap is not None:
            self.pcap.close()
        self.pcap = opened
        if not self.chosen:
            self.everything = True
            self.verbose = False
        self.apply()

    def off(self) -> None:
        """Trace nothing, and end the capture file."""
        if self.pcap is not None:
            self.pcap.close()
            self.pcap = None
        self.everything = False
        self.networks.clear()
        self.methods.clear()
        self.apply()

    def wanted(self, data: bytes, flow: Flow) -> bool:
        """Whether a message passes the filters."""
        if not self.everything and self.networks:
            try:
                address = parse_address(flow.remote[0])
            except ValueError:
                return False
            if not any(address in network for network in self.networks if network.version == address.version):
                return False
        if self.methods:
            found = _METHOD.match(data)
            if found is None or data.startswith(b"SIP/2.0"):
                found = _CSEQ.search(data)
            return found is not None and found[1].decode() in self.methods
        return True

    def trace(self, direction: str, data: bytes, flow: Flow) -> None:
        """Log one message."""
        if not self.wanted(data, flow) or not data.strip():
            return
        if self.pcap is not None:
            self._to_file(self.pcap, direction, data, flow)
            if not self.verbose:
                return
        kind = "response" if data.startswith(b"SIP/2.0 ") else "request"
        what = f"Received SIP {kind}" if direction == "in" else f"Transmitting SIP {kind}"
        where = "from" if direction == "in" else "to"
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        if "inline:" in text:
            text = _SDES_KEY.sub(r"\1<hidden>", text)
        self._server.log.log(
            VERBOSE,
            "<--- %s (%d bytes) %s %s:%s --->\n%s\n",
            what,
            len(data),
            where,
            flow.transport,
            format_host_port(*flow.remote),
            Multiline(text),
        )

    def _to_file(self, pcap: PcapFile, direction: str, data: bytes, flow: Flow) -> None:
        if b"inline:" in data:
            # As long as before, so that Content-Length stays true.
            data = _SDES_KEY_BYTES.sub(lambda match: match[1] + b"X" * len(match[2]), data)
        source, target = (flow.remote, flow.local) if direction == "in" else (flow.local, flow.remote)
        try:
            pcap.write(source[:2], target[:2], data)
        except (OSError, ValueError) as error:
            self.pcap = None
            self.apply()
            self._server.log.error("the capture file %s cannot be written any more: %s", pcap.path, error)


class LoggerModule(Module):
    """Traces SIP messages into the log."""

    name = "sip_logger"
    aliases = ("res_pjsip_logger",)
    requires = ("res_pjsip",)
    description = "Trace of SIP messages"

    trace: TraceLogger

    def load(self, server: SipServer) -> None:
        """Register the commands."""
        self.server = server
        self.trace = TraceLogger(server)
        server.register_marked(self)

    def start(self) -> None:
        """Trace from the beginning where ``[global] debug`` says so."""
        debug = self.server.data.single(GlobalSettings).debug.strip().lower()
        if debug in ("yes", "true", "on", "1"):
            self.trace.everything = True
        elif debug and debug not in ("no", "false", "off", "0"):
            try:
                self.trace.networks.append(ipaddress.ip_network(debug, strict=False))
            except ValueError:
                self.server.log.warning("[global] debug: '%s' is not an address", debug)
        self.trace.apply()

    def unload(self) -> None:
        """Trace nothing any more."""
        self.trace.off()

    @command("pjsip set logger on", Documentation("Trace all SIP messages.", "pjsip set logger on"))
    def on(self, _call: CommandCall) -> str:
        """Trace everything, into the log as well (a capture alone leaves it out)."""
        self.trace.networks.clear()
        self.trace.methods.clear()
        self.trace.everything = self.trace.verbose = True
        self.trace.apply()
        return "PJSIP Logging enabled\n"

    @command("pjsip set logger off", Documentation("Stop tracing SIP messages.", "pjsip set logger off"))
    def off(self, _call: CommandCall) -> str:
        """Trace nothing."""
        self.trace.off()
        return "PJSIP Logging disabled\n"

    def _network(self, call: CommandCall) -> tuple[str, Network]:
        if len(call.args) != 1:
            raise UsageError("one address or network")
        text = call.args[0]
        try:
            host = text if "/" in text else split_host_port(text)[0]
            return host, ipaddress.ip_network(host, strict=False)
        except ValueError:
            raise UsageError(f"'{text}' is neither an address nor a network") from None

    _HOST = (Argument("host", "An address or a network.", required=True),)

    @command(
        "pjsip set logger host",
        Documentation("Trace the messages of one host.", "pjsip set logger host <host>", arguments=_HOST),
    )
    def host(self, call: CommandCall) -> str:
        """Trace one host or network only."""
        name, network = self._network(call)
        self.trace.everything = False
        self.trace.networks[:] = [network]
        self.trace.apply()
        return f"PJSIP Logging Enabled for host: {name}\n"

    @command(
        "pjsip set logger add",
        Documentation("Trace the messages of one more host.", "pjsip set logger add <host>", arguments=_HOST),
    )
    def add(self, call: CommandCall) -> str:
        """Trace one more host or network."""
        name, network = self._network(call)
        self.trace.everything = False
        self.trace.networks.append(network)
        self.trace.apply()
        return f"PJSIP Logging Enabled for host: {name}\n"

    _METHOD = (Argument("method", "A request method.", required=True),)

    @command(
        "pjsip set logger method",
        Documentation("Trace one method only.", "pjsip set logger method <method>", arguments=_METHOD),
    )
    def method(self, call: CommandCall) -> str:
        """Trace one method, with the responses to it."""
        self.trace.methods.clear()
        return self._add_method(call)

    @command(
        "pjsip set logger methodadd",
        Documentation("Trace one more method.", "pjsip set logger methodadd <method>", arguments=_METHOD),
    )
    def add_method(self, call: CommandCall) -> str:
        """Trace one more method."""
        return self._add_method(call)

    def _add_method(self, call: CommandCall) -> str:
        if len(call.args) != 1 or not call.args[0].isalpha():
            raise UsageError("one method")
        name = call.args[0].upper()
        if name not in self.trace.methods:
            self.trace.methods.insert(0, name)
        self.trace.apply()
        return f"PJSIP Logging Enabled for SIP Methods: {', '.join(self.trace.methods)}\n"

    @command(
        "pjsip set logger verbose",
        Documentation(
            "Switch the trace off and on again, keeping its filters.",
            "pjsip set logger verbose <on|off>",
            arguments=(Argument("state", "on or off.", required=True),),
        ),
    )
    def set_verbose(self, call: CommandCall) -> str:
        """Write to the log, or pause while the filters stay."""
        if call.args not in (["on"], ["off"]):
            raise UsageError("on or off")
        self.trace.verbose = call.args == ["on"]
        self.trace.apply()
        return f"PJSIP Logging to verbose has been {'enabled' if self.trace.verbose else 'disabled'}\n"

    @command(
        "pjsip set logger pcap",
        Documentation(
            "Write the traced messages to a capture file.",
            "pjsip set logger pcap <file>",
            "The file can be read by Wireshark and the like, also while it grows. What the filters let pass is written,"
            " everything where none is set. A name without a folder is in the folder of the logs.",
            (Argument("file", "The file, which is written anew.", required=True),),
        ),
    )
    def set_pcap(self, call: CommandCall) -> str:
        """Begin a capture file."""
        if len(call.args) != 1:
            raise UsageError("one file")
        path = Path(call.args[0])
        if not path.is_absolute():
            path = self.server.paths.log / path
        if not file_allowed(path, self.server.paths.log):
            raise CommandError("A manager client may write files in the folder of the logs only.\n")
        try:
            self.trace.capture(path)
        except OSError as error:
            raise CommandError(f"The file cannot be written: {error}\n") from error
        return f"PJSIP Logging to pcap file '{path}' has been enabled\n"
