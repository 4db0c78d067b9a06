"""Rules of a peer's options that say who it is for others, and who others are for it."""

from __future__ import annotations

from asterism.chan_sip.translation.rules import Draft, Rule, same
from asterism.sip.objects.kinds import CallerId


def caller_id(draft: Draft) -> CallerId:
    """The caller ID of a peer: ``callerid``, with what ``fullname``, ``cid_number`` and ``trunkname`` say of it."""
    peer = draft.peer
    name = "" if peer.trunkname else peer.fullname or peer.callerid.name
    return CallerId(name, peer.cid_number or peer.callerid.number)


def _callerid(draft: Draft) -> None:
    found = caller_id(draft)
    if found.name or found.number:
        name = found.name.replace("\\", "\\\\").replace('"', '\\"')
        draft.endpoint("callerid", f'"{name}" <{found.number}>' if name else f"<{found.number}>")


def _sendrpid(draft: Draft) -> None:
    mode = draft.peer.sendrpid
    draft.endpoint("send_rpid", "yes" if mode in ("yes", "rpid") else "no")
    draft.endpoint("send_pai", "yes" if mode == "pai" else "no")


def _rpid_update(draft: Draft) -> None:
    draft.endpoint("connected_line_method", "update" if draft.peer.rpid_update else "invite")


def _trust_id_outbound(draft: Draft) -> None:
    draft.endpoint("trust_id_outbound", "yes" if draft.peer.trust_id_outbound == "yes" else "no")


RULES = (
    Rule("callerid", ("endpoint.callerid",), apply=_callerid),
    Rule("fullname", ("endpoint.callerid",)),
    Rule("cid_number", ("endpoint.callerid",)),
    Rule("trunkname", ("endpoint.callerid",)),
    same("callingpres", "endpoint.callerid_privacy"),
    same("cid_tag", "endpoint.callerid_tag"),
    same("fromuser", "endpoint.from_user"),
    same("fromdomain", "endpoint.from_domain"),
    same("trustrpid", "endpoint.trust_id_inbound"),
    Rule("sendrpid", ("endpoint.send_rpid", "endpoint.send_pai"), apply=_sendrpid),
    Rule("rpid_update", ("endpoint.connected_line_method",), apply=_rpid_update),
    same("rpid_immediate", "endpoint.rpid_immediate"),
    Rule("trust_id_outbound", ("endpoint.trust_id_outbound",), apply=_trust_id_outbound),
)
