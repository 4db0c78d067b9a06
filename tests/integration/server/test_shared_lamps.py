"""Two servers, each a process, share lamps and message counts: in both directions, over restarts and kill -9."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server_process import ServerProcess

PJSIP = """
[udp]
type=transport
protocol=udp
bind={host}:5060
[peer]
type=endpoint
context=none
[peer]
type=identify
endpoint=peer
match={peer}
[states]
type=outbound-publish
server_uri=sip:{name}@{peer}
event=asterisk-devicestate
expiration={expiration}
retry_interval=1
@device_state_filter=^Custom:
[boxes]
type=outbound-publish
server_uri=sip:{name}@{peer}
event=asterisk-mwi
expiration={expiration}
retry_interval=1
[{other}]
type=inbound-publication
endpoint=peer
event_asterisk-devicestate=taken
event_asterisk-mwi=taken
[taken]
type=asterisk-publication
devicestate_publish=states
mailboxstate_publish=boxes
device_state=yes
mailbox_state=yes
"""
HINTS = "[hints]\nexten => 200,hint,Custom:lamp\nexten => 201,hint,MWI:7001@default\nexten => 202,hint,Custom:other\n"


class Pair:
    """Servers ``a`` and ``b``."""

    def __init__(self, folder: Path, expiration: int) -> None:
        net = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}"
        hosts = {"a": f"{net}.2", "b": f"{net}.3"}
        self.servers: dict[str, ServerProcess] = {}
        for name, other in (("a", "b"), ("b", "a")):
            text = PJSIP.format(host=hosts[name], peer=hosts[other], name=name, other=other, expiration=expiration)
            logger = "[logfiles]\nfull => notice,warning,error\n"
            self.servers[name] = ServerProcess(folder / name, pjsip=text, extensions=HINTS, logger=logger)

    def rx(self, server: str, line: str) -> str:
        return self.servers[server].rx(line).stdout

    def lamp(self, server: str, extension: str = "200") -> str:
        """The state of a hint, as the console shows it."""
        for line in self.rx(server, "core show hints").splitlines():
            if line.strip().startswith(f"{extension}@hints"):
                return line.partition("State:")[2].split()[0]
        raise AssertionError(f"no hint {extension}")

    def shows(self, server: str, state: str, extension: str = "200", seconds: float = 20.0) -> None:
        """Wait for a lamp."""
        end = time.monotonic() + seconds
        while self.lamp(server, extension) != state:
            assert time.monotonic() < end, (
                f"{extension} at {server} is {self.lamp(server, extension)}, not {state}\n"
                + self.rx(server, "pjsip show publications inbound")
                + self.rx("a" if server == "b" else "b", "pjsip show publications outbound")
            )
            time.sleep(0.1)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        """Wait for what consoles show."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, what
            time.sleep(0.1)

    def tag(self, server: str) -> str:
        """The entity tag of the device states that a server was told of; each refresh gets a new one."""
        listing = self.rx(server, "pjsip list publications inbound")
        return next(line for line in listing.splitlines() if "asterisk-devicestate" in line).split()[-1]

    def end(self, server: str, signum: int) -> None:
        self.servers[server].stop(signum)
        self.servers[server].output()


Make = Callable[..., Pair]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Make]:
    made: list[Pair] = []

    def make(expiration: int = 3600) -> Pair:
        found = Pair(tmp_path, expiration)
        made.append(found)
        for server in found.servers.values():
            server.launch()
        for server in found.servers.values():
            server.wait_booted()
        return found

    yield make
    for found in made:
        for server in found.servers.values():
            server.__exit__(None, None, None)


def test_a_lamp_follows_a_device_of_the_other_server(pair: Make) -> None:
    both = pair()
    both.rx("a", "devstate change Custom:lamp INUSE")
    both.shows("b", "InUse")
    both.rx("b", "devstate change Custom:other RINGING")
    both.shows("a", "Ringing", "202")
    # Each server has a word of its own: the lamp is on as long as one says so.
    both.rx("b", "devstate change Custom:lamp NOT_INUSE")
    both.shows("b", "InUse")
    both.rx("a", "devstate change Custom:lamp NOT_INUSE")
    both.shows("b", "Idle")
    both.rx("a", "mwi update mailbox 7001@default 3 1")
    both.shows("b", "InUse", "201")
    both.rx("a", "mwi update mailbox 7001@default 0 4")
    both.shows("b", "Idle", "201")
    for server in both.servers:
        assert "2 publications" in both.rx(server, "pjsip list publications outbound")
        assert "2 active publications" in both.rx(server, "pjsip list publications inbound")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL], ids=["restart", "kill -9"])
@pytest.mark.parametrize("which", ["a", "b"])
def test_either_may_go_and_come_again(pair: Make, which: str, signum: int) -> None:
    both = pair()
    both.rx("a", "devstate change Custom:lamp INUSE")
    both.rx("a", "mwi update mailbox 7001@default 3 1")
    both.shows("b", "InUse")
    both.shows("b", "InUse", "201")
    both.end(which, signum)
    if which == "b":
        both.rx("a", "devstate change Custom:other BUSY")
    elif signum == signal.SIGTERM:
        # Who leaves in good order takes what it told along.
        both.shows("b", "Idle", "201")
        assert both.lamp("b") != "InUse"
    both.servers[which].start()
    both.shows("b", "InUse")
    both.shows("b", "InUse", "201")
    both.rx("a", "devstate change Custom:lamp NOT_INUSE")
    both.shows("b", "Idle")
    if which == "b":
        both.shows("b", "Busy", "202")
    both.rx("b", "devstate change Custom:other RINGING")
    both.shows("a", "InUse&Ringing" if which == "b" else "Ringing", "202")


def test_lamps_of_a_server_that_died_go_out(pair: Make) -> None:
    both = pair(6)
    both.rx("a", "devstate change Custom:lamp INUSE")
    both.shows("b", "InUse")
    # Its two refreshes, of three seconds each, take it beyond the time that was granted at first.
    for _ in range(2):
        tag = both.tag("b")
        both.until(lambda tag=tag: both.tag("b") != tag, "no refresh")  # type: ignore[misc]
    assert both.lamp("b") == "InUse"
    both.end("a", signal.SIGKILL)
    both.shows("b", "Idle")
    assert "0 active publications" in both.rx("b", "pjsip list publications inbound")
