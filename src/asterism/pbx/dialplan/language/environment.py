"""Where substitution finds its values: automatic variables, channel variables, globals, functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.core.restriction import DANGEROUS_FUNCTIONS, WRITES, restriction
from asterism.pbx.dialplan.language import substitution
from asterism.pbx.dialplan.language.foreign import NEUTRAL, Foreign, is_foreign, joined, shadow
from asterism.pbx.dialplan.language.foreign import foreign as mark_foreign
from asterism.pbx.vocabulary.flow import FunctionError

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger
    from asterism.core.registry import Registry
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.marks import Function

MAX_EVALUATIONS = 8
"""Maximum nesting depth of texts that evaluate others."""
MAX_EVALUATED = 262144
"""Maximum number of characters that one evaluation may evaluate in total."""
_HIDDEN = "\ue001"


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
        self.plain_text = False
        """Whether text from outside and text that is put in are syntax, as in Asterisk (``substituted_syntax``)."""
        self._foreign_read = False
        self._eval_depth = 0
        self._eval_left = 0
        self.automatic: dict[str, Callable[[Channel], str]] = {
            "EXTEN": lambda channel: self.foreign(channel.exten),
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
                value = automatic(channel)
                if value.__class__ is Foreign:
                    self._foreign_read = True
                return value
            found = channel.variables.get(name)
            if found is not None:
                if found.__class__ is Foreign:
                    self._foreign_read = True
                return found if isinstance(found, str) else str(found)
        clock = self.clock.get(name)
        if clock is not None:
            return clock()
        server = self.fixed.get(name) or self.globals.get(name)
        if server.__class__ is Foreign:
            self._foreign_read = True
        return server

    def foreign(self, text: str) -> str:
        """``text`` marked as text from outside, which is never syntax, unless the configuration wants it to be."""
        return text if self.plain_text else mark_foreign(text)

    def function(self, channel: Channel | None, name: str, args: str) -> str | None:
        """The value that a function returns; empty text (and a logged warning) if it fails, ``None`` if unknown."""
        found = self.functions.get(name)
        if found is None:
            return None
        if found.read is None:
            self.log.warning("Function %s cannot be read", name)
            return ""
        if found.dangerous and self._refused(name):
            return ""
        # What a function makes of text from outside is from outside, whether it was an argument or in a variable.
        before, self._foreign_read = self._foreign_read, args.__class__ is Foreign
        try:
            value = found.read(channel, args)
            if (found.foreign or (self._foreign_read and not found.marks)) and not self.plain_text:
                value = mark_foreign(value)
            self._foreign_read = value.__class__ is Foreign
            return value
        except FunctionError as error:
            self.log.warning("%s(%s): %s", name, args, error)
        except RecursionError:
            self.log.error("Function %s: it is nested too deep", name)
        except FAILURES:
            report_failure(self.log, f"function {name}")
        finally:
            self._foreign_read = self._foreign_read or before
        return ""

    def function_in_expression(self, channel: Channel | None, name: str, args: str) -> str | None:
        """Like :meth:`function`, of a name in ``$[...]``: one that changes something is refused there."""
        found = self.functions.get(name)
        if found is not None and (found.effects or found.dangerous) and not self.plain_text:
            self.log.warning(
                "Function %s changes something and is not called in expressions: write ${%s()}", name, name
            )
            return "0"
        return self.function(channel, name, args)

    def evaluate(self, channel: Channel | None, text: str) -> str:
        """Expand a text that was found at run time; its foreign parts are left as they are.

        Texts may evaluate others in turn; how deep, and how much altogether, is limited.
        Raises :class:`FunctionError` beyond that.
        """
        if not self._eval_depth:
            self._eval_left = MAX_EVALUATED
        self._eval_left -= len(text)
        if self._eval_depth >= MAX_EVALUATIONS or self._eval_left < 0:
            raise FunctionError("evaluated texts are nested too deep, or too long altogether")
        self._eval_depth += 1
        try:
            if not isinstance(text, Foreign):
                return substitution.expand(text, self, channel)
            # A "$" from outside begins nothing.
            hidden = joined([_HIDDEN if one == "$" and mark == NEUTRAL else text[at : at + 1]
                             for at, (one, mark) in enumerate(zip(text, shadow(text), strict=True))])  # fmt: skip
            found = substitution.expand(str(hidden), self, channel)
            return mark_foreign(str(found).replace(_HIDDEN, "$"))
        finally:
            self._eval_depth -= 1

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
        """Wait until the data that a function reads is available; data that cannot be fetched is missing then."""
        found = self.functions.get(name)
        if found is not None and found.prepare is not None and not (found.dangerous and self._refused(name)):
            try:
                await found.prepare(args)
            except FunctionError as error:
                self.log.warning("%s(%s): %s", name, args, error)
            except FAILURES as error:
                if task_ends(error):
                    raise
                report_failure(self.log, f"function {name}")

    def write(self, channel: Channel | None, name: str, args: str, value: str) -> bool:
        """Write a function; ``False`` when there is none of that name or it failed (which is logged)."""
        found = self.functions.get(name)
        if found is None:
            self.log.error("Function %s not registered", name)
            return False
        if found.write is None:
            self.log.error("Function %s cannot be written to", name)
            return False
        if self._read_only(name) or (found.dangerous and self._refused(name)):
            return False
        try:
            found.write(channel, args, value)
        except FunctionError as error:
            self.log.warning("%s(%s): %s", name, args, error)
            return False
        except FAILURES:
            report_failure(self.log, f"function {name}")
            return False
        return True

    def assign(self, channel: Channel | None, name: str, value: str) -> bool:
        """``Set(name=value)``: a variable of the channel, a global without channel, or a function's write."""
        head, parenthesis, rest = name.partition("(")
        if is_foreign(name) and (is_foreign(head) or not parenthesis):
            # A name from outside is that of a variable, even if it looks like a function's.
            name, parenthesis = str(name), ""
        if parenthesis:
            close = rest.rfind(")")
            return self.write(channel, head.strip(), rest if close < 0 else rest[:close], value)
        if self._read_only(name):
            return False
        if channel is None:
            self.globals[name.lstrip("_")] = value
        else:
            channel.set_variable(name, value)
        return True

    def _refused(self, name: str) -> bool:
        """Whether a function that reaches outside the PBX may not be used now."""
        if not restriction.get() & DANGEROUS_FUNCTIONS:
            return False
        self.log.warning("Function %s is refused to a manager client: live_dangerously is off", name)
        return True

    def _read_only(self, name: str) -> bool:
        if not restriction.get() & WRITES:
            return False
        self.log.warning("'%s' is not written: a manager client may only read here", name)
        return True

    def warn(self, message: str, *args: object) -> None:
        """Report a mistake in the dialplan."""
        self.log.warning(message, *args)
