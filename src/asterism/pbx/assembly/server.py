"""The server as modules of the PBX layer see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.media.server import MediaServer

if TYPE_CHECKING:
    from asterism.pbx.assembly.pbx import Pbx


class PbxServer(MediaServer, Protocol):
    """A server with media and the PBX."""

    pbx: Pbx
