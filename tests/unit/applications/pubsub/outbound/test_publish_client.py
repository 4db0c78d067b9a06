"""Publications at other servers, on a virtual clock: what goes over the wire, and when, as recorded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sip_rig import MODULES, FakeFlow, Rig

from asterism.applications.pubsub.api import Publisher
from asterism.applications.pubsub.module import PubSubModule
from asterism.applications.pubsub.outbound import publish_client, publish_module
from asterism.applications.pubsub.outbound.publications import OutboundPublication
from asterism.applications.pubsub.outbound.publish_client import ClientState, PublishClient
from asterism.applications.pubsub.outbound.publish_module import OutboundPublishModule
from asterism.applications.pubsub.registry import pubsub
from asterism.core.commands import CommandCall
from asterism.stack.digest import Credentials, ha1
from asterism.stack.message import Request, make_response

SERVER = ("127.0.0.1", 15610)
CONF = """
[pub1]
type=outbound-publish
server_uri=sip:instance2@127.0.0.1:15610
from_uri=sip:instance1@127.0.0.1
to_uri=sip:instance2@127.0.0.1
event=test
expiration=60
outbound_auth=pub1
[pub1]
type=auth
username=u
password=p
"""
JSON = "application/json"


class Source(Publisher):
    """Publishes what the test says."""

    event = "test"

    def __init__(self) -> None:
        self.there: list[OutboundPublication] = []
        self.lost: list[tuple[str, str | None]] = []

    def on_start(self, publication: OutboundPublication) -> None:
        self.there.append(publication)

    def on_stop(self, publication: OutboundPublication) -> None:
        self.there.remove(publication)

    def on_lost(self, publication: OutboundPublication, user: str, sent: str | None) -> None:
        self.lost.append((user, sent))

    def publish(self, body: str, key: str = "", user: str = "") -> None:
        self.there[0].publish(JSON, body, key, user)


class World:
    """This server, and the one that it publishes at."""

    def __init__(self, folder: Path, conf: str) -> None:
        self.rig = Rig(folder / "etc", conf, modules=(*MODULES, PubSubModule, OutboundPublishModule))
        self.rig.options.entityid = "02:00:00:00:00:01"
        self.rig.data.load()
        module = self.rig.modules[-1]
        assert isinstance(module, OutboundPublishModule)
        self.module = module
        self.source = Source()
        pubsub(self.rig).register_publisher(self.source)
        module.start()
        self.flow: FakeFlow = self.rig.transports.flow_for(*SERVER)
        self.tags = 0

    @property
    def client(self) -> PublishClient:
        """The one publication."""
        return next(iter(self.source.there[0].clients.values()))

    def took(self) -> list[Request]:
        """The PUBLISHes that came since."""
        return [message for message in self.flow.take() if isinstance(message, Request)]

    def request(self) -> Request:
        """The only one."""
        found = self.took()
        assert len(found) == 1, found
        return found[0]

    def answer(self, request: Request, status: int, *headers: tuple[str, str]) -> None:
        response = make_response(request, status, to_tag="srv")
        for name, value in headers:
            response.add_header(name, value)
        self.rig.layer.receive(response.to_bytes(), self.flow, self.rig.now)

    def accept(self, request: Request, expires: int | None = None) -> str:
        self.tags += 1
        tag = f"etag{self.tags}"
        seconds = request.expires if expires is None else expires
        self.answer(request, 200, ("SIP-ETag", tag), ("Expires", str(seconds)))
        return tag

    def published(self, body: str = "one") -> str:
        """Publish a first state; its tag."""
        self.source.publish(body)
        return self.accept(self.request())

    def run(self, line: str) -> str:
        words = line.split()
        found = self.rig.commands.get(line)
        assert found is not None, words
        result = found.run(CommandCall([], lambda text: None))
        assert isinstance(result, str)
        return result


Make = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def build(*options: str, conf: str = CONF) -> World:
        for line in options:
            name = line.partition("=")[0]
            conf = re.sub(rf"^{name}=.*\n", "", conf, flags=re.MULTILINE)
            conf = conf.replace("type=outbound-publish\n", f"type=outbound-publish\n{line}\n", 1)
        return World(tmp_path, conf)

    return build


def recorded(record: Path, title: str, number: int = 0) -> list[str]:
    """The lines of a PUBLISH in the record."""
    text = (record / "sip_wire_publish.txt").read_text()
    text = text[text.index(f"-- {title}") :]
    found = re.findall(r"^PUBLISH sip:.*?(?=^----)", text, re.MULTILINE | re.DOTALL)
    return str(found[number]).strip().splitlines()


def masked(line: str) -> str:
    """A line without what is new in each request."""
    line = re.sub(r"(tag=|Call-ID: )\S+", r"\1X", line)
    line = re.sub(r"^Via: .*", "Via: X", line)
    line = re.sub(r"^(CSeq|Content-Length): +\d+", r"\1: N", line)
    return re.sub(r"^User-Agent: .*", "User-Agent: X", line)


def test_it_is_as_recorded(make: Make, record: Path) -> None:
    world = make("event=asterisk-devicestate", conf=CONF)
    world.source.event = "asterisk-devicestate"  # type: ignore[misc]
    pubsub(world.rig).publishers.clear()
    pubsub(world.rig).register_publisher(world.source)
    title = "instance1 publishes device state: Custom:cust INUSE"
    for number, body in enumerate(("INUSE", "NOT_INUSE")):
        lines = recorded(record, title, number)
        state = (
            f'{{"type":"devicestate","device":"Custom:cust","state":"{body}","cachable":1,"eid":"02:00:00:00:00:01"}}'
        )
        world.source.publish(state, "Custom:cust")
        request = world.request()
        sent = request.to_bytes().decode().replace("\r\n", "\n").strip().splitlines()
        tags = [line for line in lines if line.startswith("SIP-If-Match")]
        assert [masked(line) for line in sent if not line.startswith("SIP-If-Match")] == [
            masked(line) for line in lines if line not in tags
        ]
        assert int(request.get("Content-Length") or 0) == len(state)
        # The record begins in the middle of a publication.
        assert request.get("SIP-If-Match") == (None if number == 0 else "etag1")
        world.accept(request)


def test_nothing_is_sent_before_there_is_a_state(make: Make) -> None:
    world = make()
    world.rig.advance(1000)
    assert not world.took()
    assert not world.source.there[0].clients
    assert "pub1/sip:instance2@127.0.0.1:15610" in world.run("pjsip show publications outbound")
    assert "Idle" in world.run("pjsip list publications outbound")


def test_one_is_on_its_way_and_the_newest_of_each_part_follows(make: Make) -> None:
    world = make()
    world.source.publish("a1", "a")
    first = world.request()
    for body, key in (("a2", "a"), ("b1", "b"), ("a3", "a"), ("b2", "b")):
        world.source.publish(body, key)
    assert not world.took()
    tag = world.accept(first)
    second = world.request()
    assert (second.body, second.get("SIP-If-Match")) == (b"a3", tag)
    assert second.cseq.number == first.cseq.number + 1
    assert second.call_id == first.call_id
    world.accept(second)
    third = world.request()
    assert third.body == b"b2"
    world.accept(third)
    assert not world.took()


def test_it_is_refreshed_in_time_and_without_a_body(make: Make) -> None:
    world = make()
    tag = world.published()
    world.rig.advance(54)
    assert not world.took()
    world.rig.advance(1.1)
    refresh = world.request()
    assert (refresh.body, refresh.get("SIP-If-Match"), refresh.get("Expires")) == (b"", tag, "60")
    assert not refresh.has("Content-Type")
    tag = world.accept(refresh, 8)
    world.rig.advance(4.1)
    refresh = world.request()
    assert refresh.get("SIP-If-Match") == tag
    assert "Published" in world.run("pjsip list publications outbound")


def test_412_begins_anew_at_once(make: Make) -> None:
    world = make()
    world.published()
    world.source.publish("two", "key")
    second = world.request()
    world.answer(second, 412)
    again = world.request()
    assert (again.body, again.get("SIP-If-Match")) == (b"two", None)
    assert again.call_id != second.call_id
    assert world.source.lost == [("", "key")]
    tag = world.accept(again)
    assert world.client.tag == tag


def test_412_to_a_refresh_asks_for_everything(make: Make) -> None:
    world = make()
    world.published()
    world.rig.advance(55.1)
    world.answer(world.request(), 412)
    assert not world.took()
    assert world.source.lost == [("", None)]
    assert (world.client.tag, world.client.status) == ("", ClientState.IDLE)


def test_412_to_the_first_is_no_loop(make: Make) -> None:
    world = make()
    world.source.publish("one")
    world.answer(world.request(), 412)
    world.rig.advance(300)
    assert not world.took()


def test_423_is_obeyed_and_remembered(make: Make) -> None:
    world = make()
    tag = world.published()
    world.source.publish("two")
    second = world.request()
    world.answer(second, 423, ("Min-Expires", "1800"))
    again = world.request()
    assert (again.get("Expires"), again.get("SIP-If-Match"), again.body) == ("1800", tag, b"two")
    assert again.cseq.number == second.cseq.number + 1
    world.accept(again)
    world.source.publish("three")
    assert world.request().get("Expires") == "1800"


def test_423_for_ever_is_no_loop(make: Make) -> None:
    world = make()
    world.source.publish("one")
    for number in range(200):
        found = world.took()
        if not found:
            break
        world.answer(found[0], 423, ("Min-Expires", str(100 + number % 2)))
    assert not world.took()
    assert number < 50


@pytest.mark.parametrize("status", [489, 503, 403, 500])
def test_the_body_is_dropped_and_the_next_state_tries_again(make: Make, status: int) -> None:
    world = make()
    tag = world.published()
    world.source.publish("two")
    world.answer(world.request(), status)
    world.rig.advance(40)
    assert not world.took()
    world.source.publish("three")
    third = world.request()
    assert (third.body, third.get("SIP-If-Match")) == (b"three", tag)


def test_retry_after_is_waited_for(make: Make) -> None:
    world = make()
    tag = world.published()
    world.source.publish("a2", "a")
    world.answer(world.request(), 503, ("Retry-After", "20"))
    world.source.publish("a3", "a")
    world.rig.advance(19)
    assert not world.took()
    assert world.client.status is ClientState.WAITING
    world.rig.advance(1.1)
    again = world.request()
    assert (again.body, again.get("SIP-If-Match")) == (b"a3", tag)
    world.accept(again)
    assert world.client.status is ClientState.PUBLISHED


def test_what_is_not_answered_is_sent_again(make: Make) -> None:
    world = make("retry_interval=10")
    world.source.publish("one")
    first = world.request()
    world.rig.advance(32)
    world.took()
    world.rig.advance(11)
    again = world.took()[0]
    assert again.body == b"one"
    assert again.cseq.number > first.cseq.number
    world.accept(again)


def test_a_retry_interval_of_nothing_waits_for_the_next_change(make: Make) -> None:
    world = make("retry_interval=0")
    world.source.publish("one")
    world.rig.advance(33)
    world.took()
    world.rig.advance(500)
    assert not world.took()
    world.source.publish("two")
    assert world.request().body == b"two"


def test_a_refresh_that_comes_to_nothing_begins_anew_in_the_end(make: Make) -> None:
    world = make()
    world.published()
    for _ in range(20):
        world.rig.advance(1)
        for request in world.took():
            world.answer(request, 500)
        if world.source.lost:
            break
    else:
        world.rig.advance(60)
        for request in world.took():
            world.answer(request, 500)
        world.rig.advance(60)
    assert world.source.lost == [("", None)]
    assert world.client.tag == ""


def test_a_challenge_is_answered(make: Make) -> None:
    world = make()
    world.source.publish("one")
    first = world.request()
    world.answer(first, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'))
    again = world.request()
    credentials = Credentials.parse(again.get("Authorization") or "")
    assert credentials.verify(ha1("u", "r", "p"), "PUBLISH", again.body)
    assert (credentials.username, again.cseq.number) == ("u", first.cseq.number + 1)
    tag = world.accept(again)
    world.source.publish("two")
    assert world.request().get("SIP-If-Match") == tag


def test_max_auth_attempts(make: Make) -> None:
    world = make("max_auth_attempts=2")
    world.source.publish("one")
    count = 0
    while found := world.took():
        count += 1
        nonce = f'Digest realm="r", nonce="n{count}", stale=true'
        world.answer(found[0], 407, ("Proxy-Authenticate", nonce))
    assert count == 3
    assert world.client.status is ClientState.REFUSED


def test_refused_credentials_stop_it_until_a_reload(make: Make) -> None:
    world = make("outbound_auth=")
    world.source.publish("one")
    world.answer(world.request(), 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'))
    world.source.publish("two")
    world.rig.advance(1000)
    assert not world.took()
    assert "Refused" in world.run("pjsip list publications outbound")
    world.module.reload()
    world.source.publish("three")
    assert world.request().body == b"three"


async def unloading(world: World) -> asyncio.Task[None]:
    """Unload the module, which waits for the answers of the other server."""
    task = asyncio.get_running_loop().create_task(world.module.unload())
    await asyncio.sleep(0)
    return task


async def test_it_is_removed_when_the_module_goes(make: Make) -> None:
    world = make()
    tag = world.published()
    task = await unloading(world)
    last = world.request()
    assert (last.get("Expires"), last.get("SIP-If-Match"), last.body) == ("0", tag, b"")
    world.answer(last, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'))
    again = world.request()
    assert not task.done()
    world.answer(again, 200, ("SIP-ETag", "x"), ("Expires", "0"))
    await task
    world.rig.advance(1000)
    assert not world.took()
    assert not world.source.there


async def test_what_is_on_its_way_when_the_module_goes_is_removed_once_it_is_answered(make: Make) -> None:
    world = make()
    world.source.publish("one")
    first = world.request()
    world.source.publish("two")
    task = await unloading(world)
    assert not world.took()
    tag = world.accept(first)
    last = world.request()
    assert last.get("SIP-If-Match") == tag
    assert not task.done()
    world.accept(last, 0)
    await task


async def test_nothing_to_remove_is_not_waited_for(make: Make) -> None:
    world = make()
    await (await unloading(world))
    assert not world.took()


async def test_a_server_that_does_not_answer_is_not_waited_for_long(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publish_module, "GOODBYE", 0.01)
    world = make()
    world.rig.log.addHandler(caplog.handler)
    world.published()
    await (await unloading(world))
    assert "1 publications at other servers could not be removed in time" in caplog.text


def test_a_publisher_that_goes_takes_its_publications_along(make: Make) -> None:
    world = make()
    world.published()
    tables = pubsub(world.rig)
    for listener in list(tables.on_publisher):
        listener(world.source, False)
    assert world.request().get("Expires") == "0"
    assert "No module" in world.run("pjsip list publications outbound")


@pytest.mark.parametrize("change", ["expiration=60", "type=outbound-publish"])
def test_an_object_that_changes_or_goes_is_removed_first(make: Make, change: str) -> None:
    world = make()
    world.published()
    path = world.rig.data.files.root / "pjsip.conf"
    text = path.read_text()
    path.write_text(text.replace(change, "expiration=90" if "=60" in change else "type=auth\nusername=x"))
    world.rig.data.reload()
    assert world.request().get("Expires") == "0"
    assert len(world.source.there) == (1 if "=60" in change else 0)


def test_multi_user_has_one_for_each(make: Make) -> None:
    world = make("multi_user=yes", "server_uri=sip:127.0.0.1:15610", "from_uri=sip:pbx@127.0.0.1", "to_uri=")
    world.source.publish("a", user="carol")
    first = world.request()
    assert str(first.uri) == "sip:carol@127.0.0.1:15610"
    assert (first.get("From") or "").startswith("<sip:carol@127.0.0.1>;tag=")
    assert first.get("To") == "<sip:carol@127.0.0.1>"
    world.source.publish("b", user="bob")
    second = world.request()
    assert second.call_id != first.call_id
    world.accept(first)
    world.accept(second)
    assert sorted(world.source.there[0].clients) == ["bob", "carol"]
    assert "test/carol" in world.run("pjsip show publications outbound")
    world.source.there[0].withdraw("bob")
    assert world.request().get("Expires") == "0"


def test_from_is_to_uri_and_to_is_from_uri(make: Make) -> None:
    world = make("from_uri=sip:we@one.test:5070", "to_uri=sips:it@two.test:5071\\;x=y")
    world.source.publish("one")
    request = world.request()
    assert (request.get("From") or "").partition(";tag=")[0] == "<sips:it@two.test>"
    assert request.get("To") == "<sip:we@one.test>"
    assert str(request.uri) == "sip:instance2@127.0.0.1:15610"


def test_a_proxy(make: Make) -> None:
    world = make("outbound_proxy=sip:127.0.0.1:15610\\;lr", "server_uri=sip:x@192.0.2.77")
    world.source.publish("one")
    assert world.request().get("Route") == "<sip:127.0.0.1:15610;lr>"


def test_what_waits_is_bounded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_client, "MAX_WAITING", 3)
    world = make()
    for number in range(10):
        world.source.publish(str(number), str(number))
    assert world.client.waiting == 3
    bodies = []
    while found := world.took():
        bodies.append(found[0].body)
        world.accept(found[0])
    assert bodies == [b"0", b"7", b"8", b"9"]


@pytest.mark.parametrize("headers", [(), (("SIP-ETag", ""),), (("SIP-ETag", "x"), ("Expires", "0"))])
def test_an_answer_that_says_nothing(make: Make, headers: tuple[tuple[str, str], ...]) -> None:
    world = make()
    world.source.publish("one")
    world.answer(world.request(), 200, *headers)
    world.rig.advance(500)
    assert not world.took()
    world.source.publish("two")
    assert not world.request().has("SIP-If-Match")
