"""Tools for tests of calls: simulated phones on real sockets, tones and who heard them, servers in process.

A test reads like the call it describes::

    async with running_server({"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}) as server:
        async with Phone("101", server, "secret") as ann, Phone("102", server, "secret") as bob:
            await ann.register()
            await bob.register()
            call = await ann.dial("102")
            incoming = await bob.incoming()
            incoming.ring()
            await call.ringing()
            incoming.answer()
            await call.answered()
            call.play(440)
            await incoming.hears(440)
            await call.hangup()
            await incoming.ended()
        await assert_idle(server)

The phones stand on ``asterism.stack`` alone and have SDP and RTP of their own, so that they judge the server's.
Every wait has a limit and fails with the messages that the phone has seen.
"""

from asterism.testing.audio import PhoneAudio
from asterism.testing.call import PhoneCall
from asterism.testing.phone import Phone
from asterism.testing.servers import assert_idle, free_port, idle_counts, running_server
from asterism.testing.subscription import PhoneSubscription
from asterism.testing.tone import detect, level, make_tone
from asterism.testing.video import PhoneVideo
from asterism.testing.waiting import PhoneError, until

__all__ = [
    "Phone",
    "PhoneAudio",
    "PhoneCall",
    "PhoneError",
    "PhoneSubscription",
    "PhoneVideo",
    "assert_idle",
    "detect",
    "free_port",
    "idle_counts",
    "level",
    "make_tone",
    "running_server",
    "until",
]
