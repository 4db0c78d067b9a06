"""Random sequences of both sides over a bad network, in virtual time: they agree on the media, or the call ends, and
nothing is left."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from model_phone import ModelPhone, Network
from session_bench import Bench, make_bench

from asterism.pbx.calls.originate import OriginateRequest, originate, start
from asterism.pbx.vocabulary.controls import Control

SERVER = ("ring", "progress", "answer", "refresh", "reinvite", "update", "hold", "hangup")
LEGAL = ("reinvite", "reinvite without offer", "update", "update without offer")
ILLEGAL = ("reinvite now", "update now")
CALLED = ("180", "183", "183 with description", "reliable 180", "reliable 183 with description", "200")
ENDS = ("bye", "cancel")
STEP = st.sampled_from(
    [*(("server", one) for one in SERVER), *(("phone", one) for one in (*LEGAL, *LEGAL, *ILLEGAL, *ENDS))]
)
CALLED_STEP = st.sampled_from(
    [*(("server", one) for one in ("refresh", "reinvite", "update", "hold", "hangup")),
     *(("phone", one) for one in (*CALLED, *CALLED, *LEGAL, *LEGAL, *ILLEGAL, "bye"))]
)  # fmt: skip
GAPS = st.sampled_from([0.0, 0.0, 0.05, 0.6, 3.0])


class Scene:
    """One call between the server and a phone."""

    def __init__(self, bench: Bench, seed: int, loss: float) -> None:
        self.bench = bench
        self.net = Network(bench, seed, loss, 5072)
        self.phone = ModelPhone(bench, self.net, "bob")
        self.todo: asyncio.Queue[str] = asyncio.Queue()
        self.task: asyncio.Future[None] | None = None
        bench.server.pbx.extension("internal", "900")(self.dialplan)

    async def dialplan(self, channel: Any) -> None:
        while (what := await self.todo.get()) != "hangup":
            if what == "ring":
                channel.indicate(Control.RINGING)
            elif what == "progress":
                channel.indicate(Control.PROGRESS)
            elif what == "answer":
                await channel.answer()

    async def originate(self) -> None:
        """The server calls the phone, and goes on in the dialplan."""
        request = OriginateRequest("PJSIP/bob", "internal", "900", timeout=3000)
        found = await originate(self.bench.server.pbx, request)
        if found.channel is not None:
            start(self.bench.server.pbx, found.channel, request)

    async def run(self, seconds: float) -> None:
        """Let time pass, and whoever waits for the loop go on."""
        end = self.bench.now + seconds
        step = max(0.05, seconds / 40)
        while True:
            for _ in range(6):
                await asyncio.sleep(0)
            if self.bench.now >= end:
                return
            self.bench.advance(min(step, end - self.bench.now))

    def server_does(self, what: str) -> None:
        for session in list(self.bench.sessions.live):
            if what in ("refresh", "reinvite", "update"):
                session.refresh({"reinvite": "INVITE", "update": "UPDATE"}.get(what, ""))
            elif what == "hold":
                session.held = not session.held
                session.refresh()
            elif what == "hangup" and session.channel is not None:
                session.channel.soft_hangup()
        self.todo.put_nowait(what)

    def phone_does(self, what: str) -> None:
        phone = self.phone
        if what.endswith(("now", "without offer")) or phone.may_offer():
            if what.startswith("reinvite"):
                phone.reinvite("without" not in what)
            elif what.startswith("update"):
                phone.update("without" not in what)
        if what == "bye":
            phone.bye()
        elif what == "cancel":
            phone.cancel()
        elif what in CALLED:
            status = int(what.removeprefix("reliable ")[:3])
            phone.answer_call(status, "description" in what or status == 200, what.startswith("reliable"))

    def check(self) -> None:
        """Once all is quiet, both sides believe the same."""
        phone = self.phone
        live = [one for one in self.bench.sessions.live if one.confirmed]
        if phone.ended or not phone.answered:
            return
        assert live, "the phone believes that the call is up"
        (session,) = live
        assert not session.offers.open, session.offers
        assert session.refreshing is None
        assert not phone.mine
        assert phone.agreed is not None
        port, body = phone.agreed
        assert session.media.port("audio").remote == ("127.0.0.1", port)
        assert session.media.body == body

    async def end(self) -> None:
        """Everything is hung up, and after the longest timer nothing is left."""
        self.net.loss = 0.0
        self.todo.put_nowait("hangup")
        for channel in list(self.bench.server.pbx.channels):
            channel.soft_hangup()
        await self.run(1)
        if not self.phone.ended:
            self.phone.cancel()
            self.phone.bye()
            self.phone.answer_call(486, False)
        await self.run(70)
        bench = self.bench
        assert bench.idle, (list(bench.server.pbx.channels), list(bench.sessions.live))
        assert not bench.server.media.sessions
        assert len(bench.server.sip.servants) == 0
        assert bench.layer.live_transactions == 0
        assert self.phone.layer.live_transactions == 0
        bench.timers.handle_timers(bench.now + 3600)
        assert bench.timers.next_timer() is None, "a timer is left"


Steps = list[tuple[tuple[str, str], float]]


def play(called: bool, offer: bool, reliable: bool, loss: float, seed: int, steps: Steps) -> None:
    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            bench = await make_bench(Path(folder))
            try:
                scene = Scene(bench, seed, loss)
                if called:
                    scene.task = asyncio.ensure_future(scene.originate())
                else:
                    scene.phone.call(offer, (("Require", "100rel"),) if reliable else ())
                await scene.run(0.2)
                for (who, what), gap in steps:
                    (scene.server_does if who == "server" else scene.phone_does)(what)
                    await scene.run(gap)
                scene.net.loss = 0.0
                await scene.run(40)
                scene.check()
                await scene.end()
            finally:
                await bench.server.stop()

    asyncio.run(main())


PLAIN = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("loss", [0.0, 0.15], ids=["good network", "bad network"])
@PLAIN
@given(st.booleans(), st.booleans(), st.integers(0, 2**16), st.lists(st.tuples(STEP, GAPS), max_size=14))
@example(True, True, 0, [(("server", "progress"), 0.0), (("server", "answer"), 0.6), (("server", "reinvite"), 0.0),
                         (("phone", "reinvite now"), 3.0)])  # fmt: skip
@example(False, True, 1, [(("server", "progress"), 0.6), (("server", "answer"), 0.6), (("phone", "update"), 0.6)])
@example(True, False, 2, [(("server", "progress"), 0.6), (("phone", "update now"), 0.0), (("server", "answer"), 3.0)])
def test_a_phone_that_calls(loss: float, offer: bool, reliable: bool, seed: int, steps: Steps) -> None:
    play(False, offer, reliable, loss, seed, steps)


@pytest.mark.parametrize("loss", [0.0, 0.15], ids=["good network", "bad network"])
@PLAIN
@given(st.integers(0, 2**16), st.lists(st.tuples(CALLED_STEP, GAPS), max_size=14))
@example(0, [(("phone", "reliable 183 with description"), 0.6), (("phone", "update"), 0.6), (("phone", "200"), 3.0),
             (("server", "reinvite"), 0.0), (("phone", "reinvite now"), 3.0)])  # fmt: skip
@example(1, [(("phone", "183 with description"), 0.6), (("phone", "200"), 3.0), (("server", "update"), 0.0)])
@example(0, [(("phone", "update now"), 0.0), (("phone", "200"), 0.0)])
def test_a_phone_that_is_called(loss: float, seed: int, steps: Steps) -> None:
    play(True, False, False, loss, seed, steps)
