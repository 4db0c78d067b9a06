"""Native call completion (RFC 6910) with phones that ask by themselves, and with bad ones."""

from __future__ import annotations

import pytest
from call_kit import CONFIG, two_phones

from asterism.applications.pubsub.bodies.call_completion import availability_text
from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.calls.completion.table import CompletionSettings
from asterism.stack.headers import CallInfo
from asterism.stack.uri import Uri
from asterism.testing import until

EXTENSIONS = (
    CONFIG["extensions.conf"]
    + """
exten => 202,1,UserEvent(Dialled,Status: ${CC_INTERFACES},Cause: )
 same => n,Dial(PJSIP/102,20)
 same => n,Hangup()
exten => 30,1,CallCompletionRequest()
 same => n,UserEvent(Dialled,Status: ${CC_REQUEST_RESULT},Cause: ${CC_REQUEST_REASON})
"""
)
CONFIGURATION = {
    "pjsip.conf": CONFIG["pjsip.conf"].replace(
        "[phone](!)\n", "[phone](!)\ncc_agent_policy=native\ncc_monitor_policy=generic\ncc_recall_timer=1\n"
    ),
    "extensions.conf": EXTENSIONS,
}


class Ann:
    """Ann's phone, once it has been refused by Bob's, which is in a call."""

    def __init__(self, world) -> None:
        self.world = world
        self.phone = world.ann
        self.completion = world.server.pbx.completion

    @property
    def states(self) -> list[str]:
        return [one.state.value for one in self.completion]

    async def refused(self, busy: bool = True) -> None:
        bob = self.world.bob
        if busy:
            self.talking = await bob.dial("600")
            await self.talking.answered()
        self.call = await self.phone.dial("202")
        incoming = await bob.incoming()
        if busy:
            incoming.reject(486)
        else:
            incoming.ring()
            await self.call.ringing()
            await self.call.cancel()
        if busy:
            assert await self.call.refused() == 486
        await until(lambda: self.states == ["offered"])
        ring = [one for one in self.call.responses if one.status in (180, 486) and one.has("Call-Info")]
        (self.offer,) = ring[-1].typed_all(CallInfo)
        assert self.offer.purpose == "call-completion"

    @property
    def uri(self) -> Uri:
        return Uri.parse(self.offer.value)

    async def subscribe(self, expires: int = 600):
        assert self.uri.user is not None
        return await self.phone.subscribe(self.uri.user, "call-completion", "application/call-completion", expires)

    async def publish(self, body: str, kind: str = "application/pidf+xml", event: str = "presence", **headers: str):
        request = self.phone.create_request("PUBLISH", self.uri)
        request.add_header("Event", event)
        for name, value in headers.items():
            request.set_header(name.replace("_", "-"), value)
        if body:
            request.set_body(body, kind)
        return await self.phone.request(request)


def body(notify) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in notify.body.decode().splitlines())


async def test_a_phone_that_asks_is_told_when_to_call():
    async with two_phones(CONFIGURATION) as world:
        ann = Ann(world)
        await ann.refused()
        assert ann.offer.param("m") == "BS"
        assert ann.uri.params["m"] == "BS"
        subscription = await ann.subscribe()
        assert subscription.response.status == 200
        assert body(await subscription.next()) == {"cc-state": "queued"}
        assert ann.states == ["active"]
        await ann.talking.hangup()
        told = body(await subscription.next())
        assert told["cc-state"] == "ready"
        assert ann.states == ["callee_ready"]
        uri = Uri.parse(told["cc-URI"])
        assert (uri.user, uri.params["m"]) == ("202", "BS")
        recall = await world.ann.dial("202")
        incoming = await world.bob.incoming()
        incoming.answer()
        await recall.answered()
        await until(lambda: ann.states == [])
        assert world.dialled[-1] == ("PJSIP/102", "")
        await subscription.next()
        assert subscription.state == "terminated"
        await recall.hangup()
        await incoming.ended()


async def test_ringing_offers_too():
    async with two_phones(CONFIGURATION) as world:
        ann = Ann(world)
        await ann.refused(busy=False)
        assert ann.offer.param("m") == "NR"
        subscription = await ann.subscribe()
        assert body(await subscription.next()) == {"cc-state": "queued"}
        await subscription.end()
        await until(lambda: ann.states == [])


