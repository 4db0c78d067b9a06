"""A fax from a server with audio to one with T.38 and back, through a third that is the gateway."""

from __future__ import annotations

from pathlib import Path

import pytest
from fax_kit import PATIENT, PJSIP, RECEIVER, SENDER, TOLD, Faxing, heard

from asterism.pbx.calls.fax import events
from asterism.testing import assert_idle, free_port, running_server
from fax_pages import assert_same, page, write_pages

MIDDLE = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[leg](!)
type=endpoint
context=trunk
allow=!all,ulaw
direct_media=no
[one](leg)
aors=one
{options[0]}
[one]
type=aor
contact=sip:127.0.0.1:{peers[0]}
[two](leg)
aors=two
{options[1]}
[two]
type=aor
contact=sip:127.0.0.1:{peers[1]}
[one]
type=identify
endpoint=one
match=127.0.0.1
"""
PLAN = """
[trunk]
exten => fax,1,Set(FAXOPT(gateway)=yes)
 same => n,Dial(PJSIP/fax@two,20)
"""


@pytest.mark.parametrize("t38", ["receiver", "sender"])
async def test_a_page_passes_the_gateway(tmp_path: Path, t38: str) -> None:
    sent = page(80)
    file, target = write_pages(tmp_path / "1.tif", sent), tmp_path / "received.tif"
    fax = "t38_udptl=yes\nt38_udptl_ec=redundancy\n"
    options = (fax, "") if t38 == "sender" else ("", fax)
    first, middle, last = (free_port() for _ in range(3))
    configs = [
        {
            "pjsip.conf": PJSIP.format(port=first, peer=middle, codec="ulaw", options=options[0]),
            "extensions.conf": SENDER.format(files=file, letters="", before=PATIENT, told=TOLD),
        },
        {
            "pjsip.conf": MIDDLE.format(port=middle, peers=(first, last), options=options),
            "extensions.conf": PLAN,
        },
        {
            "pjsip.conf": PJSIP.format(port=last, peer=middle, codec="ulaw", options=options[1]),
            "extensions.conf": RECEIVER.format(file=target, letters="", before="", told=TOLD),
        },
    ]
    async with (
        running_server(configs[0]) as sender,
        running_server({**configs[1], "res_fax.conf": "[general]\nstatusevents=yes\n"}) as gateway,
        running_server(configs[2]) as receiver,
    ):
        steps = heard(gateway, events.FAX_STATUS)
        world = Faxing(sender, receiver)
        await world.call()
        one, other = await world.told(90)
        assert (one.status, one.text, other.status, other.pages) == ("SUCCESS", "OK", "SUCCESS", "1")
        assert (one.mode, other.mode) == (("T38", "audio") if t38 == "sender" else ("audio", "T38"))
        await world.idle()
        await assert_idle(gateway)
        assert not len(gateway.pbx.faxes)
        assert [step[:2] for step in steps] == [
            ("gateway", "T.38 gateway active"), ("gateway", "Page 1"), ("gateway", "T.38 gateway over"),
        ]  # fmt: skip
        assert gateway.pbx.faxes.counts.completed == 1
    assert_same(target, sent)
