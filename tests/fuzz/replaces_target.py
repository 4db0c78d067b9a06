"""Replaces: as a header of an INVITE, and escaped in the URI of a Refer-To (RFC 3891, RFC 3515)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from asterism.applications.session.replaces import find, read
from asterism.sip.dialogs import DialogTable
from asterism.sip.works import Work
from asterism.stack.errors import ParseError
from asterism.stack.headers import ReferTo, Replaces
from asterism.stack.message import Request
from asterism.stack.uri import Uri

SEEDS = (
    b"a@b;to-tag=1;from-tag=2",
    b"a@b;from-tag=2;to-tag=1;early-only",
    b"a@b;to-tag=1;from-tag=0",
    b"a@b ; to-tag = 1 ; from-tag=\"2\"",
    b"a@b;to-tag=1;to-tag=1;from-tag=2",
    b"a@b;to-tag=1;from-tag=2,a@b;to-tag=1;from-tag=2",
    b"a%00\x00@b;to-tag=%31;from-tag=2",
    b"a@b;to-tag=1;from-tag=2&Replaces=c",
    b"a" * 60_000 + b";to-tag=1;from-tag=2",
    b"a@b;to-tag=1" + b";x" * 20_000 + b";from-tag=2",
)  # fmt: skip


def replaces(data: bytes) -> None:
    """Both forms say the same; of the one dialog there is, only its own identifier finds something."""
    text = data.decode("utf-8", "surrogateescape")
    plain = _plain(text)
    escaped = quote(text.encode("utf-8", "surrogateescape"), safe="")
    try:
        refer_to = ReferTo.parse(f"<sip:a@b?Replaces={escaped}>").replaces
    except ParseError:
        refer_to = None
    if plain is None or set(map(chr, range(32))) & set(text):
        return
    assert refer_to == plain
    assert Replaces.parse(str(plain)) == plain
    usage: Any = SimpleNamespace()
    dialog: Any = SimpleNamespace(id=("a@b", "1", "2"))
    table = DialogTable()
    table.add(dialog, usage, _no_work())
    core: Any = SimpleNamespace(dialogs=table)
    assert find(core, plain) is None  # its usage is no call
    found = table.get(plain.call_id, plain.to_tag, plain.from_tag)
    assert (found is not None) is ((plain.call_id, plain.to_tag, plain.from_tag) == dialog.id)


def _plain(text: str) -> Replaces | None:
    request = Request("INVITE", Uri.parse("sip:a@b"))
    if set("\r\n\0") & set(text):
        return None
    request.headers.append(("Replaces", text))
    try:
        found = read(request)
    except ParseError:
        return None
    assert found is not None
    assert found.call_id
    assert found.to_tag
    assert found.from_tag
    return found


def _no_work() -> Work:
    work: Any = SimpleNamespace()
    return work
