"""How modules declare dialplan applications and functions.

A module marks its methods and registers them with :func:`register_marked`::

    class Example(PbxModule):
        name = "app_example"

        @application("Greet", Documentation("Say hello.", "Greet([name])"))
        async def greet(self, channel: Channel, args: str) -> None: ...

        @function("DOUBLE", Documentation("Twice a number.", "DOUBLE(number)"))
        def read_double(self, channel: Channel | None, args: str) -> str: ...

        @function_writer("SETTING", Documentation("Change a setting.", "SETTING(name)=value"))
        def write_setting(self, channel: Channel | None, args: str, value: str) -> None: ...

        @function_preparer("SETTING")
        async def fetch_setting(self, args: str) -> None: ...

        @waiting_function("PAGE", Documentation("What a page says.", "PAGE(url)"), foreign=True)
        async def read_page(self, channel: Channel | None, args: str) -> str: ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from asterism.core.calling import require_async, require_plain
from asterism.core.commands import mark, marks_of
from asterism.core.documentation import Documentation
from asterism.core.registry import Owner, Registry

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

Application = Callable[["Channel", str], Awaitable[None]]
"""An application: called with the channel and its argument text, variables already replaced.

It returns to go on with the next priority, raises ``Goto`` to go on elsewhere or ``EndDialplan`` to end
the call (see ``pbx.vocabulary.flow``); ``ChannelHangup`` from anything awaited passes through.
"""

Reader = Callable[["Channel | None", str], str]
Writer = Callable[["Channel | None", str, str], None]
Preparer = Callable[[str], Awaitable[None]]
WaitingReader = Callable[["Channel | None", str], Awaitable[str]]
WaitingWriter = Callable[["Channel | None", str, str], Awaitable[None]]


class Function:
    """A dialplan function: ``read`` for ``${NAME(args)}``, ``write`` for ``Set(NAME(args)=value)``.

    Either may be ``None``. Both are plain functions; they raise :class:`FunctionError` for what the
    caller did wrong, which is logged and reads as empty text. ``wait_read`` and ``wait_write`` are the same as
    coroutines, for what takes time (files, databases, other servers). Lines of the dialplan await them, and so do
    Set and the manager's Getvar and Setvar; where nothing can wait they are refused, unless there is a plain one too.
    ``dangerous`` ones (they reach outside the PBX) are refused to requests from outside unless ``live_dangerously`` is
    set. ``prepare`` is awaited with the arguments before a read, where the reader can wait: it brings into memory what
    ``read`` looks at.
    A read that ``effects`` something is not called in expressions. What is read is text from outside when it is
    ``foreign``, or when an argument or a variable that was read is; a function that ``marks`` says itself which
    part of its result is (see ``pbx.dialplan.language.foreign``).
    """

    __slots__ = (
        "dangerous", "effects", "foreign", "marks", "name", "prepare", "read", "wait_read", "wait_write", "write",
    )  # fmt: skip

    def __init__(
        self, name: str, read: Reader | None = None, write: Writer | None = None, dangerous: bool = False
    ) -> None:
        self.name = name
        self.read = read
        self.write = write
        self.prepare: Preparer | None = None
        self.wait_read: WaitingReader | None = None
        self.wait_write: WaitingWriter | None = None
        self.dangerous = dangerous
        self.effects = False
        self.foreign = False
        self.marks = False

    def check(self) -> None:
        """Raise :class:`~asterism.core.errors.NotAsyncError` where it would have to be awaited, or its preparer not."""
        if self.read is not None:
            require_plain(self.read, f"what reads the function '{self.name}'")
        if self.write is not None:
            require_plain(self.write, f"what writes the function '{self.name}'")
        if self.prepare is not None:
            require_async(self.prepare, f"what prepares the function '{self.name}'")
        if self.wait_read is not None:
            require_async(self.wait_read, f"what waits to read the function '{self.name}'")
        if self.wait_write is not None:
            require_async(self.wait_write, f"what waits to write the function '{self.name}'")


def application(name: str, documentation: Documentation) -> Callable[[Any], Any]:
    """Mark a method ``async def (self, channel, args) -> None`` as the application ``name``."""
    return mark("application", name, documentation)


def function(
    name: str,
    documentation: Documentation,
    dangerous: bool = False,
    *,
    effects: bool = False,
    foreign: bool = False,
    marks: bool = False,
) -> Callable[[Any], Any]:
    """Mark a method ``def (self, channel, args) -> str`` as what reads the function ``name``; see :class:`Function`."""
    return mark("function", name, documentation, dangerous=dangerous, effects=effects, foreign=foreign, marks=marks)


def function_writer(
    name: str, documentation: Documentation | None = None, dangerous: bool = False
) -> Callable[[Any], Any]:
    """Mark a method ``def (self, channel, args, value) -> None`` as what writes the function ``name``.

    ``documentation`` is for functions that are only written; otherwise that of :func:`function` counts.
    """
    return mark("function_writer", name, documentation or Documentation(""), dangerous=dangerous)


def waiting_function(
    name: str,
    documentation: Documentation | None = None,
    dangerous: bool = False,
    *,
    effects: bool = False,
    foreign: bool = False,
    marks: bool = False,
) -> Callable[[Any], Any]:
    """Mark a method ``async def (self, channel, args) -> str`` as what reads the function ``name`` and takes time.

    ``documentation`` may be left out where :func:`function` gives it as well, for a reader that does not wait.
    """
    return mark(
        "waiting_function", name, documentation or Documentation(""),
        dangerous=dangerous, effects=effects, foreign=foreign, marks=marks,
    )  # fmt: skip


def waiting_writer(
    name: str, documentation: Documentation | None = None, dangerous: bool = False
) -> Callable[[Any], Any]:
    """Mark a method ``async def (self, channel, args, value) -> None`` as what writes a function and takes time."""
    return mark("waiting_writer", name, documentation or Documentation(""), dangerous=dangerous)


def function_preparer(*names: str) -> Callable[[Any], Any]:
    """Mark a method ``async def (self, args) -> None`` as what is awaited before these functions are read."""

    def decorate(method: Any) -> Any:
        for name in names:
            mark("function_preparer", name, Documentation(""))(method)
        return method

    return decorate


_PARTS = {
    "function": "read",
    "function_writer": "write",
    "waiting_function": "wait_read",
    "waiting_writer": "wait_write",
}
"""The attribute of a function that is what a method with this kind of mark is for."""


class Registries(Protocol):
    """The part of ``Pbx`` that :func:`register_marked` fills."""

    owner: Owner
    applications: Registry[Application]
    functions: Registry[Function]


def register_marked(pbx: Registries, holder: object) -> None:
    """Register every application and function marked on ``holder``'s methods in ``pbx.owner``'s name.

    Raises :class:`~asterism.core.errors.DuplicateError` for a name already taken and
    :class:`~asterism.core.errors.UndocumentedError` for one without synopsis, and
    :class:`~asterism.core.errors.NotAsyncError` for an application that is not ``async`` or a function that is.
    """
    functions: dict[str, tuple[Function, Documentation]] = {}
    preparers: dict[str, Preparer] = {}
    for found, method in marks_of(holder):
        if found.kind == "function_preparer":
            preparers[found.name] = method
        elif found.kind == "application":
            require_async(method, f"application '{found.name}'")
            pbx.applications.add(pbx.owner, found.name, method, found.documentation)
        elif found.kind in _PARTS:
            item, documentation = functions.get(found.name) or (Function(found.name), found.documentation)
            setattr(item, _PARTS[found.kind], method)
            for flag in ("dangerous", "effects", "foreign", "marks"):
                if found.extra.get(flag):
                    setattr(item, flag, True)
            if found.documentation.synopsis and found.kind in ("function", "waiting_function"):
                documentation = found.documentation
            functions[found.name] = (item, documentation if documentation.synopsis else found.documentation)
    for name, (item, documentation) in functions.items():
        item.prepare = preparers.get(name)
        item.check()
        pbx.functions.add(pbx.owner, name, item, documentation)
