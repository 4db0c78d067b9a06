"""Where substitution finds its values: automatic variables, channel variables, globals, functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from asterism.pbx.dialplan.flow import FunctionError

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger
    from asterism.core.registry import Registry
    from asterism.pbx.channel import Channel
    from asterism.pbx.marks import Function


class Environment:
    """Implements ``substitution.Lookup`` for one PBX.

    ``automatic`` holds variables that depend on the channel, ``fixed`` those of the whole server
    (``SYSTEMNAME``, ``ASTETCDIR``, ...); both go before variables of the same name.
    """

    def __init__(
        self,
        functions: Registry[Function],
        global_variables: dict[str, str],
        log: ServerLogger,
        fixed: Mapping[str, str] | None = None,
    ) -> None:
        self.functions = functions
        self.globals = global_variables
        self.log = log
        self.fixed: dict[str, str] = dict(fixed or {})
        self.automatic: dict[str, Callable[[Channel], str]] = {
            "EXTEN": lambda channel: channel.exten,
            "CONTEXT": lambda channel: channel.context,
            "PRIORITY": lambda channel: str(channel.priority),
            "CHANNEL": lambda channel: channel.name,
            "UNIQUEID": lambda channel: channel.uniqueid,
            "HANGUPCAUSE": lambda channel: str(int(channel.hangup_cause)),
        }
        self.clock: dict[str, Callable[[], str]] = {
            "EPOCH": lambda: str(int(time.time())),
            "DATETIME": lambda: time.strftime("%d%m%Y-%H:%M:%S"),
            "TIMESTAMP": lambda: time.strftime("%Y%m%d-%H%M%S"),
        }

    def variable(self, channel: Channel | None, name: str) -> str | None:
        """An automatic variable, else the channel's, else the server's or a global one; ``None`` when unset."""
        if channel is not None:
            automatic = self.automatic.get(name)
            if automatic is not None:
                return automatic(channel)
            found = channel.variables.get(name)
            if found is not None:
                return str(found)
        clock = self.clock.get(name)
        if clock is not None:
            return clock()
        return self.fixed.get(name) or self.globals.get(name)

    def function(self, channel: Channel | None, name: str, args: str) -> str | None:
        """What a function reads; empty text (and a logged warning) when it fails, ``None`` when unknown."""
        found = self.functions.get(name)
        if found is None:
            return None
        if found.read is None:
            self.log.warning("Function %s cannot be read", name)
            return ""
        try:
            return found.read(channel, args)
        except FunctionError as error:
            self.log.warning("%s(%s): %s", name, args, error)
        except Exception:
            self.log.exception("Function %s failed", name)
        return ""

    def waits(self, names: Iterable[str]) -> bool:
        """Whether any of these functions has something to wait for before it is read; ``*`` may be any function."""
        for name in names:
            if name == "*":
                return True
            found = self.functions.get(name)
            if found is not None and found.prepare is not None:
                return True
        return False

    async def prepare(self, name: str, args: str) -> None:
        """Wait for what a function needs to be read. What cannot be had is missing when it is read."""
        found = self.functions.get(name)
        if found is not None and found.prepare is not None:
            try:
                await found.prepare(args)
            except FunctionError as error:
                self.log.warning("%s(%s): %s", name, args, error)
            except Exception:
                self.log.exception("Function %s failed", name)

    def write(self, channel: Channel | None, name: str, args: str, value: str) -> bool:
        """Write a function; ``False`` when there is none of that name or it failed (which is logged)."""
        found = self.functions.get(name)
        if found is None:
            self.log.error("Function %s not registered", name)
            return False
        if found.write is None:
            self.log.error("Function %s cannot be written to", name)
            return False
        try:
            found.write(channel, args, value)
        except FunctionError as error:
            self.log.warning("%s(%s): %s", name, args, error)
            return False
        except Exception:
            self.log.exception("Function %s failed", name)
            return False
        return True

    def assign(self, channel: Channel | None, name: str, value: str) -> bool:
        """``Set(name=value)``: a variable of the channel, a global without channel, or a function's write."""
        head, parenthesis, rest = name.partition("(")
        if parenthesis:
            close = rest.rfind(")")
            return self.write(channel, head.strip(), rest if close < 0 else rest[:close], value)
        if channel is None:
            self.globals[name.lstrip("_")] = value
        else:
            channel.set_variable(name, value)
        return True

    def warn(self, message: str, *args: object) -> None:
        """Report a mistake in the dialplan."""
        self.log.warning(message, *args)
