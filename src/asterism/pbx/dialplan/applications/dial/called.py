"""A channel that Dial calls: whose call it is told of, what it inherits, and its own subroutine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asterism.media.soundfiles import SoundError
from asterism.pbx.calls.features.table import KEY as FEATURES
from asterism.pbx.calls.features.table import inherit
from asterism.pbx.channels.playing import play
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.party import PartyId, parse_caller_id, parse_presentation

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.applications.dial.options import DialOptions
    from asterism.pbx.dialplan.language.places import Place

APPLICATION = ("AppDial", "(Outgoing Line)")
"""What a called channel is shown to run."""


def prepare(caller: Channel, called: Channel, options: DialOptions) -> None:
    """Give a called channel its place, its caller and what it inherits."""
    called.set_variable("DIALEDPEERNUMBER", called.data.get("dialed_resource", ""))
    called.inherit_variables(caller)
    if FEATURES in caller.data:
        inherit(called, caller)
    party = called.caller
    if "o" in options.letters:
        called.caller = parse_caller_id(options.caller_id) if options.caller_id else caller.caller
    elif not party.number:
        called.caller = party.with_number(caller.exten)
    # A plain call calls no function for this: it is the path of every call.
    plain = options.tag is None and options.presentation is None and not options.forwarder_id
    called.connected = caller.caller if plain else shown_caller(caller.caller, options)
    old = called.accountcode
    called.accountcode = old or caller.accountcode
    called.peeraccount = caller.accountcode
    called.dialed = called.dialed or ""
    called.exten = caller.exten
    called.outgoing = APPLICATION
    called.new_exten(*APPLICATION)
    bus = caller.pbx.bus
    if called.caller is not party and bus.listeners[events.NEW_CALLERID]:
        bus.publish(events.NEW_CALLERID, called)
    if called.accountcode != old:
        bus.publish(events.NEW_ACCOUNT_CODE, called, old)
    if called.connected and bus.listeners[events.NEW_CONNECTED_LINE]:
        bus.publish(events.NEW_CONNECTED_LINE, called)


def shown_caller(party: PartyId, options: DialOptions) -> PartyId:
    """The caller as the options f, s and u have it shown."""
    if options.forwarder_id:
        party = parse_caller_id(options.forwarder_id)
    if options.tag is not None:
        party = party.with_(tag=options.tag)
    if options.presentation is not None:
        presentation = parse_presentation(options.presentation)
        if presentation is not None:
            party = party.with_(number_presentation=presentation, name_presentation=presentation)
    return party


async def gosub(channel: Channel, place: Place) -> str:
    """Run a subroutine on a channel; what it returns."""
    context, exten = place.context or channel.context, place.exten or channel.exten
    value: str = await channel.pbx.dialplan.gosub(channel, context, exten, place.priority, place.args)
    return value


async def hear(channel: Channel, name: str, keys: str = "") -> str:
    """Play a sound, early where the channel is not answered; the digit of ``keys`` that ended it.

    One that cannot be played is a warning. Raises :class:`ChannelHangup`.
    """
    if channel.state is not ChannelState.UP and channel.stream is None:
        channel.indicate(Control.PROGRESS)
    try:
        return await play(channel, name, keys)
    except (SoundError, RuntimeError) as error:
        channel.pbx.log.warning("Dial: %s does not hear '%s': %s", channel.name, name, error)
        return ""


@contextmanager
def ending_with(caller: Channel, called: Channel) -> Iterator[None]:
    """Have the caller's hang-up end the called channel, on which the caller's task does something meanwhile."""
    caller.hangup_listener = lambda _: called.soft_hangup()
    try:
        yield
    finally:
        caller.hangup_listener = None


async def gosub_before(caller: Channel, called: Channel, place: Place) -> None:
    """Run a subroutine on a channel before it is called; the caller's hang-up ends it."""
    try:
        with ending_with(caller, called):
            await gosub(called, place)
        called.new_exten(*APPLICATION)
    except (ChannelHangup, EndDialplan):
        if caller.alive:
            called.hang_up()
    caller.check()


def drop(peer: Channel, cause: int = 0) -> None:
    """End a channel that has answered, and that nobody is to talk to."""
    peer.new_exten(*APPLICATION)
    peer.hangup_cause = cause or peer.hangup_cause
    peer.hang_up()
