"""STAT, FILE, FILE_COUNT_LINE, FILE_FORMAT, BASENAME, DIRNAME: files of the server.

Files are read and written in threads. Only regular files are: a FIFO or a device may never answer, or never end.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar
from weakref import WeakValueDictionary

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions import textfiles
from asterism.pbx.dialplan.functions.blocking import Blocking
from asterism.pbx.dialplan.functions.common import integer
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function, waiting_function, waiting_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

_NAME = Argument("filename", "", True)
_OUTSIDE = "Manager clients and the like may not use it unless live_dangerously is set."
_ENDS = (
    ("u", "Unix: line feed"),
    ("d", "DOS: carriage return and line feed"),
    ("m", "Macintosh: carriage return"),
)
_FLAGS = (
    ("d", "1 for a directory, else 0"),
    ("e", "1 if it exists, else 0"),
    ("f", "1 for a regular file, else 0"),
    ("m", "its mode, in octal"),
    ("s", "its size in octets"),
    ("A", "when it was read last, in seconds since 1970"),
    ("C", "when its inode was changed last"),
    ("M", "when it was written last"),
)


class FileFunctions(PbxModule):
    """Files in the dialplan."""

    name: ClassVar[str] = "func_file"
    part_of: ClassVar[tuple[str, ...]] = ("func_env",)
    description: ClassVar[str] = "Files in the dialplan"

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register the functions."""
        self._blocking = Blocking("func_file")
        self._writing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """The lock of each file that is being written."""
        server.owner.on_release(self._blocking.close)
        return super().load(server)

    @waiting_function(
        "STAT",
        Documentation(
            "What is known of a file.",
            "STAT(flag,filename)",
            f"Of a file that is not there only d, e and f tell something. {_OUTSIDE}",
            (Argument("flag", "", True, _FLAGS), _NAME),
            ("FILE",),
        ),
        dangerous=True,
    )
    async def status(self, channel: Channel | None, args: str) -> str:
        """``flag,filename``."""
        flag, comma, name = args.partition(",")
        flag = flag.strip()[:1]
        if not comma or flag not in dict(_FLAGS):
            raise FunctionError("it takes a flag and a file's name")
        try:
            found = await self._blocking.run(os.stat, textfiles.path_of(name))
        except FunctionError as error:
            if flag in "def":
                return "0"
            raise FunctionError(f"'{name}': {error}") from None
        values: dict[str, Callable[[], str]] = {
            "d": lambda: "1" if stat.S_ISDIR(found.st_mode) else "0",
            "e": lambda: "1",
            "f": lambda: "1" if stat.S_ISREG(found.st_mode) else "0",
            "m": lambda: f"{stat.S_IMODE(found.st_mode):o}",
            "s": lambda: str(found.st_size),
            "A": lambda: str(int(found.st_atime)),
            "C": lambda: str(int(found.st_ctime)),
            "M": lambda: str(int(found.st_mtime)),
        }
        return values[flag]()

    @waiting_function(
        "FILE",
        Documentation(
            "Read or write a file.",
            "FILE(filename[,offset[,length[,options[,format]]]])",
            "What is read is at most 64 KiB. A line is read with its end. Written without offset, length and options, "
            "the value replaces the file; otherwise the part that they name, and the file becomes longer or shorter. "
            f"Files of more than 64 MiB are read by octets, and appended to, only. {_OUTSIDE}",
            (
                _NAME,
                Argument("offset", "Where to begin; a negative one counts from the end. 0 by default."),
                Argument("length", "How much; a negative one leaves so much at the end. All by default."),
                Argument(
                    "options",
                    values=(
                        ("l", "offset and length count lines; a line that is written gets a line end"),
                        ("a", "append, when writing"),
                        ("d", "with l, when writing: no line end, so that lines can be deleted"),
                    ),
                ),
                Argument("format", "What ends a line; what the file has, by default.", values=_ENDS),
            ),
            ("FILE_COUNT_LINE", "FILE_FORMAT", "STAT"),
        ),
        dangerous=True,
    )
    async def read_file(self, channel: Channel | None, args: str) -> str:
        """Read."""
        name, part = _part(args)
        return textfiles.text(await self._blocking.run(textfiles.read, name, part))

    @waiting_writer("FILE", dangerous=True)
    async def write_file(self, channel: Channel | None, args: str, value: str) -> None:
        """Write; writers of the same file one after the other."""
        name, part = _part(args)
        lock = self._writing.setdefault(name, asyncio.Lock())
        async with lock:
            await self._blocking.run(textfiles.write, name, part, textfiles.octets(value))

    @waiting_function(
        "FILE_COUNT_LINE",
        Documentation(
            "How many lines a file has; -1 for one that cannot be read.",
            "FILE_COUNT_LINE(filename[,format])",
            f"Files of at most 64 MiB. {_OUTSIDE}",
            (_NAME, Argument("format", "What ends a line; what the file has, by default.", values=_ENDS)),
            ("FILE",),
        ),
        dangerous=True,
    )
    async def count(self, channel: Channel | None, args: str) -> str:
        """``filename,format``."""
        name, _, form = args.partition(",")
        try:
            return str(await self._blocking.run(textfiles.count, textfiles.path_of(name), _end(form)))
        except FunctionError as error:
            self.pbx.log.warning("FILE_COUNT_LINE(%s): %s", args, error)
            return "-1"

    @waiting_function(
        "FILE_FORMAT",
        Documentation(
            "What ends a file's lines: u, d or m; x where that cannot be told.",
            "FILE_FORMAT(filename)",
            _OUTSIDE,
            (_NAME,),
            ("FILE",),
        ),
        dangerous=True,
    )
    async def format(self, channel: Channel | None, args: str) -> str:
        """The first line's end decides."""
        try:
            return await self._blocking.run(textfiles.format_of, textfiles.path_of(args))
        except FunctionError as error:
            self.pbx.log.warning("FILE_FORMAT(%s): %s", args, error)
            return "x"

    @function("BASENAME", Documentation("The last part of a file's name.", "BASENAME(filename)", arguments=(_NAME,)))
    def basename(self, channel: Channel | None, args: str) -> str:
        """As the command of this name."""
        return os.path.basename(str(args).rstrip("/")) or ("/" if args else "")

    @function("DIRNAME", Documentation("The folder of a file's name.", "DIRNAME(filename)", arguments=(_NAME,)))
    def dirname(self, channel: Channel | None, args: str) -> str:
        """As the command of this name."""
        return os.path.dirname(str(args).rstrip("/")) or ("/" if args.startswith("/") else "." if args else "")


def _part(args: str) -> tuple[str, textfiles.Part]:
    name, offset, length, options, form = [*(one.strip() for one in args.split(",", 4)), "", "", "", ""][:5]
    given = integer(offset, "an offset") if offset else 0
    size = integer(length, "a length") if length else None
    part = textfiles.Part(
        given, size, lines="l" in options, append="a" in options, bare="d" in options, end=_end(form),
        whole=not (offset or length),
    )  # fmt: skip
    return textfiles.path_of(name), part


def _end(form: str) -> bytes | None:
    form = form.strip().lower()[:1]
    if form and form not in textfiles.ENDS:
        raise FunctionError("a format is u, d or m")
    return textfiles.ENDS.get(form)
