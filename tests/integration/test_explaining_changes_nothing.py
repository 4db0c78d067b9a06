"""``sip explain`` on a whole server: every step and service is explainable, and no table or counter changes."""

from __future__ import annotations

import gc
from collections import deque
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pytest

from asterism.command import main as _main  # noqa: F401 - the whole program is imported, as when it runs
from asterism.core.commands import CommandCall
from asterism.core.errors import CommandError, UsageError
from asterism.server.server import Server
from asterism.sip.explain import DescribedFlow
from asterism.testing import Phone, running_server

PJSIP = """
[phone](!)
type=endpoint
context=phones
allow=!all,ulaw
[101](phone)
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
[trunk](phone)
aors=trunk
[trunk]
type=aor
max_contacts=1
[trunk]
type=identify
endpoint=trunk
match=192.0.2.0/24
[frank](phone)
deny=0.0.0.0/0
permit=198.51.100.0/24
auth=101
aors=101
[closed]
type=acl
deny=203.0.113.0/24
"""
EXTENSIONS = "[phones]\nexten => 600,1,Answer()\n same => n,Echo()\n"
BODY = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
)
_ATOMS = (str, bytes, int, float, bool, type(None), type, FunctionType, MethodType, ModuleType)
_CACHES = ("by_source", "_permanent", "_profiles", "_cache", "by_method", "_objects")
"""Attributes that only remember what follows from the configuration."""


def snapshot(server: Server) -> dict[str, object]:
    """The size of every table and the value of every number that can be reached from the SIP core and the modules."""
    roots = [server.sip, server.security, server.data, server.pbx, server.modules]
    seen: dict[int, object] = {}
    found: dict[str, object] = {}
    pending: deque[tuple[str, Any]] = deque((f"{type(root).__name__}{index}", root) for index, root in enumerate(roots))
    while pending:
        path, item = pending.popleft()
        if isinstance(item, bool | int | float):
            found[path] = item
            continue
        if (
            isinstance(item, _ATOMS)
            or id(item) in seen
            or not type(item).__module__.startswith(("asterism", "builtins", "collections"))
        ):
            continue
        seen[id(item)] = item
        if isinstance(item, dict):
            found[f"{path}:len"] = len(item)
            pending.extend((f"{path}[{key!r:.40}]", value) for key, value in list(item.items())[:200])
        elif isinstance(item, list | tuple | set | frozenset | deque):
            found[f"{path}:len"] = len(item)
            pending.extend((f"{path}[{index}]", value) for index, value in enumerate(list(item)[:200]))
        else:
            names = [*getattr(item, "__dict__", ())]
            for cls in type(item).__mro__:
                slots = cls.__dict__.get("__slots__", ())
                names += [slots] if isinstance(slots, str) else list(slots)
            for name in names:
                if name not in _CACHES and name not in ("__weakref__", "__dict__") and hasattr(item, name):
                    pending.append((f"{path}.{name}", getattr(item, name)))
    return found


def request(method: str, uri: str, user: str, *headers: str, body: str = "", source: str = "192.0.2.7") -> str:
    lines = [
        f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bKx;rport", "Max-Forwards: 70",
        f"From: <sip:{user}@pbx>;tag=f", f"To: <{uri if method != 'REGISTER' else f'sip:{user}@pbx'}>", "Call-ID: c",
        f"CSeq: 1 {method}", *headers, f"Content-Length: {len(body)}",
    ]  # fmt: skip
    return "\r\n".join(lines) + "\r\n\r\n" + body


