"""Echo: send a caller's audio back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Documentation
from asterism.pbx.channels.playing import stream_of
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream, FrameSink
    from asterism.pbx.channels.channel import Channel


class EchoModule(PbxModule):
    """The application Echo."""

    name: ClassVar[str] = "app_echo"
    description: ClassVar[str] = "Simple Echo Application"

    @application(
        "Echo",
        Documentation(
            "Send what is heard back",
            "Echo()",
            "Sends the channel's audio and digits back to it until '#' is pressed or the caller hangs up.",
            see_also=("Playback", "Milliwatt"),
        ),
    )
    async def echo(self, channel: Channel, args: str) -> None:
        """Run Echo."""
        stream: AudioStream | None = None
        mine: FrameSink | None = None

        def begin() -> None:
            nonlocal stream, mine
            stop()
            stream = stream_of(channel)
            if stream is not None:
                mine = stream.sink = stream.write

        def stop() -> None:
            # The stream may have gone to another channel and have a listener there: another echo's is equal to ours,
            # but not the same object.
            if stream is not None and stream.sink is mine:
                stream.sink = None

        channel.stop_tone()
        begin()
        channel.on_replaced = begin
        try:
            while (digit := await channel.read_digit()) != "#":
                if digit is not None:
                    channel.send_digit(digit)
        finally:
            channel.on_replaced = None
            stop()
