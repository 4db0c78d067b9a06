"""Authenticate: the caller enters a password to go on."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from asterism.core.documentation import Argument, Documentation
from asterism.media.dtmf import KEYS
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.playing import play_or_tell
from asterism.pbx.dialplan.applications.reading import Prompt, collect
from asterism.pbx.dialplan.language.arguments import number, option_letters, split_fields
from asterism.pbx.dialplan.language.foreign import is_foreign
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.data.astdb import AstDb
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

ATTEMPTS = 3
_MOST = 255
_MAX_FILE = 1024 * 1024
"""Octets of a file of passwords that are read."""


class _DatabaseServer(Protocol):
    astdb: AstDb


class AuthenticateModule(PbxModule):
    """The application Authenticate."""

    name: ClassVar[str] = "app_authenticate"
    description: ClassVar[str] = "Authentication Application"

    def load(self, server: HostServer) -> None:
        """Register the application."""
        self._database = cast(_DatabaseServer, server)
        super().load(server)

    @application(
        "Authenticate",
        Documentation(
            "Have the caller enter a password",
            "Authenticate(password[,options[,maxdigits[,prompt[&prompt2[&...]]]]])",
            f"Asks up to {ATTEMPTS} times; the call ends where no password is right. What the caller enters ends with "
            "'#', or after maxdigits. A password that begins with '/' is a file of passwords, one a line.",
            (
                Argument("password", "The password, a file, or with d a key of the database.", True),
                Argument(
                    "options",
                    "Letters.",
                    values=(
                        ("a", "The password becomes the channel's account code."),
                        ("d", "password is a key of the database; what is entered is to be a key below it."),
                        ("m", "The file has lines account:hash (MD5, hex); the account becomes the account code."),
                        ("r", "With d: the key is removed."),
                    ),
                ),
                Argument("maxdigits", "The most digits; 0 or nothing: '#' ends them."),
                Argument("prompt", "Sounds in place of agent-pass."),
            ),
            ("Read",),
        ),
    )  # fmt: skip
    async def authenticate(self, channel: Channel, args: str) -> None:
        """Run Authenticate."""
        password, letters, count, prompt = split_fields(args, 4)
        options = option_letters(letters)
        if not password:
            channel.pbx.log.warning("Authenticate needs a password")
            raise EndDialplan
        if channel.state is not ChannelState.UP:
            await answer(channel)
        most = min(int(number(count) or 0), _MOST) or _MOST
        prompt = prompt or "agent-pass"
        for _ in range(ATTEMPTS):
            entered = await self._ask(channel, prompt, most)
            if entered and await self._is_right(channel, password, options, entered):
                if "a" in options and "m" not in options:
                    channel.set_accountcode(self.pbx.dialplan.environment.foreign(entered))
                await play_or_tell(channel, "Authenticate", "auth-thankyou", KEYS)
                return
            prompt = "auth-incorrect"
        await play_or_tell(channel, "Authenticate", "vm-goodbye")
        raise EndDialplan

    @staticmethod
    async def _ask(channel: Channel, prompt: str, most: int) -> str:
        """What the caller enters."""
        digits: list[str] = []
        await collect(channel, Prompt(channel, "Authenticate", prompt, tone=False), digits, most, "#", 0.0)
        return "".join(digits)

    async def _is_right(self, channel: Channel, password: str, options: set[str], entered: str) -> bool:
        if not password.startswith("/"):
            return _same(password, entered)
        if is_foreign(password):
            channel.pbx.log.warning("Authenticate on %s: a caller may not choose the file of passwords", channel.name)
            return False
        if "d" in options:
            family, _, key = password.strip("/").partition("/")
            key = f"{key}/{entered}" if key else entered
            database = self._database.astdb
            if database.get(family, key) is None:
                return False
            if "r" in options:
                database.delete(family, key)
            return True
        try:
            text = await asyncio.to_thread(_read, Path(password))
        except OSError as error:
            channel.pbx.log.warning("Authenticate on %s: %s: %s", channel.name, password, error.strerror or error)
            return False
        if "m" not in options:
            same = [_same(line.strip(), entered) for line in text.splitlines() if line.strip()]
            return any(same)  # the time does not tell which one
        digest = hashlib.md5(entered.encode(), usedforsecurity=False).hexdigest()
        for line in text.splitlines():
            account, _, found = line.strip().partition(":")
            if found and _same(found.strip().lower(), digest):
                channel.set_accountcode(account)
                return True
        return False


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def _read(path: Path) -> str:
    """The beginning of a regular file; raises ``OSError`` for anything else."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), encoding="utf-8", errors="replace") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "not a regular file")
        return file.read(_MAX_FILE)
