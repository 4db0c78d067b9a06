"""The options of a channel."""

from __future__ import annotations

import pytest

from asterism.pbx.calls.completion.parameters import DEFAULT, NAMES


def test_defaults():
    assert {name: DEFAULT.option(name) for name in NAMES} == {
        "cc_agent_policy": "never", "cc_monitor_policy": "never", "cc_offer_timer": "20",
        "ccnr_available_timer": "7200", "ccbs_available_timer": "4800", "cc_recall_timer": "20",
        "cc_max_agents": "5", "cc_max_monitors": "5", "cc_callback_macro": "", "cc_callback_sub": "",
        "cc_agent_dialstring": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("cc_agent_policy", " Native ", "native"),
        ("cc_monitor_policy", "ALWAYS", "always"),
        ("cc_offer_timer", "604800", "604800"),
        ("cc_max_agents", "0", "0"),
        ("cc_agent_dialstring", "PJSIP/alice&Local/1@x", "PJSIP/alice&Local/1@x"),
    ],
)
def test_what_is_set_is_read(name, value, read):
    assert DEFAULT.with_option(name, value).option(name) == read
    assert DEFAULT.option(name) != read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cc_agent_policy", "always"),
        ("cc_monitor_policy", "sometimes"),
        ("cc_offer_timer", "604801"),
        ("cc_offer_timer", "-1"),
        ("cc_offer_timer", "١"),
        ("cc_recall_timer", ""),
        ("cc_max_monitors", "10001"),
        ("cc_max_monitors", "9" * 40),
    ],
)
def test_what_is_no_value_is_refused(name, value):
    with pytest.raises(ValueError, match="is no"):
        DEFAULT.with_option(name, value)


@pytest.mark.parametrize("name", ["", "cc_nothing", "option", "__class__"])
def test_what_is_no_option_is_refused(name):
    with pytest.raises(KeyError):
        DEFAULT.option(name)
    with pytest.raises(KeyError):
        DEFAULT.with_option(name, "1")
