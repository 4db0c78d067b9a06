"""Applications on keys: what ``[applicationmap]`` has a party run, on itself or on the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.calls.features.settings import KeyedApplication
from asterism.pbx.calls.features.table import away, bridge_of
from asterism.pbx.channels.music.playing import music_of, start_music, stop_music
from asterism.pbx.dialplan.language.places import parse_place

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def run(activator: Channel, feature: KeyedApplication) -> None:
    """Have the application run where it belongs; on a channel that runs another one it does not."""
    bridge = bridge_of(activator)
    if bridge is None:
        return
    others = [channel for channel in bridge.members if channel is not activator]
    for channel in others if feature.on_peer else [activator]:
        idle = [each for each in bridge.members if each is not channel] if feature.music else []
        activator.pbx.features.start(
            channel, _run(channel, activator, feature, idle), f"the application {feature.name}"
        )


async def _run(channel: Channel, activator: Channel, feature: KeyedApplication, idle: list[Channel]) -> None:
    channel.set_variable("DYNAMIC_FEATURENAME", feature.name)
    channel.set_variable("DYNAMIC_WHO_ACTIVATED", activator.name)
    played = [each for each in idle if music_of(each) is None and start_music(each, feature.music)]
    try:
        with away(channel):
            if feature.application.lower() == "gosub":
                await _gosub(channel, feature.data)
                return
            dialplan = channel.pbx.dialplan
            data = await dialplan.expand_later(feature.data, channel)
            if not await dialplan.execute_application(channel, feature.application, data):
                channel.pbx.log.warning("%s: there is no application '%s'", feature.name, feature.application)
    finally:
        for each in played:
            stop_music(each)


async def _gosub(channel: Channel, text: str) -> None:
    """Run a subroutine and come back: ``context,exten,priority(arguments)``, of which only the last must be there."""
    place = parse_place(text.replace(",", "^"))
    await channel.pbx.dialplan.gosub(
        channel, place.context or channel.context, place.exten or channel.exten, place.priority, place.args
    )
