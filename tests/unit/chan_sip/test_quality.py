"""The texts of RTPAUDIOQOS and its kin, as recorded of Asterisk 16.28."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from asterism.chan_sip.quality import quality_text, quality_values
from asterism.media.statistics import Quality, RtcpStatistics

RECORDED = {
    "RTPAUDIOQOS": "ssrc=851131976;themssrc=0;lp=0;rxjitter=0.000000;rxcount=0;txjitter=0.000000;txcount=0;rlp=0;"
    "rtt=0.000000",
    "RTPAUDIOQOSJITTER": "minrxjitter=0.000000;maxrxjitter=0.000000;avgrxjitter=0.000000;stdevrxjitter=0.000000;"
    "reported_minjitter=0.000000;reported_maxjitter=0.000000;reported_avgjitter=0.000000;"
    "reported_stdevjitter=0.000000;",
    "RTPAUDIOQOSLOSS": "minrxlost=0.000000;maxrxlost=0.000000;avgrxlost=0.000000;stdevrxlost=0.000000;"
    "reported_minlost=0.000000;reported_maxlost=0.000000;reported_avglost=0.000000;reported_stdevlost=0.000000;",
    "RTPAUDIOQOSRTT": "minrtt=0.000000;maxrtt=0.000000;avgrtt=0.000000;stdevrtt=0.000000;",
}


def _rtp() -> Any:
    quality = Quality()
    quality.local_ssrc = 851131976
    return SimpleNamespace(quality=quality, rtcp=SimpleNamespace(statistics=RtcpStatistics()))


def test_the_variables_of_a_call_without_audio() -> None:
    assert dict(quality_values(_rtp())) == RECORDED
    assert [name for name, _ in quality_values(_rtp())] == list(RECORDED)


def test_each_figure_has_its_place() -> None:
    rtp = _rtp()
    quality, statistics = rtp.quality, rtp.rtcp.statistics
    quality.remote_ssrc, quality.rx_count, quality.tx_count = 3914832454, 101, 7
    quality.rx_lost, quality.tx_lost, quality.rtt = 1, 2, 0.25
    quality.rx_jitter, quality.tx_jitter = 0.5, 0.001313
    assert quality_text(quality) == (
        "ssrc=851131976;themssrc=3914832454;lp=1;rxjitter=0.500000;rxcount=101;txjitter=0.001313;txcount=7;rlp=2;"
        "rtt=0.250000"
    )
    statistics.local_jitter.add(1.0)
    statistics.remote_jitter.add(2.0)
    statistics.local_loss.add(3.0)
    statistics.remote_loss.add(4.0)
    statistics.rtt.add(5.0)
    values = dict(quality_values(rtp))
    assert "maxrxjitter=1.000000" in values["RTPAUDIOQOSJITTER"]
    assert "reported_maxjitter=2.000000" in values["RTPAUDIOQOSJITTER"]
    assert "maxrxlost=3.000000" in values["RTPAUDIOQOSLOSS"]
    assert "reported_maxlost=4.000000" in values["RTPAUDIOQOSLOSS"]
    assert "maxrtt=5.000000" in values["RTPAUDIOQOSRTT"]
