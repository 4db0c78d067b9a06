"""``kill -9`` among 500 SUBSCRIBEs a second: every one that was acknowledged goes on after the next start."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
from bench.watchers import Watchers, hints
from server_process import ServerProcess

from asterism.testing.servers import free_port

RATE = 500
PJSIP = """
[global]
type=global
endpoint_identifier_order=username
max_subscriptions=100000
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[w1]
type=endpoint
context=default
max_subscriptions=100000
[wall]
type=resource_list
event=presence
list_item=lamp1,lamp2,lamp3
"""


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("resource", "headers"), [("lamp1", ""), ("wall", "Supported: eventlist\r\n")], ids=["extension", "list"]
)
def test_kill_9_loses_no_acknowledged_subscription(tmp_path: Path, resource: str, headers: str) -> None:
    port = free_port()
    server = ServerProcess(
        tmp_path, pjsip=PJSIP.format(port=port), extensions=hints(3), logger="[logfiles]\nfull => error\n"
    )
    watchers = Watchers(("127.0.0.1", port))
    try:
        server.start("-q")
        process = server.process
        assert process is not None
        end = time.monotonic() + random.uniform(1.5, 2.5)

        def stop() -> bool:
            if time.monotonic() < end:
                return False
            process.send_signal(signal.SIGKILL)
            return True

        sent = watchers.offer("w1", resource, RATE, stop, headers)
        process.wait()
        while watchers.serve(0.2):
            pass  # what was sent before the end is still in the socket
        assert len(watchers.accepted) > 100, f"{sent} sent"
        before = dict(watchers.told)
        server.output()
        server.start("-q")
        deadline = time.monotonic() + 60

        def lost() -> list[str]:
            return [name for name in watchers.accepted if watchers.told[name] <= before.get(name, 0)]

        while lost() and time.monotonic() < deadline:
            watchers.serve(0.1)
        assert not lost(), f"{len(lost())} of {len(watchers.accepted)}, {sent} sent"
    finally:
        watchers.close()
        server.__exit__(None, None, None)
