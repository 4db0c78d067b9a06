"""The interface between a channel driver and the PBX: SIP is one technology among others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import RequestError

if TYPE_CHECKING:
    from asterism.media.formats import Format
    from asterism.media.payload_types import PayloadTypes
    from asterism.media.stream import Agreed, AudioStream, Offered, Topology
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.security import Security
    from asterism.pbx.channels.transfer import TransferOrder
    from asterism.pbx.vocabulary.controls import Control


@dataclass(slots=True, eq=False)
class ChannelRequest:
    """A request for a channel: the one argument of :meth:`ChannelTechnology.request`.

    ``destination`` is the dial string after the technology, ``requestor`` the calling channel, ``formats`` what it
    would like to hear. ``uniqueid`` is what the channel is to be known by; empty: a generated one. ``other_uniqueid``
    is the same for the other one, where a technology makes two.
    """

    destination: str
    requestor: Channel | None = None
    formats: Sequence[Format] = ()
    uniqueid: str = ""
    other_uniqueid: str = ""


class ChannelTechnology(Protocol):
    """Creates channels of one kind; registered under its ``name`` ("PJSIP")."""

    name: str
    description: str
    """For ``core show channeltypes``."""

    def request(self, request: ChannelRequest) -> Channel:
        """Make a channel to ``request.destination``, not yet called.

        The channel is made with :meth:`~asterism.pbx.assembly.pbx.Pbx.create_channel`, which is given the requestor
        and the uniqueid of the request. Raises
        :class:`~asterism.pbx.vocabulary.errors.RequestError`.
        """

    def device_state(self, resource: str) -> DeviceState:
        """State of a device (``alice`` of ``PJSIP/alice``)."""


class Uncallable:
    """Base of technologies whose channels are made by those who need them: nothing can be called."""

    def request(self, request: ChannelRequest) -> Channel:
        """There is nothing to call."""
        raise RequestError(Cause.CHAN_NOT_IMPLEMENTED, "it cannot be called")

    def device_state(self, resource: str) -> DeviceState:
        """There are no devices."""
        return DeviceState.INVALID


class ChannelDriver(Protocol):
    """The far end of one channel.

    Every method is a plain function called from the loop and returns soon; none raises for what
    the far end does: that comes back as ``channel.queue_control`` or ``queue_hangup``, never from
    within the call itself except where said.
    """

    @property
    def streams(self) -> Topology:
        """The streams of this leg in the order of its description, once there are any.

        One that was refused or is over is ``None``. What has changed is told by ``channel.streams_changed``.
        """

    @property
    def call_id(self) -> str:
        """The call's identifier in the far end's protocol (the Call-ID of SIP); empty if it has none."""

    def call(self, timeout: float | None) -> bool | None:
        """Call the far end; its caller ID is ``channel.connected``. May call ``queue_hangup`` at once.

        ``False``: there is nothing to call, and no event reports a call. Other results have no meaning.
        """

    def attach(self, channel: Channel) -> None:
        """The far end belongs to another channel from now on (:mod:`asterism.pbx.channels.replacing`)."""

    def answer(self) -> None:
        """Answer the far end's call. The core has already made the channel Up."""

    def indicate(self, condition: Control, data: object = None) -> bool:
        """Show a condition to the far end; ``False`` when it can only be done in audio (a tone)."""

    def offer_streams(self, offered: Offered) -> None:
        """The other party has these streams now: offer the far end as many of video and text, where possible."""

    def hangup(self, cause: int) -> None:
        """End the leg with that Q.850 cause, however far it got; called once."""

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Send a DTMF digit."""

    def send_text(self, text: str, content_type: str = "text/plain") -> bool:
        """Send a text of a media type; whether the far end can take one."""

    def transfer(self, order: TransferOrder) -> None:
        """Send the far end elsewhere (302 or REFER); the order is told once what became of it, now or later."""

    def channel_item(self, name: str) -> str | None:
        """A driver's item of ``CHANNEL()`` (``pjsip,remote_uri``), ``None`` for an unknown one."""


class EarlyAudio(Protocol):
    """A further method of a driver whose far end may hear something before its call is answered."""

    def audio_wanted(self) -> None:
        """A sound is about to be played and there is no stream for it yet: open one, if the far end is to hear it."""


class Securable(Protocol):
    """A further method of a driver whose far end can be called without anybody listening."""

    def require_security(self, demand: Security) -> bool:
        """Have the call that is about to begin keep to that; ``False``: it cannot, and is not made."""


class ShowsVideos(Protocol):
    """A further method of a driver whose far end can be shown several videos at a time."""

    def show_videos(self, count: int, ending: Collection[AudioStream], codecs: Agreed) -> None:
        """Have so many streams of video, as soon as that can be.

        Args:
            count: how many there are to be; those that are added are only sent.
            ending: ports of streams that are to end.
            codecs: those that are sent on streams that are added, with their parameters; empty: any.
        """


class MediaTarget(NamedTuple):
    """Address at which a far end receives one of its streams, and the payload types that it accepts there."""

    kind: str
    """``audio``, ``video``, ..."""
    host: str
    port: int
    types: PayloadTypes
    """The payload types that it understands."""


class DirectMedia(Protocol):
    """Further methods of a driver whose far end can exchange media directly with another far end (direct media)."""

    @property
    def may_move(self) -> bool:
        """Whether direct media is allowed at all; must not raise."""

    @property
    def media_targets(self) -> Sequence[MediaTarget]:
        """Where the far end receives its open streams, in their order; without those that nothing can be sent to."""

    @property
    def settled(self) -> bool:
        """Whether the far end has acknowledged that the call is answered."""

    def direct_media(self, peer: DirectMedia) -> bool:
        """Whether the far end may send to where that of ``peer`` receives, and what it sends is understood there."""

    def send_to(self, peer: DirectMedia | None) -> None:
        """Have the far end send its media to that of ``peer``, ``None``: to this server again.

        It is told as soon as it can be, and again whenever ``media_targets`` of the peer have changed since. Where it
        refuses, ``direct_media`` is false from then on, and the bridge is told by ``connect_media``.
        """
