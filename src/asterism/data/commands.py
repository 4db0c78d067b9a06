"""The internal database at the console and for the manager: ``database ...``, ``DBGet`` and its kin."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from typing import ClassVar, Protocol

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.data.astdb import AstDb
from asterism.data.server import DataServer
from asterism.data.store import Store, text_of

QUERY_SECONDS = 2.0
"""How long ``database query`` may take: the server waits for it."""
_MAX_ROWS = 10_000

_FAMILY = Argument("Family", "May hold further '/'.", True)
_KEY = Argument("Key", "Name of the value.", True)


class DatabaseServer(DataServer, Protocol):
    """A server with the internal database on its embedded store."""

    astdb: AstDb
    store: Store


def _rows(found: Iterable[tuple[str, str]]) -> str:
    lines = [f"{path:<50}: {value:<25}\n" for path, value in found]
    return "".join(lines) + f"{len(lines)} results found.\n"


class DatabaseCommands(Module):
    """Shows and changes what ``DB()`` reads and writes."""

    name: ClassVar[str] = "astdb"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Internal database"

    def load(self, server: DatabaseServer) -> None:
        """Register commands and actions."""
        self._database = server.astdb
        self._store = server.store
        self._log = server.log
        server.register_marked(self)

    # -- console -------------------------------------------------------------------------------------

    def _complete(self, words: list[str]) -> Iterable[str]:
        if len(words) == 1:
            return {path.split("/")[1] for path, _ in self._database.entries()}
        if len(words) == 2:
            return self._database.keys(words[0])
        return ()

    @command(
        "database show",
        Documentation(
            "Show values of the internal database.",
            "database show [family [key]]",
            "All values, those of one family, or those below one key.",
        ),
        "_complete",
    )
    def show(self, call: CommandCall) -> str:
        """``[family [key]]``."""
        if len(call.args) > 2:
            raise UsageError
        return _rows(self._database.entries(*call.args))

    @command(
        "database showkey",
        Documentation(
            "Show the values of one key in every family.",
            "database showkey <key>",
            "Families differ, keys may be the same: all values with this key.",
        ),
    )
    def show_key(self, call: CommandCall) -> str:
        """``key``."""
        if len(call.args) != 1:
            raise UsageError
        end = "/" + call.args[0]
        return _rows(row for row in self._database.entries() if row[0].endswith(end))

    @command(
        "database get",
        Documentation("Show one value of the internal database.", "database get <family> <key>"),
        "_complete",
    )
    def get(self, call: CommandCall) -> str:
        """``family key``."""
        if len(call.args) != 2:
            raise UsageError
        value = self._database.get(*call.args)
        return "Database entry not found.\n" if value is None else f"Value: {value}\n"

    @command(
        "database put",
        Documentation(
            "Add or replace a value of the internal database.",
            "database put <family> <key> <value>",
            "A value with blanks stands in double quotes.",
        ),
        "_complete",
    )
    def put(self, call: CommandCall) -> str:
        """``family key value``."""
        if len(call.args) != 3:
            raise UsageError
        self._database.put(*call.args)
        return "Updated database successfully\n"

    @command(
        "database del",
        Documentation("Remove one value of the internal database.", "database del <family> <key>"),
        "_complete",
    )
    def delete(self, call: CommandCall) -> str:
        """``family key``."""
        if len(call.args) != 2:
            raise UsageError
        if self._database.delete(*call.args):
            return "Database entry removed.\n"
        return "Database entry could not be removed.\n"

    @command(
        "database deltree",
        Documentation(
            "Remove a family, or what is below one key.",
            "database deltree <family> [keytree]\n   OR: database deltree <family>[/keytree]",
            "Everything below goes too.",
        ),
        "_complete",
    )
    def delete_tree(self, call: CommandCall) -> str:
        """``family [key]``."""
        if not 1 <= len(call.args) <= 2:
            raise UsageError
        count = self._database.delete_tree(*call.args)
        return f"{count} database entries removed.\n" if count else "Database entries do not exist.\n"

    @command(
        "database query",
        Documentation(
            "Ask the internal database in SQL.",
            'database query "<SQL statement>"',
            "The statement reads only; the values are in the table 'astdb' with the columns 'key' and 'value'. "
            "It may take two seconds.",
        ),
    )
    def query(self, call: CommandCall) -> str:
        """``"SELECT ..."``."""
        if len(call.args) != 1:
            raise UsageError
        deadline = time.monotonic() + QUERY_SECONDS
        self._store.commit()  # so that the other connection sees what was just written
        try:
            # A connection of its own that cannot write: a statement typed here never harms what the server keeps.
            place = f"file:{self._store.path}?mode=ro"
            with closing(sqlite3.connect(place, uri=True, timeout=0.1)) as database:
                database.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
                cursor = database.execute(call.args[0])
                names = [column[0] for column in cursor.description or ()]
                rows = cursor.fetchmany(_MAX_ROWS)
        except sqlite3.Error as error:
            raise CommandError(f"Error executing query: {error}") from None
        return "".join(
            "".join(f"{name}: {text_of(value)!s:<50}\n" for name, value in zip(names, row, strict=True)) + "\n"
            for row in rows
        )

    # -- manager -------------------------------------------------------------------------------------

    def _place(self, call: ActionCall) -> tuple[str, str] | None:
        family, key = call.get("Family"), call.get("Key")
        if not family:
            call.error("No family specified.")
            return None
        if not key:
            call.error("No key specified.")
            return None
        return family, key

    @action(
        "DBGet",
        "system,reporting",
        Documentation(
            "Get DB Entry.",
            description="The value comes in the event DBGetResponse after the response. A key that is not "
            "there is an error.",
            arguments=(_FAMILY, _KEY),
        ),
    )
    def get_action(self, call: ActionCall) -> None:
        """One value, as a list of one event."""
        place = self._place(call)
        if place is None:
            return
        value = self._database.get(*place)
        if value is None:
            call.error("Database entry not found")
            return
        call.begin_list("Result will follow")
        call.item("DBGetResponse", [("Family", place[0]), ("Key", place[1]), ("Val", value)])
        call.end_list("DBGetComplete")

    @action(
        "DBGetTree",
        "system,reporting",
        Documentation(
            "Get the values below a family or a key.",
            description="Each entry comes as an event DBGetTreeResponse, then DBGetTreeComplete. Without "
            "Family everything is listed.",
            arguments=(Argument("Family", "Only this family."), Argument("Key", "Only what is below it.")),
        ),
    )
    def get_tree_action(self, call: ActionCall) -> None:
        """Several values."""
        found = self._database.entries(call.get("Family"), call.get("Key"))
        if not found:
            call.error("Database entry not found")
            return
        call.begin_list("Result will follow")
        for path, value in found:
            call.item("DBGetTreeResponse", [("Key", path), ("Val", value)])
        call.end_list("DBGetTreeComplete")

    @action(
        "DBPut",
        "system",
        Documentation(
            "Put DB entry.",
            description="Sets one value of the database that the dialplan function DB reads; a former value "
            "is replaced.",
            arguments=(_FAMILY, _KEY, Argument("Val", "The new value.")),
        ),
    )
    def put_action(self, call: ActionCall) -> None:
        """Add or replace."""
        place = self._place(call)
        if place is not None:
            self._database.put(*place, call.get("Val"))
            call.success("Updated database successfully")

    @action(
        "DBDel",
        "system",
        Documentation(
            "Delete DB entry.",
            description="Removes one value of the database that the dialplan function DB reads. A key that is "
            "not there is an error.",
            arguments=(_FAMILY, _KEY),
        ),
    )
    def delete_action(self, call: ActionCall) -> None:
        """Remove one."""
        place = self._place(call)
        if place is None:
            return
        if self._database.delete(*place):
            call.success("Key deleted successfully")
        else:
            call.error("Database entry could not be deleted")

    @action(
        "DBDelTree",
        "system",
        Documentation(
            "Delete DB tree.",
            description="Removes all values of a family, or those whose key begins with Key.",
            arguments=(_FAMILY, Argument("Key", "Only what is below it.")),
        ),
    )
    def delete_tree_action(self, call: ActionCall) -> None:
        """Remove several."""
        family = call.get("Family")
        if not family:
            call.error("No family specified.")
        elif self._database.delete_tree(family, call.get("Key")):
            call.success("Key tree deleted successfully")
        else:
            call.error("Database entry not found")
