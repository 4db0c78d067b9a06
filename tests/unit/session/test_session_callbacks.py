"""Which supplements are visited, and in which order."""

from __future__ import annotations

from typing import Any

from session_bench import Bench, on_bench

from asterism.applications.session.registry import Callbacks
from asterism.applications.session.supplement import SessionSupplement


class Everything(SessionSupplement):
    name = "everything"

    def on_begin(self, session: Any) -> None: ...
    def on_incoming_request(self, session: Any, rx: Any) -> bool:
        return False

    def on_incoming_response(self, session: Any, response: Any) -> None: ...


class OnlyRefusedInvites(Everything):
    name = "refused"
    methods = frozenset(("INVITE",))
    responses = frozenset((4, 5, 6))


class Nothing(SessionSupplement):
    name = "nothing"


ALL, REFUSED = Everything(), OnlyRefusedInvites()


def test_a_supplement_is_visited_for_its_methods_and_classes_of_responses() -> None:
    callbacks = Callbacks([ALL, Nothing(), REFUSED])
    assert callbacks["on_begin"] == (ALL.on_begin, REFUSED.on_begin)
    assert callbacks["on_end"] == ()
    assert callbacks["on_incoming_request", "INVITE"] == (ALL.on_incoming_request, REFUSED.on_incoming_request)
    assert callbacks["on_incoming_request", "BYE"] == (ALL.on_incoming_request,)
    assert callbacks["on_incoming_response", "INVITE", 2] == (ALL.on_incoming_response,)
    assert callbacks["on_incoming_response", "INVITE", 4] == (ALL.on_incoming_response, REFUSED.on_incoming_response)
    assert callbacks["on_incoming_response", "BYE", 4] == (ALL.on_incoming_response,)


def test_methods_that_peers_make_up_are_answered_and_not_kept() -> None:
    callbacks = Callbacks([ALL, REFUSED])
    for number in range(3):
        assert callbacks["on_incoming_request", f"METHOD{number}"] == (ALL.on_incoming_request,)
    assert not callbacks
    assert callbacks["on_incoming_request", "INFO"]
    assert len(callbacks) == 1


class Kept:
    """What a supplement keeps of a session."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


@on_bench
async def test_what_supplements_keep_is_closed_with_the_session(bench: Bench) -> None:
    kept = Kept()

    class Keeping(SessionSupplement):
        name = "keeping"

        def on_begin(self, session: Any) -> None:
            session.datastores[self.name] = kept
            session.datastores["plain"] = "a text"

    bench.sessions.register_supplement(Keeping())  # type: ignore[attr-defined]
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(99)

    alice.call("770")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    assert not kept.closed
    alice.in_dialog("BYE", ok, 2)
    await bench.until(lambda: bench.idle)
    assert kept.closed == 1
