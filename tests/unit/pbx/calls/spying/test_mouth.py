"""What a channel says is heard where it speaks: in order, at an even pace, and silence not at all."""

from __future__ import annotations

from spying_kit import Spied, spied, tone, values

from asterism.media.taps import Direction
from asterism.pbx.calls.spying.mouth import Mouth
from asterism.pbx.channels.channel import Channel


def test_it_is_heard_in_each_place_and_after_a_change_only_in_those_that_are_left() -> None:
    async def scenario(world: Spied) -> None:
        mouth = Mouth(world.carol, lambda _: None)
        mouth.speak_to((world.alice, Direction.OUT), (world.bob, Direction.IN))
        assert mouth.places == ((world.alice, Direction.OUT), (world.bob, Direction.IN))
        passed: list[int] = []
        world.bob.stream.sink = lambda frame: passed.append(values([frame])[0])

        def speak() -> None:
            for number in range(8):
                if number != 4:  # two come together, in the wrong order
                    world.says(world.carol, tone(300 + number)._replace(timestamp=160 * number))
                if number == 5:
                    world.says(world.carol, tone(304)._replace(timestamp=160 * 4))
                world.turn()

        speak()
        spoken = values(world.heard(world.alice))
        assert spoken == passed
        assert spoken == list(range(300, 300 + len(spoken)))
        assert len(spoken) >= 6
        mouth.speak_to((world.bob, Direction.IN))
        passed.clear()
        speak()
        assert passed
        assert world.heard(world.alice) == []
        mouth.stop()
        speak()
        assert world.alice.taps.taps == world.bob.taps.taps == world.carol.taps.taps == ()

    spied(scenario)


def test_silence_is_not_spoken() -> None:
    async def scenario(world: Spied) -> None:
        mouth = Mouth(world.carol, lambda _: None)
        mouth.speak_to((world.alice, Direction.OUT))
        for _ in range(8):
            world.says(world.carol, tone(0))
            world.turn()
        world.turn(20)  # nor is nothing
        assert world.heard(world.alice) == []
        mouth.stop()

    spied(scenario)


def test_the_end_of_either_is_told() -> None:
    async def scenario(world: Spied) -> None:
        ended: list[Channel] = []
        mouth = Mouth(world.carol, ended.append)
        mouth.speak_to((world.alice, Direction.OUT), (world.bob, Direction.OUT))
        world.alice.hang_up()
        assert ended == [world.alice]
        assert mouth.places == ((world.bob, Direction.OUT),)
        world.carol.hang_up()
        assert ended == [world.alice, world.carol]
        mouth.stop()

    spied(scenario)
