"""One call can be followed through the logs: by its number in the lines, by Call-ID in the JSON."""

from __future__ import annotations

import json
from pathlib import Path

from call_kit import CONFIG

from asterism.testing import Phone, running_server, until

LOGGER = """
[general]
dateformat=%F %T
[logfiles]
full => notice,warning,error,verbose(5)
json => [json]notice,warning,error,verbose(5)
"""

EXTENSIONS = """
[phones]
exten => 700,1,Answer()
 same => n,Log(NOTICE,for the greppers)
 same => n,Wait(30)
exten => 102,1,Dial(PJSIP/102,30)
"""


async def test_every_line_of_a_call_carries_its_number_channel_and_call_id(tmp_path: Path) -> None:
    config = {**CONFIG, "logger.conf": LOGGER, "extensions.conf": EXTENSIONS}
    async with (
        running_server(config, tmp_path) as server,
        Phone("101", server, "ann's secret") as ann,
        Phone("102", server, "bob's secret") as bob,
    ):
        await ann.register()
        await bob.register()
        first = await ann.dial("700")
        await first.answered()
        second = await bob.dial("700")
        await second.answered()
        full, structured = tmp_path / "var/log/full", tmp_path / "var/log/json"
        await until(lambda: full.exists() and full.read_text().count("NOTICE[") == 2, 5, lambda: full.read_text())

        lines = full.read_text().splitlines()
        of_first = [line for line in lines if "[C-00000001]" in line]
        of_second = [line for line in lines if "[C-00000002]" in line]
        assert "Executing [700@phones:1] Answer(" in of_first[0]
        assert any("for the greppers" in line for line in of_first)
        assert any("for the greppers" in line for line in of_second)

        records = [json.loads(line) for line in structured.read_text().splitlines()]
        mine = [record for record in records if record.get("call_id") == first.request.call_id]
        assert any(record["message"].endswith("for the greppers") for record in mine)
        assert {record["call"] for record in mine} == {"C-00000001"}
        assert {record["channel"] for record in mine} == {
            channel.name for channel in server.pbx.channels if channel.name.startswith("PJSIP/101-")
        }
        await first.hangup()
        await second.hangup()


async def test_what_the_session_logs_is_about_its_channel(tmp_path: Path) -> None:
    """Also outside of the dialplan's task: in the work that serves requests of the dialog."""
    config = {**CONFIG, "logger.conf": LOGGER, "extensions.conf": EXTENSIONS}
    async with running_server(config, tmp_path) as server, Phone("101", server, "ann's secret") as ann:
        await ann.register()
        call = await ann.dial("700")
        await call.answered()
        (channel,) = server.pbx.channels
        session = channel.driver.session  # type: ignore[attr-defined]
        session.work.push(lambda: server.log.error("something broke"))
        server.log.error("something else broke")
        text = (tmp_path / "var/log/full").read_text()
        line = next(line for line in text.splitlines() if "something broke" in line)
        assert "[C-00000001]" in line
        other = next(line for line in text.splitlines() if "something else broke" in line)
        assert "[C-" not in other
        await call.hangup()
