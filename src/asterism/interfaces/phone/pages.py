"""The files of the page, kept in memory, and the answers that hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest, StreamResponse

HEADERS: Mapping[str, str] = {
    # Nothing but this server's own files runs, nothing may be written into the page, nobody may put it into a frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(self), speaker-selection=(self), geolocation=(), payment=()",
    # Kept, but asked for each time: after an update of the server nobody runs half of the old page.
    "Cache-Control": "no-cache",
}

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served, by the end of its name; other files of the folder are not."""


@dataclass(frozen=True, slots=True)
class Page:
    """One file: what it holds, its media type, and its entity tag (RFC 9110 8.8.3)."""

    content: bytes
    kind: str
    etag: str


def make_page(content: bytes, kind: str) -> Page:
    """A file with its entity tag."""
    return Page(content, kind, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def load_pages() -> dict[str, Page]:
    """Every file of the page by its path, ``index.html`` or ``vendor/jssip.js``.

    A request is looked up in this table and never becomes the name of a file, so none leads out of the folder.
    """
    return dict(_below(files("asterism.interfaces.phone") / "page", ""))


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Page]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{prefix}{each.name}/")
            continue
        kind = _KINDS.get(PurePosixPath(each.name).suffix)
        if kind is not None:
            yield f"{prefix}{each.name}", make_page(each.read_bytes(), kind)


def answer(request: BaseRequest, page: Page | None) -> StreamResponse:
    """The answer to a request for ``page``, or that there is none."""
    from aiohttp import web

    if request.method not in ("GET", "HEAD"):
        return web.Response(status=405, headers={**HEADERS, "Allow": "GET, HEAD"}, text="Method Not Allowed\n")
    if page is None:
        return web.Response(status=404, headers=HEADERS, text="Not Found\n")
    headers = {**HEADERS, "ETag": page.etag}
    if _has(request.headers.get("If-None-Match", ""), page.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=page.content, headers={**headers, "Content-Type": page.kind})


def _has(wanted: str, etag: str) -> bool:
    """Whether If-None-Match names this entity (weakly, RFC 9110 13.1.2)."""
    tags = (tag.strip().removeprefix("W/") for tag in wanted.split(","))
    return any(tag in (etag, "*") for tag in tags)