CONTACT = "Contact: <sip:x@192.0.2.7>"
SDP = "Content-Type: application/sdp"
OWN = "198.51.100.9"
REQUESTS = [
    (request("REGISTER", "sip:pbx", "101", CONTACT, source=OWN), OWN, 401, "registrar"),
    (request("REGISTER", "sip:pbx", "trunk", CONTACT), "192.0.2.7", 200, "registrar"),
    (request("REGISTER", "sip:pbx", "trunk", "Contact: *"), "192.0.2.7", 400, "registrar"),
    (request("INVITE", "sip:600@pbx", "x", CONTACT, SDP, body=BODY), "192.0.2.7", 0, "session"),
    (request("INVITE", "sip:999@pbx", "x", CONTACT, SDP, body=BODY), "192.0.2.7", 404, "session"),
    (request("INVITE", "sip:600@pbx", "ghost", CONTACT, source=OWN), OWN, 401, ""),
    (request("OPTIONS", "sip:pbx", "x"), "192.0.2.7", 200, "options"),
    (request("OPTIONS", "sip:pbx", "frank", source="192.88.99.1"), "192.88.99.1", 401, ""),
    (request("MESSAGE", "sip:pbx", "101", source="203.0.113.4"), "203.0.113.4", 403, ""),
    (request("BYE", "sip:pbx", "x"), "192.0.2.7", 481, ""),
    (request("PUBLISH", "sip:pbx", "x"), "192.0.2.7", 404, "publication"),
    (request("OPTIONS", "mailto:x@pbx", "x"), "192.0.2.7", 416, ""),
]


async def console(server: Server, *words: str) -> str:
    command = server.commands.get("sip explain")
    assert command is not None
    return str(await command.run(CommandCall(list(words), lambda text: None)))  # type: ignore[misc]


async def test_everything_is_explainable_and_nothing_changes() -> None:
    async with (
        running_server({"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}) as server,
        Phone("101", server, "secret") as phone,
    ):
        await phone.register()
        assert len(server.sip.steps) >= 6
        assert all(step.explainable for step in server.sip.steps)
        assert all(service.explainable for service in server.sip.services)
        # The first round fills what only remembers the configuration.
        for text, source, _, _ in REQUESTS:
            await server.sip.explain(text, DescribedFlow("UDP", ("127.0.0.1", 5060), (source, 5060)))
        gc.collect()
        published: list[object] = []
        server.bus.subscribe(server.owner, None, lambda kind, _args: published.append(kind))
        before = snapshot(server)
        assert len(before) > 500
        for text, source, status, service in REQUESTS:
            told = await server.sip.explain(text, DescribedFlow("UDP", ("127.0.0.1", 5060), (source, 5060)))
            assert (told.status, told.taken_by) == (status, service), (text, str(told))
        after = snapshot(server)
        changed = {
            key: (before.get(key), after.get(key))
            for key in before.keys() | after.keys()
            if before.get(key) != after.get(key)
        }
        assert not changed
        assert not published


async def test_the_console_explains(tmp_path: Path) -> None:
    async with running_server({"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}) as server:
        told = await console(server, "INVITE", "sip:600@pbx", "from", "sip:101@pbx", "source", "198.51.100.9")
        assert "endpoint                 101, identified by username" in told
        assert "challenge 401: no credentials were given" in told
        assert "with the right credentials:" in told
        assert "extension 600 in context phones" in told
        told = await console(server, "INVITE", "sip:999@pbx", "from", "sip:x@pbx", "source", "192.0.2.1:5070")
        assert "trunk, identified by ip" in told
        assert "no extension 999 in context phones" in told
        assert ".conf:" in told
        lines = REQUESTS[1][0].strip().split("\r\n")
        assert "the bindings are updated" in await console(server, "message", *lines)
        path = tmp_path / "message.txt"
        path.write_text(REQUESTS[2][0].replace("\r\n", "\n"))
        assert "Contact * needs Expires: 0" in await console(server, "file", str(path))
        assert "203.0.113.4 is denied" in await console(server, "file", str(path), "source", "203.0.113.4")
        for words in (["INVITE"], ["INVITE", "sip:x", "to", "sip:y"], []):
            with pytest.raises(UsageError):
                await console(server, *words)
        for words in (
            ["message", "no request"],
            ["message", "SIP/2.0 200 OK", *lines[1:]],
            ["file", str(tmp_path / "none")],
            ["OPTIONS", "sip:pbx", "from", "sip:x@pbx", "source", "1.2.3.4:port"],
        ):
            with pytest.raises(CommandError):
                await console(server, *words)
