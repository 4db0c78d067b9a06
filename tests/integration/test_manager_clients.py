"""Manager clients as they are: stock ones from elsewhere, and ones that misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panoramisk
import pytest
from call_kit import CONFIG
from manager_kit import MANAGER, Manager, address, manager

from asterism.interfaces.manager import session as session_module
from asterism.interfaces.manager.module import ManagerModule
from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.server.server import Server
from asterism.testing import Phone, running_server, until

FILES = {**CONFIG, "manager.conf": MANAGER}


def manager_of(server: Server) -> ManagerModule:
    known = server.modules.find("manager")
    assert known is not None
    assert isinstance(known.instance, ManagerModule)
    return known.instance


async def test_panoramisk() -> None:
    async with running_server(FILES) as server, Phone("101", server, "ann's secret") as ann:
        await ann.register()
        host, port = address(server)
        client = panoramisk.Manager(host=host, port=port, username="admin", secret="secret", ping_delay=3600)
        seen: list[Any] = []
        client.register_event("*", lambda _client, event: seen.append(event))
        await client.connect()
        try:
            pong = await client.send_action({"Action": "Ping"})
            assert pong.success
            assert pong.ping == "Pong"
            version = await client.send_command("core show version")
            assert version.success
            assert any("Asterisk" in line for line in version.content.splitlines() or [str(version)])
            channels = [
                message async for message in _items(client, {"Action": "CoreShowChannels"}, "CoreShowChannelsComplete")
            ]
            assert channels == []
            call = await ann.dial("600")
            await call.answered()
            await until(lambda: [one.application for one in server.pbx.channels] == ["Echo"])
            (found,) = [
                message async for message in _items(client, {"Action": "CoreShowChannels"}, "CoreShowChannelsComplete")
            ]
            assert found.application == "Echo"
            await call.hangup()
            await until(lambda: any(event.event == "Hangup" for event in seen))
            names = [event.event for event in seen]
            assert names.index("Newchannel") < names.index("Newexten") < names.index("Hangup")
            unknown = await client.send_action({"Action": "NoSuchAction"})
            assert not unknown.success
        finally:
            client.close()


async def test_panoramisk_reads_channel_events() -> None:
    cel = "[general]\nenable=yes\nevents=ALL\napps=echo\n[manager]\nenabled=yes\n"
    async with running_server({**FILES, "cel.conf": cel}) as server, Phone("101", server, "ann's secret") as ann:
        await ann.register()
        host, port = address(server)
        client = panoramisk.Manager(host=host, port=port, username="admin", secret="secret", ping_delay=3600)
        seen: list[Any] = []
        client.register_event("CEL", lambda _client, event: seen.append(event))
        await client.connect()
        try:
            call = await ann.dial("600")
            await call.answered()
            await until(lambda: any(event.eventname == "APP_START" for event in seen))
            await call.hangup()
            await until(lambda: any(event.eventname == "LINKEDID_END" for event in seen))
        finally:
            client.close()
    names = [event.eventname for event in seen]
    assert names == ["CHAN_START", "ANSWER", "APP_START", "APP_END", "HANGUP", "CHAN_END", "LINKEDID_END"]
    assert {event.uniqueid for event in seen} == {seen[0].linkedid}
    ended = json.loads(seen[names.index("HANGUP")].extra)
    assert ended == {"hangupcause": 16, "hangupsource": seen[0].channel, "dialstatus": ""}


async def _items(client: Any, action: dict[str, str], closing: str) -> Any:
    answer = await client.send_action(action)
    for message in answer if isinstance(answer, list) else [answer]:
        if message.event and message.event != closing:
            yield message


PYSTRIX = """
import json, os, queue, sys
from pystrix import ami
events = queue.Queue()
client = ami.Manager()
client.connect("127.0.0.1", int(sys.argv[1]))
challenge = client.send_action(ami.core.Challenge())
login = ami.core.Login("admin", "secret", challenge=challenge.result["Challenge"])
found = [client.send_action(login).result["Message"]]
client.register_callback("UserEvent", lambda event, _client: events.put(event["UserEvent"]))
found.append(client.send_action(ami.core.Ping()).result["Ping"])
found.append(client.send_action(ami.core.DBPut("family", "key", "value")).result["Message"])
found.append(client.send_action(ami.core.Getvar("GREETING")).result["Value"])
found.append(client.send_action(ami.core.ExtensionState("700", "phones")).result["Status"])
found.append(client.send_action(ami.core.UserEvent(UserEvent="Hello", From="pystrix")).result["Message"])
found.append(events.get(timeout=10))
print(json.dumps(found), flush=True)
os._exit(0)  # its threads do not end otherwise
"""


async def test_pystrix() -> None:
    """A client with threads, in a process of its own."""
    files = {**FILES, "extensions.conf": "[globals]\nGREETING=hello\n" + CONFIG["extensions.conf"]}
    async with running_server(files) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", "-c", PYSTRIX, str(address(server)[1]), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 30)
        assert json.loads(output) == [
            "Authentication accepted", "Pong", "Updated database successfully", "hello", "-1", "Event Sent", "Hello",
        ]  # fmt: skip
        assert server.astdb.get("family", "key") == "value"


class Deaf:
    """A client that logs in and then reads nothing."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self._server = server

    async def login(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, address(self._server))
        await loop.sock_sendall(
            self.socket, b"Action: Login\r\nUsername: admin\r\nSecret: secret\r\nEvents: on\r\n\r\n"
        )
        await until(lambda: any(session.user is not None for session in manager_of(self._server).sessions))

    async def read(self, until_found: bytes) -> bytes:
        loop, data = asyncio.get_running_loop(), b""
        while until_found not in data:
            more = await asyncio.wait_for(loop.sock_recv(self.socket, 1 << 20), 5)
            assert more
            data += more
        return data


