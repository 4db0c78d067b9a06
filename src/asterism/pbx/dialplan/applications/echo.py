"""Echo, StreamEcho: send a caller's media back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Documentation
from asterism.media.stream import AUDIO
from asterism.pbx.channels.playing import stream_of
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream, FrameSink
    from asterism.pbx.channels.channel import Channel


class _Back:
    """What a channel says goes back to it, also when it gets another far end or other streams meanwhile."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stream: AudioStream | None = None
        self._mine: FrameSink | None = None
        self._ports: list[AudioStream] = []

    def begin(self) -> None:
        """Begin, or begin anew."""
        self.stop()
        stream = self._stream = stream_of(self._channel)
        if stream is not None:
            self._mine = stream.sink = stream.write
        for one in self._channel.streams:
            port = one.port
            if port is not None and one.type != AUDIO and port.relay_to(port):
                self._ports.append(port)

    def stop(self) -> None:
        """Stop."""
        # The stream may have gone to another channel and have a listener there: another echo's is equal to ours,
        # but not the same object.
        if self._stream is not None and self._stream.sink is self._mine:
            self._stream.sink = None
        ports, self._ports = self._ports, []
        for port in ports:
            port.relay_to(None)


class EchoModule(PbxModule):
    """The applications Echo and StreamEcho."""

    name: ClassVar[str] = "app_echo"
    covers: ClassVar[tuple[str, ...]] = ("app_stream_echo",)
    description: ClassVar[str] = "Simple Echo Application"

    @application(
        "Echo",
        Documentation(
            "Send what a caller says and shows back",
            "Echo()",
            "Sends audio, video, text and digits of the channel back until '#' is pressed or the caller hangs up.",
            see_also=("StreamEcho", "Playback", "Milliwatt"),
        ),
    )
    async def echo(self, channel: Channel, args: str) -> None:
        """Run Echo."""
        await self._run(channel)

    @application(
        "StreamEcho",
        Documentation(
            "Send everything that a caller sends back: audio, video, text",
            "StreamEcho()",
            "Sends each stream of the channel, and digits, back to it until '#' is pressed or the caller hangs up. No "
            "further streams are asked for.",
            see_also=("Echo",),
        ),
    )
    async def stream_echo(self, channel: Channel, args: str) -> None:
        """Run StreamEcho."""
        if args.strip():
            channel.pbx.log.warning("StreamEcho on %s: no further streams are asked for", channel.name)
        await self._run(channel)

    @staticmethod
    async def _run(channel: Channel) -> None:
        back = _Back(channel)
        channel.stop_tone()
        back.begin()
        channel.on_replaced = back.begin
        try:
            while (digit := await channel.read_digit()) != "#":
                if digit is not None:
                    channel.send_digit(digit)
        finally:
            channel.on_replaced = None
            back.stop()
