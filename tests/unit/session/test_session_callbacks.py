"""Which supplements are visited, and in which order."""

from __future__ import annotations

import logging
from typing import Any

from session_bench import Bench, on_bench

from asterism.applications.session.registry import Callbacks, Sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.sip.objects.endpoint import Endpoint


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


LOG = logging.getLogger("test")


def visited(callbacks: Callbacks, *key: str | int) -> tuple[Any, ...]:
    """The supplements' callbacks behind the visitor of a key."""
    found = callbacks[key if len(key) > 1 else key[0]]  # type: ignore[index]
    return tuple(each for visit in found for _, each in visit.args[0])  # type: ignore[attr-defined]


ALL, REFUSED = Everything(), OnlyRefusedInvites()


def test_a_supplement_is_visited_for_its_methods_and_classes_of_responses() -> None:
    callbacks = Callbacks([ALL, Nothing(), REFUSED], LOG)
    assert visited(callbacks, "on_begin") == (ALL.on_begin, REFUSED.on_begin)
    assert visited(callbacks, "on_end") == ()
    assert visited(callbacks, "on_incoming_request", "INVITE") == (ALL.on_incoming_request, REFUSED.on_incoming_request)
    assert visited(callbacks, "on_incoming_request", "BYE") == (ALL.on_incoming_request,)
    assert visited(callbacks, "on_incoming_response", "INVITE", 2) == (ALL.on_incoming_response,)
    assert visited(callbacks, "on_incoming_response", "INVITE", 4) == (
        ALL.on_incoming_response,
        REFUSED.on_incoming_response,
    )
    assert visited(callbacks, "on_incoming_response", "BYE", 4) == (ALL.on_incoming_response,)


def test_methods_that_peers_make_up_are_answered_and_not_kept() -> None:
    callbacks = Callbacks([ALL, REFUSED], LOG)
    for number in range(3):
        assert visited(callbacks, "on_incoming_request", f"METHOD{number}") == (ALL.on_incoming_request,)
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

    bench.sessions.register_supplement(Keeping())
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


class OnlyTrusted(Everything):
    name = "trusted"

    def concerns(self, endpoint: Endpoint) -> bool:
        return bool(endpoint.trust_id_inbound)


@on_bench
async def test_supplements_are_visited_for_the_endpoints_that_they_concern(bench: Bench) -> None:
    registry: Sessions = bench.sessions
    alice, bob = (bench.server.data.get(Endpoint, name) for name in ("alice", "bob"))
    bob.trust_id_inbound = True
    trusted = OnlyTrusted()
    before = registry.profiles.of(bob).callbacks  # type: ignore[arg-type]
    undo = registry.register_supplement(trusted)
    own = {each: registry.profiles.of(each).callbacks for each in (alice, bob)}  # type: ignore[arg-type]
    assert trusted.on_begin in visited(own[bob], "on_begin")
    assert trusted.on_begin not in visited(own[alice], "on_begin")
    assert registry.callbacks_of(bob) is own[bob]  # type: ignore[arg-type]
    undo()
    after = registry.profiles.of(bob).callbacks  # type: ignore[arg-type]
    assert after is not own[bob]
    assert visited(after, "on_begin") == visited(before, "on_begin")


@on_bench
async def test_calls_under_way_are_visited_by_new_supplements_and_no_more_by_those_that_go(bench: Bench) -> None:
    seen: list[str] = []

    class Watching(SessionSupplement):
        name = "watching"

        def on_incoming_request(self, session: Any, rx: Any) -> bool:
            seen.append(rx.request.method)
            return False

    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "770")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(99)

    alice.call("770")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    # Also when the endpoints' profiles were made anew meanwhile.
    bench.sessions.profiles.clear()
    undo = bench.sessions.register_supplement(Watching())
    alice.in_dialog("OPTIONS", ok, 2)
    assert seen == ["OPTIONS"]
    undo()
    alice.in_dialog("BYE", ok, 3)
    await bench.until(lambda: bench.idle)
    assert seen == ["OPTIONS"]
