"""Console commands and manager actions about the server itself: version, uptime, stop, reload, modules, log levels."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from typing import Any

from asterism import version
from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.compiled import compiled_modules
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import AsterismError, CommandError, ModuleError, UsageError
from asterism.core.like import like_text
from asterism.core.module import Module
from asterism.core.words import yes_or_no
from asterism.server.catalog import LoadedModule, ModuleState
from asterism.server.server import Server

AMI_VERSION = "11.0.0"

_REFUSALS = {
    "load": "Could not load module.",
    "unload": "Could not unload module.",
    "reload": "An unknown error occurred",
}


def describe_seconds(seconds: int) -> str:
    """Seconds as ``2 hours, 1 minute, 6 seconds``."""
    parts: list[str] = []
    for size, name in ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, seconds = divmod(seconds, size)
        if count or (name == "second" and not parts):
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return ", ".join(parts)


class CoreModule(Module):
    """``core ...`` and ``module ...``."""

    name = "core"
    core = True
    # What needs no module here: formats, codecs, timers and the stores of configured objects are part of the server.
    covers = (
        "bridge_native_rtp", "bridge_simple", "chan_bridge_media", "codec_alaw", "codec_ulaw", "format_gsm",
        "format_pcm", "format_sln", "format_wav", "res_pjproject", "res_sorcery_astdb", "res_sorcery_config",
        "res_sorcery_memory",
        "res_timing_pthread", "res_timing_timerfd",
    )  # fmt: skip
    description = "Version, uptime, start and stop, modules"

    server: Server

    def load(self, server: Server) -> None:
        """Register the commands and actions."""
        self.server = server
        server.register_marked(self)

    # -- version, uptime, settings --------------------------------------------------------------------

    @command("core show version", Documentation("Show the version of the server.", "core show version"))
    def show_version(self, call: CommandCall) -> str:
        """``core show version``: in the words that programs match; it was "built" when it was installed."""
        call.takes_nothing()
        installed = time.gmtime(os.stat(version.__file__).st_mtime)
        return (
            f"Asterisk {self.server.version} built by asterism @ python-{platform.python_version()}"
            f" on a {platform.machine()} running {platform.system()}"
            f" on {time.strftime('%Y-%m-%d %H:%M:%S', installed)} UTC\n"
        )

    @command(
        "core show uptime",
        Documentation(
            "Show how long the server has run.",
            "core show uptime [seconds]",
            "The time since the start and since the last reload; with 'seconds', as numbers.",
            (Argument("seconds", "Print numbers of seconds."),),
        ),
        ("seconds",),
    )
    def show_uptime(self, call: CommandCall) -> str:
        """``core show uptime``."""
        if call.args not in ([], ["seconds"]):
            raise UsageError
        uptime, reloaded = self.server.uptime()
        if call.args:
            return f"System uptime: {uptime}\nLast reload: {reloaded}\n"
        return f"System uptime: {describe_seconds(uptime)}\nLast reload: {describe_seconds(reloaded)}\n"

    @command("core show settings", Documentation("Show the settings in force.", "core show settings"))
    def show_settings(self, call: CommandCall) -> str:
        """``core show settings``."""
        call.takes_nothing()
        options, paths, status = self.server.options, self.server.paths, self.server.status
        log = self.server.log
        console = 0 if call.console is None else call.console.verbose_level
        rows = [
            ("Version", self.server.version),
            ("Compiled modules", compiled_modules() or "None"),
            ("Maximum calls", options.maxcalls or "Not set"),
            ("Maximum open file handles", options.maxfiles or "Not set"),
            ("Root console verbosity", log.verbose_level),
            ("Current console verbosity", console),
            ("Debug level", log.debug_level),
            ("Trace level", options.trace),
            ("Dump core on crash", yes_or_no(options.dumpcore)),
            ("Maximum load average", f"{options.maxload:.6f}"),
            ("Minimum free memory", f"{options.minmemfree} MB"),
            ("Startup time", time.strftime("%H:%M:%S", time.localtime(status.started_at))),
            ("Last reload time", time.strftime("%H:%M:%S", time.localtime(status.reloaded_at))),
            ("System", f"{platform.system()}/{platform.release()} on {platform.machine()}"),
            ("System name", options.systemname),
            ("Entity ID", options.entityid),
            ("Default language", options.defaultlanguage),
            ("Language prefix", _enabled(options.languageprefix)),
            ("User name and group", f"{options.runuser}/{options.rungroup}"),
            ("Running directory", os.getcwd()),
            ("Executable includes", _enabled(options.execincludes)),
            ("Hide Msg Chan AMI events", _enabled(options.hide_messaging_ami_events)),
            ("Sounds search custom dir", _enabled(options.sounds_search_custom_dir)),
            ("Min DTMF duration:", options.mindtmfduration),
            ("Shell on remote consoles", _enabled(not options.disable_remote_console_shell)),
        ]
        manager, http = self._module_settings("manager"), self._module_settings("http")
        subsystems = [
            ("Manager (AMI)", _enabled(bool(getattr(manager, "enabled", False)))),
            ("Web Manager (AMI/HTTP)", _enabled(bool(getattr(http, "enabled", False) and manager.webenabled))),
            ("Call data records", _enabled(self._keeps_records())),
            ("Realtime Architecture (ARA)", _enabled((self.server.paths.etc / "extconfig.conf").exists())),
        ]
        folders = [
            ("Configuration file", self.server.conf.path or ""),
            ("Configuration directory", paths.etc),
            ("Module directory", paths.modules),
            ("Spool directory", paths.spool),
            ("Log directory", paths.log),
            ("Run/Sockets directory", paths.run),
            ("PID file", paths.run / "asterism.pid"),
            ("VarLib directory", paths.varlib),
            ("Data directory", paths.data),
            ("ASTDB", paths.db / "asterism.sqlite3"),
            ("AGI Scripts directory", paths.agi),
            ("Cache directory", paths.cache),
        ]
        return (
            "\nPBX Core settings\n-----------------\n"
            + "".join(f"  {name + ':':<28} {value}\n" for name, value in rows)
            + "\n* Subsystems\n  -------------\n"
            + "".join(f"  {name + ':':<28} {value}\n" for name, value in subsystems)
            + "\n* Directories\n  -------------\n"
            + "".join(f"  {name + ':':<28} {value}\n" for name, value in folders)
            + "\n\n"
        )

    def _keeps_records(self) -> bool:
        """Whether records of calls are kept."""
        found = self.server.modules.find("cdr")
        return found is not None and bool(getattr(found.instance, "keeps_records", False))

    def _module_settings(self, name: str) -> Any:
        known = self.server.modules.find(name)
        return getattr(known.instance, "settings", None) if known is not None else None

    @command(
        "core show counts",
        Documentation(
            "Show how much is alive: channels, dialogs, transactions, tasks, sockets.",
            "core show counts",
            "On an idle server every number is back where it was after the start; one that is not is a leak.",
        ),
    )
    def show_counts(self, call: CommandCall) -> str:
        """``core show counts``."""
        call.takes_nothing()
        rows = {**self.server.counts(), "sockets": open_sockets()}
        return "".join(f"{name}: {number}\n" for name, number in rows.items())

    # -- log levels ---------------------------------------------------------------------------------------

    @command(
        "core set verbose",
        Documentation(
            "Set how much detail the log shows.",
            "core set verbose [atleast] <level> [silent]\n       core set verbose off",
            "\n0 or 'off' shows none. 'atleast' never lowers the level; 'silent' says nothing about it.",
        ),
        ("atleast", "off"),
    )
    def set_verbose(self, call: CommandCall) -> str:
        """``core set verbose LEVEL``."""
        log = self.server.log
        words = [word for word in call.args if word != "silent"]
        # A console that follows the log has a verbosity of its own; -rx and the manager set the server's.
        holder = log if call.console is None else call.console
        old, new = holder.verbose_level, _level(words, holder.verbose_level)
        holder.verbose_level = new
        if "silent" in call.args:
            return ""
        if old == new:
            return f"Console verbose is still {_off(new)}.\n"
        return f"Console verbose was {_off(old)} and is now {_off(new)}.\n"

    @command(
        "core set debug",
        Documentation(
            "Set how much the log shows of the server's inner workings.",
            "core set debug [atleast] <level>\n       core set debug off",
            "\n0 or 'off' shows none. 'atleast' never lowers the level.",
        ),
        ("atleast", "off"),
    )
    def set_debug(self, call: CommandCall) -> str:
        """``core set debug LEVEL``."""
        log = self.server.log
        old, new = log.debug_level, _level(call.args, log.debug_level)
        log.debug_level = new
        if old == new:
            return f"Core debug is still {_off(new)}.\n"
        return f"Core debug was {_off(old)} and is now {_off(new)}.\n"

    # -- modules --------------------------------------------------------------------------------------------

    def complete_module(self, words: list[str]) -> list[str]:
        """The names of all modules."""
        return [f"{known.name}.so" for known in self.server.modules.known()]

    @command(
        "module show",
        Documentation(
            "List the modules that are loaded.",
            "module show [like keyword]",
            arguments=(Argument("keyword", "Only modules with this in their name."),),
        ),
        ("like",),
    )
    def module_show(self, call: CommandCall) -> str:
        """``module show [like X]``."""
        wanted = like_text(call.args)
        lines = [f"{'Module':<30} {'Description':<40} {'Use Count':<10} {'Status':<11} {'Support Level':>13}\n"]
        shown = [
            known
            for known in self.server.modules.known()
            if known.state is ModuleState.RUNNING and wanted(f"{known.name}.so")
        ]
        lines += [self._module_line(known) for known in shown]
        return "".join(lines) + f"{len(shown)} modules loaded\n"

    def _module_line(self, known: LoadedModule) -> str:
        uses, module = self.server.modules.use_count(known), known.module_class
        return (
            f"{known.name + '.so':<30} {module.description[:40]:<40} {uses:<10} "
            f"{known.state.value:<11} {module.support:>13}\n"
        )

    @command(
        "module load",
        Documentation("Load a module.", "module load <module name>", arguments=(Argument("module name"),)),
        "complete_module",
    )
    async def module_load(self, call: CommandCall) -> str:
        """``module load X``."""
        if len(call.args) != 1:
            raise UsageError
        try:
            await self.server.modules.load(call.args[0])
        except (Exception, SystemExit) as error:
            self._complain(error)
            if error.__cause__ is not None or self.server.modules.find(call.args[0]) is not None:
                call.write(f"{error}\n")
            raise CommandError(f"Unable to load module {call.args[0]}") from error
        return f"Loaded {call.args[0]}\n"

    @command(
        "module unload",
        Documentation(
            "Unload modules.",
            "module unload <module_1> [<module_2> ... ]",
            "A module that is in use, or that another loaded module requires, stays.",
        ),
        "complete_module",
    )
    async def module_unload(self, call: CommandCall) -> str:
        """``module unload X [Y ...]``."""
        if not call.args:
            raise UsageError
        for name in call.args:
            try:
                await self.server.modules.unload(name)
            except ModuleError as error:
                self.server.log.warning("%s", error)
                raise CommandError(f"Unable to unload resource {name}") from error
            call.write(f"Unloaded {name}\n")
        return ""

    @command(
        "module reload",
        Documentation("Let modules read their configuration again.", "module reload [module ...]"),
        "complete_module",
    )
    async def module_reload(self, call: CommandCall) -> str:
        """``module reload [X ...]``."""
        if not call.args:
            await self.server.reload()
            return ""
        for name in call.args:
            known = self.server.modules.find(name)
            if known is None or known.instance is None:
                call.write(f"No such module '{name}'\n")
            elif not self.server.modules.can_reload(known):
                call.write(f"The module '{name}' does not support reloads\n")
            else:
                try:
                    await self.server.reload(name)
                except (Exception, SystemExit) as error:
                    self._complain(error)
                    call.write(f"{error}\n")
                    raise CommandError(f"Module '{name}' was not reloaded") from error
                call.write(f"Module '{name}' reloaded successfully.\n")
        return ""

    def _complain(self, error: BaseException) -> None:
        """Log why a module could not be had, with the traceback where it is a fault of its code."""
        cause = error.__cause__ if isinstance(error, AsterismError) else error
        self.server.log.error("%s", error, exc_info=cause)

    # -- manager ----------------------------------------------------------------------------------------------

    @action(
        "CoreSettings",
        "system,reporting",
        Documentation(
            "Show version and settings of the server.",
            description="Tells the version, the limits of calls, load and open files, the user and group, and "
            "which parts are enabled, in one response.",
        ),
    )
    def core_settings(self, call: ActionCall) -> None:
        """``Action: CoreSettings``."""
        options = self.server.options
        call.success(
            fields=[
                ("AMIversion", AMI_VERSION),
                ("AsteriskVersion", self.server.version),
                ("SystemName", options.systemname),
                ("CoreMaxCalls", options.maxcalls),
                ("CoreMaxLoadAvg", f"{options.maxload:.6f}"),
                ("CoreRunUser", options.runuser),
                ("CoreRunGroup", options.rungroup),
                ("CoreMaxFilehandles", options.maxfiles),
                ("CoreRealTimeEnabled", yes_or_no((self.server.paths.etc / "extconfig.conf").exists())),
                ("CoreCDRenabled", yes_or_no(self._keeps_records())),
                ("CoreHTTPenabled", yes_or_no(bool(getattr(self._module_settings("http"), "enabled", False)))),
                ("SoundsSearchCustomDir", yes_or_no(options.sounds_search_custom_dir)),
            ]
        )

    @action(
        "CoreStatus",
        "system,reporting",
        Documentation(
            "Show when the server started and how many calls it has.",
            description="Tells when the server started and was last reloaded, and how many calls there are, "
            "in one response.",
        ),
    )
    def core_status(self, call: ActionCall) -> None:
        """``Action: CoreStatus``."""
        started = time.localtime(self.server.status.started_at)
        reloaded = time.localtime(self.server.status.reloaded_at)
        call.success(
            fields=[
                ("CoreStartupDate", time.strftime("%Y-%m-%d", started)),
                ("CoreStartupTime", time.strftime("%H:%M:%S", started)),
                ("CoreReloadDate", time.strftime("%Y-%m-%d", reloaded)),
                ("CoreReloadTime", time.strftime("%H:%M:%S", reloaded)),
                ("CoreCurrentCalls", self.server.pbx.active_calls),
                ("CoreProcessedCalls", self.server.pbx.processed_calls),
            ]
        )

    @action(
        "ModuleCheck",
        "system",
        Documentation(
            "Tell whether a module is loaded.",
            description="Success when the module is loaded, with its version; an error when it is not.",
            arguments=(Argument("Module", "Its name.", required=True),),
        ),
    )
    def module_check(self, call: ActionCall) -> None:
        """``Action: ModuleCheck``."""
        known = self.server.modules.find(call.get("module"))
        if known is None or known.instance is None:
            call.error("Module not loaded")
        else:
            call.success(fields=[("Version", "")])

    @action(
        "ModuleLoad",
        "system",
        Documentation(
            "Load, unload or reload a module.",
            description="LoadType says what is done with the module. Unloading one that is in use is refused; "
            "a reload without a module reads everything again.",
            arguments=(
                Argument("Module", "Its name; may be left out to reload everything."),
                Argument("LoadType", "What to do.", True, (("load", ""), ("unload", ""), ("reload", ""))),
            ),
        ),
    )
    async def module_action(self, call: ActionCall) -> None:
        """``Action: ModuleLoad``."""
        name, kind = call.get("module"), call.get("loadtype").lower()
        known = self.server.modules.find(name)
        try:
            if kind == "load":
                await self.server.modules.load(name)
                self._test_module("MODULE_LOAD", name)
                call.success("Module loaded.")
            elif kind == "unload":
                if known is None or known.instance is None:
                    call.error("Module not found.")
                    return
                await self.server.modules.unload(name)
                self._test_module("MODULE_UNLOAD", name)
                call.success("Module unloaded.")
            elif kind == "reload":
                await self._reload_module(call, name, known)
            else:
                call.error("Incomplete ModuleLoad action.")
        except (Exception, SystemExit) as error:
            self._complain(error)
            found = self.server.modules.find(name)
            call.error("Module not found." if kind == "load" and found is None else _REFUSALS[kind])

    def _test_module(self, state: str, name: str) -> None:
        tests = self.server.test_events
        if tests.wanted:
            tests.send(state, (("Message", f"{name.removesuffix('.so')}.so"),))

    async def _reload_module(self, call: ActionCall, name: str, known: LoadedModule | None) -> None:
        if name and (known is None or known.instance is None):
            call.error("Module not found.")
        elif known is not None and not self.server.modules.can_reload(known):
            call.error("Module does not support reload action.")
        else:
            await self.server.reload(name)
            call.success("Module reloaded.")

    @action(
        "Reload",
        "system,config",
        Documentation(
            "Let a module, or every one, read its configuration again.",
            description="As 'core reload', or 'module reload' for one module. What cannot be read leaves the "
            "old configuration in use.",
            arguments=(Argument("Module", "Its name; everything without it."),),
        ),
    )
    async def reload_action(self, call: ActionCall) -> None:
        """``Action: Reload``."""
        name = call.get("module")
        known = self.server.modules.find(name) if name else None
        if name and (known is None or known.instance is None):
            call.error("No such module.")
        elif known is not None and not self.server.modules.can_reload(known):
            call.error("Module does not support reload")
        else:
            try:
                await self.server.reload(name)
            except (Exception, SystemExit) as error:
                self._complain(error)
                call.error(_REFUSALS["reload"])
            else:
                call.success("Module Reloaded")


def open_sockets() -> int:
    """How many sockets this process has open."""
    count = 0
    with os.scandir("/proc/self/fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                count += os.readlink(entry.path).startswith("socket:")
    return count


def _level(words: list[str], current: int) -> int:
    at_least = bool(words) and words[0] == "atleast"
    rest = words[1:] if at_least else words
    if len(rest) != 1 or not (rest[0] == "off" or (rest[0].isdecimal() and len(rest[0]) < 10)):
        raise UsageError
    level = 0 if rest[0] == "off" else int(rest[0])
    return max(level, current) if at_least else level


def _off(level: int) -> str:
    return str(level) if level else "OFF"


def _enabled(value: bool) -> str:
    return "Enabled" if value else "Disabled"
