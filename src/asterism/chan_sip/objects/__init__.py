"""The typed objects of ``sip.conf``: what was written, before it is translated."""

from __future__ import annotations

from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import SipPeer

__all__ = ["SipGeneral", "SipPeer"]
