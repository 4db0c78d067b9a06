"""Calls that replace another one (RFC 3891): which dialog a Replaces names, who may replace it, and what happens then.

A Replaces header names a dialog as its receiver sees it: ``to-tag`` is the receiver's own tag, ``from-tag`` its peer's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asterism.applications.session.branches import Branch
from asterism.applications.session.session import Session
from asterism.applications.session.state import SessionState
from asterism.applications.session.uac import OutgoingSession
from asterism.pbx.calls.substitution import answer_for, may_answer_for, may_be_replaced, take_place
from asterism.sip.identification import STRANGERS
from asterism.stack.errors import ParseError
from asterism.stack.headers import Replaces

if TYPE_CHECKING:
    from asterism.applications.session.registry import Sessions
    from asterism.applications.session.uas import IncomingSession
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request

NO_TAG = "0"
"""What stands for the tag that a peer of RFC 2543 does not have."""


class Refusal(NamedTuple):
    """Why a dialog is not replaced: the status to answer and the reason in words."""

    status: int
    reason: str


def read(request: Request) -> Replaces | None:
    """The Replaces of an INVITE, ``None`` if it has none.

    Raises:
        ParseError: it is malformed, or there are several (RFC 3891 3: 400).
    """
    values = request.get_all("Replaces")
    if not values:
        return None
    if len(values) > 1:
        raise ParseError("more than one Replaces")
    return Replaces.parse(values[0])


def find(core: SipCore, replaces: Replaces) -> Session | None:
    """The session whose dialog a Replaces names, in whatever state it is; ``None``: no call of this server."""
    call_id, ours, theirs = replaces.call_id, replaces.to_tag, replaces.from_tag
    found = core.dialogs.get(call_id, ours, theirs)
    if found is None and theirs == NO_TAG:
        found = core.dialogs.get(call_id, ours, "")
    if found is None:
        return None
    for usage in found.usages:
        if isinstance(usage, Session):
            return usage
        if isinstance(usage, Branch):
            return usage.session
    return None


def replaced_by(core: SipCore, registry: Sessions, replaces: Replaces) -> Session | Refusal:
    """The session that an INVITE with this Replaces takes the place of, or why there is none (RFC 3891 3)."""
    session = find(core, replaces)
    if session is None:
        if hash((replaces.call_id, replaces.to_tag, replaces.from_tag)) in registry.ended:
            return Refusal(603, "the dialog to be replaced is over")
        return Refusal(481, "there is no such dialog to be replaced")
    channel = session.channel
    if session.state is SessionState.ENDED or session.bye_pending or channel is None or not channel.alive:
        return Refusal(603, "the dialog to be replaced is over")
    if session.confirmed:
        if replaces.early_only:
            return Refusal(486, "the dialog is answered and may only be replaced before (early-only)")
        if not may_be_replaced(channel):
            return Refusal(603, f"{channel.name} is in no answered call")
        return session
    if not isinstance(session, OutgoingSession) or not may_answer_for(channel):
        return Refusal(481, "the dialog to be replaced is a call that its peer has begun, and not answered")
    return session


def forbidden(rx: Rx) -> Refusal | None:
    """Why the sender of an INVITE may replace nobody, ``None`` if it may."""
    endpoint = rx.endpoint
    assert endpoint is not None
    if not endpoint.allow_transfer:
        return Refusal(603, "allow_transfer=no")
    allowed = endpoint.allow_replaces
    if allowed == "no":
        return Refusal(603, "allow_replaces=no")
    if allowed == "authenticated" and not (rx.auth or rx.identified_by == "ip"):
        return Refusal(603, "allow_replaces=authenticated, and it has not authenticated itself")
    if allowed == "identified" and rx.identified_by in STRANGERS:
        return Refusal(603, "strangers replace nobody (allow_replaces)")
    return None


def begin(session: IncomingSession, channel: Channel, found: Session | Refusal) -> None:
    """Have a call that has just come in replace another one, or refuse it."""
    if isinstance(found, Refusal):
        session.final_status = found.status
        channel.hang_up()
        return
    replaced = found.channel
    assert replaced is not None
    if found.confirmed:
        take_place(channel, replaced)
    else:
        answer_for(channel, replaced)
