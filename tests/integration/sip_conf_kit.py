"""Configurations of chan_sip as the public has them, on addresses of their own: with providers, phones and calls.

``tests/data/sip_conf`` has one folder for each. Each runs in two ways: as it is, and as ``asterism migrate`` makes it.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from transports_kit import make_certificates

from asterism.command.migrate import run_migrate
from asterism.core.events import EventType
from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, running_server, until

FOLDER = Path(__file__).parents[1] / "data" / "sip_conf"
WAYS = ("direct", "migrated")


def own_host() -> str:
    """A loopback address that no other test uses, so that every port of it is free."""
    return f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(2, 254)}"


@dataclass(frozen=True)
class Provider:
    """A provider of calls: its names in the file, and what it expects.

    ``account`` and ``secret`` are what the PBX registers or authenticates with; without ``registers`` the provider
    knows the PBX by its address. ``caller`` and ``password`` are what it authenticates itself with.
    """

    names: tuple[str, ...]
    account: str = ""
    secret: str = ""
    registers: bool = True
    caller: str = ""
    password: str = ""


@dataclass(frozen=True)
class Setup:
    """What there is besides the files.

    ``phones`` are accounts with passwords, ``calls`` caller, number and who rings; ``outgoing`` caller, number,
    provider and the number that arrives there; ``incoming`` provider, number and who rings.
    """

    phones: Mapping[str, str]
    calls: tuple[tuple[str, str, str], ...] = ()
    outgoing: tuple[tuple[str, str, str, str], ...] = ()
    incoming: tuple[tuple[str, str, str], ...] = ()
    echo: tuple[tuple[str, str], ...] = ()
    providers: Mapping[str, Provider] = field(default_factory=dict)
    transport: Mapping[str, str] = field(default_factory=dict)


SETUPS: dict[str, Setup] = {
    "home": Setup(
        {"201": "gruenerbaum", "202": "roterstuhl", "203": "blauesrad", "mobile": "weisserhut"},
        calls=(("201", "202", "202"), ("202", "203", "203"), ("203", "201", "201"), ("202", "210", "mobile")),
        echo=(("201", "600"),),
    ),
    "provider-register": Setup(
        {"31": "pflaume31", "32": "pflaume32"},
        calls=(("31", "32", "32"),),
        outgoing=(("31", "0301234", "carrier", "301234"), ("32", "119", "carrier", "119"),
                  ("32", "00044123", "budget", "0044123")),
        incoming=(("carrier", "4935550100", "31"), ("budget", "882001", "32")),
        providers={
            "carrier": Provider(("sip.carrier.example",), "4935550100", "traubensaft"),
            "budget": Provider(("sip.budget.example",), "officeaccount", "kirschsaft"),
        },
    ),
    "provider-ip": Setup(
        {"7001": "zimtstern"},
        outgoing=(("7001", "9555", "east", "555"),),
        incoming=(("east", "4940555", "7001"), ("west", "4940555", "7001")),
        providers={
            "east": Provider(("198.51.100.20",), registers=False),
            "west": Provider(("198.51.100.21",), registers=False),
        },
    ),
    "provider-pair": Setup(
        {"40": "mandelkern"},
        outgoing=(("40", "0301234", "voipco", "301234"),),
        incoming=(("voipco", "493030300", "40"),),
        providers={
            "voipco": Provider(("sip.voipco.example", "proxy.voipco.example"), "firm01", "honigbrot", False,
                               "voipco-in", "salzstange"),
        },
    ),
    "nat-office": Setup(
        {"ines": "Trommel55", "jan": "Posaune66"},
        calls=(("ines", "12", "jan"), ("jan", "11", "ines"), ("ines", "13", "jan")),
    ),
    "freepbx": Setup(
        {"101": "9f2c61d07b3a", "102": "0b7de4419ac8"},
        calls=(("101", "102", "102"), ("102", "101", "101")),
        echo=(("101", "*43"),),
        outgoing=(("102", "9301234", "carrier", "301234"),),
        incoming=(("carrier", "43155501", "101"),),
        providers={"carrier": Provider(("sip.carrier.example",), "kunde77", "wasserfall")},
    ),
    "realtime": Setup(
        {"porter": "notruf", "121": "birke121", "122": "birke122"},
        calls=(("121", "100", "porter"), ("porter", "122", "122"), ("122", "121", "121")),
    ),
    "templates": Setup(
        {"501": "erdgeschoss1", "502": "erdgeschoss2", "511": "ersterstock1"},
        calls=(("501", "502", "502"), ("511", "0", "511"), ("502", "501", "501")),
    ),
    "old-users": Setup(
        {"anton": "kupferdach", "berta": "zinndose"},
        calls=(("anton", "62", "berta"), ("berta", "61", "anton")),
        echo=(("berta", "64"), ("anton", "65")),
    ),
    "tls-office": Setup(
        {"301": "glasperle301", "302": "glasperle302", "doorbell": "glasperle1"},
        calls=(("301", "302", "302"), ("302", "300", "doorbell"), ("doorbell", "301", "301")),
        transport={"301": "tls", "302": "tls"},
    ),
    "reception": Setup(
        {"reception": "Klavier40", "desk41": "Klavier41", "desk42": "Klavier42"},
        calls=(("reception", "41", "desk41"), ("desk42", "40", "reception")),
    ),
    "multi-domain": Setup(
        {"red1": "mohn1", "blue1": "enzian1"},
        calls=(("red1", "2", "blue1"), ("blue1", "2", "red1"), ("red1", "3", "blue1")),
    ),
}  # fmt: skip


def put(name: str, folder: Path, host: str, providers: Mapping[str, str]) -> None:
    """Write the files of a configuration, with addresses of this test in the place of those that they have."""
    setup = SETUPS[name]
    words = {"192.0.2.10": host}
    for provider, address in providers.items():
        words.update(dict.fromkeys(setup.providers[provider].names, address))
    inside = ".".join(host.split(".")[:2])
    words |= {"192.168.1.0/255.255.255.0": f"{inside}.0.0/255.255.0.0", "192.168.1.0/24": f"{inside}.0.0/16"}
    words |= {"/etc/asterisk/keys/": f"{folder}/keys/"}
    folder.mkdir(parents=True, exist_ok=True)
    for path in (FOLDER / name).iterdir():
        text = re.sub(r"(?m)^(\w*bindaddr\s*=\s*)0\.0\.0\.0", rf"\g<1>{host}", path.read_text())
        for old, new in words.items():
            text = text.replace(old, new)
        (folder / path.name).write_text(text)
    database = folder / "telephony.sqlite3"
    if (folder / "sip_buddies.sql").exists():
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.executescript((folder / "sip_buddies.sql").read_text())
        (folder / "res_config_sqlalchemy.conf").write_text(f"[telephony]\nurl=sqlite:///{database}\n")
    if "tlscertfile" in (folder / "sip.conf").read_text():
        keys(folder / "keys")


def keys(folder: Path) -> None:
    """A certificate with its key in one file, and the authority: itself."""
    folder.mkdir(parents=True)
    made = make_certificates(folder)
    (folder / "pbx.pem").write_text(Path(made["cert_file"]).read_text() + Path(made["priv_key_file"]).read_text())
    (folder / "ca.pem").rename(folder / "ca.crt")


def way(name: str, how: str, root: Path, host: str, providers: Mapping[str, str]) -> Path:
    """The folder to run: that of chan_sip, or what ``asterism migrate`` makes of it."""
    put(name, root / "etc", host, providers)
    if how == "direct":
        return root / "etc"
    status = run_migrate([str(root / "etc"), "--out", str(root / "new")])
    assert status in (0, 1), (root / "new" / "migration-report.txt").read_text()
    assert not (root / "new" / "sip.conf").exists()
    return root / "new"


@dataclass
class World:
    """A running configuration: its server, its phones, and a subscriber at each provider."""

    server: Server
    host: str
    setup: Setup
    phones: dict[str, Phone]
    subscribers: dict[str, Phone]
    providers: dict[str, Server]
    numbers: dict[str, list[str]]
    """The numbers that have arrived at each provider."""

    async def connect(self, caller: Phone, number: str, callee: Phone) -> tuple[PhoneCall, PhoneCall]:
        """A call that is answered: both ends."""
        call = await caller.dial(number)
        incoming = await callee.incoming()
        while incoming.over:  # it rang with others before
            incoming = await callee.incoming()
        incoming.ring()
        await call.ringing()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        return call, incoming

    async def talk(self, caller: Phone, number: str, callee: Phone) -> PhoneCall:
        """A call from its beginning to its end; returns what the called phone has seen of it."""
        call, incoming = await self.connect(caller, number, callee)
        await call.hangup()
        await incoming.ended()
        return incoming


def provider_files(host: str, provider: Provider, pbx: str) -> dict[str, str]:
    """A provider's own configuration: the PBX's account, and one subscriber who calls and is called."""
    identify = "" if provider.registers or provider.account else f"[pbx]\ntype=identify\nendpoint=pbx\nmatch={pbx}\n"
    account = provider.account or "pbx"
    auth = f"[{account}]\ntype=auth\nusername={account}\npassword={provider.secret}\n" if provider.secret else ""
    out = (
        f"outbound_auth=out\nfrom_user={provider.caller}\n[out]\ntype=auth\nusername={provider.caller}\n"
        f"password={provider.password}\n"
        if provider.caller
        else ""
    )
    contact = "max_contacts=1" if provider.registers else f"contact=sip:{pbx}"
    destination = f"PJSIP/{account}" if provider.registers else f"PJSIP/${{EXTEN}}@{account}"
    return {
        "pjsip.conf": f"""
