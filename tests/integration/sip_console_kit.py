"""The recorded listings of chan_sip, and the recorded configuration on ports of the moment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from transports_kit import make_certificates

from asterism.chan_sip.peers import peers_of
from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.sip.contacts import ContactStatus
from asterism.testing import Phone, free_port, running_server, until

RECORD = Path(__file__).resolve().parents[1] / "data" / "record"
CONFIGS = RECORD / "configs" / "asterisk16"
OPTIONS = (
    "[directories]\n"
    + "".join(f"ast{name}dir=.\n" for name in ("db", "run", "log", "spool", "data", "varlib"))
    + "[options]\nshow_secrets=yes\n"
)
"""For asterisk.conf: the recorded listings show passwords."""


def recorded(state: str) -> list[tuple[str, str]]:
    """Command and text of every listing in a state, in order; the texts end as the command's output does."""
    text = (RECORD / "chan_sip_cli.txt").read_text()
    head = rf"^### \[Asterisk 16\.28\] \*CLI> ([^\n]*?)   \(state: {re.escape(state)}\)\n"
    found = re.findall(head + r"(.*?)\n(?=^### |^--- |\n^####|\Z)", text, re.DOTALL | re.MULTILINE)
    return [(command, block.removeprefix("\n") if block == "\n" else block) for command, block in found]


def first_usage(text: str) -> str:
    """A usage text without its prose: its first line."""
    return text.partition("\n")[0] + "\n" if text.startswith("Usage:") else text


def listing(state: str, command: str) -> str:
    """The text of one listing."""
    return next(text for words, text in recorded(state) if words == command)


def configuration(ports: Mapping[int, int]) -> dict[str, str]:
    """The recorded files, each recorded port replaced; TLS, for which there is no certificate, is left out."""
    sip = (CONFIGS / "sip.conf").read_text().replace("tlsenable=yes", "tlsenable=no")
    for was, now in ports.items():
        sip = sip.replace(f":{was}", f":{now}").replace(f"port={was}", f"port={now}")
    return {
        "pjsip.conf": "; no type=transport here: they are those of sip.conf\n",
        "sip.conf": sip,
        "sip_notify.conf": (CONFIGS / "sip_notify.conf").read_text(),
        "extensions.conf": (CONFIGS / "extensions.conf").read_text(),
        "asterisk.conf": OPTIONS,
    }


async def said(server: Server, command: str) -> str:
    """What a command prints."""
    written: list[str] = []
    await CommandRunner(server).run(command, written.append)
    return "".join(written)


def as_recorded(text: str, ports: Mapping[int, int]) -> str:
    """A text with the recorded ports in place of those of the moment, which have as many digits."""
    for was, now in ports.items():
        text = text.replace(str(now), str(was))
    return text


PROVIDER = """
[one]
type=transport
protocol=udp
bind=127.0.0.1:{one}
[two]
type=transport
protocol=udp
bind=127.0.0.1:{two}
[1000]
type=endpoint
auth=1000
aors=1000
[1000]
type=auth
username=1000
password=regpass
[1000]
type=aor
max_contacts=1
maximum_expiration=60
minimum_expiration=30
[2000]
type=endpoint
auth=2000
aors=2000
[2000]
type=auth
username=authname
password=another password
[2000]
type=aor
max_contacts=1
[3000]
type=endpoint
auth=3000
aors=3000
[3000]
type=auth
username=3000
password=mwipass
[3000]
type=aor
mailboxes=3000@default
"""
"""A provider that takes one of the two registrations, and has the mailbox."""


@dataclass
class World:
    """The recorded server among phones, trunks and a provider; ``ports`` are theirs, by the recorded ones."""

    server: Server
    phones: dict[str, Phone]
    ports: dict[int, int]

    async def said(self, command: str) -> str:
        """What a command prints, with the recorded ports."""
        return as_recorded(await said(self.server, command), self.ports)


@asynccontextmanager
async def registered_world(folder: Path) -> AsyncIterator[World]:
    """Everybody is registered and everything asked, but ``deadpeer``, where nobody is."""
    ports = {port: free_port() for port in (15060, 15061, 15070, 15071, 15089)}
    where = ("127.0.0.1", ports[15060])
    trunks = {15081: Phone("trunk1", where), 15082: Phone("trunk2", where)}
    ports.update({port: trunk.port for port, trunk in trunks.items()})
    files = configuration(ports)
    made = make_certificates(folder)
    tls = f"tlsenable=yes\ntlscertfile={made['cert_file']}\ntlsprivatekey={made['priv_key_file']}\n"
    sip = files["sip.conf"].replace("tlsenable=no\n", tls)
    files["sip.conf"] = re.sub(r"^tlscertfile=/etc/.*\n", "", sip, flags=re.MULTILINE)
    provider = {"pjsip.conf": PROVIDER.format(one=ports[15070], two=ports[15071])}
    async with (
        running_server(provider, folder / "provider"),
        running_server(files, folder / "own") as server,
        AsyncExitStack() as stack,
    ):
        for trunk in trunks.values():
            stack.callback(trunk.close)
        phones: dict[str, Phone] = {}
        for number, (name, password, transport) in enumerate(ACCOUNTS):
            phones[name] = Phone(name, server, password, transport=transport)
            stack.callback(phones[name].close)
            await phones[name].register(600)
            ports[15091 + number] = phones[name].port
        peers = peers_of(server)
        wanted = {"OK": 4, "UNREACHABLE": 1}

        def states() -> Counter[str]:
            return Counter(peers.status(peer).split()[0] for peer in peers.all() if peer.qualify)

        deadpeer = peers.get("deadpeer")
        assert deadpeer is not None
        dead = peers.contact(deadpeer)
        assert dead is not None
        await until(lambda: states()["OK"] == 4, what=lambda: str(states()))
        server.sip.location.set_reachability(dead, ContactStatus.UNREACHABLE)
        assert states() == wanted
        yield World(server, phones, ports)


ACCOUNTS = (
    ("alice", "alicepw", "udp"),
    ("bob", "bobpw", "udp"),
    ("carol", "carolpw", "tcp"),
    ("dave", "davepw", "udp"),
    ("erin", "erinpw", "tls"),
)
