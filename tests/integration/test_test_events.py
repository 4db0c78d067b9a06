"""``TestEvent`` as a manager client gets it: the states of the record, their headers byte for byte."""

from __future__ import annotations

from manager_kit import MANAGER, manager

from asterism.testing import running_server

TESTER = f"{MANAGER}[tester]\nsecret=secret\nread=all,test\nwrite=all\n"


async def test_only_a_user_who_names_the_class_gets_them() -> None:
    async with running_server({"manager.conf": TESTER}) as server:
        tests = server.test_events
        assert not tests.wanted
        async with manager(server) as other:
            assert not tests.wanted, "all does not bring them"
            async with manager(server, "tester") as client:
                assert tests.wanted
                tests.send("MIXMONITOR_END", (("File", "/tmp/x"),))
                tests.send("PLAYBACK", (("Message", "beep"), ("Channel", "PJSIP/a-00000001")))
                event = await client.event("TestEvent", State="MIXMONITOR_END")
                assert [pair for pair in event.pairs if pair[0] != "AppLine"] == [
                    ("Event", "TestEvent"), ("Privilege", "reporting,all"), ("Type", "StateChange"),
                    ("State", "MIXMONITOR_END"), ("AppFile", "test_test_events.py"),
                    ("AppFunction", "test_only_a_user_who_names_the_class_gets_them"), ("File", "/tmp/x"),
                ]  # fmt: skip
                assert await client.reader.readline() == b"\r\n", "an empty line more"
                assert (await client.read())["State"] == "PLAYBACK"
                await client.action("Events", EventMask="call,all")
                assert not tests.wanted, "nor does the mask all"
                await client.action("Events", EventMask="test")
                assert tests.wanted
                await client.action("Events", EventMask="off")
                assert not tests.wanted
                await client.action("Events", EventMask="on")
                assert tests.wanted
            await client.writer.wait_closed()
            await other.action("Ping")
            assert not tests.wanted
            assert all(event["Event"] != "TestEvent" for event in other.events)
