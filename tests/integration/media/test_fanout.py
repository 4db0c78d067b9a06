"""Video of one shown to many: what each recipient gets, and what comes of what they report."""

from __future__ import annotations

import struct
from functools import partial
from typing import Any

from rtp_kit import Leg, Peer

from asterism.media import feedback, rtcp
from asterism.media.fanout import FanOut
from asterism.media.formats import PASSED
from asterism.testing.waiting import until

H264, VP8 = PASSED["video"]["h264"], PASSED["video"]["vp8"]
FRAME = 3000


class Clock:
    """The loop of a fan-out: its time stands still until it is moved."""

    def __init__(self):
        self.now, self.timers = 0.0, []

    def time(self):
        return self.now

    def call_later(self, delay, function):
        timer = [self.now + delay, function]
        self.timers.append(timer)
        return Timer(self.timers, timer)

    def move(self, seconds):
        self.now += seconds
        for timer in [one for one in self.timers if one[0] <= self.now]:
            self.timers.remove(timer)
            timer[1]()


def stopped() -> Any:
    return Clock()


class Timer:
    def __init__(self, timers, timer):
        self.timers, self.timer = timers, timer

    def cancel(self):
        self.timers.remove(self.timer)


class Party(Leg):
    """A leg of video, which counts what its camera sends."""

    def __init__(self, media, formats, ssrc=0xABCD, sequence=100):
        super().__init__(media, formats, dtmf=None)
        self.number = next(iter(formats))
        self.peer.ssrc, self.peer.sequence = ssrc, sequence
        self.control = Peer()
        self.session.set_remote(*self.peer.address, rtcp=self.control.address)

    def asked(self):
        """What has come as feedback until now: on loopback it is there when it is sent."""
        found = []
        while True:
            try:
                found += feedback.parse(self.control.socket.recv(2048))
            except BlockingIOError:
                return found

    def shoot(self, payload, marker=True, **options):
        self.peer.timestamp += FRAME - 160
        self.peer.send(self.session, payload, self.number | (0x80 if marker else 0), **options)

    async def sees(self):
        (_, second, sequence, timestamp, ssrc), payload = await self.peer.receive()
        assert ssrc == self.session.ssrc
        return second & 0x7F, second >= 0x80, sequence, timestamp, payload

    def report(self, kind, details=b"", source=None):
        source = self.session.ssrc if source is None else source
        built = feedback.build(feedback.Feedback(kind, source, details), 9, source, lambda number: number)
        self.session.rtcp.receive(rtcp.build(rtcp.Report(rtcp.RR, 9), b"peer") + built, 0.0)


def _have_sent(parties, count):
    return all(each.session.rx_packets == count for each in parties)


def test_each_recipient_has_a_stream_of_its_own(run):
    async def scenario(media):
        camera, one, two = (Party(media, {number: H264}) for number in (99, 97, 120))
        fan = FanOut(camera.session, stopped())
        assert fan.show([one.session, two.session])
        for payload, marker in ((b"a" * 900, False), (b"b" * 20, True), (b"c" * 1300, False)):
            camera.shoot(payload, marker)
            for party in (one, two):
                seen = await party.sees()
                assert (seen[0], seen[1], seen[4]) == (party.number, marker, payload)
        assert camera.session.rx_packets == 3
        assert (one.session.tx_packets, two.session.tx_bytes) == (3, 2220)
        fan.close()
        camera.shoot(b"d")
        await until(lambda: camera.session.rx_packets == 4)
        assert await one.peer.silent()

    run(scenario)


def test_numbers_and_times_go_on_when_another_is_shown(run):
    async def scenario(media):
        cameras = [Party(media, {99: H264}, 0x1000 + n, start) for n, start in enumerate((65533, 7, 30000))]
        viewer = Party(media, {97: H264})
        fans = [FanOut(camera.session, stopped()) for camera in cameras]
        before = None
        for turn in range(9):
            shown = turn % 3
            for index, fan in enumerate(fans):
                fan.show([viewer.session] if index == shown else [])
            for number in range(4):
                for camera in cameras:
                    camera.shoot(b"%d %d" % (cameras.index(camera), number))
                _, _, sequence, timestamp, payload = await viewer.sees()
                assert payload == b"%d %d" % (shown, number), "only the one that is shown"
                if before is not None:
                    assert sequence == (before[0] + 1) & 0xFFFF
                    assert 0 < timestamp - before[1] & 0xFFFFFFFF < 90000
                    if number:
                        assert timestamp - before[1] & 0xFFFFFFFF == FRAME
                before = sequence, timestamp
            await until(partial(_have_sent, cameras, 4 * (turn + 1)))
        assert await viewer.peer.silent()

    run(scenario)


def test_a_source_that_begins_anew_goes_on_with_everybody(run):
    async def scenario(media):
        camera, viewer = Party(media, {99: H264}), Party(media, {97: H264})
        FanOut(camera.session, stopped()).show([viewer.session])
        camera.shoot(b"before")
        first = await viewer.sees()
        camera.peer.ssrc, camera.peer.sequence, camera.peer.timestamp = 5, 40000, 1 << 31
        camera.shoot(b"after")
        second = await viewer.sees()
        assert second[2] == (first[2] + 1) & 0xFFFF
        assert 0 < second[3] - first[3] & 0xFFFFFFFF < 90000

    run(scenario)


