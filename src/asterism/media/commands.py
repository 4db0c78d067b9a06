"""The module of the RTP engine: reads ``rtp.conf``, brings the console's ``rtp`` commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.words import yes_or_no
from asterism.hostport import format_host_port
from asterism.media.engine_module import EngineModule

if TYPE_CHECKING:
    from asterism.media.core import Media


def _server(name: str, address: tuple[str, int] | None) -> tuple[tuple[str, str], tuple[str, str]]:
    """The two rows of a server."""
    state, where = ("disabled", "0.0.0.0:0") if address is None else ("enabled", format_host_port(*address))
    return (name, state), (" Address", where)


class RtpModule(EngineModule):
    """``rtp show settings``, ``rtp set debug``."""

    name: ClassVar[str] = "res_rtp"
    aliases: ClassVar[tuple[str, ...]] = ("res_rtp_asterisk",)
    description: ClassVar[str] = "RTP engine"
    file: ClassVar[str] = "rtp.conf"

    def engine(self) -> Media:
        """See ``EngineModule``."""
        return self._server.media

    def use_count(self) -> int:
        """Number of open RTP sessions."""
        return len(self._server.media.sessions)

    @command(
        "rtp show settings",
        Documentation(
            "Show the settings of the RTP engine",
            "rtp show settings",
            "Shows the options of rtp.conf that are in force, defaults included.",
            see_also=("rtp set debug",),
        ),
    )
    def show_settings(self, call: CommandCall) -> str:
        """Print the settings."""
        if call.args:
            raise UsageError("no arguments are taken")
        settings = self._server.media.settings
        rows: list[tuple[str, object]] = [
            ("Port start", settings.rtp_start),
            ("Port end", settings.rtp_end),
            ("Checksums", yes_or_no(settings.checksums)),
            ("DTMF Timeout", settings.dtmf_timeout),
            ("Strict RTP", {"seqno": "SeqNo"}.get(settings.strict.value, settings.strict.value.capitalize())),
            ("Probation", f"{settings.probation} frames"),
            ("Replay Protect", yes_or_no(settings.replay_protection)),
            ("ICE support", yes_or_no(settings.ice_support)),
            *_server("STUN", settings.ice.stun),
        ]
        turn = settings.ice.turn
        if turn is not None:
            rows += [*_server("TURN", (turn.host, turn.port)), ("TURN transport", "TCP" if turn.tcp else "UDP")]
        if settings.ice.lite:
            rows.append(("ICE lite", "Yes"))
        lines = "".join(f"  {name + ':':<17}{value}\n" for name, value in rows)
        return f"\n\nGeneral Settings:\n----------------\n{lines}"

    @command(
        "rtp set debug",
        Documentation(
            "Log every RTP packet, or stop that",
            "rtp set debug {on|off|ip host[:port]}",
            "While on, each packet that is sent or received is logged with its type, sequence number, timestamp and "
            "length, and relayed packets take the slower way. With 'ip' only the packets of one address are logged.",
            (Argument("on|off|ip", "What to log.", True), Argument("host[:port]", "The address, after 'ip'.")),
            ("rtp show settings",),
        ),
        complete=lambda words: ("on", "off", "ip") if len(words) <= 1 else (),
    )
    def set_debug(self, call: CommandCall) -> str:
        """Switch the packet log."""
        match call.args:
            case ["on"]:
                self._server.media.set_debug(True)
                return "RTP Packet Debugging Enabled\n"
            case ["off"]:
                self._server.media.set_debug(False)
                return "RTP Packet Debugging Disabled\n"
            case ["ip", address]:
                self._server.media.set_debug(True, address)
                return f"RTP Packet Debugging Enabled for address: {address}\n"
        raise UsageError("on, off, or ip and an address are needed")
