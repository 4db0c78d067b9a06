"""Console commands that show the machine, the works and other inner parts of the server."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import ClassVar

from asterism.config.file import ConfigFile
from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import UsageError
from asterism.core.like import like_text
from asterism.core.module import Module
from asterism.pbx.assembly.admission import free_memory
from asterism.server.server import Server

_WORK = "%-70s %10s %10s %10s %10s %10s\n"

_LICENSE = """
Asterism is free software under the terms of the MIT licence:

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


class InfoModule(Module):
    """``core show sysinfo|threads|taskprocessors|license|config mappings``, ``acl show``."""

    name: ClassVar[str] = "core_info"
    core: ClassVar[bool] = True
    description: ClassVar[str] = "The machine and the server's inner parts"

    server: Server

    def load(self, server: Server) -> None:
        """Register the commands."""
        self.server = server
        server.register_marked(self)

    @command(
        "core show sysinfo",
        Documentation(
            "Show the machine's memory and processes.", "core show sysinfo", "Uptime, memory and swap space."
        ),
    )
    def show_system(self, call: CommandCall) -> str:
        """``core show sysinfo``."""
        call.takes_nothing()
        memory = _memory_kib()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        processes = sum(1 for entry in os.listdir("/proc") if entry.isdigit())
        rows = (
            ("System Uptime", f"{int(uptime // 3600)} hours"),
            ("Total RAM", f"{memory.get('MemTotal', 0)} KiB"),
            ("Free RAM", f"{free_memory() // 1024} KiB"),
            ("Buffer RAM", f"{memory.get('Buffers', 0)} KiB"),
            ("Total Swap Space", f"{memory.get('SwapTotal', 0)} KiB"),
            ("Free Swap Space", f"{memory.get('SwapFree', 0)} KiB"),
        )
        lines = "".join(f"  {name + ':':<26} {value}\n" for name, value in rows)
        return f"\nSystem Statistics\n-----------------\n{lines}\n  {'Number of Processes:':<26} {processes} \n\n"

    @command(
        "core show threads",
        Documentation("List the threads.", "core show threads", "The threads of the process: one serves all calls."),
    )
    def show_threads(self, call: CommandCall) -> str:
        """``core show threads``."""
        call.takes_nothing()
        found = threading.enumerate()
        lines = [f"{thread.native_id or 0:>8} {thread.name}\n" for thread in found]
        return "".join(lines) + f"{len(found)} threads listed.\n"

    @command(
        "core show taskprocessors",
        Documentation(
            "List the works: queues of tasks that run one after the other.",
            "core show taskprocessors [like <text>]",
            "Each dialog, registration and the like has a work of its own.",
        ),
        ("like",),
    )
    def show_works(self, call: CommandCall) -> str:
        """``core show taskprocessors [like X]``."""
        wanted = like_text(call.args)
        servants = self.server.sip.servants
        works = [work for work in servants if wanted(work.name)]
        head = _WORK % ("Processor", "Processed", "In Queue", "Max Depth", "Low water", "High water")
        rows = [
            _WORK % (work.name, work.processed, work.queued, work.max_depth, servants.low_water, servants.high_water)
            for work in sorted(works, key=lambda each: each.name)
        ]
        return f"\n{head}{''.join(rows)}\n{len(works)} taskprocessors\n\n"

    @command(
        "core show config mappings",
        Documentation("Show which families of objects come from databases.", "core show config mappings"),
    )
    def show_mappings(self, call: CommandCall) -> str:
        """``core show config mappings``: the lines of ``extconfig.conf``, by driver."""
        call.takes_nothing()
        config = ConfigFile.load(self.server.paths.etc / "extconfig.conf", missing_ok=True)
        drivers: dict[str, list[str]] = {}
        for option in config.options("settings"):
            driver, database, table = (*(part.strip(' "') for part in option.value.split(",")), "", "", "")[:3]
            drivers.setdefault(driver, []).append(f"===> {option.name} (db={database}, table={table or option.name})\n")
        return "".join(f"Config Engine: {driver}\n{''.join(lines)}\n" for driver, lines in drivers.items())

    @command("core show license", Documentation("Show the licence.", "core show license"))
    def show_license(self, call: CommandCall) -> str:
        """``core show license``."""
        call.takes_nothing()
        return _LICENSE

    @command(
        "acl show",
        Documentation(
            "List the named access lists, or show one.",
            "acl show [name]",
            "The lists are the sections of acl.conf; rules are read from top to bottom, the last match wins.",
        ),
        "complete_list",
    )
    def show_lists(self, call: CommandCall) -> str:
        """``acl show [name]``."""
        if len(call.args) > 1:
            raise UsageError
        from asterism.sip.objects.acl import NamedAcl

        lists = {each.id: each for each in self.server.data.all(NamedAcl)}
        if not call.args:
            return "\nacl\n---\n" + "".join(f"{name}\n" for name in sorted(lists))
        found = lists.get(call.args[0])
        if found is None:
            return f"\nCould not find the named ACL '{call.args[0]}'\n"
        rules = found.address_rules
        rows = "".join(
            f"{index:>3}: {'allow' if rule.allow else ' deny'} - {rule.network}\n" for index, rule in enumerate(rules)
        )
        return f"\nACL: {found.id}\n---------------------------------------------\n{rows}"

    def complete_list(self, words: list[str]) -> list[str]:
        """The names of the lists."""
        from asterism.sip.objects.acl import NamedAcl

        return [each.id for each in self.server.data.all(NamedAcl)] if len(words) == 1 else []


def _memory_kib() -> dict[str, int]:
    found = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0])
    return found
