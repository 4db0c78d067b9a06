"""PERIODIC_HOOK: an extension that is run every so many seconds, and heard in a call by both parties.

The extension runs on a Local channel of its own. What it plays is added to both directions of the channel that the
hook is on; between two runs the call's audio is relayed as ever.
"""

from __future__ import annotations

import asyncio
import itertools
import urllib.parse
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.taps import Direction, Tap
from asterism.pbx.calls.originate import OriginateRequest, originate, start
from asterism.pbx.channels.whispering import Whisper
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.dialplan.language.foreign import joined
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer

_KEY = "periodic_hooks"
"""Where ``channel.data`` keeps the hooks of a channel, by their ids."""
MOST = 16
"""Hooks that one channel may have."""
_ON, _OFF = ("on", "yes", "true", "y", "t", "1"), ("off", "no", "false", "n", "f", "0")
_LONGEST = 100_000_000
"""Seconds: more than three years."""


class PeriodicHook(Tap):
    """One hook of one channel. As a tap it hears of the channel's end, and shows the bridge as others with taps do."""

    def __init__(self, channel: Channel, hook_id: str, place: tuple[str, str], interval: int) -> None:
        """Prepare to run the extension ``place`` (context and extension) each ``interval`` seconds."""
        self._channel = channel
        self._id = hook_id
        self._place = place
        self._interval = interval
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._voice: Channel | None = None
        """The channel of the extension that runs now."""

    def take(self, frame: Frame) -> None:
        """Ignores the frames: the tap only follows the channel."""

    @property
    def on(self) -> bool:
        """Whether it runs."""
        return self._timer is not None

    def turn_on(self) -> None:
        """Run the extension after the interval, and again; harmless while it does."""
        if self._timer is None:
            tests = self._channel.pbx.test_events
            if tests.wanted:
                headers = (("Exten", self._place[1]), ("Channel", self._channel.name), ("Interval", self._interval))
                tests.send("PERIODIC_HOOK_ENABLED", headers)
            self._channel.attach(self, Direction.IN)
            if not self._channel.dead:
                self._schedule(self._channel.pbx.loop.time())

    def turn_off(self) -> None:
        """Stop running it; a run in progress plays to its end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._channel.detach(self)

    def ended(self) -> None:
        """The channel has ended: end the run in progress."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
        if self._voice is not None:
            self._voice.soft_hangup()

    failed = ended

    def _schedule(self, since: float) -> None:
        self._timer = self._channel.pbx.loop.call_at(since + self._interval, self._due, since + self._interval)

    def _due(self, at: float) -> None:
        loop = self._channel.pbx.loop
        self._schedule(max(at, loop.time() - self._interval))
        if self._task is None and (self._voice is None or self._voice.dead):  # else the last run is not over
            self._task = loop.create_task(self._run(self._channel.pbx))

    async def _run(self, pbx: Host) -> None:
        context, exten = self._place
        request = OriginateRequest(
            joined(("Local/", exten, "@", context, "/n")),
            application="PeriodicHook",
            data=self._channel.name,
            variables=[("HOOK_CHANNEL", urllib.parse.quote(self._channel.name, safe="")), ("HOOK_ID", self._id)],
            run=self._inject,
        )
        try:
            result = await originate(pbx, request)
        finally:
            self._task = None
        if result.channel is not None:
            self._voice = result.channel
            start(pbx, result.channel, request)

    async def _inject(self, voice: Channel) -> None:
        """Add what the extension plays to both directions, until it is over."""
        channel, stream = self._channel, voice.stream
        ways = Whisper(channel, Direction.IN), Whisper(channel, Direction.OUT)

        def say(frame: Frame) -> None:
            for way in ways:
                way.say(frame)

        try:
            if channel.dead or stream is None:
                return
            stream.sink = say
            channel.attach(ways[0], Direction.IN)
            channel.attach(ways[1], Direction.OUT)
            await voice.wait_for_hangup()
        finally:
            if stream is not None and stream.sink is say:  # it may be another channel's by now, and heard there
                stream.sink = None
            for way in ways:
                channel.detach(way)
            self._voice = None


class PeriodicHookFunction(PbxModule):
    """The function PERIODIC_HOOK."""

    name: ClassVar[str] = "func_periodic_hook"
    description: ClassVar[str] = "Extensions that are run and heard in a call every so many seconds"

    def load(self, server: HostServer) -> None:
        """Register the function."""
        self._ids = itertools.count(1)
        super().load(server)

    def unload(self) -> None:
        """Take all hooks off."""
        for channel in list(self.pbx.channels):
            for hook in channel.data.pop(_KEY, {}).values():
                hook.turn_off()
                hook.ended()

    @function(
        "PERIODIC_HOOK",
        Documentation(
            "Run an extension every so many seconds, heard by both parties of the call.",
            "PERIODIC_HOOK(context,extension,interval) or PERIODIC_HOOK(id)=on|off",
            "Reading it puts a hook on the channel and gives its id, writing it turns that hook off and on again: "
            "Set(BEEP=${PERIODIC_HOOK(hooks,beep,30)}), Set(PERIODIC_HOOK(${BEEP})=off). The extension runs on a "
            "channel of its own, for the first time after one interval, and what it plays is added to what both "
            "parties hear. It has two variables: HOOK_CHANNEL, the channel's name as URIENCODE gives it, and HOOK_ID. "
            "A run is left out while the one before is not over.",
            (
                Argument("context", "Context of the extension.", True),
                Argument("extension", "The extension; it answers, plays and hangs up.", True),
                Argument("interval", "Whole seconds.", True),
            ),
            ("URIDECODE",),
        ),
        effects=True,
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """Put a hook on the channel."""
        channel = needs_channel(channel)
        words = [word.strip() for word in split_arguments(args)]
        if len(words) != 3 or not all(words):
            raise FunctionError("it takes a context, an extension and an interval")
        context, exten, interval = words
        if not (interval.isascii() and interval.isdigit() and 0 < int(interval[:10]) <= _LONGEST):
            raise FunctionError(f"'{interval}' is no number of seconds")
        hooks: dict[str, PeriodicHook] = channel.data.setdefault(_KEY, {})
        if len(hooks) >= MOST:
            raise FunctionError(f"a channel has no more than {MOST} hooks")
        hook_id = str(next(self._ids))
        hook = hooks[hook_id] = PeriodicHook(channel, hook_id, (context, exten), int(interval))
        hook.turn_on()
        return hook_id

    @function_writer("PERIODIC_HOOK")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Turn a hook on or off."""
        hook = needs_channel(channel).data.get(_KEY, {}).get(args.strip())
        if hook is None:
            raise FunctionError(f"the channel has no hook '{args.strip()}'")
        word = value.strip().lower()
        if word in _ON:
            hook.turn_on()
        elif word in _OFF:
            hook.turn_off()
        else:
            raise FunctionError("it is on or off")
