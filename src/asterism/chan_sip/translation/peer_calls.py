"""Rules of a peer's options for its calls: the dialplan, groups, transfers, mailboxes."""

from __future__ import annotations

from asterism.chan_sip.translation.rules import Draft, Rule, here, same

REMOTE = "SIP_Remote"
"""The context of mailboxes whose state other servers tell."""


def _allowoverlap(draft: Draft) -> None:
    mode = draft.peer.allowoverlap
    draft.endpoint("allow_overlap", "yes" if mode == "yes" else "no")
    draft.endpoint("overlap_by_tones", "yes" if mode == "dtmf" else "no")


def _record(draft: Draft) -> None:
    peer = draft.peer
    if peer.recordonfeature or peer.recordofffeature:
        draft.endpoint("one_touch_recording", "yes")
    draft.endpoint("record_on_feature", peer.recordonfeature)


def _recordoff(draft: Draft) -> None:
    draft.endpoint("record_off_feature", draft.peer.recordofffeature)


def _parkinglot(draft: Draft) -> None:
    if draft.peer.parkinglot:
        draft.endpoint("set_var", f"CHANNEL(parkinglot)={draft.peer.parkinglot}")


def _mohinterpret(draft: Draft) -> None:
    if draft.peer.mohinterpret not in ("", "default"):
        draft.endpoint("set_var", f"CHANNEL(musicclass)={draft.peer.mohinterpret}")


def _amaflags(draft: Draft) -> None:
    if draft.peer.amaflags != "default":
        draft.endpoint("set_var", f"CHANNEL(amaflags)={draft.peer.amaflags.upper()}")


def _setvar(draft: Draft) -> None:
    for name, value in draft.peer.setvar:
        draft.endpoint("set_var", f"{name}={value}")


def _description(draft: Draft) -> None:
    if draft.peer.description:
        draft.endpoint("@description", draft.peer.description)


def _busylevel(draft: Draft) -> None:
    peer = draft.peer
    draft.endpoint("device_state_busy_at", str(peer.busylevel or peer.call_limit))


def _use_q850_reason(draft: Draft) -> None:
    draft.endpoint("suppress_q850_reason_headers", "no" if draft.peer.use_q850_reason else "yes")


def _progressinband(draft: Draft) -> None:
    draft.endpoint("inband_progress", "yes" if draft.peer.progressinband == "yes" else "no")


def _prematuremedia(draft: Draft) -> None:
    draft.endpoint("progress_on_audio", "no" if draft.peer.prematuremedia else "yes")


def _promiscredir(draft: Draft) -> None:
    draft.endpoint("redirect_method", "uri_core" if draft.peer.promiscredir else "user")


def _mailbox(draft: Draft) -> None:
    peer = draft.peer
    if peer.mailbox:
        if peer.subscribemwi and peer.is_peer:
            draft.aor("mailboxes", ",".join(peer.mailbox))
        elif not peer.subscribemwi:
            draft.endpoint("mailboxes", ",".join(peer.mailbox))
            draft.endpoint("mwi_subscribe_replaces_unsolicited", "yes")
            draft.aor("mailboxes", ",".join(peer.mailbox))


def _vmexten(draft: Draft) -> None:
    draft.endpoint("voicemail_extension", draft.peer.vmexten)


def _unsolicited_mailbox(draft: Draft) -> None:
    if draft.peer.unsolicited_mailbox:
        draft.endpoint("incoming_mwi_mailbox", f"{draft.peer.unsolicited_mailbox}@{REMOTE}")


RULES = (
    *(
        Rule(
            option, ("system.timer_t1" if option == "timert1" else "system.timer_b",),
            "the timers are those of all endpoints: it counts in [general] alone", "untranslated",
            here="the timers of its own transactions",
        )
        for option in ("timert1", "timerb")
    ),
    same("context", "endpoint.context"),
    Rule("allowoverlap", ("endpoint.allow_overlap", "endpoint.overlap_by_tones"), apply=_allowoverlap),
    same("allowtransfer", "endpoint.allow_transfer"),
    same("usereqphone", "endpoint.user_eq_phone"),
    Rule("use_q850_reason", ("endpoint.suppress_q850_reason_headers",), apply=_use_q850_reason),
    Rule("promiscredir", ("endpoint.redirect_method",), apply=_promiscredir),
    Rule("recordonfeature", ("endpoint.one_touch_recording", "endpoint.record_on_feature"), apply=_record),
    Rule("recordofffeature", ("endpoint.record_off_feature",), apply=_recordoff),
    Rule("parkinglot", ("endpoint.set_var",), apply=_parkinglot),
    same("language", "endpoint.language"),
    same("tonezone", "endpoint.tone_zone"),
    Rule("mohinterpret", ("endpoint.set_var",), apply=_mohinterpret),
    same("mohsuggest", "endpoint.moh_suggest"),
    same("accountcode", "endpoint.accountcode"),
    Rule("amaflags", ("endpoint.set_var",), apply=_amaflags),
    Rule("setvar", ("endpoint.set_var",), apply=_setvar),
    Rule("description", ("endpoint.@description",), apply=_description),
    same("callgroup", "endpoint.call_group"),
    same("pickupgroup", "endpoint.pickup_group"),
    same("namedcallgroup", "endpoint.named_call_group"),
    same("namedpickupgroup", "endpoint.named_pickup_group"),
    here("callcounter", "calls count for the state of the device"),
    here("call-limit", "more calls are refused"),
    Rule("busylevel", ("endpoint.device_state_busy_at",), apply=_busylevel),
    same("outofcall_message_context", "endpoint.message_context"),
    same("snom_aoc_enabled", "endpoint.send_aoc"),
    Rule(
        "progressinband", ("endpoint.inband_progress",), "'no' and 'never' are the same: ringing is told by 180",
        "changed", _progressinband,
    ),
    Rule("prematuremedia", ("endpoint.progress_on_audio",), apply=_prematuremedia),
    same("useclientcode", "endpoint.client_codes"),
    same("disallowed_methods", "endpoint.disallowed_methods"),
    same("buggymwi", "endpoint.mwi_without_urgent"),
    same("allowsubscribe", "endpoint.allow_subscribe"),
    same("subscribecontext", "endpoint.subscribe_context"),
    Rule(
        "mailbox",
        ("endpoint.mailboxes", "aor.mailboxes", "endpoint.mwi_subscribe_replaces_unsolicited"),
        apply=_mailbox,
    ),
    Rule("subscribemwi", ("endpoint.mailboxes", "aor.mailboxes")),
    Rule("vmexten", ("endpoint.voicemail_extension",), apply=_vmexten),
    Rule("unsolicited_mailbox", ("endpoint.incoming_mwi_mailbox",), apply=_unsolicited_mailbox),
)  # fmt: skip
