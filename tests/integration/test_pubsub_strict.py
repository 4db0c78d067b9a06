"""``strict_bodies``: what goes out is what the RFCs' schemas accept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from call_kit import CONFIG, World, two_phones
from lxml import etree

from asterism.interfaces.console.runner import CommandRunner
from asterism.stack.message import Request

SCHEMAS = Path(__file__).resolve().parents[1] / "data/schemas"
LISTS = """
[team]
type=resource_list
event=presence
list_item=102,inner,104

[inner]
type=resource_list
event=presence
list_item=103
"""
PJSIP = CONFIG["pjsip.conf"].replace("context=phones\n", "context=phones\nsubscribe_context=hints\nstrict_bodies=yes\n")
HINTS = """
[hints]
exten => 102,hint,PJSIP/102
exten => 103,hint,Custom:three,,Three & Co
exten => 104,hint,Custom:four,CustomPresence:four
"""
RLMI = "{urn:ietf:params:xml:ns:rlmi}"


@asynccontextmanager
async def world(pjsip: str = PJSIP) -> AsyncIterator[World]:
    config = {**CONFIG, "pjsip.conf": pjsip + LISTS, "extensions.conf": CONFIG["extensions.conf"] + HINTS}
    async with two_phones(config) as found:
        yield found
        for watch in found.ann.subscriptions.values():
            if watch.state == "active":
                await watch.end()


async def state(world: World, name: str, value: str) -> None:
    assert await CommandRunner(world.server).run(f"devstate change Custom:{name} {value}", lambda _text: None) == 0


def checked(body: bytes, content_type: str) -> Any:
    """A body, which its schema accepts."""
    name = {"application/pidf+xml": "pidf", "application/cpim-pidf+xml": "pidf", "application/rlmi+xml": "rlmi"}
    schema = etree.XMLSchema(etree.parse(SCHEMAS / f"{name.get(content_type, 'dialog-info')}.xsd"))
    root = etree.fromstring(body)
    assert schema.validate(root), (schema.error_log, body)
    return root


@pytest.mark.parametrize(
    ("event", "kind"),
    [("presence", "pidf"), ("presence", "cpim-pidf"), ("dialog", "dialog-info")],
)
async def test_strict_bodies_of_a_call(event: str, kind: str) -> None:
    async with world() as found:
        watch = await found.ann.subscribe("102", event, f"application/{kind}+xml")
        checked((await watch.next()).body, f"application/{kind}+xml")
        call = await found.ann.dial("102")
        incoming = await found.bob.incoming()
        incoming.ring()
        root = checked((await watch.next()).body, f"application/{kind}+xml")
        if kind == "dialog-info":
            assert [child.tag.rpartition("}")[2] for child in root[0]] == ["state", "local", "remote"]
        incoming.answer()
        await call.answered()
        checked((await watch.next()).body, f"application/{kind}+xml")
        await call.hangup()


async def test_strict_presence_for_digium_s_phones() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("104", "presence", User_Agent="Digium D50")
        root = checked((await watch.next()).body, "application/pidf+xml")
        assert [child.get("id") for child in root] == ["e-104", "digium-presence", None, "person"]


def read_list(notify: Request) -> tuple[Any, list[Message]]:
    """RLMI and what it points to, having looked that all of it is as it should be."""
    value = notify.get("Content-Type")
    return _read(message_from_bytes(f"Content-Type: {value}\r\n\r\n".encode() + notify.body))


def _read(found: Message) -> tuple[Any, list[Message]]:
    parts = found.get_payload()
    assert isinstance(parts, list)
    first, *others = [part for part in parts if isinstance(part, Message)]
    assert len(others) == len(parts) - 1
    assert found.get_param("start") == first.get("Content-ID")
    root = checked(first.get_payload(decode=True), "application/rlmi+xml")  # type: ignore[arg-type]
    cids = [f"<{one.get('cid')}>" for one in root.iter(f"{RLMI}instance")]
    assert cids == [part.get("Content-ID") for part in others]
    for part in others:
        if part.is_multipart():
            _read(part)
        else:
            checked(part.get_payload(decode=True), part.get_content_type())  # type: ignore[arg-type]
    return root, others


def ids(root: Any) -> dict[str, str]:
    return {one.get("uri").partition("@")[0]: one[1].get("id") for one in root.iter(f"{RLMI}resource")}


async def test_strict_lists_keep_the_ids_of_instances() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("team", "presence", Supported="eventlist")
        root, _ = read_list(await watch.next())
        first = ids(root)
        assert len(set(first.values())) == 3
        for name, value in (("four", "INUSE"), ("three", "RINGING"), ("four", "NOT_INUSE")):
            await state(found, name, value)
            root, _ = read_list(await watch.next())
            assert ids(root).items() <= first.items()
            assert root.get("fullState") == "false"
        await watch.renew()
        root, _ = read_list(await watch.next())
        assert ids(root) == first


async def test_the_dialog_of_a_call_that_can_be_picked_up() -> None:
    """Its ids are those of the dialog with the phone that rings, as that phone has them (RFC 4235 4.1.2)."""
    async with world(PJSIP.replace("strict_bodies=yes", "strict_bodies=yes\nnotify_dialog_ids=yes")) as found:
        watch = await found.ann.subscribe("102", "dialog")
        first = checked((await watch.next()).body, "")
        assert set(first[0].attrib) == {"id"}
        call = await found.ann.dial("102")
        incoming = await found.bob.incoming()
        incoming.ring()
        dialog = checked((await watch.next()).body, "")[0]
        invite = incoming.request
        assert dialog.get("call-id") == invite.call_id
        assert dialog.get("remote-tag") == invite.from_.tag
        assert incoming.dialog is not None
        assert dialog.get("local-tag") == incoming.dialog.local_tag
        assert dialog.get("direction") == "recipient"
        # What an INVITE with Replaces says finds that dialog here (RFC 3891 3).
        ids = [dialog.get(name) for name in ("call-id", "remote-tag", "local-tag")]
        assert found.server.sip.dialogs.get(*ids) is not None
        incoming.answer()
        await call.answered()
        assert set(checked((await watch.next()).body, "")[0].attrib) == {"id"}
        await call.hangup()


async def test_without_the_option_dialog_info_names_no_dialog() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("102", "dialog")
        await watch.next()
        call = await found.ann.dial("102")
        incoming = await found.bob.incoming()
        incoming.ring()
        assert set(checked((await watch.next()).body, "")[0].attrib) == {"id", "direction"}
        incoming.answer()
        await call.answered()
        await call.hangup()
