"""Console commands of chan_sip as recorded, on the recorded configuration."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sip_console_kit import as_recorded, configuration, first_usage, listing, recorded, said

from asterism.chan_sip.cli.module import ChanSipCli
from asterism.chan_sip.peers import peers_of
from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.sip.contacts import ContactStatus
from asterism.testing import Phone, free_port, running_server, until

IDLE = (
    "sip show inuse", "sip show inuse all", "sip show peers", "sip show users", "sip show domains", "sip show tcp",
    "sip show peers like ^tr", "sip show peers like zzz", "sip show peers like (", "sip show users like web",
    "sip show peer alice", "sip show peer trunk1", "sip show peer trunk2", "sip show peer webuser",
    "sip show peer nosuch", "sip show user alice", "sip show user webuser", "sip show user trunk1",
    "sip show user nosuch", "sip", "sip show", "sip bogus", "sip show bogus", "sip show peer",
    "sip show peer alice extra", "sip show peer nosuch load", "sip show user", "sip show channel",
    "sip show channel nosuch", "sip show history", "sip show history nosuch", "sip show inuse bogus",
    "sip show peers like", "sip show peers bogus", "sip show users like", "sip show users bogus",
    "sip show registry bogus", "sip show settings bogus", "sip show domains x", "sip show objects x",
    "sip show tcp x", "sip show channels x", "sip show channelstats", "sip show channelstats x", "sip unregister",
    "sip unregister nosuch", "sip unregister alice", "sip unregister trunk1", "sip qualify", "sip qualify peer",
    "sip qualify peer nosuch", "sip qualify peer alice", "sip qualify peer carol", "sip set", "sip set debug",
    "sip set debug bogus", "sip set debug ip", "sip set debug peer", "sip set debug peer nosuch",
    "sip set debug peer alice", "sip set debug ip 127.0.0.1", "sip set debug ip 127.0.0.1:15081",
    "sip set debug ip not.a.host.invalid", "sip set debug peer trunk1", "sip set debug on", "sip set debug off",
    "sip set debug on extra", "sip set history", "sip set history off", "sip set history on",
    "sip set history bogus", "sip reload", "sip reload extra", "sip prune", "sip prune realtime",
    "sip prune realtime peer", "sip prune realtime user", "sip prune realtime all", "sip prune realtime like",
    "sip prune realtime like ^a", "sip prune realtime like zzz", "sip prune realtime peer like",
    "sip prune realtime peer like ^a", "sip prune realtime peer like (", "sip prune realtime peer alice",
    "sip prune realtime peer nosuch", "sip prune realtime peer all", "sip prune realtime user alice",
    "sip prune realtime user nosuch", "sip prune realtime user all", "sip prune realtime user like ^a",
    "sip prune realtime alice", "sip prune realtime nosuch", "sip prune realtime all extra", "sip notify",
    "sip notify snom-reboot", "sip notify nosuchtype alice", "sip notify snom-reboot nosuchpeer",
    "sip notify snom-reboot alice", "sip show registry", "sip show mwi", "sip show mwi x",
)  # fmt: skip
"""Commands whose text is the same to the letter while nothing is registered; of a usage only its first lines are."""

LATER = "127.0.0.1                                (default)            [Configured]    \n"
"""A domain of the configuration that was not there yet when the idle listings were recorded."""


async def test_idle_listings_and_errors_are_as_recorded(tmp_path: Path) -> None:
    ports = {port: free_port() for port in (15060, 15070, 15071, 15081, 15082, 15089)}
    wrong: list[str] = []
    seen: set[str] = set()
    with silent(ports[15070]), silent(ports[15071]):
        async with running_server(configuration(ports), tmp_path) as server:
            peers = peers_of(server)
            for peer in peers.all():
                contact = peers.contact(peer)
                if contact is not None:
                    server.sip.location.set_reachability(contact, ContactStatus.UNREACHABLE)
            await until(lambda: len(server.sip.layer.transactions()) >= 3)  # both REGISTERs and the SUBSCRIBE
            channels = [line[:34] + line[49:] for line in (await said(server, "sip show channels")).splitlines()]
            for line in listing("idle", "sip show channels").splitlines()[1:3]:
                assert line[:34] + line[49:] in channels
            for command, expected in recorded("idle"):
                if command not in IDLE or command in seen:
                    continue
                seen.add(command)
                text = first_usage(as_recorded(await said(server, command), ports))
                text = text.replace(LATER, "")
                if text != first_usage(expected):
                    wrong.append(f"*CLI> {command}\n{text}\n--- recorded:\n{expected}")
    assert not wrong, "\n\n".join(wrong)
    assert seen == {*IDLE}


@contextmanager
def silent(port: int) -> Iterator[None]:
    """Somebody at a port who never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        yield


async def test_passwords_are_hidden_unless_they_are_to_be_shown(tmp_path: Path) -> None:
    ports = {port: free_port() for port in (15060, 15070, 15071, 15081, 15082, 15089)}
    files = configuration(ports)
    files["asterisk.conf"] = files["asterisk.conf"].replace("show_secrets=yes", "show_secrets=no")
    async with running_server(files, tmp_path) as server:
        users, objects = await said(server, "sip show users"), await said(server, "sip show objects")
        assert users.count("<hidden>") == 5
        for secret in ("alicepw", "carolpw", "webpw", "regpass", "mwipass"):
            assert secret not in users + objects
        assert f"name: 2000:<hidden>:authname@127.0.0.1:{ports[15071]}/2000\n" in objects
        assert f"name: 1000:<hidden>@127.0.0.1:{ports[15070]}/1000\n" in objects


