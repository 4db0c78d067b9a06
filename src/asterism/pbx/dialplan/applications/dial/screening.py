"""Options p and P: the called party hears who calls, and decides.

With P what it decides is remembered, in the family ``privacy`` of the database: by what the option names, or the
extension, and by the caller's number. The caller's introduction is a sound of the folder ``priv-callerintros``.
"""

from __future__ import annotations

import re
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast

from asterism.pbx.dialplan.applications.dial.called import hear
from asterism.pbx.vocabulary.controls import DialStatus
from asterism.pbx.vocabulary.errors import ChannelHangup

if TYPE_CHECKING:
    from asterism.data import AstDb
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.applications.dial.options import DialOptions

FAMILY = "privacy"
FOLDER = "priv-callerintros"
MOST_INTRODUCTIONS = 1000
"""Introductions that are kept; beyond that the oldest is deleted: callers may name themselves as they like."""
_ATTEMPTS = 3
_PATIENCE = 10.0
"""Seconds that the called party has for its decision after the menu."""
_ANNOUNCEMENT = "priv-callpending"
_MENU = MappingProxyType({False: "screen-callee-options", True: "priv-callee-options"})
_KEYS = MappingProxyType({False: "1234", True: "12345"})
_NAME = re.compile(r"[0-9A-Za-z+_-]{1,40}").fullmatch


class Privacy(StrEnum):
    """What the database says of a caller."""

    ALLOW = "allow"
    DENY = "deny"
    KILL = "kill"
    TORTURE = "torture"
    UNKNOWN = ""


_REMEMBERED = MappingProxyType(
    {"1": Privacy.ALLOW, "2": Privacy.DENY, "3": Privacy.TORTURE, "4": Privacy.KILL, "5": Privacy.ALLOW}
)
_REFUSED = MappingProxyType(
    {"2": DialStatus.NOANSWER, "3": DialStatus.TORTURE, "4": DialStatus.DONTCALL, "5": DialStatus.NOANSWER}
)
_REFUSED_BEFORE = MappingProxyType(
    {
        Privacy.DENY: DialStatus.NOANSWER,
        Privacy.KILL: DialStatus.DONTCALL,
        Privacy.TORTURE: DialStatus.TORTURE,
    }
)


class _Server(Protocol):
    astdb: AstDb


class Screening:
    """The decision about one call."""

    def __init__(self, caller: Channel, options: DialOptions, database: AstDb, sounds: Path) -> None:
        """``sounds`` is the folder of the users' sounds."""
        self._caller = caller
        self._remembers = "P" in options.letters
        self._database = database
        number = re.sub(r"[ ().-]", "", str(caller.caller.number))
        self._known = bool(_NAME(number)) and not caller.caller.private
        self._number = number if self._known else f"NOCALLERID_{re.sub(r'[^0-9A-Za-z]', '_', caller.name)}"[:40]
        self._whose = str(options.privacy or caller.exten)
        self._skips = "N" in options.letters and self._known
        self._keeps = "n" not in options.letters and self._known
        self._deletes_always = options.delete_introduction
        self._asked = False
        self._allowed = False
        self._sound = f"{FOLDER}/{self._number}"
        self._file = sounds / f"{self._sound}.wav"

    @property
    def remembered(self) -> Privacy:
        """What was decided about this caller before."""
        if not (self._remembers and self._known):
            return Privacy.UNKNOWN
        with suppress(ValueError):
            return Privacy((self._database.get(FAMILY, self._key) or "").strip().lower())
        return Privacy.UNKNOWN

    @property
    def _key(self) -> str:
        return f"{self._whose}/{self._number}"

    async def begin(self) -> DialStatus | None:
        """Before anybody is called: why nobody is to be. A caller that is not known yet introduces itself."""
        decided = Privacy.ALLOW if self._skips else self.remembered
        self._allowed = decided is Privacy.ALLOW
        if decided is not Privacy.UNKNOWN:
            return _REFUSED_BEFORE.get(decided)
        caller = self._caller
        if not await caller.pbx.loop.run_in_executor(None, self._file.exists):
            await hear(caller, "priv-recordintro")
            await self._record()
            await hear(caller, "priv-introsaved")
        return None

    async def _record(self) -> None:
        """Four seconds at most, also ended by two of silence or by a key."""
        caller = self._caller
        await caller.pbx.loop.run_in_executor(None, make_room, self._file.parent)
        found = await caller.pbx.dialplan.execute_application(caller, "Record", f"{self._file},2,4,ny")
        if not found:
            caller.pbx.log.warning("Dial: no introduction of %s: there is no application Record", caller.name)

    async def ask(self, peer: Channel) -> DialStatus | None:
        """Have the called party decide; why there is no conversation."""
        if self._allowed:
            return None
        self._asked = True
        try:
            key = await self._choice(peer)
        except ChannelHangup:
            if not self._caller.alive:
                raise
            key = ""
        if key and self._remembers and self._known:
            self._database.put(FAMILY, self._key, _REMEMBERED[key])
        return None if key == "1" else _REFUSED.get(key, DialStatus.NOANSWER)

    async def _choice(self, peer: Channel) -> str:
        """The key that the called party presses, ``""`` when it does not decide."""
        keys = _KEYS[self._remembers]
        for attempt in range(_ATTEMPTS):
            if attempt:
                await hear(peer, "vm-sorry")
            for name in (_ANNOUNCEMENT, self._sound, _MENU[self._remembers]):
                key = await hear(peer, name, keys)
                if key:
                    return key
            key = await peer.read_digit(_PATIENCE) or ""
            if key and key in keys:
                return key
        return ""

    def end(self) -> None:
        """The dialling is over: an introduction that is not to be kept is deleted."""
        if not self._keeps and (self._deletes_always or self._asked or not self._known):
            self._caller.pbx.loop.run_in_executor(None, _delete, self._file)


def screening_of(caller: Channel, options: DialOptions) -> Screening:
    """The screening of a call that is to be made with the options p or P."""
    server = caller.pbx.server
    return Screening(caller, options, cast(_Server, server).astdb, Path(server.paths.data) / "sounds")


def make_room(folder: Path) -> None:
    """Make the folder, and delete its oldest introductions if there are too many. It blocks."""
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.glob("*.wav"), key=lambda path: path.stat().st_mtime)
    for path in found[: max(0, len(found) - MOST_INTRODUCTIONS + 1)]:
        _delete(path)


def _delete(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