async def flood(server: Server, condition: Callable[[], bool], most: int = 40_000) -> int:
    """Publish events until something is so; returns how many."""
    for count in range(most):
        if condition():
            return count
        server.bus.publish(USER_EVENT, None, "Flood", [("Number", count), ("Padding", "x" * 400)])
        if count % 50 == 0:
            await asyncio.sleep(0)
    raise AssertionError("it never was")


async def test_a_client_that_does_not_read_loses_its_oldest_events_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "MAX_QUEUED_EVENTS", 200)
    async with running_server(FILES) as server:
        deaf = Deaf(server)
        await deaf.login()
        (session,) = manager_of(server).sessions
        await flood(server, lambda: session.dropped >= 1000)
        assert session.queued <= 200
        assert session.dropped >= 1000
        # Others are served meanwhile, at once.
        async with manager(server, events="off") as other:
            assert (await other.action("Ping"))["Ping"] == "Pong"
            shown = await other.action("Command", Command="manager show eventq")
            assert "Queued: 200" in shown.text
        server.bus.publish(USER_EVENT, None, "Last", [])
        data = await deaf.read(b"UserEvent: Last\r\n")
        notice = data.index(b"Event: EventsDropped\r\nPrivilege: system,all\r\nCount: ")
        numbers = [int(line.removeprefix(b"Number: ")) for line in data.split(b"\r\n") if line.startswith(b"Number: ")]
        assert numbers == sorted(set(numbers))
        before = data[:notice].count(b"UserEvent: Flood")
        # The gap is where the notice stands: the newest came through.
        assert numbers[before] - numbers[before - 1] > 1000
        assert len(numbers) - before <= 200
        deaf.socket.close()


async def test_a_client_that_never_reads_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {**FILES, "manager.conf": MANAGER.replace("[limited]", "writetimeout=150\n[limited]")}
    async with running_server(files) as server:
        deaf = Deaf(server)
        await deaf.login()
        (session,) = manager_of(server).sessions
        await flood(server, lambda: session.queued > 0)
        await until(lambda: not manager_of(server).sessions)
        deaf.socket.close()


async def test_answers_do_not_pile_up_for_a_client_that_only_asks() -> None:
    async with running_server(FILES) as server:
        deaf = Deaf(server)
        await deaf.login()
        (session,) = manager_of(server).sessions
        assert session.transport is not None
        loop = asyncio.get_running_loop()
        request = b"Action: ListCommands\r\n\r\n" * 100

        async def ask() -> None:
            for _ in range(20_000):
                await loop.sock_sendall(deaf.socket, request)

        asking = asyncio.create_task(ask())
        await until(lambda: session.transport is None or session.transport.get_write_buffer_size() > 200_000)
        for _ in range(50):
            await asyncio.sleep(0.01)
        assert not asking.done()
        assert session.transport.get_write_buffer_size() < 2_000_000
        asking.cancel()
        deaf.socket.close()
        await until(lambda: not manager_of(server).sessions)