async def test_a_phone_suspends_and_resumes():
    async with two_phones(CONFIGURATION) as world:
        ann = Ann(world)
        await ann.refused()
        subscription = await ann.subscribe()
        await subscription.next()
        response = await ann.publish(availability_text("sip:101@h", False), Expires="60")
        assert response.status == 200
        assert response.get("Expires") == "60"
        assert ann.states == ["caller_busy"]
        await ann.talking.hangup()
        await until(lambda: world.server.pbx.device_states.get("PJSIP/102").name == "NOT_INUSE")
        assert len(subscription.notifies) == 1
        tag = response.get("SIP-ETag")
        assert (await ann.publish("", SIP_If_Match=tag)).status == 200
        assert ann.states == ["caller_busy"]
        assert (await ann.publish(availability_text("sip:101@h", True), SIP_If_Match=tag)).status == 200
        assert body(await subscription.next())["cc-state"] == "ready"
        assert (await ann.publish(availability_text("sip:101@h", False))).status == 200
        assert ann.states == ["caller_busy"]
        assert (await ann.publish("", Expires="0", SIP_If_Match=tag)).status == 200
        assert body(await subscription.next())["cc-state"] == "ready"
        await subscription.end()


async def test_a_phone_that_does_not_call_loses_its_turn():
    async with two_phones(CONFIGURATION) as world:
        ann = Ann(world)
        await ann.refused()
        subscription = await ann.subscribe()
        await subscription.next()
        await ann.talking.hangup()
        assert body(await subscription.next())["cc-state"] == "ready"
        await subscription.next()
        assert subscription.state == "terminated"
        assert ann.states == []


async def test_the_called_phone_is_busy_again_before_the_caller_calls():
    async with two_phones(CONFIGURATION) as world:
        ann = Ann(world)
        await ann.refused()
        subscription = await ann.subscribe()
        await subscription.next()
        await ann.talking.hangup()
        assert body(await subscription.next())["cc-state"] == "ready"
        again = await world.bob.dial("600")
        await again.answered()
        assert body(await subscription.next())["cc-state"] == "queued"
        await again.hangup()
        assert body(await subscription.next())["cc-state"] == "ready"
        await subscription.end()


async def test_what_is_not_ones_own_is_refused():
    async with two_phones(CONFIGURATION) as world:
        ann = Ann(world)
        assert (await world.ann.subscribe("nothing", "call-completion")).response.status == 404
        await ann.refused()
        token = ann.uri.user
        assert (await world.bob.subscribe(token, "call-completion")).response.status == 403
        assert (await world.ann.subscribe(token, "call-completion", "text/plain")).response.status == 489
        completion = world.server.pbx.completion
        usual, completion.settings = completion.settings, CompletionSettings(cc_max_requests=0)
        assert (await ann.subscribe()).response.status == 480
        completion.settings = usual
        fetched = await ann.subscribe(0)
        assert fetched.response.status == 200
        assert body(await fetched.next()) == {"cc-state": "queued"}
        assert ann.states == ["offered"]
        await (await world.ann.dial("30")).refused()
        assert world.dialled[-1] == ("FAIL", "NOT_GENERIC")
        subscription = await ann.subscribe()
        assert (await ann.subscribe()).response.status == 403
        ann.phone = world.bob
        assert (await ann.publish(availability_text("sip:x@y", False))).status == 403
        await subscription.end()
        await until(lambda: ann.states == [])
        await ann.talking.hangup()


@pytest.mark.parametrize(
    ("content", "kind", "event", "status"),
    [
        ("", "", "call-completion", 489),
        ("<presence/>", "application/pidf+xml", "presence", 400),
        ("closed", "text/plain", "presence", 415),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "application/pidf+xml", "presence", 400),
        ("x" * 20_000, "application/pidf+xml", "presence", 413),
    ],
)
async def test_bad_suspensions_change_nothing(content, kind, event, status):
    async with two_phones(CONFIGURATION) as world:
        ann = Ann(world)
        await ann.refused()
        subscription = await ann.subscribe()
        await subscription.next()
        assert (await ann.publish(content, kind, event)).status == status
        assert ann.states == ["active"]
        await subscription.end()
        await ann.talking.hangup()


async def test_reloading_leaves_requests_alone():
    async with two_phones(CONFIGURATION) as world:
        ann = Ann(world)
        await ann.refused()
        subscription = await ann.subscribe()
        await subscription.next()
        await world.server.reload()
        assert ann.states == ["active"]
        await ann.talking.hangup()
        assert body(await subscription.next())["cc-state"] == "ready"
        await subscription.end()


async def test_unloading_the_package_ends_what_was_requested():
    async with two_phones(CONFIGURATION) as world:
        ann = Ann(world)
        await ann.refused()
        subscription = await ann.subscribe()
        await subscription.next()
        await CommandRunner(world.server).run("module unload pubsub_call_completion", lambda _text: None)
        await until(lambda: ann.states == [])
        await subscription.next()
        assert subscription.state == "terminated"
        assert (await ann.publish(availability_text("sip:101@h", False))).status in (404, 489, 501)
        await ann.talking.hangup()
        call = await world.ann.dial("202")
        (await world.bob.incoming()).reject(486)
        assert await call.refused() == 486
        assert not call.responses[-1].has("Call-Info")
        assert ann.states == []
