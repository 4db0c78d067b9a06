"""Several tasks on one call of a real phone: digits, audio at a rate of its own, and the hang-up."""

from __future__ import annotations

import asyncio
import itertools
import math
import select
import struct
import threading
import time
from array import array

from call_kit import two_phones

from asterism import Channel
from asterism.media.g711 import ulaw_to_linear
from asterism.testing import PhoneCall, level, until
from lateness import Lateness

RATE = 24000
LONGEST_STALL = 0.15
"""Seconds: a longer one of the machine makes what is sent begin anew, which is another test."""


def tone(seconds: float, frequency: float = 440.0) -> bytes:
    step = 2 * math.pi * frequency / RATE
    return array("h", [int(8000 * math.sin(step * n)) for n in range(int(seconds * RATE))]).tobytes()


class Wire:
    """What comes to a phone's port, read by a thread: the loop that is stalled must not falsify the times."""

    def __init__(self, call: PhoneCall) -> None:
        asyncio.get_running_loop().remove_reader(call.audio._socket.fileno())
        self._socket = call.audio._socket.dup()  # the phone closes its own at the end of the call
        self.packets: list[tuple[float, int, int, int, bytes]] = []
        """When it came, second octet, sequence number, timestamp, linear samples."""
        self._over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._over:
            if select.select([self._socket], [], [], 0.05)[0]:
                data = self._socket.recv(2048)
                _, second, sequence, timestamp, _ = struct.unpack_from("!BBHII", data)
                self.packets.append((time.monotonic(), second, sequence, timestamp, ulaw_to_linear(data[12:])))

    async def close(self) -> None:
        self._over = True
        await asyncio.to_thread(self._thread.join)
        self._socket.close()

    @property
    def samples(self) -> bytes:
        return b"".join(packet[4] for packet in self.packets)


async def test_one_reads_digits_another_speaks_a_third_waits_for_the_hangup():
    async with two_phones() as world:
        heard: list[float] = []
        digits: list[str] = []
        ends: list[str] = []
        sent_at_clear: list[float] = []

        @world.server.pbx.extension("phones", "800")
        async def talk(channel: Channel) -> None:
            await channel.answer()
            await channel.wait_for_media(5)

            async def read() -> None:
                digit = await channel.read_digit()
                heard.append(out.clear())
                sent_at_clear.append(out.heard)
                digits.append((digit or "") + await channel.read_digits(2))

            async def speak() -> None:
                await out.write(tone(30))
                ends.append("cleared")

            async def watch() -> None:
                await channel.wait_for_hangup()
                ends.append("hung up")

            async with channel.speaker(rate=RATE) as out, asyncio.TaskGroup() as tasks:
                tasks.create_task(read())
                tasks.create_task(speak())
                tasks.create_task(watch())

        call = await world.ann.dial("800")
        await call.answered()
        call.audio.play()
        await call.audio.hears(440)
        call.audio.send_digits("5")
        await until(lambda: heard)
        received = call.audio.received
        assert abs(heard[0] - received * 20) <= 40
        await asyncio.sleep(0.2)
        assert call.audio.received - sent_at_clear[0] / 20 <= 1  # silent within a packet
        assert ends == ["cleared"]
        call.audio.send_digits("67")
        await until(lambda: digits)
        assert digits == ["567"]
        await call.hangup()
        await until(lambda: len(ends) == 2)
        assert ends == ["cleared", "hung up"]


async def test_a_loop_that_stalls_makes_no_gap_in_what_is_sent():
    for _ in range(5):
        async with Lateness() as late:
            packets, samples = await _sent_over_stalls()
        for before, after in itertools.pairwise(packets):
            assert (after[2] - before[2]) & 0xFFFF == 1
        assert len(packets) in (75, 76)
        if late.worst < LONGEST_STALL:
            break
    else:
        # Such a machine shows only that nothing is left out.
        return
    assert [second >> 7 for _, second, *_ in packets[1:]] == [0] * (len(packets) - 1)
    for before, after in itertools.pairwise(packets):
        assert (after[3] - before[3]) & 0xFFFFFFFF == 160
    # Delays do not add up: the last is as late as a stall, or a busy machine, makes a single one.
    assert packets[-1][0] - packets[0][0] < (len(packets) - 1) * 0.020 + 0.1
    assert level(samples[640 : 74 * 320], 440) > 0.98


async def _sent_over_stalls():
    """What a phone got: packets, and all of the samples."""
    async with two_phones() as world:
        ready = asyncio.Event()

        @world.server.pbx.extension("phones", "801")
        async def talk(channel: Channel) -> None:
            await channel.answer()
            await ready.wait()
            async with channel.speaker(rate=RATE) as out:
                await out.write(tone(1.5))

        call = await world.ann.dial("801")
        await call.answered()
        wire = Wire(call)
        ready.set()
        try:
            for _ in range(20):
                await asyncio.sleep(0.061)
                time.sleep(0.010)  # noqa: ASYNC251 (the stall)
            await until(lambda: len(wire.packets) >= 75)
        finally:
            await wire.close()
        await call.ended()
        return wire.packets, wire.samples


async def test_barge_in_a_sound_is_stopped_from_another_task():
    async with two_phones() as world:
        results: list[str] = []

        @world.server.pbx.extension("phones", "802")
        async def talk(channel: Channel) -> None:
            await channel.answer()
            playing = channel.start_play("melody")

            async def listen() -> None:
                async with channel.listen(rate=16000) as audio:
                    async for frame in audio:
                        if max(array("h", frame.payload)) > 1000:
                            playing.stop()
                            break

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen())
                results.append(await playing.wait())
            results.append(str(playing.finished))

        call = await world.ann.dial("802")
        await call.answered()
        await until(lambda: call.audio.received > 5)
        assert not results
        call.audio.play(500)
        await until(lambda: len(results) == 2)
        assert results == ["", "False"]
        await call.ended()