async def test_a_pile_of_actions_in_one_packet_is_answered_in_order() -> None:
    async with running_server(FILES) as server, manager(server, events="off") as client:
        client.writer.write(b"".join(b"Action: Ping\r\nActionID: %d\r\n\r\n" % number for number in range(5000)))
        for number in range(5000):
            assert (await client.read())["ActionID"] == str(number)


async def test_too_many_wrong_passwords_are_refused_unseen_and_told() -> None:
    async with running_server(FILES) as server:
        async with manager(server) as watcher:
            for _ in range(12):
                reader, writer = await asyncio.open_connection(*address(server))
                guess = Manager(reader, writer)
                await reader.readline()
                answer = await guess.action("Login", Username="admin", Secret="wrong")
                assert answer["Message"] == "Authentication failed"
                assert await reader.read() == b""
                writer.close()
            event = await watcher.event("InvalidPassword")
            assert event["Service"] == "AMI"
            assert event["SessionTV"] == "1970-01-01T00:00:00.000+0000"
        # Now the right one does not help either.
        reader, writer = await asyncio.open_connection(*address(server))
        right = Manager(reader, writer)
        await reader.readline()
        assert (await right.action("Login", Username="admin", Secret="secret"))["Response"] == "Error"
        writer.close()


async def test_a_wrong_key_is_a_failed_challenge() -> None:
    async with running_server(FILES) as server, manager(server) as watcher:
        reader, writer = await asyncio.open_connection(*address(server))
        guess = Manager(reader, writer)
        await reader.readline()
        challenge = (await guess.action("Challenge", AuthType="MD5"))["Challenge"]
        await guess.action("Login", AuthType="MD5", Username="admin", Key="00")
        writer.close()
        event = await watcher.event("ChallengeResponseFailed")
        assert (event["AccountID"], event["Challenge"], event["Response"]) == ("", challenge, "00")


async def test_who_may_come_from_where_and_how_often() -> None:
    conf = MANAGER + (
        "[once]\nsecret=secret\nallowmultiplelogin=no\n"
        "[far]\nsecret=secret\ndeny=0.0.0.0/0.0.0.0\npermit=192.0.2.0/24\n"
        "[listed]\nsecret=secret\nacl=office\n[typo]\nsecret=secret\nacl=nowhere\n"
    )
    lists = "[office]\ndeny=0.0.0.0/0\npermit=127.0.0.1\n"
    async with running_server({**FILES, "manager.conf": conf, "acl.conf": lists}) as server, manager(server) as watcher:

        async def login(user: str) -> tuple[Manager, str]:
            reader, writer = await asyncio.open_connection(*address(server))
            client = Manager(reader, writer)
            await reader.readline()
            return client, (await client.action("Login", Username=user, Secret="secret"))["Response"]

        first, answer = await login("once")
        assert answer == "Success"
        second, answer = await login("once")
        assert answer == "Error"
        assert (await watcher.event("SessionLimit"))["AccountID"] == "once"
        far, answer = await login("far")
        assert answer == "Error"
        assert (await watcher.event("FailedACL"))["AccountID"] == "far"
        listed, answer = await login("listed")
        assert answer == "Success"
        typo, answer = await login("typo")  # a user whose list does not exist is nobody
        assert answer == "Error"
        for client in (first, second, far, listed, typo):
            client.close()


