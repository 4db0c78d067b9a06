"""Lists of resources on the wire (RFC 4662 5): RLMI, and the parts that it points to as ``multipart/related``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from asterism.applications.pubsub.bodies.xml import Document, any_uri, escape

RLMI = "application/rlmi+xml"
_LETTERS = bytes(b"abcdefghijklmnopqrstuvwxyz"[byte % 26] for byte in range(256))


class Part(NamedTuple):
    """One body within a multipart; ``cid`` without angle brackets."""

    cid: str
    content_type: str
    body: bytes


class Instance(NamedTuple):
    """State of one resource of a list (RFC 4662 5.5); ``cid`` is empty if no body part belongs to it."""

    uri: str
    name: str
    id: str
    state: str
    reason: str = ""
    cid: str = ""


class Words:
    """Short names that are made up for one NOTIFY, none of them twice.

    Args:
        random: gives so many random bytes.
    """

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._used: set[str] = set()

    def new(self) -> str:
        """Five letters."""
        while True:
            word = self._random(5).translate(_LETTERS).decode()
            if word not in self._used:
                self._used.add(word)
                return word

    def boundary(self, parts: Collection[Part]) -> str:
        """A word that no part can be taken to end at (RFC 2046 5.1.1)."""
        while True:
            word = self.new()
            mark = f"--{word}".encode()
            if not [part for part in parts if mark in part.body]:
                return word


def list_document(
    uri: str, name: str, version: int, full: bool, instances: Iterable[Instance], strict: bool = False
) -> bytes:
    """The RLMI document of one list; ``strict``: as its schema has it, whatever the URIs are."""
    written = any_uri if strict else escape
    children = [f" <name>{escape(name)}</name>"]
    for one in instances:
        reason = f' reason="{escape(one.reason)}"' if one.reason else ""
        cid = f' cid="{escape(one.cid)}"' if one.cid else ""
        children += (
            f' <resource uri="{written(one.uri)}">',
            f"  <name>{escape(one.name)}</name>",
            f'  <instance id="{escape(one.id)}" state="{one.state}"{reason}{cid} />',
            " </resource>",
        )
    words = "true" if full else "false"
    root = f'list xmlns="urn:ietf:params:xml:ns:rlmi" uri="{written(uri)}" version="{version}" fullState="{words}"'
    return str(Document(root, children)).encode("utf-8", "surrogateescape")


def multipart(parts: list[Part], words: Words, start: bool = False) -> tuple[bytes, str]:
    """The body that holds ``parts``, RLMI first, and its Content-Type; ``start`` names the first (RFC 2387 3.2)."""
    boundary = words.boundary(parts)
    pieces: list[bytes] = []
    for part in parts:
        pieces.append(
            f"\r\n--{boundary}\r\nContent-ID: <{part.cid}>\r\nContent-Type: {part.content_type}\r\n"
            f"Content-Length: {len(part.body):5d}\r\n\r\n".encode()
        )
        pieces.append(part.body)
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    first = f'start="<{parts[0].cid}>";' if start else ""
    return b"".join(pieces), f'multipart/related;type="{RLMI}";{first}boundary={boundary}'
