"""The tutorials on subscriptions and publications: each module is loaded and does what its page says."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asterism.applications.pubsub.registry import pubsub
from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, running_server, until

EXAMPLES = Path(__file__).parents[3] / "docs/extending/examples"
PJSIP = """
[101]
type=endpoint
context=phones
subscribe_context=hints
auth=101
aors=101
[lobby1](101)
type=endpoint
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
"""
IDENTIFY = "\n[anybody]\ntype=endpoint\ncontext=phones\n[anybody]\ntype=identify\nendpoint=anybody\nmatch=127.0.0.1\n"
EXTENSIONS = """
[phones]
exten => 600,1,Answer()
[hints]
exten => 500,hint,Door:front
exten => 102,hint,Custom:lamp,CustomPresence:carol
"""


@asynccontextmanager
async def server_with(folder: Path, module: str, pjsip: str = PJSIP) -> AsyncIterator[Server]:
    """A server whose ``modules`` folder holds one example."""
    (folder / "modules").mkdir(parents=True, exist_ok=True)
    shutil.copy(EXAMPLES / f"{module}.py", folder / "modules")
    async with running_server({"pjsip.conf": pjsip, "extensions.conf": EXTENSIONS}, folder) as server:
        yield server


async def console(server: Server, line: str) -> str:
    printed: list[str] = []
    await CommandRunner(server).run(line, printed.append)
    return "".join(printed)


def write(server: Server, name: str, value: str) -> None:
    """Write a function, as ``Set(name=value)`` does."""
    assert server.pbx.dialplan.environment.assign(None, name, value)


async def test_the_notifier(tmp_path: Path) -> None:
    async with server_with(tmp_path, "doors") as server, Phone("101", server, "secret") as phone:
        refused = await phone.subscribe("front", "door")
        assert refused.response is not None
        assert refused.response.status == 404
        write(server, "DOOR(front)", "open")
        watch = await phone.subscribe("front", "door")
        notify = await watch.next()
        assert (notify.body, notify.get("Content-Type")) == (b"open", "text/plain")
        write(server, "DOOR(front)", "closed")
        assert (await watch.next()).body == b"closed"
        assert "door" in (notify.get("Allow-Events") or "")
        wrong = await phone.subscribe("front", "door", "application/pidf+xml")
        assert wrong.response is not None
        assert wrong.response.status == 489
        await server.modules.unload("doors")
        last = await watch.next()
        assert (last.get("Subscription-State") or "").startswith("terminated;reason=deactivated")
        assert not len(pubsub(server))
        await assert_idle(server)


async def test_a_door_that_is_gone_after_a_restart(tmp_path: Path) -> None:
    async with server_with(tmp_path, "doors") as server:
        phone = Phone("101", server, "secret")
        write(server, "DOOR(front)", "open")
        watch = await phone.subscribe("front", "door")
        await watch.next()
    pjsip = (tmp_path / "pjsip.conf").read_text()
    async with server_with(tmp_path, "doors", pjsip) as server:
        assert (await watch.next()).get("Subscription-State") == "terminated;reason=noresource"
    phone.close()


async def test_the_body_generator_and_its_supplement(tmp_path: Path) -> None:
    kind = "application/vnd.example.presence+json"
    async with (
        server_with(tmp_path, "presence_json") as server,
        Phone("101", server, "secret") as phone,
        Phone("lobby1", server, "secret", username="101") as lobby,
    ):
        watch = await phone.subscribe("102", "presence", kind)
        notify = await watch.next()
        assert notify.get("Content-Type") == kind
        first = json.loads(notify.body)
        assert (first["extension"], first["version"]) == ("102", 0)
        assert "message" not in first
        other = await lobby.subscribe("102", "dialog", kind)
        await other.next()
        write(server, "PRESENCE_STATE(CustomPresence:carol)", "away,,at lunch")
        assert json.loads((await watch.next()).body)["message"] == "at lunch"
        await console(server, "devstate change Custom:lamp RINGING")
        found = json.loads((await watch.next()).body)
        assert found == {"extension": "102", "state": "ringing", "version": 2, "message": "at lunch"}
        found = json.loads((await other.next()).body)
        while found["state"] != "ringing":
            found = json.loads((await other.next()).body)
        assert "message" not in found
        await watch.end()
        await other.end()


async def test_the_subscriber_of_another_server_s_notifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with server_with(tmp_path / "a", "doors", PJSIP + IDENTIFY) as there:
        write(there, "DOOR(front)", "open")
        host, port = there.sip_address("udp")
        pjsip = PJSIP + (
            f"\n[front-door]\ntype=outbound-subscription\nserver_uri=sip:front@{host}:{port}\nevent=door\n@door=front\n"
            "max_random_initial_delay=0\n"
        )
        async with server_with(tmp_path / "b", "door_watch", pjsip) as here:
            states = here.pbx.device_states
            await until(lambda: states.get("Door:front") is DeviceState.INUSE)
            write(there, "DOOR(front)", "closed")
            await until(lambda: states.get("Door:front") is DeviceState.NOT_INUSE)
            assert "State:Idle" in await console(here, "core show hint 500")
            for subscription in tuple(pubsub(there)):
                subscription.notify("ajar")
            said = ""

            def complained() -> bool:
                nonlocal said
                said += capsys.readouterr().out
                return "a door is open or closed" in said

            await until(complained)
            assert states.get("Door:front") is DeviceState.NOT_INUSE
            for subscription in tuple(pubsub(there)):
                subscription.end("noresource")
            await until(lambda: states.get("Door:front") is DeviceState.UNAVAILABLE)


async def test_the_publication_handler(tmp_path: Path) -> None:
    pjsip = PJSIP + "\n[front]\ntype=inbound-publication\nevent_door=yes\nendpoint=101\n"
    async with server_with(tmp_path, "door_publication", pjsip) as server, Phone("101", server, "secret") as phone:
        states = server.pbx.device_states
        watch = await phone.subscribe("500", "dialog")
        await watch.next()

        async def publish(body: str, etag: str = "", resource: str = "front", expires: int = 60) -> tuple[int, str]:
            request = phone.create_request("PUBLISH", phone.uri(resource))
            request.add_header("Event", "door")
            request.add_header("Expires", str(expires))
            if etag:
                request.add_header("SIP-If-Match", etag)
            if body:
                request.set_body(body, "text/plain")
            response = await phone.request(request)
            return response.status, response.get("SIP-ETag") or ""

        assert (await publish("open", resource="back"))[0] == 404
        assert (await publish("ajar"))[0] == 400
        status, tag = await publish("open")
        assert status == 200
        assert states.get("Door:front") is DeviceState.INUSE
        assert b"confirmed" in (await watch.next()).body
        status, other = await publish("closed")
        assert states.get("Door:front") is DeviceState.NOT_INUSE
        status, tag = await publish("", tag)
        assert (status, states.get("Door:front")) == (200, DeviceState.NOT_INUSE)
        assert (await publish("", other, expires=0))[0] == 200
        assert states.get("Door:front") is DeviceState.INUSE
        assert (await publish("", tag, expires=0))[0] == 200
        assert states.get("Door:front") is DeviceState.UNKNOWN
        await watch.end()