async def test_masks_are_each_session_s_own() -> None:
    async with running_server(FILES) as server, manager(server) as everything, manager(server) as some:
        assert (await some.action("Events", EventMask="user,dtmf"))["Events"] == "On"
        await everything.action("Command", Command="devstate change Custom:x INUSE")
        await everything.action("UserEvent", UserEvent="Seen")
        await some.event("UserEvent", UserEvent="Seen")
        await everything.event("DeviceStateChange", Device="Custom:x")
        assert not any(event["Event"] == "DeviceStateChange" for event in some.events)
        assert (await some.action("Events", EventMask="off"))["Events"] == "Off"
        await everything.action("UserEvent", UserEvent="Unseen")
        await some.action("Ping")
        assert not any(event.get("UserEvent") == "Unseen" for event in some.events)
        assert (await some.action("Events", EventMask="on"))["Events"] == "On"
        await everything.action("UserEvent", UserEvent="SeenAgain")
        await some.event("UserEvent", UserEvent="SeenAgain")
        # A mask never gives more than the user may read.
        async with manager(server, user="limited") as limited:
            await limited.action("Events", EventMask="system,user")
            await everything.action("UserEvent", UserEvent="Private")
            await limited.action("Ping")
            assert not limited.events


async def test_those_who_do_not_log_in_are_few_and_short(tmp_path: Path) -> None:
    files = {**FILES, "manager.conf": MANAGER.replace("[admin]", "authtimeout=1\nauthlimit=2\n[admin]")}
    async with running_server(files) as server:
        streams = [await asyncio.open_connection(*address(server)) for _ in range(3)]
        banners = [await asyncio.wait_for(reader.read(100), 5) for reader, _ in streams]
        assert sorted(map(bool, banners)) == [False, True, True]
        for reader, writer in streams:
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
        await until(lambda: not manager_of(server).sessions)


async def test_over_tls(tmp_path: Path) -> None:
    pem = tmp_path / "asterisk.pem"
    await asyncio.to_thread(
        subprocess.run,
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(tmp_path / "key.pem"), "-out",
         str(pem), "-days", "2", "-subj", "/CN=localhost"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    general = "tlsenable=yes\ntlsbindaddr=127.0.0.1:0\ntlscertfile=asterisk.pem\ntlsprivatekey=key.pem\n[admin]"
    files = {**FILES, "manager.conf": MANAGER.replace("[admin]", general)}
    async with running_server(files, tmp_path) as server:
        tls = manager_of(server).tls_address
        assert tls is not None
        context = ssl.create_default_context(cafile=str(pem))
        context.check_hostname = False
        reader, writer = await asyncio.open_connection(*tls, ssl=context)
        client = Manager(reader, writer)
        assert await reader.readline() == b"Asterisk Call Manager/11.0.0\r\n"
        assert (await client.action("Login", Username="admin", Secret="secret"))["Response"] == "Success"
        event = await client.event("FullyBooted")
        assert event["Status"] == "Fully Booted"
        writer.close()


async def test_channel_variables_timestamps_and_filters_of_the_configuration() -> None:
    conf = MANAGER.replace("[admin]", "channelvars=SIPDOMAIN,CHANNEL(name)\ntimestampevents=yes\n[admin]").replace(
        "[limited]", "eventfilter=!Event: VarSet\neventfilter(action(exclude),name(Newexten),method(none))=\n[limited]"
    )
    async with running_server({**FILES, "manager.conf": conf}) as server, Phone("101", server, "ann's secret") as ann:
        await ann.register()
        async with manager(server) as client:
            call = await ann.dial("600")
            await call.answered()
            await call.hangup()
            event = await client.event("Hangup")
            name = event["Channel"]
            assert [value for key, value in event.pairs if key == "ChanVariable"] == [
                "SIPDOMAIN=127.0.0.1",
                f"CHANNEL(name)={name}",
            ]
            order = [key for key, _ in event.pairs]
            assert order[:3] == ["Event", "Privilege", "Timestamp"]
            assert order.index("ChanVariable") == order.index("Linkedid") + 1
            assert not {"VarSet", "Newexten"} & {event["Event"] for event in client.events}


async def test_a_reload_that_moves_the_port_keeps_who_is_connected(tmp_path: Path) -> None:
    async with running_server(FILES, tmp_path) as server, manager(server) as client:
        before = address(server)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (tmp_path / "manager.conf").write_text(MANAGER.replace("port=0", f"port={port}"))
        await client.action("Command", Command="manager reload")
        assert address(server) == ("127.0.0.1", port) != before
        assert (await client.action("Ping"))["Ping"] == "Pong"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*before)
        async with manager(server) as another:
            assert (await another.action("Ping"))["Ping"] == "Pong"
