"""DB, DB_EXISTS, DB_DELETE, DB_KEYS, DB_KEYCOUNT and the application DBdeltree: the internal database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.host import HostServer
from asterism.pbx.vocabulary.marks import application, function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.data import AstDb
    from asterism.pbx.channels.channel import Channel

_PLACE = (Argument("family/key", "The family may hold further '/'.", True),)


class DatabaseServer(HostServer, Protocol):
    """A server with the internal database."""

    astdb: AstDb


class DatabaseFunctions(PbxModule):
    """The internal database."""

    name = "func_db"
    covers = ("app_db",)
    description = "The internal database in the dialplan"

    def load(self, server: HostServer) -> None:
        """Register the functions."""
        self.database = cast(DatabaseServer, server).astdb
        super().load(server)

    @function("DB", Documentation("A value of the database.", "DB(family/key)", arguments=_PLACE), marks=True)
    def read(self, channel: Channel | None, args: str) -> str:
        """Empty when there is none; DB_RESULT holds the value too."""
        value = self.database.get(*_split(args)) or ""
        self._result(channel, value)
        return value

    @function_writer("DB")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Add or replace."""
        self.database.put(*_split(args), value)

    @function(
        "DB_EXISTS",
        Documentation("1 if there is such a value, else 0; DB_RESULT holds it.", "DB_EXISTS(family/key)", "", _PLACE),
        marks=True,
    )
    def exists(self, channel: Channel | None, args: str) -> str:
        """1 or 0."""
        value = self.database.get(*_split(args))
        if value is None:
            return "0"
        self._result(channel, value)
        return "1"

    @function(
        "DB_DELETE",
        Documentation("Remove a value and give it back.", "DB_DELETE(family/key)", "", _PLACE),
        dangerous=True,
        marks=True,
    )
    def delete(self, channel: Channel | None, args: str) -> str:
        """The value that was removed; DB_RESULT holds it too."""
        family, key = _split(args)
        value = self.database.get(family, key) or ""
        self.database.delete(family, key)
        self._result(channel, value)
        return value

    @function_writer("DB_DELETE", dangerous=True)
    def write_delete(self, channel: Channel | None, args: str, value: str) -> None:
        """Remove; the value written does not matter."""
        self.delete(channel, args)

    @function("DB_KEYS", Documentation("The keys under a prefix.", "DB_KEYS(prefix)"), marks=True)
    def keys(self, channel: Channel | None, args: str) -> str:
        """The next part of each key, each once, joined by commas."""
        prefix = args.strip().strip("/")
        start = f"/{prefix}/" if prefix else "/"
        found = {
            path[len(start) :].partition("/")[0]: None
            for path, _ in self.database.entries(prefix)
            if path.startswith(start)
        }
        return ",".join(found)

    @function("DB_KEYCOUNT", Documentation("How many keys there are under a prefix.", "DB_KEYCOUNT(prefix)"))
    def count(self, channel: Channel | None, args: str) -> str:
        """A number."""
        keys = self.keys(channel, args)
        return str(keys.count(",") + 1 if keys else 0)

    @application(
        "DBdeltree",
        Documentation("Remove a family, or what is under a key.", "DBdeltree(family[/key])", see_also=("DB_DELETE",)),
    )
    async def delete_tree(self, channel: Channel, args: str) -> None:
        """``family[/key]``."""
        family, _, key = args.strip().strip("/").partition("/")
        if not family:
            self.pbx.log.warning("DBdeltree needs a family")
            return
        self.database.delete_tree(family, key)

    def _result(self, channel: Channel | None, value: str) -> None:
        if channel is not None:
            channel.set_variable("DB_RESULT", value)


def _split(args: str) -> tuple[str, str]:
    family, slash, key = args.strip().partition("/")
    if not (family and slash and key):
        raise FunctionError("it takes family/key")
    return family, key
