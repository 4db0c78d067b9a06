"""Subscriptions go on after a restart, in the same dialog; what was acknowledged is not lost by kill -9."""

from __future__ import annotations

import asyncio
import random
import re
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from call_kit import CONFIG
from server_process import ServerProcess

from asterism.applications.pubsub import stored
from asterism.applications.pubsub.registry import pubsub
from asterism.applications.pubsub.stored import SubscriptionPersistence
from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.stack.message import Request
from asterism.testing import Phone, PhoneSubscription, running_server, until

HINTS = "[phones]\nexten => 200,hint,Custom:lamp\nexten => _3XX,hint,Custom:lamp\n"
FILES = {"pjsip.conf": CONFIG["pjsip.conf"], "extensions.conf": HINTS}


def version(notify: Request) -> int:
    """The version of a dialog-info."""
    found = re.search(rb'version="(\d+)"', notify.body)
    assert found is not None
    return int(found[1])


def rows(server: Server) -> list[SubscriptionPersistence]:
    """What is kept."""
    return server.data.all(SubscriptionPersistence)


def again(folder: Path) -> dict[str, str]:
    """The same configuration, port and all."""
    return {**FILES, "pjsip.conf": (folder / "pjsip.conf").read_text()}


async def test_it_does_not_go_on_where_the_endpoint_may_not_subscribe_any_more(tmp_path: Path) -> None:
    async with running_server(FILES, tmp_path) as server:
        phone = Phone("101", server, "ann's secret")
        watch = await phone.subscribe("200", "dialog")
        await watch.next()
    files = again(tmp_path)
    files["pjsip.conf"] = files["pjsip.conf"].replace("[101](phone)\n", "[101](phone)\nallow_subscribe=no\n")
    async with running_server(files, tmp_path) as server:
        await until(lambda: not rows(server))
        assert not len(pubsub(server))
        assert (await watch.renew()).status == 481
        phone.close()


async def test_it_goes_on_in_the_same_dialog(tmp_path: Path) -> None:
    async with running_server(FILES, tmp_path) as server:
        phone = Phone("101", server, "ann's secret")
        watch = await phone.subscribe("200", "dialog")
        await watch.next()
        await CommandRunner(server).run("devstate change Custom:lamp INUSE", print)
        before = await watch.next()
        row = rows(server)[0]
        assert "Authorization" not in row.packet
        assert (row.endpoint, row.src_port, row.prune_on_boot) == ("101", phone.port, False)
    assert len(watch.notifies) == 2
    async with running_server(again(tmp_path), tmp_path) as server:
        after = await watch.next()
        assert after.cseq.number > before.cseq.number
        assert version(after) > version(before)
        assert b"confirmed" in after.body
        assert (after.get("Subscription-State") or "").startswith("active;expires=")
        await CommandRunner(server).run("devstate change Custom:lamp NOT_INUSE", print)
        changed = await watch.next()
        assert version(changed) == version(after) + 1
        assert (await watch.renew(60)).status == 200
        await watch.next()
        await watch.end()
        assert (await watch.next()).get("Subscription-State") == "terminated"
        await until(lambda: not rows(server))
    phone.close()


async def test_a_subscriber_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    async with running_server(FILES, tmp_path) as server:
        phone = Phone("101", server, "ann's secret")
        watch = await phone.subscribe("200", "presence")
        await watch.next()
        watch.status = 481
    async with running_server(again(tmp_path), tmp_path) as server:
        await watch.next()
        await until(lambda: not rows(server))
        assert not len(pubsub(server))
    phone.close()


@pytest.mark.parametrize("field", ["expires", "endpoint", "packet", "generator_data", "contact_uri", "transport_key"])
async def test_what_cannot_go_on_is_forgotten(tmp_path: Path, field: str) -> None:
    async with running_server(FILES, tmp_path) as server:
        phone = Phone("101", server, "ann's secret")
        watch = await phone.subscribe("200", "presence")
        await watch.next()
        row = rows(server)[0].replace()
        setattr(row, field, 1 if field == "expires" else "nonsense")
        await server.data.update(row)
    phone.close()
    async with running_server(again(tmp_path), tmp_path) as server:
        await until(lambda: not rows(server))
        assert not len(pubsub(server))
        assert not len(server.sip.dialogs)


async def test_a_connection_does_not_outlive_the_server(tmp_path: Path) -> None:
    pjsip = FILES["pjsip.conf"] + "\n[tcp]\ntype=transport\nprotocol=tcp\nbind=127.0.0.1:0\n"
    async with running_server({**FILES, "pjsip.conf": pjsip}, tmp_path) as server:
        phone = Phone("101", server, "ann's secret", transport="tcp")
        watch = await phone.subscribe("200", "presence")
        await watch.next()
        assert rows(server)[0].prune_on_boot
        phone.close()
    async with running_server({**FILES, "pjsip.conf": pjsip}, tmp_path) as server:
        await until(lambda: not rows(server))


async def test_numbers_are_written_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "AHEAD", 3)
    async with running_server(FILES, tmp_path) as server:
        phone = Phone("101", server, "ann's secret")
        watch = await phone.subscribe("200", "dialog")
        await watch.next()
        marks = {rows(server)[0].cseq}
        for number in range(8):
            state = "NOT_INUSE" if number % 2 else "INUSE"
            await CommandRunner(server).run(f"devstate change Custom:lamp {state}", print)
            notify = await watch.next()
            marks.add(rows(server)[0].cseq)
            assert rows(server)[0].cseq > notify.cseq.number
        assert len(marks) == 4
        last = notify.cseq.number
    async with running_server(again(tmp_path), tmp_path):
        assert (await watch.next()).cseq.number > last
    phone.close()


async def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    host = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(2, 254)}"
    pjsip = f"[udp]\ntype=transport\nprotocol=udp\nbind={host}:5060\n[101]\ntype=endpoint\ncontext=phones\nauth=101\n"
    pjsip += "max_subscriptions=100000\n[101]\ntype=auth\nusername=101\npassword=101\n"
    server = ServerProcess(tmp_path, pjsip=pjsip, extensions=HINTS, logger="[logfiles]\nfull => error\n")
    phone = Phone("101", (host, 5060), "101")
    acknowledged: list[PhoneSubscription] = []

    async def load() -> None:
        while True:
            watch = await phone.subscribe("200", "dialog", expires=300)
            assert watch.response is not None
            if watch.response.status == 200:
                acknowledged.append(watch)

    try:
        await asyncio.to_thread(server.start)
        tasks = [asyncio.create_task(load()) for _ in range(20)]
        await until(lambda: len(acknowledged) > 200, 60)
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
        seen = [len(watch.notifies) for watch in acknowledged]
        await asyncio.to_thread(server.start)
        await until(
            lambda: all(len(watch.notifies) > count for watch, count in zip(acknowledged, seen, strict=True)),
            60,
            lambda: (
                f"{sum(len(w.notifies) <= n for w, n in zip(acknowledged, seen, strict=True))} of "
                f"{len(acknowledged)} were lost"
            ),
        )
        for watch in acknowledged:
            numbers = [one.cseq.number for one in watch.notifies]
            assert sorted(numbers) == numbers
            assert watch.state == "active"
    finally:
        phone.close()
        server.__exit__(None, None, None)
