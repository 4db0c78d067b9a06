"""The calls of a peer are counted from its channels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from asterism.applications.session.state import SessionState
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip.call_limits import CallLimits, Usage
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.words import UNLIMITED


def leg(state: SessionState, *, out: bool = True, held: bool = False, endpoint: str = "bob") -> Any:
    cls: Any = OutgoingSession if out else IncomingSession
    session = cls.__new__(cls)
    session.state, session.remote_hold, session.endpoint = state, held, SimpleNamespace(id=endpoint)
    return SimpleNamespace(driver=SimpleNamespace(session=session), dead=False)


def limits(*channels: Any) -> CallLimits:
    table = {"SIP/bob": channels}
    pbx: Any = SimpleNamespace(channels=SimpleNamespace(of_device=lambda device: table.get(device, ())))
    return CallLimits(pbx)


def peer(**options: Any) -> SipPeer:
    return SipPeer("bob", **options)


def test_limit_and_counter() -> None:
    none = limits()
    assert none.of(peer()).limit == 0
    assert none.of(peer(callcounter=True)).limit == UNLIMITED
    assert none.of(peer(callcounter=True, call_limit=3)).limit == 3


def test_each_call_counts_once() -> None:
    found = limits(
        leg(SessionState.CALLING), leg(SessionState.EARLY), leg(SessionState.CONFIRMED),
        leg(SessionState.CONFIRMED, held=True), leg(SessionState.INCOMING, out=False),
    )  # fmt: skip
    assert found.of(peer(call_limit=9)) == Usage(5, 2, 1, 9)


def test_what_was_not_called_yet_or_is_over_does_not_count() -> None:
    gone = leg(SessionState.CONFIRMED)
    gone.dead = True
    assert limits(leg(SessionState.NEW), leg(SessionState.ENDED), gone).of(peer()).in_use == 0


def test_a_user_and_a_peer_of_one_name_count_apart() -> None:
    found = limits(leg(SessionState.CONFIRMED), leg(SessionState.CONFIRMED, endpoint="bob/user"))
    assert found.of(peer()).in_use == 1
    assert found.of(SipPeer("bob/user")).in_use == 1


def test_one_more_or_not() -> None:
    new = leg(SessionState.NEW)
    one = leg(SessionState.CONFIRMED)
    assert limits(one, new).allows(peer(call_limit=2), new.driver.session)
    assert not limits(one, new).allows(peer(call_limit=1), new.driver.session)
    assert limits(one, new).allows(peer(), new.driver.session)
    incoming = leg(SessionState.INCOMING, out=False)
    assert limits(incoming).allows(peer(call_limit=1), incoming.driver.session)  # it does not count against itself
