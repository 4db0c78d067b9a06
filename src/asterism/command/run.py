"""The server process: everything that is the process's and not the server's.

A :class:`~asterism.server.server.Server` touches nothing process-wide, so that several run in one process.
The garbage collector, file limits, the user it runs as and the daemon's fork live here; signals and the loop in
:mod:`asterism.server.serving`.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import grp
import os
import pwd
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.command.remote import DEFAULT_CONFIG
from asterism.config.asterisk_conf import AsteriskConf
from asterism.core.errors import AsterismError, ConfigError
from asterism.core.exits import run_on
from asterism.interfaces.console import protocol
from asterism.interfaces.logger.module import LoggerModule
from asterism.server.server import Server
from asterism.server.serving import loop_factory, signals, start_anew

if TYPE_CHECKING:
    from asterism.command.main import Arguments


def run_server(arguments: Arguments) -> int:
    """Read ``asterisk.conf``, apply the flags, and serve until told to stop; returns the exit status."""
    path = Path(arguments.values.get("C", DEFAULT_CONFIG))
    try:
        conf = AsteriskConf.load(path)
        apply_flags(conf, arguments)
        _drop_privileges(conf)
    except (AsterismError, OSError, KeyError) as error:
        print(f"asterism: {error}", file=sys.stderr)
        if not path.exists():
            print("-C FILE reads another; 'asterism init DIR' writes one, 'asterism demo' tries one.", file=sys.stderr)
        return 1
    options = conf.options
    foreground = "f" in arguments or options.console or options.nofork
    if not foreground or "F" in arguments or options.alwaysfork:
        _daemonize()
        options.console = False
    # Without a terminal there is nobody to talk to: -c then is -f.
    options.console = options.console and sys.stdin.isatty() and sys.stdout.isatty()
    return serve(conf, quiet=options.quiet, console=_console_words(arguments, conf) if options.console else ())


def apply_flags(conf: AsteriskConf, arguments: Arguments) -> None:
    """Let the command line win over ``asterisk.conf``."""
    options = conf.options
    options.verbose = max(options.verbose, arguments.switches.get("v", 0))
    options.debug = max(options.debug, arguments.switches.get("d", 0))
    options.console = options.console or "c" in arguments
    options.quiet = options.quiet or "q" in arguments
    options.nocolor = options.nocolor or "n" in arguments
    options.mute = "m" in arguments
    options.timestamp = options.timestamp or "T" in arguments
    options.dumpcore = options.dumpcore or "g" in arguments
    options.highpriority = options.highpriority or "p" in arguments
    options.execincludes = options.execincludes or "X" in arguments
    options.runuser = arguments.values.get("U", options.runuser)
    options.rungroup = arguments.values.get("G", options.rungroup)
    for flag, name, kind in (("L", "maxload", float), ("M", "maxcalls", int), ("e", "minmemfree", int)):
        if flag in arguments.values:
            try:
                setattr(options, name, kind(arguments.values[flag]))
            except ValueError as error:
                raise ConfigError(f"-{flag} takes a number, not '{arguments.values[flag]}'") from error


def _console_words(arguments: Arguments, conf: AsteriskConf) -> tuple[str, ...]:
    """The command line of the console of ``-c``: a process of its own, so that a slow terminal cannot hold us up."""
    flags = ["v"] * conf.options.verbose + [flag for flag in "nmTW" if flag in arguments]
    path = str(conf.directories.run / protocol.SOCKET_NAME)
    return (sys.executable, "-m", "asterism.command.main", "-rc", "-s", path, *(f"-{flag}" for flag in flags))


def serve(
    conf: AsteriskConf,
    *,
    quiet: bool = False,
    ready: Callable[[Server], None] | None = None,
    console: Sequence[str] = (),
) -> int:
    """Run one server in this process until it is stopped; returns the exit status.

    ``ready`` is called once it has fully booted. ``console`` is the command of a console that is started then and
    stops the server when it ends.
    """
    faulthandler.enable()
    if conf.options.dumpcore:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    _raise_file_limit(conf.options.maxfiles)
    if conf.options.highpriority:
        with contextlib.suppress(PermissionError):
            os.nice(-10)
    server = Server(conf)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            return run_on(runner, _serve(server, conf, quiet, ready, console), server.log)
        except KeyboardInterrupt:
            return 130


async def _serve(
    server: Server,
    conf: AsteriskConf,
    quiet: bool,
    ready: Callable[[Server], None] | None,
    console: Sequence[str],
) -> int:
    with signals(server):
        status = await _serve_until_stopped(server, conf, quiet, ready, console)
    if server.restart_requested:
        start_anew()
    return status


async def _serve_until_stopped(
    server: Server,
    conf: AsteriskConf,
    quiet: bool,
    ready: Callable[[Server], None] | None,
    console: Sequence[str],
) -> int:
    try:
        await server.start()
    except AsterismError as error:
        print(f"asterism: {error}", file=sys.stderr)
        await server.stop()
        return 1
    _tune_collector()
    pid_file = conf.directories.run / "asterism.pid"
    with contextlib.suppress(OSError):
        pid_file.write_text(f"{os.getpid()}\n")
    try:
        if ready is not None:
            ready(server)
        elif not quiet:
            print("Asterisk Ready.", flush=True)
        talk = asyncio.create_task(_talk(server, console)) if console else None
        await server.wait_stop_requested()
        await server.stop()
        if talk is not None:
            await talk
    finally:
        with contextlib.suppress(OSError):
            pid_file.unlink()
    return 0


async def _talk(server: Server, console: Sequence[str]) -> None:
    """Run the console; the server stops with it."""
    logger = server.modules.find("logger")
    if logger is not None and isinstance(logger.instance, LoggerModule):
        logger.instance.attach_console()
    process = await asyncio.create_subprocess_exec(*console)
    await process.wait()
    if not server.status.stop_requested.is_set():
        server.request_stop()


def _tune_collector() -> None:
    """Keep the collector away from what lives as long as the server.

    Everything loaded so far is frozen; young objects of a call die by reference counting, so
    collections can be rare (measured: the default thresholds cost up to a third of a call's CPU).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _raise_file_limit(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = hard if wanted <= 0 else min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted
    if target == resource.RLIM_INFINITY or target > 1_048_576:
        target = 1_048_576
    if target > soft or wanted > 0:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))


def _drop_privileges(conf: AsteriskConf) -> None:
    if conf.options.rungroup:
        os.setgid(grp.getgrnam(conf.options.rungroup).gr_gid)
    if conf.options.runuser:
        user = pwd.getpwnam(conf.options.runuser)
        os.initgroups(user.pw_name, user.pw_gid)
        if not conf.options.rungroup:
            os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def _daemonize() -> None:
    """Leave the terminal: fork, a new session, standard streams on the null device."""
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
