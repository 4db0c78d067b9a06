"""Console commands about the SIP core itself: its timers, connections, ciphers, and its reload."""

from __future__ import annotations

import ssl
import time
from typing import Any, Protocol

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.like import like_pattern
from asterism.core.module import Module
from asterism.sip.server import SipServer
from asterism.stack.uri import format_host_port

_TASK_HEAD = (
    "PJSIP Scheduled Tasks:\n\n"
    "<Task Name....................................> <Interval> <Times Run> <State>  <Queued....>  <Last Start>"
    "  <Next Start.....secs>\n" + "=" * 129 + "\n"
)
_MONITOR_HEAD = (
    "PJSIP Transport Monitors:\n\n"
    "<Remote Host...................................> <State.....> <Direction> <RefCnt> <Monitors>"
    " <ObjName............>\n"
)
_LIKE = Argument("like", "Only those whose name matches this regular expression.")
RELOADED = (
    "res_pjsip", "res_pjsip_authenticator_digest", "res_pjsip_endpoint_identifier_ip", "res_pjsip_mwi",
    "res_pjsip_notify", "res_pjsip_outbound_publish", "res_pjsip_publish_asterisk", "res_pjsip_outbound_registration",
)  # fmt: skip
"""The modules that ``pjsip reload`` reloads, in Asterisk's order; those that are not loaded are left out."""


class DiagnosticsServer(SipServer, Protocol):
    """A server whose modules can be reloaded."""

    modules: Any


class SipDiagnostics(Module):
    """Commands about the SIP core itself."""

    name = "sip_tools"
    part_of = ("res_pjsip",)
    requires = ("res_pjsip",)
    description = "Console commands about the SIP core itself"

    server: DiagnosticsServer

    def load(self, server: DiagnosticsServer) -> None:
        """Register the commands."""
        self.server = server
        server.register_marked(self)

    @command("pjsip show version", Documentation("Show the version of the SIP stack.", "pjsip show version"))
    def version(self, _call: CommandCall) -> str:
        """There is no PJPROJECT here, but programs look for its line."""
        return f"PJPROJECT version currently running against: none (Asterism {self.server.version})\n"

    @command(
        "pjsip dump endpt",
        Documentation("Show what the SIP core counts.", "pjsip dump endpt", "Transactions, timers, dialogs, messages."),
    )
    def dump(self, call: CommandCall) -> str:
        """The figures of each part."""
        if call.args:
            raise UsageError
        sip = self.server.sip
        layer = sip.layer
        rows: list[tuple[str, object]] = [
            ("transactions", layer.live_transactions),
            ("timers", len(layer.timers)),
            ("dialogs", len(sip.dialogs)),
            ("works", len(sip.servants)),
            ("parked requests", len(sip.distributor.parking)),
            ("registered contacts", len(sip.location)),
            *((f"distributor: {name}", count) for name, count in sip.distributor.counters.items()),
            *((f"transaction layer: {name}", count) for name, count in layer.counters.items()),
        ]
        for name, transport in sip.transports.transports.items():
            counters = getattr(transport, "counters", {})
            rows += [(f"transport {name}: {key}", count) for key, count in counters.items()]
        return "".join(f"{name:<40} {count}\n" for name, count in rows)

    @command(
        "pjsip list ciphers",
        Documentation("List the ciphers that a transport's option 'cipher' may name.", "pjsip list ciphers"),
    )
    def ciphers(self, _call: CommandCall) -> str:
        """OpenSSL's names."""
        names = [str(entry["name"]) for entry in ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).get_ciphers()]
        quoted = ", ".join(f"'{name}'" for name in names)
        return f"Available ciphers: {quoted}\n"

    @command(
        "pjsip show scheduled_tasks",
        Documentation(
            "Show what the SIP modules do again and again.",
            "pjsip show scheduled_tasks [like <pattern>]",
            "Contacts that are qualified, registrations that are refreshed, and the like.",
            (_LIKE,),
        ),
    )
    def scheduled(self, call: CommandCall) -> str:
        """All recurring tasks with their times."""
        wanted = like_pattern(call.args)
        now = self.server.sip.layer.timers.clock()
        wall = time.time() - now
        tasks = [task for task in self.server.sip.state.scheduled.all() if wanted(task.name)]
        rows = "".join(
            f"{task.name:<46.46} {task.interval:>11} {task.runs:>11}   wait   {_when(task.queued, wall)}  "
            f"{_when(task.started, wall)}  {_when(task.due, wall)} {max(round(task.due - now), 0):>8}\n"
            for task in tasks
        )
        return f"{_TASK_HEAD}{rows}\nTotal Scheduled Tasks: {len(tasks)}\n\n"

    @command(
        "pjsip show transport-monitors",
        Documentation(
            "Show the connections whose end somebody waits for.",
            "pjsip show transport-monitors [like <pattern>]",
            "The connections that registered contacts are reached over, and nothing else.",
            (_LIKE,),
        ),
    )
    def monitors(self, call: CommandCall) -> str:
        """Connections with contacts or registrations on them."""
        wanted = like_pattern(call.args)
        rows = []
        for flow, count in self.server.sip.flows.monitored():
            name = format_host_port(*flow.remote)
            if wanted(name):
                way = "Incoming" if getattr(flow, "accepted", True) else "Outgoing"
                ident = f"{flow.transport.lower()}{'s' if way == 'Incoming' else 'c'}{id(flow):#x}"
                rows.append(f" {name:<48} {'ACTIVE':<12} {way:<11}{count + 1:>7} {count:>10}   {ident}\n")
        return f"{_MONITOR_HEAD}{''.join(sorted(rows))}\nTotal Transport Monitors: {len(rows)}\n\n"

    @command(
        "pjsip reload", Documentation("Reload the SIP modules.", "pjsip reload", "Their configuration is read anew.")
    )
    async def reload_all(self, _call: CommandCall) -> str:
        """Reload each module that is loaded and has a configuration."""
        done = ""
        for name in RELOADED:
            found = self.server.modules.find(name)
            if found is not None and found.instance is not None:
                await self.server.modules.reload(name)
                done += f"Module '{name}.so' reloaded successfully.\n"
        return done


def _when(at: float | None, wall: float) -> str:
    """A time on the clock of the timers as the listing has it."""
    return "not yet".ljust(12) if at is None else time.strftime("%a %H:%M:%S", time.localtime(wall + at))
