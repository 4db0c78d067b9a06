"""Routes of the one HTTP listener: modules register them, ``interfaces.http`` serves them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.core.registry import Registry

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest, StreamResponse

RouteHandler = Callable[["BaseRequest"], "Awaitable[StreamResponse]"]
"""Serves one request, as an aiohttp handler does."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path and what serves it.

    ``path`` begins with ``/`` and does not hold the listener's prefix. One that ends in ``/...`` takes everything
    below it. ``title`` is what ``http show status`` says about it.
    """

    path: str
    run: RouteHandler
    title: str = ""


def find_route(routes: Registry[Route], path: str) -> Route | None:
    """The route for a path: the exact one, else the longest ``/...`` above it."""
    found = routes.get(path)
    while found is None and path:
        found = routes.get(f"{path}/...")
        path = path.rpartition("/")[0]
    return found if found is not None else routes.get("/...")