[udp]
type=transport
protocol=udp
bind={host}:5060
[{account}]
type=endpoint
context=from-pbx
allow=ulaw,alaw
direct_media=no
aors={account}
{f"auth={account}" if auth else "identify_by=ip"}
{out}
{auth}
[{account}]
type=aor
{contact}
{identify}
[subscriber]
type=endpoint
context=subscribers
allow=ulaw,alaw
direct_media=no
aors=subscriber
auth=subscriber
[subscriber]
type=auth
username=subscriber
password=secret
[subscriber]
type=aor
max_contacts=1
""",
        "extensions.conf": f"""
[from-pbx]
exten => _X.,1,UserEvent(Arrived,Number: ${{EXTEN}})
 same => n,Dial(PJSIP/subscriber,20)
[subscribers]
exten => _X.,1,Dial({destination},20)
""",
    }


def arrivals(server: Server) -> list[str]:
    """A list that gets the numbers that arrive at a provider."""
    found: list[str] = []

    def note(_type: EventType, published: tuple[Any, ...]) -> None:
        fields = dict(USER_EVENT.render(*published))
        if "Number" in fields:
            found.append(str(fields["Number"]))

    server.subscribe(USER_EVENT, note)
    return found


@asynccontextmanager
async def running(name: str, how: str, root: Path) -> AsyncIterator[World]:
    """A configuration in one of the two ways, with its phones registered, and its providers."""
    setup = SETUPS[name]
    host = own_host()
    addresses = {each: own_host() for each in setup.providers}
    folder = way(name, how, root, host, addresses)
    async with AsyncExitStack() as stack:
        providers, subscribers = {}, {}
        numbers: dict[str, list[str]] = {}
        for each, provider in setup.providers.items():
            files = provider_files(addresses[each], provider, host)
            providers[each] = await stack.enter_async_context(running_server(files))
            numbers[each] = arrivals(providers[each])
            subscriber = Phone("subscriber", (addresses[each], 5060), "secret", host=addresses[each])
            subscribers[each] = await stack.enter_async_context(subscriber)
            await subscriber.register()
        server = Server.from_config(folder)
        server.sip.overload.lag_high = float("inf")
        stack.push_async_callback(server.stop)
        await server.start()
        phones = {}
        for user, secret in setup.phones.items():
            transport = setup.transport.get(user, "udp")
            address = (host, 5061 if transport == "tls" else 5060)
            phone = Phone(user, address, secret, host=host, transport=transport)
            phones[user] = await stack.enter_async_context(phone)
            await phone.register()
        yield World(server, host, setup, phones, subscribers, providers, numbers)
        for phone in phones.values():
            assert all(call.over for call in phone.calls)
        await assert_idle(server)


async def registered_there(world: World) -> None:
    """Wait until the PBX is registered at every provider that wants it to."""
    for name, provider in world.setup.providers.items():
        if provider.registers:
            await until(partial(world.providers[name].sip.location.contacts, provider.account), 10, f"not at {name}")
