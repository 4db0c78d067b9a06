"""What belongs to a member of a bridge goes with it to another one."""

from __future__ import annotations

from fake_technology import audio_of
from features_kit import Phones, run

from asterism.pbx.bridges.bridge import Bridge


def test_a_handler_of_digits_has_them_heard_here_until_the_member_leaves() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        alice = phones.alice
        stream = audio_of(alice)
        first = alice.bridge
        assert isinstance(first, Bridge)
        assert stream.relay_digits is False
        second = Bridge(phones.pbx)
        first.move(alice, second)
        assert stream.relay_digits is False
        second.set_digit_handler(alice, None)
        assert stream.relay_digits is True
        second.move(alice, first)
        assert stream.relay_digits is True

    run(scenario)
