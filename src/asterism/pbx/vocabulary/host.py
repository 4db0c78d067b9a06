"""The interface of the whole PBX that its packages ("rooms") use.

Rooms import only those below them. What they ask of higher ones they ask of their :class:`Host`, the ``Pbx``. It names
types of every room; only a type checker follows these imports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from asterism.media.server import MediaServer

if TYPE_CHECKING:
    from asterism.core.events import EventBus
    from asterism.core.log import ServerLogger
    from asterism.core.registry import Owner, Registry
    from asterism.core.test_events import TestEvents
    from asterism.media.formats import Format
    from asterism.media.stream import AudioStream
    from asterism.pbx.bridges.table import BridgeTable
    from asterism.pbx.calls.completion.table import Completion
    from asterism.pbx.calls.conference.table import Conferences
    from asterism.pbx.calls.fax.session import Faxes
    from asterism.pbx.calls.features.table import Features
    from asterism.pbx.calls.parking.parking import Parking
    from asterism.pbx.calls.recording.table import Recordings
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.indications.table import ToneZones
    from asterism.pbx.channels.music.playing import MusicClasses
    from asterism.pbx.channels.table import ChannelTable
    from asterism.pbx.channels.technology import ChannelDriver, ChannelTechnology
    from asterism.pbx.dialplan.language.table import Dialplan
    from asterism.pbx.messaging.queue import Messages
    from asterism.pbx.records.lines import Records
    from asterism.pbx.states.device_states import DeviceStates
    from asterism.pbx.states.hints import Hints
    from asterism.pbx.states.mailboxes import Mailboxes
    from asterism.pbx.states.presence import Presence
    from asterism.pbx.vocabulary.controls import ChannelState, Control
    from asterism.pbx.vocabulary.marks import Application, Function


Takes = Callable[["Channel", "Channel", Callable[[], None], Callable[[], None]], bool]
"""Takes a transferred channel away from the transferer, and ends the transferer's leg itself when it has told it.

Called with the two and with what it is to call: ``begun`` before anything changes, once it is sure, and ``done`` when
the transferer knows. ``False``: nothing has changed, and neither was called.
"""
TransferTarget = Callable[[str, str], "Takes | None"]
"""Called with context and extension of a blind transfer; whoever takes calls that go there, ``None``: the dialplan."""


class Host(Protocol):
    """The PBX as its rooms see it; :class:`asterism.pbx.assembly.pbx.Pbx` is what it is.

    A copy of it that is bound to a module shares all of its state.
    """

    owner: Owner
    server: MediaServer
    bus: EventBus
    test_events: TestEvents
    log: ServerLogger
    applications: Registry[Application]
    functions: Registry[Function]
    technologies: Registry[ChannelTechnology]
    bridges: BridgeTable
    completion: Completion
    conferences: Conferences
    device_states: DeviceStates
    faxes: Faxes
    hints: Hints
    mailboxes: Mailboxes
    music: MusicClasses
    recordings: Recordings
    records: Records
    presence: dict[str, Callable[[str], Presence | None]]
    dialplan: Dialplan
    features: Features
    codes: dict[str, Callable[[Channel], Awaitable[None]]]
    messages: Messages
    transfer_targets: list[TransferTarget]
    parking: Parking
    tone_zones: ToneZones

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the server runs on."""

    @property
    def channels(self) -> ChannelTable[Channel]:
        """The live channels."""

    @property
    def active_calls(self) -> int:
        """Number of channels that run dialplan."""

    @property
    def processed_calls(self) -> int:
        """Number of channels that have run dialplan since the start."""

    def create_channel(
        self,
        technology: ChannelTechnology,
        device: str,
        driver: ChannelDriver | None = None,
        *,
        state: ChannelState = ...,
        context: str = "default",
        exten: str = "s",
        language: str = "",
        requestor: Channel | None = None,
        uniqueid: str = "",
        name: str = "",
    ) -> Channel:
        """Make a channel of ``device`` ("PJSIP/alice")."""

    def create_quiet_channel(self, technology: ChannelTechnology, name: str) -> Channel:
        """Make a channel that is not a call: it is not listed, raises no events and cannot call others."""

    async def prepare(self, destinations: Iterable[str]) -> None:
        """Let technologies bring into memory what they need to call these (``PJSIP/alice``)."""

    def request(
        self,
        destination: str,
        requestor: Channel | None = None,
        formats: Sequence[Format] = (),
        uniqueid: str = "",
        other_uniqueid: str = "",
    ) -> Channel:
        """Make a channel to ``Technology/resource``, not yet called; raises ``RequestError``."""

    def refusal(self) -> str:
        """Why new calls are refused now; empty if they are not."""

    def register_technology(self, technology: ChannelTechnology) -> None:
        """Add a channel technology in the owner's name."""

    def start(
        self, channel: Channel, body: Callable[[Channel], Awaitable[None]] | None = None, counts: int = 1
    ) -> asyncio.Task[None]:
        """Run a channel in the call's one task: its dialplan, or ``body``. ``counts``: 0 within another's call."""


class ChannelBridge(Protocol):
    """The bridge that a channel is in, as the channel sees it; see :class:`asterism.pbx.bridges.bridge.Bridge`."""

    uniqueid: str
    type: str
    technology: str
    creator: str
    name: str
    reported_count: int

    @property
    def video_mode(self) -> str:
        """Whose video is shown: ``none``, ``single``, ``talker`` or ``sfu``."""

    @property
    def video_source(self) -> str:
        """The uniqueid of the channel whose video all others are shown; empty without one."""

    @property
    def channels(self) -> list[Channel]:
        """The channels in it, in the order of arrival."""

    def peer(self, channel: Channel) -> Channel | None:
        """The other channel of two; ``None`` alone or among more."""

    def depart(self, leaver: Channel) -> None:
        """Take a channel out."""

    def disconnect_media(self) -> None:
        """Let go of everybody's audio until :meth:`connect_media`."""

    def connect_media(self) -> None:
        """Connect the audio again: a stream, its formats or its taps have changed."""

    def reconnect(self, channel: Channel) -> None:
        """The same for one member that begins or ceases to be by itself, or to hear music."""

    def pass_streams(self, source: Channel) -> None:
        """Have the peer offered the streams that a channel has now."""

    def pass_control(self, source: Channel, control: Control, data: object) -> None:
        """Show the others what a channel did."""

    def pass_digit_begin(self, source: Channel, digit: str, passed_to: AudioStream | None) -> None:
        """A digit has begun."""

    def pass_digit(self, source: Channel, digit: str, duration_ms: int, passed_to: AudioStream | None) -> None:
        """A digit has ended."""


class HostServer(MediaServer, Protocol):
    """The server as modules in the rooms of the PBX see it."""

    @property
    def pbx(self) -> Host:
        """The PBX."""
