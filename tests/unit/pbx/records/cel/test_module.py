"""The module of channel event logging: its file, its command, its application, the manager's event."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.core.events import EventType
from asterism.interfaces.console.runner import CommandRunner
from asterism.interfaces.manager.wire import encode_fields
from asterism.pbx.records.cel.events import CEL
from asterism.pbx.records.record import ChannelRecord
from asterism.pbx.vocabulary.inner_events import USER_EVENT
from asterism.server.server import Server
from asterism.testing import running_server, until

RECORD = Path(__file__).resolve().parents[4] / "data" / "record" / "cel.txt"
WHOLE = "[general]\nenable=yes\nevents=ALL\napps=dial,park\n[manager]\nenabled=yes\n"
EXTENSIONS = """
[default]
exten => 1,1,CELGenUserEvent(myev,one, "two" and {more})
 same => n,CELGenUserEvent(bare)
 same => n,CELGenUserEvent(,lost)
 same => n,CELGenUserEvent(${FROM},${FROM})
 same => n,Hangup()
"""


async def say(server: Server, line: str) -> list[str]:
    written: list[str] = []
    await CommandRunner(server).run(line, written.append)
    return "".join(written).splitlines()


async def status(server: Server) -> list[str]:
    return await say(server, "cel show status")


async def test_status_is_as_recorded() -> None:
    block = RECORD.read_text().partition("cel show status")[2].partition("\n### ")[0].splitlines()[1:]
    recorded = [line for line in block if line and "Application" not in line and "Subscriber" not in line]
    async with running_server({"cel.conf": WHOLE}) as server:
        assert (await status(server)) == [
            *recorded,
            "CEL Tracking Application: dial",
            "CEL Tracking Application: park",
            "CEL Event Subscriber: Manager Event Logging",
        ]
        assert "CEL Event Subscriber: Manager Event Logging" in block


async def test_without_a_file_it_is_off_and_listens_to_nothing() -> None:
    async with running_server({}) as server:
        assert (await status(server)) == ["CEL Logging: Disabled"]
        assert not server.pbx.records.channels.wanted
        assert not server.bus.wanted(USER_EVENT)


@pytest.mark.parametrize(
    "text", ["[general]\nenable=no\nevents=ALL\n[manager]\nenabled=yes\n", "[general]\nevents=ALL\n"]
)
async def test_what_is_not_enabled_is_off(text: str) -> None:
    async with running_server({"cel.conf": text}) as server:
        assert (await status(server)) == ["CEL Logging: Disabled"]
        assert not server.pbx.records.channels.wanted


async def test_a_reload_changes_what_is_recorded() -> None:
    async with running_server({"cel.conf": WHOLE + "[general](+)\ndateformat=%F\n"}) as server:
        file = Path(server.paths.etc) / "cel.conf"
        assert server.pbx.records.channel_dates == "%F"
        file.write_text("[general]\nenable=yes\nevents=HANGUP\n")
        await server.modules.reload("cel")
        assert (await status(server)) == ["CEL Logging: Enabled", "CEL Tracking Event: HANGUP"]
        assert server.pbx.records.channel_dates == ""
        file.write_text("[general\n")
        await server.modules.reload("cel")
        assert (await status(server)) == ["CEL Logging: Enabled", "CEL Tracking Event: HANGUP"]
        file.write_text(WHOLE)
        await server.modules.reload("cel")
        assert (await status(server))[-1] == "CEL Event Subscriber: Manager Event Logging"


async def test_an_event_of_the_dialplans_own_is_a_record_and_an_event() -> None:
    async with running_server({"cel.conf": WHOLE, "extensions.conf": EXTENSIONS}) as server:
        records: list[ChannelRecord] = []
        told: list[str] = []

        def tell(kind: EventType, args: tuple[object, ...]) -> None:
            told.append(dict(kind.render(*args))["EventName"])  # type: ignore[arg-type]

        server.pbx.records.channels.listen(server.owner, "test", records.append)
        server.subscribe(CEL, tell)
        server.pbx.dialplan.globals["FROM"] = 'a,"b"'
        await say(server, "channel originate Local/1@default application Wait 1")
        await until(lambda: any(record.event == "LINKEDID_END" for record in records))
    own = [(one.userdeftype, one.extra) for one in records if one.event == "USER_DEFINED"]
    assert own[:2] == [("myev", '{"extra":"one, \\"two\\" and {more}"}'), ("bare", '{"extra":""}')]
    assert [name for name in told if name in ("myev", "bare")] == ["myev", "bare"]
    assert "lost" not in str(own)


async def test_where_it_is_not_recorded_nothing_happens() -> None:
    config = {"cel.conf": WHOLE.replace("ALL", "CHAN_END"), "extensions.conf": EXTENSIONS}
    async with running_server(config) as server:
        records: list[ChannelRecord] = []
        server.pbx.records.channels.listen(server.owner, "test", records.append)
        await say(server, "channel originate Local/1@default application Wait 1")
        await until(lambda: bool(records))
    assert {record.event for record in records} == {"CHAN_END"}


async def test_unloaded_it_records_and_listens_to_nothing_and_comes_back() -> None:
    async with running_server({"cel.conf": WHOLE}) as server:
        assert server.bus.wanted(USER_EVENT)
        await server.modules.unload("cel")
        assert not server.bus.wanted(USER_EVENT)
        assert not server.pbx.records.channels.wanted
        await server.modules.load("cel")
        assert server.bus.wanted(USER_EVENT)
        assert (await status(server))[-1] == "CEL Event Subscriber: Manager Event Logging"


async def test_a_value_from_a_phone_makes_no_line_of_an_event() -> None:
    """What a dialplan puts into an event of its own ends where the field ends."""
    extensions = "[default]\nexten => 1,1,CELGenUserEvent(x${NL}Injected: yes,y${NL}Injected: yes)\n"
    async with running_server({"cel.conf": WHOLE, "extensions.conf": extensions}) as server:
        texts: list[str] = []

        def tell(kind: EventType, args: tuple[object, ...]) -> None:
            texts.append(encode_fields(kind.render(*args)))

        server.pbx.dialplan.globals["NL"] = "\r\n"
        server.subscribe(CEL, tell)
        await say(server, "channel originate Local/1@default application Wait 1")
        await until(lambda: any("LINKEDID_END" in text for text in texts))
    assert any("Injected" in text for text in texts)
    assert not any(line.startswith("Injected") for text in texts for line in text.splitlines())
