"""A user of a conference: its result is told once, and what it is to do is bounded."""

from __future__ import annotations

from fake_technology import FakeServer, run

from asterism.pbx.calls.conference.profiles import UserProfile
from asterism.pbx.calls.conference.user import MOST_WORK, RESULT, User


def test_a_user_is_what_its_profile_says() -> None:
    async def scenario(server: FakeServer) -> None:
        channel = server.sip.incoming("alice", "1")
        user = User(channel, UserProfile("p", admin=True, marked=True, startmuted=True, end_marked_any=True))
        assert (user.admin, user.marked, user.muted, user.end_marked_any) == (True, True, True, True)
        assert (user.wait_marked, user.end_marked) == (False, False)
        user.tell("KICKED")
        user.tell("HANGUP")
        assert (user.result, channel.get_variable(RESULT)) == ("KICKED", "KICKED")

    run(scenario)


def test_work_is_bounded_and_dropped_when_it_leaves() -> None:
    async def scenario(server: FakeServer) -> None:
        user = User(server.sip.incoming("alice", "1"))

        async def work() -> None:
            raise AssertionError

        assert all(user.do(work) for _ in range(MOST_WORK))
        assert not user.do(work)
        user.stop()
        assert (len(user.work), user.do(work)) == (0, False)

    run(scenario)
