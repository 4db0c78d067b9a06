"""Calls of SDP handlers and of their streams: what they raise is logged, and a call goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.core.containment import FAILURES, report_failure
from asterism.stack.sdp import MediaDescription

if TYPE_CHECKING:
    from asterism.applications.session.sdp_handler import MediaStream, SdpHandler
    from asterism.applications.session.session import Session


def ask(session: Session, handler: SdpHandler, method: str, default: Any, *args: object) -> Any:
    """Call a method of a handler; ``default`` where it raises, which is to refuse."""
    try:
        return getattr(handler, method)(session, *args)
    except FAILURES:
        report_failure(session.core.log, f"{method} of SDP handler '{handler.name}'")
        return default


def reoffer(session: Session, stream: MediaStream) -> MediaDescription:
    """The section of an open stream; a disabled one when its handler fails."""
    found: MediaDescription | None = ask(session, stream.handler, "reoffer", None, stream)
    return MediaDescription(media=stream.handler.media, formats=["0"]) if found is None else found


def close(session: Session, stream: MediaStream) -> None:
    """Close a stream."""
    try:
        stream.close()
    except FAILURES:
        report_failure(session.core.log, f"close of a stream of SDP handler '{stream.handler.name}'")


def tell_changed(session: Session) -> None:
    """Tell the channel, if there is one, that its streams are others."""
    if session.channel is not None:
        session.channel.streams_changed()
