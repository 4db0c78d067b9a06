"""Where substitution finds its values: automatic variables, channel variables, globals, functions."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from asterism.core.containment import FAILED, FAILURES, report_failure, task_ends
from asterism.core.restriction import DANGEROUS_FUNCTIONS, WRITES, restriction
from asterism.pbx.dialplan.language import substitution
from asterism.pbx.dialplan.language.foreign import NEUTRAL, Foreign, is_foreign, joined, shadow
from asterism.pbx.dialplan.language.foreign import foreign as mark_foreign
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.flow import EndDialplan, FunctionError, Goto

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
_evaluation: ContextVar[list[int] | None] = ContextVar("evaluation", default=None)
"""How deep the task evaluates texts now, and how many characters it may evaluate further."""


_ENDS = (ChannelHangup, Goto, EndDialplan)
"""What a function that waits on its channel lets through."""


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
            why = "cannot be read" if found.wait_read is None else "takes time: it cannot be read here"
            self.log.warning("Function %s %s", name, why)
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
        with _evaluated(text):
            if not isinstance(text, Foreign):
                return substitution.expand(text, self, channel)
            found = substitution.expand(_hidden(text), self, channel)
            return mark_foreign(str(found).replace(_HIDDEN, "$"))

    async def evaluate_later(self, channel: Channel | None, text: str) -> str:
        """Like :meth:`evaluate`, where functions may take their time."""
        with _evaluated(text):
            if not isinstance(text, Foreign):
                return await substitution.expand_later(text, self, channel)
            found = await substitution.expand_later(_hidden(text), self, channel)
            return mark_foreign(str(found).replace(_HIDDEN, "$"))

    def waits(self, names: Iterable[str]) -> bool:
        """Whether any of these functions has something to wait for before it is read; ``*`` may be any function."""
        for name in names:
            if name == "*":
                return True
            found = self.functions.get(name)
            if found is not None and (found.prepare is not None or found.wait_read is not None):
                return True
        return False

    def waits_to_write(self, name: str) -> bool:
        """Whether writing this function takes time."""
        found = self.functions.get(name.strip())
        return found is not None and found.wait_write is not None

    async def wait_function(self, channel: Channel | None, name: str, args: str) -> str | None:
        """Like :meth:`function`, where the function may take its time."""
        found = self.functions.get(name)
        if found is None:
            return None
        if found.wait_read is None:
            await self.prepare(name, args)
            return self.function(channel, name, args)
        if found.dangerous and self._refused(name):
            return ""
        waited = await self._waited(name, args, found.wait_read, channel, args)
        if waited is FAILED:
            return ""
        value: str = waited
        if (found.foreign or (args.__class__ is Foreign and not found.marks)) and not self.plain_text:
            return mark_foreign(value)
        return value

    async def prepare(self, name: str, args: str) -> None:
        """Wait until the data that a function reads is available; data that cannot be fetched is missing then."""
        found = self.functions.get(name)
        if found is not None and found.prepare is not None and not (found.dangerous and self._refused(name)):
            await self._waited(name, args, found.prepare, args)

    async def _waited(self, name: str, args: str, work: Callable[..., Awaitable[Any]], *given: Any) -> Any:
        """What the work of a function gives; ``FAILED``, which is logged, where it fails."""
        try:
            return await work(*given)
        except _ENDS:
            raise
        except FunctionError as error:
            self.log.warning("%s(%s): %s", name, args, error)
        except FAILURES as error:
            if task_ends(error):
                raise
            report_failure(self.log, f"function {name}")
        return FAILED

    def write(self, channel: Channel | None, name: str, args: str, value: str) -> bool:
        """Write a function; ``False`` when there is none of that name or it failed (which is logged)."""
        found = self.functions.get(name)
        if found is None:
            self.log.error("Function %s not registered", name)
            return False
        if found.write is None:
            why = "cannot be written to" if found.wait_write is None else "takes time: it cannot be written to here"
            self.log.error("Function %s %s", name, why)
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

    async def wait_write(self, channel: Channel | None, name: str, args: str, value: str) -> bool:
        """Like :meth:`write`, where the function may take its time."""
        found = self.functions.get(name)
        if found is None or found.wait_write is None:
            return self.write(channel, name, args, value)
        if self._read_only(name) or (found.dangerous and self._refused(name)):
            return False
        return await self._waited(name, args, found.wait_write, channel, args, value) is not FAILED

    def assign(self, channel: Channel | None, name: str, value: str) -> bool:
        """``Set(name=value)``: a variable of the channel, a global without channel, or a function's write."""
        called = _called(name)
        if called is not None:
            return self.write(channel, *called, value)
        name = str(name)
        if self._read_only(name):
            return False
        if channel is None:
            self.globals[name.lstrip("_")] = value
        else:
            channel.set_variable(name, value)
        return True

    async def assign_later(self, channel: Channel | None, name: str, value: str) -> bool:
        """Like :meth:`assign`, where a function may take its time."""
        called = _called(name)
        return self.assign(channel, name, value) if called is None else await self.wait_write(channel, *called, value)

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


@contextmanager
def _evaluated(text: str) -> Iterator[None]:
    """Count an evaluation of ``text``. Raises :class:`FunctionError` where it is too deep, or too much altogether."""
    budget, token = _evaluation.get(), None
    if budget is None:
        budget = [0, MAX_EVALUATED]
        token = _evaluation.set(budget)
    try:
        budget[1] -= len(text)
        if budget[0] >= MAX_EVALUATIONS or budget[1] < 0:
            raise FunctionError("evaluated texts are nested too deep, or too long altogether")
        budget[0] += 1
        try:
            yield
        finally:
            budget[0] -= 1
    finally:
        if token is not None:
            _evaluation.reset(token)


def _hidden(text: Foreign) -> str:
    """A text in which no ``$`` from outside begins anything."""
    return str(joined([_HIDDEN if one == "$" and mark == NEUTRAL else text[at : at + 1]
                       for at, (one, mark) in enumerate(zip(text, shadow(text), strict=True))]))  # fmt: skip


def _called(name: str) -> tuple[str, str] | None:
    """The function and the arguments of ``FUNC(args)`` to be written; ``None`` for the name of a variable."""
    head, parenthesis, rest = name.partition("(")
    if not parenthesis or (is_foreign(name) and is_foreign(head)):
        # A name from outside is that of a variable, even if it looks like a function's.
        return None
    close = rest.rfind(")")
    return head.strip(), rest if close < 0 else rest[:close]