async def test_the_commands_are_there_with_a_sip_conf_only(tmp_path: Path) -> None:
    conf = tmp_path / "sip.conf"
    async with running_server({"extensions.conf": ""}, tmp_path) as server:
        nothing = "No such command 'sip show peers' (type 'core show help sip show' for other possible commands)\n"
        assert await said(server, "sip show peers") == nothing
        assert server.sip.transports.on_trace is None
        conf.write_text("[general]\nudpenable=no\n[alice]\ntype=friend\n")
        await said(server, "module reload chan_sip")
        assert "1 sip peers [" in await said(server, "sip show peers")
        assert server.sip.transports.on_trace is not None
        conf.unlink()
        await said(server, "sip reload")
        assert await said(server, "sip show peers") == nothing
        assert server.sip.transports.on_trace is None


async def test_completion_is_of_what_there_is(tmp_path: Path) -> None:
    ports = {port: free_port() for port in (15060, 15070, 15071, 15081, 15082, 15089)}
    with silent(ports[15070]), silent(ports[15071]):
        async with running_server(configuration(ports), tmp_path) as server:
            complete = CommandRunner(server).complete
            peers = ["alice", "bob", "carol", "dave", "deadpeer", "erin", "trunk1", "trunk2"]
            assert (
                complete("sip show peer ") == complete("sip qualify peer ") == complete("sip set debug peer ") == peers
            )
            assert complete("sip show peer alice l") == ["load"]
            assert complete("sip show user w") == ["webuser"]
            assert complete("sip unregister ") == []
            assert complete("sip show peers ") == ["like"]
            assert complete("sip set debug ") == ["ip", "off", "on", "peer"]
            assert complete("sip set history ") == ["off", "on"]
            assert "snom-reboot" in complete("sip notify ")
            assert complete("sip notify snom-reboot tr") == ["trunk1", "trunk2"]
            for line in (await said(server, "sip show channels")).splitlines()[1:-1]:
                assert [one[:15] for one in complete(f"sip show channel {line[34:44]}")] == [line[34:49].strip()]
            for entry in server.commands:
                words = entry.name.split()
                if words[0] == "sip":
                    usage = CommandRunner(server).help(words)
                    assert usage.startswith("Usage: sip ")
                    assert len(usage.splitlines()) >= 2
                    for typed in ("", "x", "x ", "x y ", '"', "\\"):
                        assert isinstance(complete(f"{entry.name} {typed}"), list)


TRACED = """
[general]
udpbindaddr=127.0.0.1:{port}
{options}
[alice]
type=friend
host=dynamic
secret=secret
nat=force_rport
"""


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@asynccontextmanager
async def logged(options: str) -> AsyncIterator[tuple[Server, Phone, list[str]]]:
    """A server with these options in [general], a phone that has no registration, and what is logged."""
    files = {"sip.conf": TRACED.format(port=free_port(), options=options), "pjsip.conf": "; type=transport\n"}
    async with running_server(files) as server, Phone("alice", server, "secret") as phone:
        records = Records()
        server.log.addHandler(records)
        await phone.exchange(phone.create_request("OPTIONS", phone.uri("alice")))
        yield server, phone, records.texts


async def test_sipdebug_traces_from_the_start_in_one_form_only() -> None:
    async with logged("sipdebug=yes") as (server, phone, texts):
        where = f"127.0.0.1:{phone.port}"
        assert [text.split("\n")[1] for text in texts if text.startswith("\n<---")] == [
            f"<--- SIP read from UDP:{where} --->", f"<--- Transmitting (no NAT) to {where} --->",
        ]  # fmt: skip
        assert not any("Received SIP request" in text for text in texts)
        assert await said(server, "sip set debug off") == "SIP Debugging Disabled\n"
        texts.clear()
        await phone.exchange(phone.create_request("OPTIONS", phone.uri("alice")))
        assert not [text for text in texts if "<---" in text]


async def test_the_history_of_a_dialog_goes_to_the_log_at_its_end() -> None:
    async with logged("recordhistory=yes\ndumphistory=yes") as (server, _phone, texts):
        module = server.modules.find("chan_sip_cli")
        assert module is not None
        assert isinstance(module.instance, ChanSipCli)
        (dialog,) = module.instance.dialogs
        assert dialog.lines[0].startswith("Rx              OPTIONS / 1 OPTIONS / sip:alice@")
        dialog.ends = 0.0
        assert list(module.instance.dialogs) == []
        assert [text for text in texts if f"SIP HISTORY for '{dialog.call_id}'" in text and dialog.lines[1] in text]


async def test_no_history_is_recorded_unless_it_is_asked_for() -> None:
    async with logged("") as (server, _phone, _texts):
        line = (await said(server, "sip show channels")).splitlines()[1]
        call_id = CommandRunner(server).complete(f"sip show history {line[34:44]}")[0]
        assert "has no history" in await said(server, f"sip show history {call_id}")
        assert "SIP history:     Off" in await said(server, "sip show settings")
