"""The server as modules of the PBX layer see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.core.module import CoreServer

if TYPE_CHECKING:
    from asterism.media.core import Media
    from asterism.pbx.core import Pbx


class PbxServer(CoreServer, Protocol):
    """A core server with media and the PBX."""

    media: Media
    pbx: Pbx
