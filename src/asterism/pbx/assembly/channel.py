"""The channel as extensions written in Python use it: answer, play, listen, speak, read digits, dial.

::

    async def greet(channel: Channel) -> None:
        await channel.answer()
        await channel.play("hello-world")
        digits = await channel.read_digits(4)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from asterism.media.answering_machine import Rhythm, Verdict
from asterism.media.recording.mixdown import Output, Source
from asterism.pbx.calls import bridging
from asterism.pbx.calls.fax import transfer as faxes
from asterism.pbx.calls.fax.result import FaxResult
from asterism.pbx.calls.fax.transfer import FaxOptions
from asterism.pbx.calls.features.keys import Keys
from asterism.pbx.calls.features.member import program_keys
from asterism.pbx.calls.features.table import options_of
from asterism.pbx.calls.parking.parking import Wish
from asterism.pbx.calls.recording.settings import RecordingError, RecordingSettings, file_path
from asterism.pbx.calls.spying.spying import Mode, Spying
from asterism.pbx.calls.transfers import awaited
from asterism.pbx.channels import answering, channel, hearing, listening, playing, speaking, texting, transfer
from asterism.pbx.channels.listening import Listening
from asterism.pbx.channels.playing import Playing
from asterism.pbx.channels.speaking import Speaker
from asterism.pbx.channels.transfer import Transferred
from asterism.pbx.dialplan.applications.dial.call import dial

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.calls.dialing import DialResult
    from asterism.pbx.calls.recording.recording import Recording

ChannelKeys = Mapping[str, Callable[["Channel"], Awaitable[None]]]
"""Codes that the far end may dial during a conversation, and what each runs."""


class Channel(channel.Channel):
    """One leg of a call, with what extensions do to it; made by :meth:`asterism.pbx.assembly.pbx.Pbx.create_channel`.

    Each method leads to the room of the PBX that does it.
    """

    __slots__ = ()

    async def answer(self, delay: float = 0.0) -> None:
        """Answer the call, then wait ``delay`` seconds."""
        await answering.answer(self, delay)

    async def wait_for_media(self, timeout: float) -> bool:
        """Wait until the far end sends audio, at most ``timeout`` seconds; whether it did.

        What is played before that the far end may not hear: its way back may not be open yet. At once ``False`` for
        a channel without audio.
        """
        return await answering.wait_for_media(self, timeout)

    async def play(self, name: str, interrupt: str = "", language: str = "", offset_ms: int = 0) -> str:
        """Play a sound file of the channel's language to its end, from ``offset_ms`` milliseconds on.

        ``interrupt`` are digits that end it; returns the digit that did, or an empty text. Raises
        :class:`~asterism.media.soundfiles.SoundError` when there is no such sound, and ``RuntimeError`` where another
        task speaks to the channel.
        """
        return await playing.play(self, name, interrupt, language, offset_ms)

    def start_play(self, name: str, interrupt: str = "", language: str = "", offset_ms: int = 0) -> Playing:
        """Begin to play a sound, and go on: ``stop()`` of what it returns ends it, from any task.

        ``pause()``, ``resume()``, ``seek(ms)`` and ``skip(ms)`` do so as well, ``position`` tells where it is, and
        ``await playing.next_digit()`` waits for a digit while it plays on.

        ``await playing.wait()`` waits for its end as :meth:`play` does, and raises what it raises. It plays until
        then, until its own end, or the hang-up.
        """
        return playing.start_play(self, name, interrupt, language, offset_ms)

    def play_tone(self, tone: str) -> bool:
        """Play a tone in the background until ``stop_tone()``, another sound, or the hang-up; whether there is audio.

        ``tone`` is one of the channel's zone ("busy"), or a list as in ``indications.conf`` ("425/500,0/500").
        Raises :class:`~asterism.core.errors.UsageError` where it is neither.
        """
        return playing.start_tone(self, tone)

    async def wait_for_silence(self, seconds: float, timeout: float | None = None) -> bool:
        """Wait until the far end has been silent for ``seconds``; ``False`` when ``timeout`` seconds passed before.

        A far end that sends nothing is silent.
        """
        return bool(await hearing.wait_for_silence(self, seconds, timeout))

    async def wait_for_noise(self, seconds: float, timeout: float | None = None) -> bool:
        """Wait until the far end has made noise for ``seconds``; ``False`` when ``timeout`` seconds passed before."""
        return bool(await hearing.wait_for_silence(self, seconds, timeout, noise=True))

    async def who_answered(self, rhythm: Rhythm | None = None) -> Verdict:
        """Whether a human or an answering machine has answered, as the application ``AMD`` tells them apart.

        ``status`` is HUMAN, MACHINE or NOTSURE, ``cause`` says why. ``rhythm`` replaces the values of ``AMD``.
        """
        return await hearing.who_answered(self, rhythm or Rhythm())

    def send_text(self, text: str, content_type: str = "text/plain") -> bool:
        """Send a text to the far end, in its call; whether it could be sent.

        Raises ``ValueError`` for a content type that is none.
        """
        return texting.send_text(self, text, content_type)

    async def receive_text(self, timeout: float | None = None) -> str | None:
        """The next text that the far end sends in the call, ``None`` when none came within ``timeout`` seconds.

        Texts that come while nobody waits are not kept. Raises ``RuntimeError`` where another task waits for one.
        """
        return await texting.receive_text(self, timeout)

    def listen(self, rate: int | None = None) -> Listening:
        """Audio of the far end at a chosen rate in Hz (8000, 12000, 16000, 24000, 32000, 44100, 48000, 96000, 192000).

        ::

            async with channel.listen(rate=16000) as audio:
                async for frame in audio:  # frame.payload: 20 ms of 16-bit linear mono samples
                    ...

        ``audio.stop()`` ends the iteration, from any task; a hang-up does so by :class:`ChannelHangup`. Raises
        ``ValueError`` for another rate and ``RuntimeError`` where another task listens.
        """
        return Listening(self, rate)

    def speaker(self, rate: int = 8000, depth: int = speaking.DEPTH) -> Speaker:
        """A queue of 16-bit linear mono samples at ``rate`` Hz that are sent to the far end as time goes.

        ::

            async with channel.speaker(rate=24000) as out:
                await out.write(pcm)  # returns when no more than `depth` milliseconds are still to be sent

        ``out.clear()`` drops what was not sent and returns how many milliseconds were heard; ``pause``, ``resume``,
        ``drain`` and ``mark`` are the others. Raises ``ValueError`` for a rate that :meth:`listen` does not have, and
        ``RuntimeError``, on entering it, where another task speaks to the channel.
        """
        return Speaker(self, rate, depth)

    def audio(self) -> AsyncIterator[Frame]:
        """Audio of the far end: frames of 16-bit linear PCM, normally 20 ms, at 8 or 16 kHz.

        ``frame.payload`` are the samples, ``frame.format`` tells the rate. Ends by
        :class:`ChannelHangup`. A reader that is slow loses the oldest frames.
        """
        return listening.audio(self)

    async def write_audio(self, frame: Frame) -> None:
        """Send a frame to the far end now; the writer keeps the pace."""
        await listening.write_audio(self, frame)

    def record(
        self,
        file: str,
        *,
        stereo: bool = False,
        received: str = "",
        sent: str = "",
        append: bool = False,
        bridged_only: bool = False,
        beep: float = 0.0,
    ) -> Recording:
        """Record what the channel says and hears, from now on and through whatever it does.

        ::

            async with channel.record("greeting.wav") as recording:
                await channel.dial("PJSIP/102")

        Or keep what it returns, and ``stop()`` it, or let it end with the channel; ``pause()``, ``resume()`` and
        ``mute(direction)`` at any time. Files are written beside the loop; ``await recording.wait()`` waits until they
        are closed, ``recording.error`` tells what ended it early. No events tell of it.

        Args:
            file: name with an extension that tells the kind, as of MixMonitor (wav, gsm, opus ...); relative
                ones are below the folder ``monitor`` of the spool folder. Empty: only ``received`` and ``sent``.
            stereo: what it says in the left channel, what it hears in the right one, instead of both in one.
            received: another file, of what it says alone.
            sent: another file, of what it hears alone.
            append: add to files that are there.
            bridged_only: record only while it is in a bridge.
            beep: seconds between beeps that both parties hear; 0 for none.

        Raises:
            RecordingError: there is no file, or a name or kind is not possible.
            ChannelHangup: the channel has hung up.
        """
        self.check()
        folder = self.pbx.recordings.folder
        names = (
            (file, Source.STEREO if stereo else Source.MIXED), (received, Source.RECEIVED), (sent, Source.SENT)
        )  # fmt: skip
        outputs = [Output(file_path(name, folder), source, append) for name, source in names if name]
        if not outputs:
            raise RecordingError("it needs the name of a file")
        settings = RecordingSettings(tuple(outputs), bridged_only=bridged_only, beep=beep)
        return self.pbx.recordings.start(self, settings, announced=False)

    async def send_fax(
        self, *files: str, fallback: bool = True, audio_only: bool = False, ask: bool = True, debug: bool = False
    ) -> FaxResult:
        """Send TIFF files as one fax, as SendFAX does; the channel is answered first.

        ::

            result = await channel.send_fax("/var/spool/letters/1.tif")
            if not result.success: ...

        What the fax machine says of itself is ``FAXOPT``'s and that of ``res_fax.conf``.

        Args:
            files: absolute names, or relative ones below the folder ``fax`` of the spool folder.
            fallback: go over audio where the far end could T.38 and refuses it.
            audio_only: over audio in any case.
            ask: ask the far end for T.38 where it does not ask itself.
            debug: tell in the log, at the level ``fax``, what happens.

        Raises:
            ChannelHangup: the channel has hung up.
        """
        options = FaxOptions(debug=debug, fallback=fallback, audio=audio_only, ask=ask)
        return await faxes.send_fax(self, files, options)

    async def receive_fax(
        self, file: str, *, fallback: bool = True, audio_only: bool = False, debug: bool = False
    ) -> FaxResult:
        """Receive a fax into a TIFF file, as ReceiveFAX does; see :meth:`send_fax`."""
        options = FaxOptions(debug=debug, fallback=fallback, audio=audio_only)
        return await faxes.receive_fax(self, file, options)

    def spy(self, other: channel.Channel, mode: str = "listen", *, only_says: bool = False, volume: int = 0) -> Spying:
        """Hear what another channel says and hears, and speak to it, through whatever it does.

        ::

            async with channel.spy(other, "whisper") as spying:
                await spying.wait()

        ``spying.mode`` and ``spying.volume`` may be set at any time; ``await spying.next_digit()`` waits for a digit of
        this channel, or for the end of the other one. This channel is spoken to by nothing else meanwhile.

        Args:
            other: whom to listen to.
            mode: who hears this channel: nobody (``listen``), the other's far end (``whisper``), the same while nothing
                is heard here (``private``), or everybody in the other's call as well (``barge``).
            only_says: hear only what the other's far end says, not what it hears.
            volume: -4 to 4; a positive one multiplies, a negative one divides.

        Raises:
            ValueError: the mode is none of these.
        """
        return Spying(self, other, Mode(mode), only_says=only_says, volume=volume)

    async def read_digits(self, count: int, timeout: float = 5.0, terminator: str = "#") -> str:
        """Up to ``count`` digits; ends at the terminator, which is left out, or after a pause of ``timeout``."""
        return await listening.read_digits(self, count, timeout, terminator)

    async def dial(
        self, destinations: str, timeout: float | None = None, options: str = "", *, keys: ChannelKeys | None = None
    ) -> DialResult:
        """Call others and talk with the first that answers, as the application ``Dial`` does.

        ``destinations`` is a dial string ("PJSIP/101&PJSIP/102"), ``options`` Dial's letters.
        ``keys`` are codes ("*9") that this channel's party may dial during the conversation, each with an ``async def``
        that is called with this channel; until it returns, neither party hears the other.
        Returns when the call that it made is over, also without an answer; raises
        :class:`ChannelHangup` when this channel hung up.
        """
        return await dial(self, destinations, timeout, options, program_keys(keys) if keys else None)

    async def transfer(
        self,
        *destinations: str,
        replaced: channel.Channel | None = None,
        heard: Callable[[int], None] | None = None,
    ) -> Transferred:
        """Have the far end call somebody else instead, and wait for what becomes of it.

        ::

            outcome = await channel.transfer("PJSIP/sip:200@pbx.example.com")
            if not outcome:
                await channel.play("sorry")  # outcome.code is the code of SIP: 486, 404, ...

        Before the answer it is told to (302) and this call is over: the next await raises :class:`ChannelHangup`.
        After it it is asked to (REFER); when that fails, the call goes on here.

        Args:
            destinations: an extension of this server, ``extension@endpoint``, ``user@host`` or a URI (``sip:``,
                ``sips:``, ``tel:``), with or without ``PJSIP/``. After the answer a further one is tried when the one
                before it failed; before it all are told, the first as the best.
            replaced: an answered channel of SIP, instead of a destination: the two far ends talk to each other
                without this server from then on (attended transfer, RFC 3891).
            heard: called with each provisional code of the new call (100, 180, 183).

        A far end that hangs up meanwhile ends the wait with what is known: a success with code 202 if it had
        accepted, else a failure with code 0. Raises ``ValueError`` without a destination.
        """
        return await transfer.transfer(self, *destinations, replaced=replaced, heard=heard)

    async def blind_transfer(
        self, exten: str, context: str = "", *, keep: bool = False, heard: Callable[[int], None] | None = None
    ) -> Transferred:
        """Send whoever this channel talks to to an extension, and wait for what becomes of them; this channel leaves.

        ::

            outcome = await channel.blind_transfer("6003", keep=True)
            if not outcome:
                ...  # outcome.code is the code of SIP: 486 busy, 404 no such extension, ...

        Args:
            exten: the extension.
            context: its context; by default TRANSFER_CONTEXT of this channel, or the channel's own.
            keep: this channel waits until somebody talks to the transferred party, and has it back otherwise. Without
                it this channel ends at once.
            heard: called with each provisional code: 180 it rings, 183 there is early audio.

        Several parties stay together. Nothing is done, and the outcome is a failure, without anybody in the bridge or
        without such an extension (404), where the bridge does not allow it (403), and when another transfer of this
        call is on its way or there were too many (491). It may be called from any task; code that this channel runs is
        ended by the transfer, as by :meth:`redirect`.
        """
        return await awaited.blind_transfer(self, exten, context, keep, heard)

    async def attended_transfer(
        self, other: channel.Channel, *, heard: Callable[[int], None] | None = None
    ) -> Transferred:
        """Connect whoever this channel talks to with whoever, or whatever, ``other`` has; both channels leave.

        They are the two calls of one party. The other call may be answered, ring yet (the outcome is that of the call
        then), or be an application, with which the party goes on. Failures are those of :meth:`blind_transfer`; both
        calls then go on.
        """
        return await awaited.attended_transfer(self, other, heard)

    async def bridge_with(self, other: channel.Channel, *, keys: ChannelKeys | None = None) -> None:
        """Talk to another channel until either leaves; it leaves whatever it does for that.

        Both are answered. Afterwards this code goes on, and the other channel's dialplan with its next priority; one
        that has none ends. ``keys`` as for :meth:`dial`. Raises :class:`ChannelHangup` when this channel hung up,
        ``RuntimeError`` when the other cannot come (it has hung up, or is still being called) or this one is spoken to
        or bridged already.
        """
        handler = Keys(program_keys(keys), options_of(self).featuredigittimeout / 1000) if keys else None
        await bridging.bridge_with(self, other, handler)

    async def join(self, bridge: Bridge) -> None:
        """Be in a bridge, made by :meth:`~asterism.pbx.assembly.pbx.Pbx.create_bridge`, until it is taken out of it.

        The channel is answered. Raises :class:`ChannelHangup` when it hung up and ``RuntimeError`` when the bridge
        takes nobody any more, or the channel is spoken to or bridged already.
        """
        await bridging.join(self, bridge)

    async def park_call(
        self, lot: str = "", *, space: int | None = None, timeout: float | None = None, silent: bool = False
    ) -> None:
        """Be parked until somebody who retrieves it has talked to it, as the application ``Park`` does.

        It is answered and hears its space, unless ``silent``. ``lot`` is the name of a lot, by default the channel's;
        ``space`` a number, by default a free one; ``timeout`` seconds, by default the lot's, 0 for no limit. When they
        are over the channel goes back to its device by the dialplan: this code ends then. Raises
        :class:`ChannelHangup` when it hung up, and :class:`~asterism.pbx.calls.parking.errors.ParkingError` when it
        cannot be parked.

        ``server.pbx.parking.park(channel, parker)`` parks any other channel, and ``server.pbx.parking.retrieve(...)``
        brings this one together with a parked one.
        """
        await self.pbx.parking.stay(self, Wish(lot, space, timeout), silent=silent)


class QuietChannel(Channel):
    """A channel that is no call, for a text message that runs dialplan.

    It is in no listing, and no event tells that it comes, changes or goes. It makes no calls either: a
    text that finds an extension with ``Dial`` would let a phone ring that has nobody to talk to.
    """

    __slots__ = ()

    runs_h = False

    may_call: ClassVar[bool] = False

    def _forget(self) -> None:
        """Publishes nothing: this channel was never announced."""
