"""One server: every subsystem and module, and nothing that is the process's.

Two servers with different configurations run in one process; each has its own log, bus, store, sockets and
tasks. Signals and the loop are taken over only by :meth:`Server.run` and :meth:`Server.serve`.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from asterism.config.asterisk_conf import AsteriskConf, Directories, Options
from asterism.config.file import ConfigFile
from asterism.core.commands import Action, Command, Mark, completer_of, marks_of
from asterism.core.documentation import Documentation
from asterism.core.errors import ConfigError, ModuleError
from asterism.core.events import EventBus, EventType, Subscriber
from asterism.core.exits import TaskExit, held
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner, Registry
from asterism.core.routes import Route
from asterism.core.security import SecurityEvents
from asterism.core.test_events import TEST_EVENT, TestEvents
from asterism.data import AstDb, Data, Store
from asterism.data.entity import own_entity_id
from asterism.media.core import Media
from asterism.pbx.assembly.pbx import Pbx
from asterism.server import serving
from asterism.server.catalog import ModulePlan
from asterism.server.events import LOAD, RELOAD, SHUTDOWN, UNLOAD
from asterism.server.modules import ModuleLoader
from asterism.sip.core import SipCore
from asterism.version import __version__

if TYPE_CHECKING:
    from asterism.pbx.assembly.channel import Channel
    from asterism.pbx.records.readers import Reader
    from asterism.pbx.records.record import CallRecord, ChannelRecord

_PLAN_OPTIONS = frozenset(("autoload", "load", "noload", "preload", "preload-require", "require"))


class Status:
    """State shared by all owner-bound views of one server: its progress from start to stop."""

    __slots__ = ("booted", "reloaded_at", "restart", "started_at", "stop_requested", "stopping", "waiting")

    def __init__(self) -> None:
        self.started_at = time.time()
        self.reloaded_at = self.started_at
        self.booted = asyncio.Event()
        self.stop_requested = asyncio.Event()
        self.waiting: asyncio.Task[None] | None = None
        self.stopping = False
        self.restart = False


class Server:
    """A SIP server and PBX.

    A program that is nothing but a server runs it until it is told to stop::

        Server.from_config("etc").run()

    In a loop of one's own ``await serve()`` does the same. ``await start()`` opens it for business and ``await stop()``
    ends it, without touching signals; ``async with`` does both::

        async with Server.from_config("etc") as server:
            ...

    Modules see it bound to themselves (:meth:`bound`): what they register carries their name.
    """

    def __init__(self, conf: AsteriskConf) -> None:
        """Assemble a server from ``asterisk.conf``; nothing is opened before :meth:`start`."""
        self.conf = conf
        self.paths: Directories = conf.directories
        self.options: Options = conf.options
        self.name = conf.options.systemname
        self.version = __version__
        self.status = Status()
        self.owner = Owner("server")
        self.log = ServerLogger("asterism")
        self.log.verbose_level, self.log.debug_level = conf.options.verbose, conf.options.debug
        self.bus = EventBus(self.log)
        self.security = SecurityEvents(self.bus, self.log)
        self.test_events = TestEvents(self.bus)
        self.commands: Registry[Command] = Registry("command")
        self.actions: Registry[Action] = Registry("action", str.lower)
        self.routes: Registry[Route] = Registry("route")
        self.store = Store(
            self.paths.db / "asterism.sqlite3", log=self.log, full=conf.options.store_synchronous == "full"
        )
        self.astdb = AstDb(self.store)
        self.name_servers: list[tuple[str, int]] = []
        self.data = Data(
            self.owner, self.log, self.paths.etc, self.store,
            allow_exec=conf.options.execincludes, test_events=self.test_events,
        )  # fmt: skip
        self.media = Media(self)
        self.pbx = Pbx(self)
        self.sip = SipCore(self.owner, self.data, self.bus, self.log, self.version, self.test_events)
        self.sip.location.server_name = self.name
        self.modules = ModuleLoader(self)
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def from_config(cls, path: str | Path) -> Server:
        """A server from an ``asterisk.conf``, or from a folder of configuration files.

        A folder without ``asterisk.conf`` keeps everything below itself: state, sockets and logs go to its
        subfolder ``var``. Raises :class:`~asterism.core.errors.ConfigError`.
        """
        path = Path(path)
        if path.is_dir():
            conf_path = path / "asterisk.conf"
            if conf_path.exists():
                return cls(AsteriskConf.load(conf_path))
            with contextlib.suppress(OSError):
                (path / "var").mkdir(exist_ok=True)
            return cls(AsteriskConf(directories=Directories.below(path.absolute())))
        return cls(AsteriskConf.load(path))

    def bound(self, owner: Owner) -> Self:
        """This server as ``owner`` sees it: whatever is registered through the view is undone with the owner."""
        view = copy.copy(self)
        view.owner = owner
        view.data = self.data.bound(owner)
        view.media = self.media.bound(owner)
        view.pbx = self.pbx.bound(owner)
        view.sip = self.sip.bound(owner)
        return view

    # -- registering ---------------------------------------------------------------------------------

    def register_command(self, item: Command, documentation: Documentation) -> None:
        """Add a console command in the owner's name."""
        self.commands.add(self.owner, item.words, item, documentation)

    def register_action(self, item: Action, documentation: Documentation) -> None:
        """Add a manager action in the owner's name."""
        self.actions.add(self.owner, item.name, item, documentation)

    def register_route(self, item: Route, documentation: Documentation) -> None:
        """Add a route of the HTTP listener in the owner's name."""
        self.routes.add(self.owner, item.path, item, documentation)

    def register_events(self, *types: EventType) -> None:
        """Declare event types in the owner's name."""
        self.bus.register(self.owner, *types)

    def register_marked(self, holder: object) -> None:
        """Register the commands and actions that decorators marked on ``holder``; its dialplan marks are the PBX's."""
        for found, method in marks_of(holder):
            self._register_mark(holder, found, method)

    def _register_mark(self, holder: object, found: Mark, method: Any) -> None:
        if found.kind == "command":
            made = Command(found.name, method, completer_of(holder, found), bool(found.extra["choice"]))
            self.register_command(made, found.documentation)
        elif found.kind == "action":
            self.register_action(Action(found.name, found.extra["privilege"], method), found.documentation)

    def subscribe(self, event_type: EventType | None, subscriber: Subscriber) -> None:
        """Subscribe to the bus until the owner is released."""
        self.bus.subscribe(self.owner, event_type, subscriber)

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task; its failure is logged, ``sys.exit()`` too, and it is cancelled when the server stops."""
        task = asyncio.get_running_loop().create_task(held(coroutine, self.log), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, TaskExit):
                return
            self.log.error("task '%s' failed", task.get_name(), exc_info=error)

    async def originate(
        self,
        destination: str,
        run: Callable[[Channel], Awaitable[None]] | None = None,
        *,
        context: str = "default",
        exten: str = "",
        priority: int = 1,
        timeout: float = 30.0,
        caller_id: str = "",
        accountcode: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> Channel:
        """Make a call; returns the channel once it was answered. Cancelling it takes the call back.

        Args:
            destination: Whom to call, ``Technology/resource``: ``PJSIP/101``.
            run: What the channel then runs, as an extension of the dialplan does; the call ends with it.
            context: Without ``run``, the context,
            exten: the extension
            priority: and the priority that the channel goes to.
            timeout: Seconds to wait for the answer.
            caller_id: Who calls, as the called party sees it: ``"Office" <100>``.
            accountcode: The account code of the channel.
            variables: Channel variables that it begins with.

        Raises:
            NotAnsweredError: Nobody answered.
            ValueError: There are both a function and an extension, or neither.
        """
        return await self.pbx.originate(
            destination,
            run,
            context=context,
            exten=exten,
            priority=priority,
            timeout=timeout,
            caller_id=caller_id,
            accountcode=accountcode,
            variables=variables,
        )

    @overload
    def records(self, *, channels: Literal[False] = False) -> Reader[CallRecord]: ...

    @overload
    def records(self, *, channels: Literal[True]) -> Reader[ChannelRecord]: ...

    def records(self, *, channels: bool = False) -> Reader[CallRecord] | Reader[ChannelRecord]:
        """Read the records of calls from now on, each as soon as its call is over.

        For example::

            async for record in server.records():
                print(record.src, record.dst, record.billsec)

        A reader that falls behind by more than 1,000 records loses the oldest, which the log tells once. It ends when
        the server stops, when it is closed (``close()``, ``async with``), or when nobody refers to it any more.

        Args:
            channels: What happens to channels instead (channel event logging), as far as ``cel.conf`` records it.
        """
        records = self.pbx.records
        return records.channels.read() if channels else records.calls.read()

    # -- life ----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load every module that ``modules.conf`` wants and open every socket; then the server has booted.

        Raises:
            ModuleError: A required or core module could not start (a port is taken, for example).
        """
        self.status.started_at = self.status.reloaded_at = time.time()
        self.security.register(self.owner)
        self.register_events(LOAD, RELOAD, SHUTDOWN, UNLOAD, TEST_EVENT)
        for problem in self.conf.problems:
            self.log.error("%s", problem)
        self.options.entityid = self.options.entityid or own_entity_id(self.store)
        self.modules.discover()
        await self.modules.load_all(read_plan(self.paths.etc, self.log))
        self.status.booted.set()

    async def stop(self) -> None:
        """End every call, close every socket, keep what was acknowledged. Harmless when never started."""
        if self.status.stopping:
            return
        self.status.stopping = True
        self.status.stop_requested.set()
        self.bus.publish(SHUTDOWN, self.status.restart)
        await self.modules.unload_all()
        await self.pbx.recordings.finish()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5)
        self.media.close()
        self.owner.release()
        self.store.close()

    def run(self, ready: Callable[[Server], None] | None = None) -> None:
        """Run the server in a loop of its own until SIGTERM, Ctrl-C or ``core stop``; then end every call with BYE.

        SIGHUP reloads the configuration, ``core restart`` starts the program anew. The loop is uvloop's where that is
        installed. ``ready`` is called with the server once it has booted. To be called from the main thread: another
        one gets no signals.

        Raises:
            ModuleError: The server could not start; nothing is left open.
            RuntimeError: A loop is running already in this thread; ``await serve()`` there.
        """
        serving.run(self, ready)

    async def serve(self, ready: Callable[[Server], None] | None = None) -> None:
        """Start, serve until SIGTERM, SIGINT, ``core stop`` or :meth:`request_stop`, and stop, ending every call.

        While it serves, these signals are the server's, and SIGHUP reloads; afterwards they are what they were.
        Cancelling it stops the server as well. ``ready`` is called with the server once it has booted. When
        ``restart_requested`` is set afterwards, somebody asked for a restart.

        Raises:
            ModuleError: The server could not start; nothing is left open.
        """
        await serving.serve(self, ready)

    async def __aenter__(self) -> Self:
        """Start."""
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop."""
        await self.stop()

    def request_stop(self, *, graceful: bool = False, convenient: bool = False, restart: bool = False) -> None:
        """Ask whoever runs the server to stop it: at once, or when the calls have ended.

        Until then ``graceful`` takes no new ones, ``convenient`` does. ``restart`` has it start again.
        """
        self.abort_stop()
        self.status.restart = restart
        if not (graceful or convenient):
            self.status.stop_requested.set()
            return
        if graceful:
            self.pbx.refuse_calls("the server is about to stop")
        self.status.waiting = self.spawn(self._stop_when_idle(), "stop when the calls have ended")

    def abort_stop(self) -> bool:
        """Cancel a stop that waits for calls to end; return whether there was one."""
        waiting, self.status.waiting = self.status.waiting, None
        if waiting is None or waiting.done():
            return False
        waiting.cancel()
        self.status.restart = False
        self.pbx.refuse_calls("")
        return True

    async def _stop_when_idle(self) -> None:
        while self.pbx.active_calls:  # noqa: ASYNC110 (calls end without telling)
            await asyncio.sleep(0.1)
        self.status.stop_requested.set()

    async def wait_stop_requested(self) -> None:
        """Wait until the console, a signal or a program asks for the stop."""
        await self.status.stop_requested.wait()

    @property
    def restart_requested(self) -> bool:
        """Whether the server is to start again after it has stopped."""
        return self.status.restart

    def request_reload(self) -> None:
        """Reload everything, from a signal."""
        self.spawn(self.reload(), "reload")

    async def reload(self, module: str = "") -> None:
        """Read the configuration again, of one module or of all; raises ``ModuleError`` for an unknown one."""
        await self.modules.reload(module)
        self.status.reloaded_at = time.time()
        self.bus.publish(RELOAD, module or "All", 0)

    @property
    def booted(self) -> bool:
        """Whether every module is ready and every socket open."""
        return self.status.booted.is_set()

    async def wait_booted(self) -> None:
        """Wait until every module is ready and every socket open."""
        await self.status.booted.wait()

    def sip_address(self, protocol: str = "udp") -> tuple[str, int]:
        """The address and port of the first SIP transport of a protocol; raises ``LookupError`` when there is none."""
        for _name, found, host, port in self.sip.listening():
            if found == protocol:
                return host, port
        raise LookupError(f"no {protocol} transport is open")

    def counts(self) -> dict[str, int]:
        """Numbers of live objects: channels, dialogs and the rest; an idle server is back at its first counts."""
        return {
            "channels": len(self.pbx.channels),
            "bridges": len(self.pbx.bridges) - self.pbx.parking.lots.idle_bridges,
            "dialogs": len(self.sip.dialogs),
            "rtp sessions": len(self.media.sessions),
            "transactions": self.sip.layer.live_transactions if self.sip.listening() else 0,
            "works": len(self.sip.servants),
            "tasks": len(self._tasks),
        }

    def uptime(self) -> tuple[int, int]:
        """Seconds since start and since the last reload."""
        now = time.time()
        return int(now - self.status.started_at), int(now - self.status.reloaded_at)


def read_plan(etc: Path, log: ServerLogger) -> ModulePlan:
    """Read the settings of ``modules.conf``; without the file everything is loaded."""
    try:
        config = ConfigFile.load(etc / "modules.conf", missing_ok=True)
    except ConfigError as error:
        raise ModuleError(str(error)) from error
    for option in config.options("modules"):
        if option.name.lower() not in _PLAN_OPTIONS:
            log.warning("%s", option.error("not an option of modules.conf", "autoload, load, noload, preload, require"))
    return plan_of(config, etc)


def plan_of(config: ConfigFile, etc: Path) -> ModulePlan:
    """The settings in a ``modules.conf`` that has been read, and what else is in its folder."""
    plan = ModulePlan(files=frozenset(path.name for path in etc.glob("*.conf")))
    if not config.sections:
        return plan
    section = config.options("modules")
    plan.autoload = section.flag("autoload", default=False)
    for option in section:
        name = option.name.lower()
        if name in ("preload", "preload-require"):
            plan.preload.append(option.value)
        if name in ("require", "preload-require"):
            plan.require.append(option.value)
        elif name == "load":
            plan.load.append(option.value)
        elif name == "noload":
            plan.noload.add(option.value)
    return plan
