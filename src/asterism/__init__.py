"""Asterism: a SIP server and PBX core whose calls are plain ``async def`` functions.

``Server`` assembles everything; ``Channel`` is one party's leg of a call. Importing this package
is cheap: names are resolved on first use (PEP 562), so ``asterism -rx`` starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.version import __version__

if TYPE_CHECKING:
    from asterism.pbx.assembly.channel import Channel
    from asterism.server.server import Server

__all__ = ["Channel", "Server", "__version__"]

_LAZY = {"Server": "asterism.server.server", "Channel": "asterism.pbx.assembly.channel"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'asterism' has no attribute '{name}'")
