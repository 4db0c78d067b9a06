"""ICONV, STRBETWEEN, SYSINFO, IFMODULE, ClearHash, HangupCauseClear: small kin of larger functions."""

from __future__ import annotations

import codecs
import os
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions.common import value_of
from asterism.pbx.dialplan.functions.lists import forget_hash
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import application, function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

MAX_TEXT = 65536
_FACTS = (
    ("loadavg", "the load of the last minute"),
    ("numcalls", "calls that are being made"),
    ("uptime", "hours since the system was started"),
    ("totalram", "memory in KB"),
    ("freeram", "memory that is free, in KB"),
    ("bufferram", "memory in buffers, in KB"),
    ("totalswap", "swap space in KB"),
    ("freeswap", "swap space that is free, in KB"),
    ("numprocs", "processes that run"),
)
_MEMORY = {
    "totalram": "MemTotal", "freeram": "MemFree", "bufferram": "Buffers",
    "totalswap": "SwapTotal", "freeswap": "SwapFree",
}  # fmt: skip


class SmallFunctions(PbxModule):
    """The functions and applications."""

    name: ClassVar[str] = "func_small"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    covers: ClassVar[tuple[str, ...]] = ("func_iconv", "func_sysinfo", "func_module")
    description: ClassVar[str] = "Small functions of the dialplan"

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register the functions."""
        self._server: Any = server
        return super().load(server)

    @function(
        "ICONV",
        Documentation(
            "A text in another character set.",
            "ICONV(in-charset,out-charset,string)",
            "Characters that the other set does not have become question marks.",
            (
                Argument("in-charset", "What the text is in, such as iso-8859-1.", True),
                Argument("out-charset", "What it is to be in, such as utf-8 or ascii.", True),
                Argument("string", "The text.", True),
            ),
        ),
    )
    def convert(self, channel: Channel | None, args: str) -> str:
        """``in,out,text``."""
        parts = str(args).split(",", 2)
        if len(parts) < 3:
            raise FunctionError("it needs two character sets and a text")
        source, target, text = parts
        try:
            read, written = (codecs.lookup(one.strip().partition("//")[0]).name for one in (source, target))
            data = text.encode("utf-8", "surrogateescape").decode(read, "replace").encode(written, "replace")
        except (LookupError, UnicodeError, ValueError, AssertionError) as error:
            raise FunctionError(f"it cannot be converted: {error}") from None
        return data.replace(b"\0", b"").decode("utf-8", "surrogateescape")

    @function(
        "STRBETWEEN",
        Documentation(
            "A variable's text with something put between its characters.",
            "STRBETWEEN(varname,insert-string)",
            arguments=(
                Argument("varname", "The variable, without ${}.", True),
                Argument("insert-string", "What to put between, such as w for SendDTMF.", True),
            ),
        ),
    )
    def between(self, channel: Channel | None, args: str) -> str:
        """``name,text``."""
        name, comma, inserted = args.partition(",")
        if not (name.strip() and comma):
            raise FunctionError("it needs a variable and a text")
        return str(inserted).join(value_of(self.pbx, channel, name)[:MAX_TEXT])[:MAX_TEXT]

    @function(
        "SYSINFO",
        Documentation(
            "What is known of the system.",
            "SYSINFO(parameter)",
            arguments=(Argument("parameter", "", True, _FACTS),),
        ),
    )
    def system(self, channel: Channel | None, args: str) -> str:
        """One fact."""
        fact = args.strip().lower()
        try:
            if fact == "loadavg":
                return f"{os.getloadavg()[0]:.6f}"
            if fact == "numcalls":
                return str(self.pbx.active_calls)
            if fact == "uptime":
                return str(int(time.clock_gettime(time.CLOCK_BOOTTIME) // 3600))
            if fact == "numprocs":
                return str(sum(name.isdigit() for name in os.listdir("/proc")))
            if fact in _MEMORY:
                with open("/proc/meminfo", encoding="ascii") as lines:
                    found = dict(line.split(":", 1) for line in lines)
                return found[_MEMORY[fact]].split()[0]
        except (OSError, AttributeError, KeyError, ValueError):
            raise FunctionError("this system does not tell") from None
        raise FunctionError(f"it takes {', '.join(name for name, _ in _FACTS)}")

    @function(
        "IFMODULE",
        Documentation(
            "1 if a module is loaded and runs, else 0.",
            "IFMODULE(modulename.so)",
            arguments=(Argument("modulename.so", "Its name; .so need not be there.", True),),
        ),
    )
    def module(self, channel: Channel | None, args: str) -> str:
        """1 or 0."""
        name = str(args).strip().removesuffix(".so")
        modules = getattr(self._server, "modules", None)
        if not name or modules is None:
            raise FunctionError("it needs the name of a module")
        found = modules.find(name)
        return "1" if found is not None and found.instance is not None else "0"

    @application(
        "ClearHash",
        Documentation(
            "Forget a hash.", "ClearHash(hashname)", arguments=(Argument("hashname", "", True),), see_also=("HASH",)
        ),
    )
    async def clear_hash(self, channel: Channel, args: str) -> None:
        """All of its keys."""
        forget_hash(channel, args)

    @application(
        "HangupCauseClear",
        Documentation(
            "Forget why channels that were called have ended.",
            "HangupCauseClear()",
            see_also=("HANGUPCAUSE", "HANGUPCAUSE_KEYS"),
        ),
    )
    async def clear_causes(self, channel: Channel, args: str) -> None:
        """All of them."""
        channel.data.pop("HANGUPCAUSE", None)
