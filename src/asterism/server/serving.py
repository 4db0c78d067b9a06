"""Serving until told to stop: for programs that own their process and run one server in it.

A :class:`~asterism.server.server.Server` itself touches nothing process-wide; what is here does, while it serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from asterism.core.exits import run_on

if TYPE_CHECKING:
    from asterism.server.server import Server

Ready = Callable[["Server"], None]
"""Told once the server has booted."""


@contextlib.contextmanager
def signals(server: Server) -> Iterator[None]:
    """Have SIGTERM and SIGINT stop the server and SIGHUP reload it.

    Only the main thread gets signals: in another one nothing changes.
    """
    loop = asyncio.get_running_loop()
    handlers = (
        (signal.SIGTERM, server.request_stop),
        (signal.SIGINT, server.request_stop),
        (signal.SIGHUP, server.request_reload),
    )
    taken: list[signal.Signals] = []
    before = {signum: signal.getsignal(signum) for signum, _ in handlers}
    with contextlib.suppress(ValueError, RuntimeError):
        for signum, handler in handlers:
            loop.add_signal_handler(signum, handler)
            taken.append(signum)
    try:
        yield
    finally:
        for signum in taken:
            loop.remove_signal_handler(signum)
            if before[signum] is not None:  # None: it was not set from Python, and cannot be
                signal.signal(signum, before[signum])


async def serve(server: Server, ready: Ready | None = None) -> None:
    """See :meth:`Server.serve`."""
    with signals(server):
        async with server:
            if ready is not None:
                ready(server)
            await server.wait_stop_requested()


def run(server: Server, ready: Ready | None = None) -> None:
    """See :meth:`Server.run`."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        run_on(runner, serve(server, ready), server.log)
    if server.restart_requested:
        start_anew()


def start_anew() -> None:
    """Replace this process by the same program, as after ``core restart now``; does not return."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The loop of uvloop where it is installed, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
