"""The module ``pbx_config``: reads ``extensions.conf``; console commands and manager actions of the dialplan."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING

from asterism.config.errors import flatten
from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, ConfigError, UsageError
from asterism.core.events import Fields
from asterism.core.restriction import DANGEROUS_APPLICATIONS, WRITES, restricted, restriction
from asterism.pbx.dialplan.language import listing, loader
from asterism.pbx.dialplan.language.contexts import HINT, ContextTable
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.language.table import Dialplan
    from asterism.pbx.vocabulary.host import HostServer

FILE = "extensions.conf"


class DialplanModule(PbxModule):
    """Loads the dialplan and shows it."""

    name = "pbx_config"
    description = "Text Extension Configuration"

    def load(self, server: HostServer) -> None:
        """Read ``extensions.conf``; a wrong one leaves an empty dialplan and an error in the log."""
        self.server = server
        super().load(server)
        paths = server.paths
        fixed = {
            "ASTETCDIR": paths.etc,
            "ASTMODDIR": paths.modules,
            "ASTVARLIBDIR": paths.varlib,
            "ASTDBDIR": paths.db,
            "ASTKEYDIR": paths.key,
            "ASTDATADIR": paths.data,
            "ASTAGIDIR": paths.agi,
            "ASTSPOOLDIR": paths.spool,
            "ASTRUNDIR": paths.run,
            "ASTLOGDIR": paths.log,
        }
        variables = {name: str(path) for name, path in fixed.items()}
        variables["SYSTEMNAME"] = getattr(server.options, "systemname", "") or ""
        variables["ENTITYID"] = getattr(server.options, "entityid", "") or ""
        self.dialplan.set_fixed(variables)
        self._read()

    def reload(self) -> None:
        """Read ``extensions.conf`` again; a file with a syntax error changes nothing."""
        self._read()

    def unload(self) -> None:
        """Take the file's contexts out of the dialplan."""
        self.dialplan.replace(loader.REGISTRAR, ContextTable())

    @property
    def dialplan(self) -> Dialplan:
        """The server's dialplan."""
        found: Dialplan = self.pbx.dialplan
        return found

    def _read(self) -> bool:
        log = self.server.log
        dialplan = self.dialplan
        allow_exec = bool(getattr(self.server.options, "execincludes", False))
        try:
            loaded = loader.load(self.server.paths.etc / FILE, dialplan.expand_with, allow_exec=allow_exec)
        except ConfigError as error:
            for one in flatten(error):
                log.error("%s", one)
            return False
        for problem in loaded.problems:
            log.warning("%s", problem)
        if loaded.clear_globals:
            dialplan.globals.clear()
        dialplan.globals.update(loaded.globals)
        dialplan.environment.plain_text = loaded.substituted_syntax
        dialplan.executor.autofallthrough = loaded.autofallthrough
        for complaint in dialplan.replace(loader.REGISTRAR, loaded.table):
            log.warning("%s", complaint)
        return True

    # -- console -------------------------------------------------------------------------------------

    def _complete_place(self, words: list[str]) -> Iterable[str]:
        if len(words) > 1:
            return ()
        word = words[-1] if words else ""
        exten, at, context = word.partition("@")
        names = self.dialplan.table.contexts
        if at:
            return [f"{exten}@{name}" for name in names if name.startswith(context)]
        places = [
            f"{each}@{name}" for name, one in names.items() for each, _ in one.extensions if each.startswith(word)
        ]
        return [*(name for name in names if name.startswith(word)), *(places if word else ())]

    @command(
        "dialplan show",
        Documentation(
            "Show the dialplan.",
            "dialplan show [[exten@]context]",
            "All of it, one context, or what an extension would find in a context and its includes.",
        ),
        "_complete_place",
    )
    def show(self, call: CommandCall) -> str:
        """``[[exten@]context]``."""
        if len(call.args) > 1:
            raise UsageError("too many arguments")
        exten, at, context = call.args[0].partition("@") if call.args else ("", "", "")
        if call.args and not at:
            exten, context = "", exten
        try:
            return listing.show(self.dialplan.table, context, exten)
        except LookupError as error:
            raise CommandError(str(error.args[0])) from None

    @command("dialplan show globals", Documentation("Show the global variables.", "dialplan show globals"))
    def show_globals(self, call: CommandCall) -> str:
        """Names and values."""
        found = sorted(self.dialplan.globals.items())
        return "".join(f"   {name}={value}\n" for name, value in found) + f"\n    -- {len(found)} variable(s)\n"

    @command("dialplan set global", Documentation("Set a global variable.", "dialplan set global <name> <value>"))
    def set_global(self, call: CommandCall) -> str:
        """``name value``."""
        if len(call.args) != 2:
            raise UsageError("it takes a name and a value")
        name, value = call.args
        self.dialplan.set_global(name, value)
        return f"\n    -- Global variable '{name}' set to '{value}'\n"

    @command(
        "dialplan set chanvar",
        Documentation("Set a variable of a channel.", "dialplan set chanvar <channel> <name> <value>"),
    )
    def set_chanvar(self, call: CommandCall) -> str:
        """``channel name value``."""
        if len(call.args) != 3:
            raise UsageError("it takes a channel, a name and a value")
        channel = self.pbx.channels.get(call.args[0])
        if channel is None:
            raise CommandError(f"Channel '{call.args[0]}' not found")
        self.dialplan.environment.assign(channel, call.args[1], call.args[2])
        return f"\n    -- Channel variable '{call.args[1]}' set to '{call.args[2]}' for '{channel.name}'\n"

    @command("dialplan reload", Documentation("Read extensions.conf again.", "dialplan reload"))
    def reload_command(self, call: CommandCall) -> str:
        """Reload."""
        if call.args:
            raise UsageError("it takes no arguments")
        if not self._read():
            raise CommandError("The dialplan was not reloaded: see the log.")
        return "Dialplan reloaded.\n"

    @command(
        "dialplan add extension",
        Documentation(
            "Add an extension until the next restart.",
            "dialplan add extension <exten>,<priority>,<app>[,<app-data>] into <context> [replace]",
        ),
    )
    def add_extension(self, call: CommandCall) -> str:
        """``exten,priority,app[,data] into context [replace]``."""
        args = list(call.args)
        replace = bool(args) and args[-1] == "replace"
        if replace:
            args.pop()
        if len(args) < 3 or args[-2] != "into":
            raise UsageError("it takes an extension, 'into' and a context")
        context = args[-1]
        exten, priority, application, data = (*" ".join(args[:-2]).split(",", 3), "", "", "", "")[:4]
        if "(" in application and application.endswith(")") and not data:
            application, _, data = application[:-1].partition("(")
        elif "(" in application and data.endswith(")"):
            application, _, first = application.partition("(")
            data = f"{first},{data[:-1]}"
        if not (exten and priority and application):
            raise UsageError("extension, priority and application must be given")
        if restriction.get() & DANGEROUS_APPLICATIONS:
            # What the line calls, and with what variables, is known only when it runs.
            raise CommandError("It needs the manager class 'system', as DialplanExtensionAdd does.")
        try:
            self._add(context, exten, priority, application, data, replace)
        except ValueError as error:
            raise CommandError(
                f"Failed to add '{exten},{priority},{application}({data})' to '{context}': {error}"
            ) from None
        return f"Extension '{exten},{priority},{application}({data})' added into '{context}' context\n"

    def _add(self, context: str, exten: str, priority: str, application: str, data: str, replace: bool) -> None:
        name, slash, callerid = exten.partition("/")
        if priority == "hint":
            number, application, data = HINT, ",".join(filter(None, (application, data))), ""
        elif priority.isdecimal() and 0 < len(priority) < 10 and int(priority):
            number = int(priority)
        else:
            raise ValueError(f"'{priority}' is not a priority")
        self.dialplan.add_extension(
            None, context, name, number, application, data, callerid=callerid if slash else None, replace=replace
        )

    @command(
        "dialplan remove extension",
        Documentation("Remove an extension.", "dialplan remove extension exten[/cid]@context [priority]"),
    )
    def remove_extension(self, call: CommandCall) -> str:
        """``exten[/cid]@context [priority]``."""
        if not 1 <= len(call.args) <= 2 or "@" not in call.args[0]:
            raise UsageError("it takes exten@context")
        place, context = call.args[0].rsplit("@", 1)
        priority: int | None = None
        if len(call.args) == 2:
            text = call.args[1]
            if text != "hint" and not (text.isdecimal() and len(text) < 10):
                raise UsageError("the priority is a number or 'hint'")
            priority = HINT if text == "hint" else int(text)
        exten, slash, callerid = place.partition("/")
        if not self.dialplan.remove_extension(context, exten, priority, callerid if slash else None):
            raise CommandError(f"Failed to remove extension {place}@{context}")
        if priority is None:
            return f"Whole extension {place}@{context} removed\n"
        return f"Extension {place}@{context} with priority {call.args[1]} removed\n"

    @command(
        "dialplan eval function",
        Documentation(
            "Read a dialplan function.", "dialplan eval function <function>", "For functions without channel."
        ),
    )
    def eval_function(self, call: CommandCall) -> str | Awaitable[str]:
        """``FUNCTION(args)``."""
        if not call.args:
            raise UsageError("it takes a function")
        name, parenthesis, rest = " ".join(call.args).partition("(")
        args = rest[: rest.rfind(")")] if parenthesis else ""
        environment = self.dialplan.environment
        if environment.waits((name,)):
            return self._evaluated(environment.wait_function(None, name, args))
        return self._result(environment.function(None, name, args))

    async def _evaluated(self, value: Awaitable[str | None]) -> str:
        return self._result(await value)

    @staticmethod
    def _result(value: str | None) -> str:
        if value is None:
            return "Return Value: Failure (-1)\nResult: \n"
        return f"Return Value: Success (0)\nResult: {value}\n"

    # -- manager -------------------------------------------------------------------------------------

    @action(
        "ShowDialPlan",
        "config,reporting",
        Documentation(
            "List contexts and extensions.",
            "ShowDialPlan",
            description="Each line comes as an event ListDialplan with its extension, priority and "
            "application, then ShowDialPlanComplete with the totals.",
            arguments=(
                Argument("Extension", "Only what matches it, with includes."),
                Argument("Context", "Only this one."),
            ),
        ),
    )
    def show_action(self, call: ActionCall) -> None:
        """ListDialplan events."""
        name, exten = call.get("Context"), call.get("Extension")
        table = self.dialplan.table
        if name and name not in table.contexts:
            call.error(f"Did not find context {name}")
            return
        count = listing.Count()
        found = list(table.contexts.values()) if not name else [table.contexts[name]]
        rows: list[Fields] = []
        for context in found:
            shown: list[Fields] = []
            for place, extension, line in listing.entries(table, context, exten, count):
                row: list[tuple[str, object]] = [("Context", place.name), ("Extension", extension.name)]
                if line.label:
                    row.append(("ExtensionLabel", line.label))
                if line.number == HINT:
                    row += [("Priority", "hint"), ("Application", line.application)]
                else:
                    row += [("Priority", line.number), ("Application", line.application), ("AppData", line.data)]
                shown.append([*row, ("Registrar", line.registrar)])
            if not exten:
                shown += [
                    [("Context", context.name), ("IncludeContext", include.text), ("Registrar", include.registrar)]
                    for include in context.includes
                ]
            rows += shown
        if exten and not count.extensions:
            call.error(f"Did not find extension {exten}@{name}")
            return
        call.begin_list("DialPlan list will follow")
        for fields in rows:
            call.item("ListDialplan", fields)
        call.end_list(
            "ShowDialPlanComplete",
            [
                ("ListExtensions", count.extensions),
                ("ListPriorities", count.priorities),
                ("ListContexts", count.contexts),
            ],
        )

    @action(
        "DialplanExtensionAdd",
        "system",
        Documentation(
            "Add an extension.",
            "DialplanExtensionAdd",
            description="The line is there until the dialplan is reloaded or the server stops; no file is "
            "changed. A line that is in its place is an error unless Replace says so.",
            arguments=(
                Argument("Context", "Made when there is none of that name.", True),
                Argument("Extension", "Name or pattern, with '/callerid' for some callers only.", True),
                Argument("Priority", "A number or 'hint'.", True),
                Argument("Application", "What the line runs.", True),
                Argument("ApplicationData", "Its arguments; variables are replaced when it is run."),
                Argument("Replace", "yes to replace a line in that place."),
            ),
            see_also=("DialplanExtensionRemove",),
        ),
    )
    def add_action(self, call: ActionCall) -> None:
        """Add one line."""
        context, exten, priority = call.get("Context"), call.get("Extension"), call.get("Priority")
        application = call.get("Application")
        if not (context and exten and priority and application):
            call.error("Context, Extension, Priority, and Application must be defined in request")
            return
        replace = call.get("Replace").lower() in ("yes", "true", "1", "on")
        try:
            self._add(context, exten, priority, application, call.get("ApplicationData"), replace)
        except ValueError as error:
            call.error(str(error))
            return
        call.success("Added requested extension")

    @action(
        "DialplanExtensionRemove",
        "system",
        Documentation(
            "Remove an extension, or one priority of it.",
            "DialplanExtensionRemove",
            description="Removes all priorities of an extension, or one, until the dialplan is reloaded. No "
            "file is changed.",
            arguments=(
                Argument("Context", "Its context.", True),
                Argument("Extension", "Its name, with '/callerid' if it has one.", True),
                Argument("Priority", "A number or 'hint'; all without it."),
            ),
            see_also=("DialplanExtensionAdd",),
        ),
    )
    def remove_action(self, call: ActionCall) -> None:
        """Remove lines."""
        context, exten, text = call.get("Context"), call.get("Extension"), call.get("Priority")
        if not (context and exten):
            call.error("Context and Extension must be provided")
            return
        if text and text != "hint" and not (text.isdecimal() and len(text) < 10):
            call.error("The priority specified was invalid")
            return
        priority = HINT if text == "hint" else int(text) if text else None
        name, slash, callerid = exten.partition("/")
        if self.dialplan.remove_extension(context, name, priority, callerid if slash else None):
            call.success("Removed the requested extension")
        else:
            call.error("The extension specified does not exist")

    @action(
        "Getvar",
        "call,reporting",
        Documentation(
            "Read a variable, function or expression of a channel, or a global one.",
            "Getvar",
            description="Functions that reach outside the PBX are refused unless live_dangerously is set, "
            "also within others; functions that write need the class call.",
            arguments=(
                Argument("Channel", "Without it the variable is global."),
                Argument("Variable", "Its name, or a function: NAME(arguments).", True),
            ),
            see_also=("Setvar",),
        ),
    )
    def get_variable(self, call: ActionCall) -> Awaitable[None] | None:
        """Read; a function that looks into a database is waited for."""
        name, channel_name = call.get("Variable"), call.get("Channel")
        if not name:
            call.error("No variable specified")
            return None
        channel = self.pbx.channels.get(channel_name) if channel_name else None
        if channel_name and channel is None:
            call.error("No such channel")
            return None
        environment = self.dialplan.environment
        function, parenthesis, rest = name.partition("(")
        if parenthesis and name.endswith(")"):
            if self._refused(function):
                call.error("No such variable")
            elif environment.waits((function,)):
                return self._tell_later(call, channel, function, rest[:-1])
            else:
                self._tell(call, channel, function, rest[:-1])
        else:
            call.success("", [("Variable", name), ("Value", environment.variable(channel, name) or "")])
        return None

    async def _tell_later(self, call: ActionCall, channel: Channel | None, function: str, args: str) -> None:
        with restricted(0 if call.may("call") else WRITES):
            value = await self.dialplan.environment.wait_function(channel, function, args)
        self._answer(call, value)

    def _tell(self, call: ActionCall, channel: Channel | None, function: str, args: str) -> None:
        with restricted(0 if call.may("call") else WRITES):
            value = self.dialplan.environment.function(channel, function, args)
        self._answer(call, value)

    @staticmethod
    def _answer(call: ActionCall, value: str | None) -> None:
        if value is None:
            call.error("No such variable")
        else:
            call.success("", [("Variable", call.get("Variable")), ("Value", value)])

    @action(
        "Setvar",
        "call",
        Documentation(
            "Set a variable or write a function of a channel, or set a global variable.",
            "Setvar",
            description="Functions that reach outside the PBX are refused unless live_dangerously is set, "
            "also within others.",
            arguments=(
                Argument("Channel", "Without it the variable is global."),
                Argument("Variable", "Its name, or a function: NAME(arguments).", True),
                Argument("Value", "The new value."),
            ),
            see_also=("Getvar",),
        ),
    )
    def set_variable(self, call: ActionCall) -> Awaitable[None] | None:
        """Write; a function that takes its time is waited for."""
        name, channel_name, value = call.get("Variable"), call.get("Channel"), call.get("Value")
        if not name:
            call.error("No variable specified")
            return None
        channel = self.pbx.channels.get(channel_name) if channel_name else None
        if channel_name and channel is None:
            call.error("No such channel")
            return None
        function, parenthesis, _ = name.partition("(")
        if parenthesis and self._refused(function):
            call.error("Variable not set")
            return None
        environment = self.dialplan.environment
        if channel is None and not parenthesis:
            self.dialplan.set_global(name, value)
        elif parenthesis and environment.waits_to_write(function):
            return self._write_later(call, channel, name, value)
        elif not environment.assign(channel, name, value):
            call.error("Variable not set")
            return None
        call.success("Variable Set")
        return None

    async def _write_later(self, call: ActionCall, channel: Channel | None, name: str, value: str) -> None:
        if await self.dialplan.environment.assign_later(channel, name, value):
            call.success("Variable Set")
        else:
            call.error("Variable not set")

    def _refused(self, function: str) -> bool:
        """Whether a request from outside may not use a function that reaches outside the PBX."""
        found = self.pbx.functions.get(function)
        return found is not None and found.dangerous and not getattr(self.server.options, "live_dangerously", False)
