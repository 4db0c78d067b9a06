"""Publications that were acknowledged are there after a restart and after kill -9; no entity tag comes twice."""

from __future__ import annotations

import asyncio
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from server_process import ServerProcess
from test_pubsub_publish import BODY, MAILBOX, STATES, etag, publish, state, world

from asterism.applications.pubsub import publication_stored
from asterism.applications.pubsub.publication_stored import PublicationPart, PublicationPersistence
from asterism.applications.pubsub.registry import pubsub
from asterism.pbx.states.mailboxes import MessageCounts
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.stack.message import Response
from asterism.testing import Phone, until


def again(folder: Path) -> str:
    """The same configuration, port and all."""
    return (folder / "pjsip.conf").read_text()


async def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with world(STATES, tmp_path) as (server, phone):
        tag = etag(await publish(phone, expires=300))
        tag = etag(await publish(phone, BODY.replace("x1", "x2").replace("INUSE", "RINGING"), tag=tag, expires=300))
        await publish(phone, MAILBOX, event="asterisk-mwi", expires=300)
        gone = etag(await publish(phone, BODY.replace("x1", "x3")))
        await publish(phone, "", tag=gone, expires=0)
        assert len(server.data.all(PublicationPersistence)) == 2
        assert len(server.data.all(PublicationPart)) == 3
    async with world(again(tmp_path), tmp_path) as (server, phone):
        assert [state(server, f"Custom:x{number}").name for number in (1, 2, 3)] == ["INUSE", "RINGING", "UNKNOWN"]
        assert server.pbx.mailboxes.get("7009@default") == MessageCounts(2, 1)
        assert (await publish(phone, "", tag=gone)).status == 412
        newer = etag(await publish(phone, "", tag=tag, expires=300))
        assert int(newer) > int(gone)
        await publish(phone, "", tag=newer, expires=0)
        assert state(server) is DeviceState.UNKNOWN
        assert len(server.data.all(PublicationPart)) == 1


async def test_what_a_removed_endpoint_has_published_ends(tmp_path: Path) -> None:
    pjsip = STATES.replace("endpoint=101\nevent_", "event_")
    async with world(pjsip, tmp_path) as (server, phone), Phone("102", server, "bob's secret") as other:
        await publish(phone, expires=4_000_000_000)
        await publish(other, BODY.replace("x1", "x2"))
        assert state(server) is DeviceState.INUSE
        conf = tmp_path / "pjsip.conf"
        conf.write_text(conf.read_text().replace("[101](phone)\n", "[109](phone)\n"))
        server.data.reload()
        assert state(server) is DeviceState.UNKNOWN
        assert state(server, "Custom:x2") is DeviceState.INUSE
        assert [one.endpoint for one in pubsub(server).publications] == ["102"]


async def test_what_has_expired_meanwhile_is_forgotten(tmp_path: Path) -> None:
    async with world(STATES, tmp_path) as (server, phone):
        await publish(phone, expires=300)
        row = server.data.all(PublicationPersistence)[0].replace()
        row.expires = 1
        await server.data.update(row)
    async with world(again(tmp_path), tmp_path) as (server, phone):
        assert state(server) is DeviceState.UNKNOWN
        await until(lambda: not server.data.all(PublicationPersistence) and not server.data.all(PublicationPart))


@pytest.mark.parametrize("change", ["endpoint=102", "event_asterisk-devicestate=other", "noload"])
async def test_what_is_not_allowed_any_more_is_forgotten(tmp_path: Path, change: str) -> None:
    async with world(STATES, tmp_path) as (server, phone):
        await publish(phone, expires=300)
    text = again(tmp_path)
    if change == "endpoint=102":
        text = text.replace("endpoint=101\nevent", "endpoint=102\nevent")
    elif change == "noload":
        (tmp_path / "modules.conf").write_text("[modules]\nautoload=yes\nnoload=res_pjsip_publish_asterisk\n")
    else:
        text = text.replace("event_asterisk-devicestate=apub", "event_asterisk-devicestate=")
    async with world(text, tmp_path) as (server, phone):
        assert state(server) is DeviceState.UNKNOWN
        await until(lambda: not server.data.all(PublicationPersistence) and not server.data.all(PublicationPart))


