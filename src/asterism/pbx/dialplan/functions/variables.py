"""GLOBAL, SHARED, ENV, IMPORT, VERSION, DIALPLAN_EXISTS, VALID_EXTEN: what lies outside the channel's variables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language.foreign import is_foreign
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_NAME = Argument("name", "", True)
_PLACE = (Argument("context", "", True), Argument("extension"), Argument("priority", "Number or label."))


class EnvironmentFunctions(PbxModule):
    """The server's environment: a module of its own, so that ``noload`` can leave it out."""

    name = "func_env"
    description = "Environment of the server"

    @function(
        "ENV",
        Documentation("A variable of the server's environment.", "ENV(name)", arguments=(_NAME,)),
        True,
        marks=True,
    )
    def read_env(self, channel: Channel | None, args: str) -> str:
        """Read."""
        return os.environ.get(args.strip(), "")

    @function_writer("ENV", dangerous=True)
    def write_env(self, channel: Channel | None, args: str, value: str) -> None:
        """Write; an empty value removes it."""
        name = args.strip()
        if not name or "=" in name or "\0" in name + value:
            raise FunctionError("it needs a name without '='")
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)


class VariableFunctions(PbxModule):
    """Variables elsewhere."""

    name = "func_global"
    covers = ("func_version", "func_dialplan", "func_shared")
    description = "Variables outside the channel"

    @function(
        "GLOBAL", Documentation("A global variable.", "GLOBAL(name)", arguments=(_NAME,), see_also=("Set",)), marks=True
    )
    def read_global(self, channel: Channel | None, args: str) -> str:
        """Read."""
        return self.pbx.dialplan.globals.get(args.strip()) or ""

    @function_writer("GLOBAL")
    def write_global(self, channel: Channel | None, args: str, value: str) -> None:
        """Write."""
        if not args.strip():
            raise FunctionError("it needs a name")
        self.pbx.dialplan.set_global(args.strip(), value)

    @function(
        "SHARED",
        Documentation(
            "A variable that other channels may read and write.",
            "SHARED(name[,channel])",
            arguments=(_NAME, Argument("channel", "This one by default.")),
            see_also=("GLOBAL",),
        ),
        marks=True,
    )
    def read_shared(self, channel: Channel | None, args: str) -> str:
        """Read."""
        name, table = self._shared(channel, args)
        return table.get(name, "")

    @function_writer("SHARED")
    def write_shared(self, channel: Channel | None, args: str, value: str) -> None:
        """Write."""
        name, table = self._shared(channel, args)
        table[name] = value

    def _shared(self, channel: Channel | None, args: str) -> tuple[str, dict[str, str]]:
        name, _, other = args.partition(",")
        found = self.pbx.channels.get(other.strip()) if other.strip() else needs_channel(channel)
        if found is None or not name.strip():
            raise FunctionError(f"there is no channel '{other}'" if name.strip() else "it needs a name")
        table: dict[str, str] = self.pbx.dialplan.executor.state(found).data.setdefault("SHARED", {})
        return name.strip(), table

    @function(
        "IMPORT",
        Documentation(
            "A variable or function of another channel.",
            "IMPORT(channel,name)",
            arguments=(Argument("channel", "Its name.", True), _NAME),
            see_also=("EXPORT", "MASTER_CHANNEL"),
        ),
        marks=True,
    )
    def read_import(self, channel: Channel | None, args: str) -> str:
        """``channel,name``."""
        other, _, name = args.partition(",")
        found = self.pbx.channels.get(other.strip())
        if found is None:
            return ""
        environment, name = self.pbx.dialplan.environment, name.strip()
        function, parenthesis, rest = name.partition("(")
        if parenthesis and not is_foreign(name):
            return environment.function(found, function, rest[: rest.rfind(")")]) or ""
        return environment.variable(found, name) or ""

    @function(
        "VERSION",
        Documentation(
            "The server's version.",
            "VERSION([what])",
            arguments=(Argument("what", values=(("ASTERISK_VERSION_NUM", "as a number"), ("PID", "process id"))),),
        ),
    )
    def version(self, channel: Channel | None, args: str) -> str:
        """Text, number or process id."""
        what = args.strip().upper()
        if what == "PID":
            return str(os.getpid())
        version = self.pbx.server.version
        if what in ("ASTERISK_VERSION_NUM", "VERSION_NUM"):
            numbers = [int("".join(filter(str.isdigit, part)) or 0) for part in version.split(".")[:3]]
            numbers += [0] * (3 - len(numbers))
            return f"{numbers[0]}{numbers[1]:02d}{numbers[2]:02d}"
        return version

    @function(
        "DIALPLAN_EXISTS",
        Documentation(
            "1 if there is such a place in the dialplan, else 0.",
            "DIALPLAN_EXISTS(context[,extension[,priority]])",
            arguments=_PLACE,
        ),
    )
    def dialplan_exists(self, channel: Channel | None, args: str) -> str:
        """``context,extension,priority``."""
        context, exten, priority = ([*args.split(",", 2), "", ""])[:3]
        context, exten, priority = context.strip(), exten.strip(), priority.strip()
        if not exten:
            return "1" if context in self.pbx.dialplan.table.contexts else "0"
        return self._exists(channel, context, exten, priority or "1")

    @function(
        "VALID_EXTEN",
        Documentation(
            "1 if there is such an extension, else 0.",
            "VALID_EXTEN([context,]extension[,priority])",
            arguments=_PLACE,
            see_also=("DIALPLAN_EXISTS",),
        ),
    )
    def valid_exten(self, channel: Channel | None, args: str) -> str:
        """The current context by default."""
        parts = [part.strip() for part in args.split(",", 2)]
        if len(parts) == 1:
            parts.insert(0, "")
        context = parts[0] or needs_channel(channel).context
        return self._exists(channel, context, parts[1], parts[2] if len(parts) > 2 and parts[2] else "1")

    def _exists(self, channel: Channel | None, context: str, exten: str, priority: str) -> str:
        dialplan = self.pbx.dialplan
        callerid = channel.caller.number if channel is not None else ""
        number = dialplan.resolve_priority(context, exten, priority, callerid)
        return "1" if number is not None and dialplan.exists(context, exten, number, callerid) else "0"
