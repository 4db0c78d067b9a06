"""Base class of modules that bring dialplan applications or functions."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from asterism.core.module import Module
from asterism.pbx.vocabulary.marks import register_marked

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host, HostServer


class PbxModule(Module):
    """A module whose ``load`` registers everything that decorators marked on its methods.

    That is applications and functions (``pbx.vocabulary.marks``) as well as commands and actions (``core.commands``).
    """

    pbx: Host

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register what is marked."""
        self.pbx = server.pbx
        server.register_marked(self)
        register_marked(server.pbx, self)
        return None
