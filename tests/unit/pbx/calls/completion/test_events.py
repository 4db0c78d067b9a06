"""The manager's events: their names, class and fields."""

from __future__ import annotations

from asterism.pbx.calls.completion import events

FIELDS = {
    "CCAvailable": ("CoreID", "Callee", "Service"),
    "CCOfferTimerStart": ("CoreID", "Caller", "Expires"),
    "CCRequested": ("CoreID", "Caller", "Callee"),
    "CCRequestAcknowledged": ("CoreID", "Caller"),
    "CCCallerStopMonitoring": ("CoreID", "Caller"),
    "CCCallerStartMonitoring": ("CoreID", "Caller"),
    "CCCallerRecalling": ("CoreID", "Caller"),
    "CCRecallComplete": ("CoreID", "Caller"),
    "CCFailure": ("CoreID", "Caller", "Reason"),
    "CCMonitorFailed": ("CoreID", "Callee"),
}


def test_each_event_has_its_fields_in_order_and_the_class_cc():
    assert [event.name for event in events.ALL] == list(FIELDS)
    for event in events.ALL:
        names = FIELDS[event.name]
        assert event.privilege == "cc"
        assert event.render(*range(len(names))) == list(zip(names, range(len(names)), strict=True))
