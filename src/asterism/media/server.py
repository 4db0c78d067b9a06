"""The server as modules of the media layer see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.core.module import CoreServer

if TYPE_CHECKING:
    from asterism.media.core import Media


class MediaServer(CoreServer, Protocol):
    """A core server with media."""

    media: Media