@pytest.mark.parametrize("field", ["event", "endpoint", "body", "content_type", "publication"])
async def test_damaged_rows_do_no_harm(tmp_path: Path, field: str) -> None:
    async with world(STATES, tmp_path) as (server, phone):
        await publish(phone, expires=300)
        await publish(phone, MAILBOX, event="asterisk-mwi", expires=300)
        cls = PublicationPersistence if field in ("event", "endpoint") else PublicationPart
        row = server.data.all(cls)[0].replace()
        setattr(row, field, "nonsense")
        await server.data.update(row)
    async with world(again(tmp_path), tmp_path) as (server, phone):
        assert state(server) is DeviceState.UNKNOWN
        assert server.pbx.mailboxes.get("7009@default").new == 2
        assert (await publish(phone)).status == 200


async def test_numbers_are_reserved_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication_stored, "AHEAD", 3)
    seen: list[int] = []
    text = STATES
    for _ in range(3):
        async with world(text, tmp_path) as (_, phone):
            tag = ""
            for _ in range(4):
                tag = etag(await publish(phone, tag=tag, expires=300))
                seen.append(int(tag))
        text = again(tmp_path)
    assert sorted(set(seen)) == seen


async def test_a_store_that_takes_nothing_is_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as (server, phone):
        tag = etag(await publish(phone))
        with monkeypatch.context() as patch:
            store = server.data.store
            assert store is not None

            def settled(cls: object, committed: object, failed: object, ids: object = None) -> None:
                assert callable(failed)
                failed()

            patch.setattr(type(pubsub(server).core.data), "on_settled", lambda self, *args: settled(*args))
            assert (await publish(phone, BODY.replace("INUSE", "RINGING"), tag=tag)).status == 500
            assert (await publish(phone)).status == 500
        assert state(server) is DeviceState.INUSE
        assert len(pubsub(server).publications) == 1
        # As it was: the tag is good still.
        assert (await publish(phone, "", tag=tag, expires=0)).status == 200
        assert state(server) is DeviceState.UNKNOWN


async def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    host = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(2, 254)}"
    pjsip = f"[udp]\ntype=transport\nprotocol=udp\nbind={host}:5060\n[101]\ntype=endpoint\ncontext=phones\nauth=101\n"
    pjsip += "[101]\ntype=auth\nusername=101\npassword=101\n" + STATES[STATES.index("[instance2]") :]
    pjsip = pjsip.replace("endpoint=101\n", "endpoint=101\nmax_publications=100000\n")
    server = ServerProcess(tmp_path, pjsip=pjsip, extensions="[phones]\n", logger="[logfiles]\nfull => error\n")
    phone = Phone("101", (host, 5060), "101")
    tags: dict[int, str] = {}

    async def load(worker: int) -> None:
        number = worker
        while True:
            answer: Response = await publish(phone, BODY.replace("x1", f"n{number}"), expires=300)
            if answer.status == 200:
                tags[number] = etag(answer)
            number += 20

    try:
        await asyncio.to_thread(server.start)
        tasks = [asyncio.create_task(load(worker)) for worker in range(20)]
        await until(lambda: len(tags) > 200, 60)
        await asyncio.sleep(random.uniform(0.0, 0.3))
        assert server.process is not None
        server.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(server.process.wait)
        await asyncio.sleep(0.1)  # what was sent before the end is still in the phone's socket
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        server.output()
        await asyncio.to_thread(server.start)
        assert len(set(tags.values())) == len(tags)
        newest = max(map(int, tags.values()))
        for tag in tags.values():
            answer = await publish(phone, "", tag=tag, expires=0)
            assert answer.status == 200, f"{tag} was lost"
            assert int(etag(answer)) > newest
    finally:
        phone.close()
        server.__exit__(None, None, None)
