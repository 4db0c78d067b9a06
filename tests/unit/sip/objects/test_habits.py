"""An endpoint's habits: those of chan_pjsip unless whoever made the object gave others."""

from __future__ import annotations

from asterism.sip.objects import Endpoint, Habits
from asterism.sip.objects.habits import PJSIP


def test_an_endpoint_has_the_habits_of_chan_pjsip() -> None:
    assert Endpoint("alice").habits is PJSIP
    assert Habits() == PJSIP


def test_whoever_makes_an_endpoint_may_give_it_others() -> None:
    alice, bob = Endpoint("alice"), Endpoint("bob")
    alice.habits = Habits(technology="SIP")
    assert (alice.habits.technology, bob.habits.technology) == ("SIP", "PJSIP")