def test_what_came_late_from_before_the_change_is_not_shown(run):
    async def scenario(media):
        camera, viewer = Party(media, {99: H264}), Party(media, {97: H264})
        fan = FanOut(camera.session, stopped())
        fan.show([])
        for name in (b"1", b"2"):
            camera.shoot(name)
        await until(lambda: camera.session.rx_packets == 2)
        fan.show([viewer.session])
        camera.peer.sequence -= 2
        camera.shoot(b"late", step=1)
        camera.peer.sequence += 1
        camera.shoot(b"3")
        camera.shoot(b"5", step=2)
        camera.peer.sequence -= 2
        camera.shoot(b"4")
        seen = [await viewer.sees() for _ in range(3)]
        assert [each[4] for each in seen] == [b"3", b"5", b"4"]
        assert [each[2] - seen[0][2] & 0xFFFF for each in seen] == [0, 2, 1]

    run(scenario)


def test_who_does_not_take_the_codec_is_shown_nothing_and_that_is_told_once(run):
    async def scenario(media):
        camera, fits, other = Party(media, {99: H264}), Party(media, {97: H264}), Party(media, {100: VP8})
        told = []
        fan = FanOut(camera.session, stopped(), unfit=lambda target, fmt: told.append((target, fmt.name)))
        fan.show([other.session, fits.session])
        for _ in range(3):
            camera.shoot(b"picture")
            await fits.sees()
        fan.show([fits.session, other.session])
        camera.shoot(b"picture")
        await fits.sees()
        assert told == [(other.session, "h264")]
        assert await other.peer.silent()

    run(scenario)


def test_requests_for_whole_pictures_become_one_in_an_interval(run):
    async def scenario(media):
        clock = stopped()
        camera, one, two = (Party(media, {number: H264}) for number in (99, 97, 98))
        fan = FanOut(camera.session, clock, interval=2.0)
        fan.show([one.session, two.session])
        fan.ask_key_frame()
        assert not camera.asked(), "there is no source yet: it will begin with one"
        camera.shoot(b"picture")
        await one.sees()
        one.report(feedback.PLI)
        assert camera.asked() == [feedback.Feedback(feedback.PLI, 0xABCD, b"")]
        for party in (one, two, one):
            party.report(feedback.PLI)
            clock.move(0.5)
        one.report(feedback.PLI, source=1)
        assert not camera.asked()
        clock.move(0.5)
        assert len(camera.asked()) == 1
        two.report(feedback.FIR, struct.pack("!IBBBB", two.session.ssrc, 77, 0, 0, 0))
        two.report(feedback.PLI)
        clock.move(2.0)
        assert camera.asked() == [feedback.Feedback(feedback.FIR, 0xABCD, struct.pack("!IBBBB", 0xABCD, 1, 0, 0, 0))]
        two.report(feedback.PLI)
        fan.close()
        assert not clock.timers

    run(scenario)


def test_lost_packets_are_asked_for_under_the_numbers_of_who_sent_them(run):
    async def scenario(media):
        first, second = Party(media, {99: H264}, 1, 500), Party(media, {99: H264}, 2, 9000)
        viewer = Party(media, {97: H264})
        before, after = FanOut(first.session, stopped()), FanOut(second.session, stopped())
        before.show([viewer.session])
        first.shoot(b"1")
        old = (await viewer.sees())[2]
        before.show([])
        after.show([viewer.session])
        second.shoot(b"2")
        second.shoot(b"4", step=2)
        new = (await viewer.sees())[2]
        await viewer.sees()
        viewer.report(feedback.NACK, struct.pack("!HHHH", old, 0, new + 1 & 0xFFFF, 0))
        assert second.asked() == [feedback.Feedback(feedback.NACK, 2, struct.pack("!HH", 9002, 0))]
        assert not first.asked()

    run(scenario)


def test_estimates_are_kept_until_they_are_summed_up(run):
    async def scenario(media):
        camera, one, two = (Party(media, {number: H264}) for number in (99, 97, 98))
        fan = FanOut(camera.session, stopped())
        fan.show([one.session, two.session])
        camera.shoot(b"picture")
        await one.sees()
        for party, bandwidth in ((one, 300_000), (one, 500_000), (two, 2_000_000)):
            built = feedback.bandwidth_estimate(9, party.session.ssrc, bandwidth)
            party.session.rtcp.receive(rtcp.build(rtcp.Report(rtcp.RR, 9), b"peer") + built, 0.0)
        assert not camera.asked(), "it is not passed on as it is"
        assert fan.take_bandwidths() == [500_000, 2_000_000]
        assert fan.take_bandwidths() == []
        fan.tell_bandwidth(1_000_000)
        (told,) = camera.asked()
        assert (told.source, feedback.bandwidth_of(told)) == (0xABCD, 1_000_000)

    run(scenario)


def test_whoever_closes_goes_from_the_others(run):
    async def scenario(media):
        camera, one, two = (Party(media, {number: H264}) for number in (99, 97, 98))
        fan = FanOut(camera.session, stopped())
        fan.show([one.session, two.session])
        one.session.close()
        camera.shoot(b"picture")
        assert (await two.sees())[4] == b"picture"
        assert [branch.target for branch in fan.branches] == [two.session]
        camera.session.close()
        assert not fan.branches
        assert two.session.relayed_by is None
        assert not fan.show([two.session])

    run(scenario)


def test_a_source_may_be_shown_to_itself(run):
    async def scenario(media):
        camera = Party(media, {99: H264})
        FanOut(camera.session, stopped()).show([camera.session])
        camera.shoot(b"me")
        assert (await camera.sees())[4] == b"me"
        camera.session.close()

    run(scenario)
