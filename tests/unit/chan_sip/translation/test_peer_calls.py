"""Options of peers for calls, as options of endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from peer_kit import peer


@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        ("context=in", "context", "in"),
        ("allowoverlap=no", "allow_overlap", False),
        ("allowtransfer=no", "allow_transfer", False),
        ("usereqphone=yes", "user_eq_phone", True),
        ("use_q850_reason=yes", "suppress_q850_reason_headers", False),
        ("promiscredir=yes", "redirect_method", "uri_core"),
        ("recordonfeature=automixmon", "record_on_feature", "automixmon"),
        ("recordofffeature=other", "record_off_feature", "other"),
        ("parkinglot=lot", "set_var", (("CHANNEL(parkinglot)", "lot"),)),
        ("language=de", "language", "de"),
        ("tonezone=de", "tone_zone", "de"),
        ("mohinterpret=jazz", "set_var", (("CHANNEL(musicclass)", "jazz"),)),
        ("mohsuggest=jazz", "moh_suggest", "jazz"),
        ("callgroup=1,3-4", "call_group", (1, 3, 4)),
        ("pickupgroup=2", "pickup_group", (2,)),
        ("namedcallgroup=a,b", "named_call_group", ("a", "b")),
        ("namedpickupgroup=c", "named_pickup_group", ("c",)),
        ("outofcall_message_context=texts", "message_context", "texts"),
        ("snom_aoc_enabled=yes", "send_aoc", True),
        ("progressinband=yes", "inband_progress", True),
        ("allowoverlap=dtmf", "overlap_by_tones", True),
        ("prematuremedia=no", "progress_on_audio", True),
        ("disallowed_methods=UPDATE", "disallowed_methods", ("UPDATE",)),
        ("buggymwi=yes", "mwi_without_urgent", True),
        ("allowsubscribe=no", "allow_subscribe", False),
        ("subscribecontext=hints", "subscribe_context", "hints"),
        ("vmexten=*97", "voicemail_extension", "*97"),
    ],
)
def test_options_of_general_and_of_peers(line: str, attribute: str, value: Any) -> None:
    assert getattr(peer().endpoint, attribute) != value
    assert getattr(peer(line).endpoint, attribute) == value
    assert getattr(peer("", general=line).endpoint, attribute) == value


@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        ("accountcode=77", "accountcode", "77"),
        ("amaflags=billing", "set_var", (("CHANNEL(amaflags)", "BILLING"),)),
        ("setvar=A=1\nsetvar=B = 2=3", "set_var", (("A", "1"), ("B", "2=3"))),
        ("description=On the left", "fields", {"chan_sip": "x", "description": "On the left"}),
        ("useclientcode=yes", "client_codes", True),
        ("busylevel=2", "device_state_busy_at", 2),
        ("call-limit=3", "device_state_busy_at", 3),
        ("mailbox=1@a,2\nmailbox=2,3", "mailboxes", ("1@a", "2", "3")),
        ("unsolicited_mailbox=55", "incoming_mwi_mailbox", "55@SIP_Remote"),
    ],
)
def test_options_of_peers(line: str, attribute: str, value: Any) -> None:
    assert getattr(peer().endpoint, attribute) != value
    assert getattr(peer(line).endpoint, attribute) == value


def test_recording_by_info() -> None:
    endpoint = peer().endpoint
    assert (endpoint.one_touch_recording, endpoint.record_on_feature, endpoint.record_off_feature) == (
        True, "automon", "automon",
    )  # fmt: skip
    assert not peer("recordonfeature=\nrecordofffeature=").endpoint.one_touch_recording


def test_mailboxes_are_told_only_to_those_who_subscribe() -> None:
    found = peer("mailbox=1\nsubscribemwi=yes")
    assert found.aor is not None
    assert (found.endpoint.mailboxes, found.aor.mailboxes) == ((), ("1",))
    assert peer("mailbox=1", kind="user").aor is None


def test_the_default_is_no_reason_header_and_ringing_by_180() -> None:
    endpoint = peer().endpoint
    assert endpoint.suppress_q850_reason_headers
    assert not endpoint.inband_progress
    assert peer("progressinband=no").endpoint.same_options(endpoint)
