"""Every arc of the RFCs' figures is taken by the code, and the drawn page shows what the code does."""

from __future__ import annotations

import draw_machines
import pytest
from draw_machines import InviteClient, InviteServer, NonInviteClient, NonInviteServer, Run, explore

# State, event, next state, as the figures have them; by transport where they tell reliable from unreliable ones.
FIGURES: dict[tuple[type[Run], str], str] = {
    # RFC 3261 figure 5 with RFC 6026 figure 1
    (InviteClient, "UDP"): """
        Calling, Timer A, Calling; Calling, Timer B, Terminated; Calling, transport error, Terminated;
        Calling, 180, Proceeding; Calling, 200, Accepted; Calling, 486, Completed;
        Proceeding, 180, Proceeding; Proceeding, 200, Accepted; Proceeding, 486, Completed;
        Completed, 486, Completed; Completed, Timer D, Terminated;
        Accepted, 200, Accepted; Accepted, Timer M, Terminated""",
    (InviteClient, "TCP"): """
        Calling, Timer B, Terminated; Calling, transport error, Terminated; Calling, 180, Proceeding;
        Calling, 200, Accepted; Calling, 486, Terminated; Proceeding, 486, Terminated;
        Accepted, 200, Accepted; Accepted, Timer M, Terminated""",
    # RFC 3261 figure 6
    (NonInviteClient, "UDP"): """
        Trying, Timer E, Trying; Trying, Timer F, Terminated; Trying, transport error, Terminated;
        Trying, 100, Proceeding; Trying, 200, Completed; Trying, 486, Completed;
        Proceeding, Timer E, Proceeding; Proceeding, Timer F, Terminated; Proceeding, transport error, Terminated;
        Proceeding, 100, Proceeding; Proceeding, 200, Completed; Proceeding, 486, Completed;
        Completed, Timer K, Terminated""",
    (NonInviteClient, "TCP"): """
        Trying, Timer F, Terminated; Trying, 100, Proceeding; Trying, 200, Terminated; Trying, 486, Terminated;
        Proceeding, 200, Terminated; Proceeding, 486, Terminated""",
    # RFC 3261 figure 7 with RFC 6026 figure 2
    (InviteServer, "UDP"): """
        Proceeding, INVITE, Proceeding; Proceeding, respond 180, Proceeding; Proceeding, respond 200, Accepted;
        Proceeding, respond 486, Completed; Proceeding, transport error, Terminated;
        Completed, INVITE, Completed; Completed, Timer G, Completed; Completed, Timer H, Terminated;
        Completed, transport error, Terminated; Completed, ACK, Confirmed; Confirmed, Timer I, Terminated;
        Accepted, ACK, Accepted; Accepted, respond 200, Accepted; Accepted, Timer L, Terminated""",
    (InviteServer, "TCP"): """
        Completed, Timer H, Terminated; Completed, ACK, Terminated; Accepted, Timer L, Terminated;
        Accepted, ACK, Accepted""",
    # RFC 3261 figure 8 with RFC 4320: a 100 over UDP only once Timer E of the client has reached T2
    (NonInviteServer, "UDP"): """
        Trying, no answer in time, Proceeding; Trying, respond 200, Completed; Trying, respond 486, Completed;
        Proceeding, OPTIONS, Proceeding; Proceeding, respond 200, Completed; Proceeding, respond 486, Completed;
        Proceeding, transport error, Terminated; Completed, OPTIONS, Completed; Completed, Timer J, Terminated""",
    (NonInviteServer, "TCP"): """
        Trying, respond 100, Proceeding; Trying, respond 200, Terminated; Trying, respond 486, Terminated;
        Proceeding, respond 200, Terminated; Proceeding, respond 486, Terminated""",
}

# Nothing else leads on: what is not in a figure does not change the state.
BEYOND = {
    "Timer B after CANCEL",  # RFC 3261 9.1
    "Timer F",  # RFC 4320 4.2, of the server
    "no answer in time",  # RFC 3261 17.2.1, RFC 4320 4.1
    "transport error",
}


def arcs(text: str) -> set[tuple[str, ...]]:
    return {tuple(item.strip() for item in arc.split(",")) for arc in text.split(";")}


@pytest.mark.parametrize(("machine", "transport"), FIGURES, ids=lambda value: getattr(value, "__name__", value))
def test_every_arc_of_the_figure_is_taken(machine: type[Run], transport: str) -> None:
    found = explore(machine, transport)
    taken = {(before, event, after) for before, event, _, after in found}
    assert arcs(FIGURES[machine, transport]) <= taken
    allowed = arcs(FIGURES[machine, "UDP"]) | arcs(FIGURES[machine, "TCP"])
    for before, event, after in taken:
        assert before == after or event in BEYOND or (before, event, after) in allowed


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("machine", draw_machines.MACHINES)
def test_the_user_is_told_once_how_it_ended(machine: type[Run], transport: str) -> None:
    for before, event, done, after in explore(machine, transport):
        if event in ("Timer B", "Timer F", "Timer B after CANCEL") and machine in (InviteClient, NonInviteClient):
            assert (done, after) == ("to user, timeout", "Terminated"), (before, event)
        if event == "transport error" and after == "Terminated":
            assert done in ("to user, transport error", "to user, response error")


def test_the_page_is_what_the_code_does() -> None:
    assert draw_machines.PAGE.read_text() == draw_machines.page()
    assert draw_machines.OFFERS_PAGE.read_text() == draw_machines.offers_page()
    assert draw_machines.SUBSCRIPTIONS_PAGE.read_text() == draw_machines.subscriptions_page()
