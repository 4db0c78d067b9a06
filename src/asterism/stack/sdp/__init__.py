"""Session descriptions: the model (RFC 8866) and the rules of offer and answer (RFC 3264)."""

from __future__ import annotations

from asterism.stack.sdp.model import Connection, Direction, MediaDescription, Origin, RtpMap, SessionDescription
from asterism.stack.sdp.offer_answer import (
    CommonFormat,
    answer_direction,
    answer_media,
    check_answer,
    check_new_offer,
    common_formats,
    next_version,
    reject,
    unchanged,
)

__all__ = [
    "CommonFormat",
    "Connection",
    "Direction",
    "MediaDescription",
    "Origin",
    "RtpMap",
    "SessionDescription",
    "answer_direction",
    "answer_media",
    "check_answer",
    "check_new_offer",
    "common_formats",
    "next_version",
    "reject",
    "unchanged",
]
