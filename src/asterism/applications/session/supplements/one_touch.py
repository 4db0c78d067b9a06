"""A phone's button for recording: INFO with ``Record: on`` or ``Record: off``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module
from asterism.pbx.calls.recording.onetouch import record_by_feature

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.rx import Rx

_WISHES = {"on": True, "off": False}
_REASON = (("Reason", "Q.850;cause=16"),)
"""As Asterisk has it in this 403 (RFC 3326)."""


class OneTouchRecording(SessionSupplement):
    """Obeys ``Record`` in INFO requests of endpoints that may (``one_touch_recording``)."""

    name = "one_touch_recording"
    priority = 400
    methods = frozenset(("INFO",))

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Answer 200 when the call is recorded as wanted, 403 where it may not or cannot be, 400 to another word."""
        value = rx.request.get("Record")
        if value is None:
            return False
        endpoint, channel = session.endpoint, session.channel
        wanted = _WISHES.get(value.strip().lower())
        if endpoint.one_touch_recording and wanted is None:
            rx.respond(400)
            return True
        feature = endpoint.record_on_feature if wanted else endpoint.record_off_feature
        if (
            endpoint.one_touch_recording
            and channel is not None
            and wanted is not None
            and record_by_feature(channel, feature, wanted)
        ):
            rx.respond(200)
        else:
            rx.respond(403, headers=() if endpoint.suppress_q850_reason_headers else _REASON)
        return True


class OneTouchRecordingModule(Module):
    """Registers :class:`OneTouchRecording`."""

    name = "session_one_touch_record_info"
    aliases = ("res_pjsip_one_touch_record_info",)
    requires = ("session",)
    description = "Recording by SIP INFO requests"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(OneTouchRecording())
