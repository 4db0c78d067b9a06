"""The figures of a call's audio: the score, and what ends up on the channels."""

from __future__ import annotations

import pytest
from call_steps import answered
from session_bench import Bench, on_bench

from asterism.applications.session.supplements.rtp_quality import NAMES, experience, quality_text
from asterism.media.statistics import Quality


@pytest.mark.parametrize(
    ("rtt", "jitter", "lost", "count", "score"),
    [
        (0.0, 0.0, 0, 0, 0.0),
        (0.0, 0.0, 0, 100, 92.95),
        (0.0, 0.0, 10, 90, 67.95),
        (0.0, 0.0, 100, 100, 0.0),
        (0.1, 0.005, 0, 100, 91.45),
        (0.4, 0.0, 0, 100, 84.2),
        (0.0, 0.1, 0, 100, 84.2),
    ],
)
def test_the_score_falls_with_delay_jitter_and_loss(
    rtt: float, jitter: float, lost: int, count: int, score: float
) -> None:
    assert experience(rtt, jitter, lost, count) == pytest.approx(score)


def test_the_text_keeps_both_directions_apart() -> None:
    quality = Quality()
    quality.local_ssrc, quality.remote_ssrc = 1, 2
    quality.rx_count, quality.rx_lost, quality.rx_jitter = 90, 10, 0.002
    quality.tx_count, quality.tx_lost, quality.tx_jitter, quality.rtt = 100, 0, 0.001, 0.05
    assert quality_text(quality) == (
        "ssrc=1;themssrc=2;lp=10;rxjitter=0.002000;rxcount=90;txjitter=0.001000;txcount=100;rlp=0;rtt=0.050000;"
        "rxmes=67.225000;txmes=92.275000"
    )


@on_bench
async def test_both_channels_of_an_answered_call_get_the_variables(bench: Bench) -> None:
    ok, _, alice, bob = await answered(bench)
    channels = sorted(bench.server.pbx.channels, key=lambda channel: channel.name)
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)
    for channel in channels:
        for name in NAMES:
            assert channel.get_variable(name)
        assert (channel.get_variable("RTPAUDIOQOS") or "").startswith("ssrc=")
    # The leg that ends last has those of the one that ended first.
    first, last = channels
    assert last.get_variable("RTPAUDIOQOSBRIDGED") == first.get_variable("RTPAUDIOQOS")
