"""Interface of the drivers of SIP calls, for applications that do not know sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class SendsInDialog(Protocol):
    """A channel's driver that has a SIP dialog."""

    def send_in_dialog(self, method: str, headers: Sequence[tuple[str, str]], body: bytes, content_type: str) -> bool:
        """Send a request and ignore its outcome; ``False``: there is no dialog to send it in."""
