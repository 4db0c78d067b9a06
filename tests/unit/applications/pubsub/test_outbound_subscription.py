"""``outbound-subscription`` on a virtual clock: what is asked for, when it is tried anew, what the mailbox says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from notifier_kit import Notifier, Watcher
from sip_rig import MODULES, Rig

from asterism.applications.pubsub.module import PubSubModule
from asterism.applications.pubsub.outbound.keeper import Keepers
from asterism.applications.pubsub.outbound.module import OutboundSubscriptionModule
from asterism.applications.pubsub.outbound.objects import OutboundSubscription
from asterism.applications.pubsub.packages.mwi_subscriber import MwiSubscriber
from asterism.applications.pubsub.registry import PubSub, pubsub
from asterism.pbx.states.mailboxes import Mailboxes, MessageCounts
from asterism.stack.message import Request

CONF = """
[box]
type=outbound-subscription
server_uri=sip:1000@127.0.0.1:15270
from_uri=sip:us@example.test
mailbox=6001@default
expiration=600
retry_interval=20
max_retries=2
max_random_initial_delay=0
outbound_auth=box-auth
@color=red
[box-auth]
type=auth
username=1000
password=secret
"""
TYPE = "application/simple-message-summary"


class World:
    """A server with the object, and the one that it subscribes at."""

    def __init__(self, folder: Path, conf: str) -> None:
        self.rig = Rig(folder / "etc", "", modules=(*MODULES, PubSubModule, OutboundSubscriptionModule))
        self.file = folder / "etc/pjsip.conf"
        self.configure(conf)
        self.tables: PubSub = pubsub(self.rig)
        states: Any = SimpleNamespace(changed=lambda _name: None)
        self.boxes = Mailboxes(self.rig.bus, self.rig.log, states)
        module = self.rig.modules[-1]
        assert isinstance(module, OutboundSubscriptionModule)
        self.module = module
        self.keepers: Keepers = module.keepers
        self.far = Notifier(self.rig)

    def configure(self, conf: str) -> None:
        """Have the configuration read."""
        self.file.write_text(conf)
        self.rig.data.reload()

    def start(self, *, handler: bool = True) -> None:
        if handler:
            self.tables.register_subscriber(MwiSubscriber(self.tables, self.boxes))
        self.keepers.start()
        self.rig.advance(0)

    def begin(self) -> Request:
        """Have it subscribed, with two new messages."""
        subscribe = self.far.subscribe()
        self.far.answer(subscribe, 200, ("Expires", "600"))
        self.tell(subscribe, "2/1")
        return subscribe

    def tell(self, subscribe: Request, counts: str, state: str = "active;expires=600", tag: str = "far") -> int:
        body = f"Messages-Waiting: yes\r\nVoice-Message: {counts}\r\n"
        return self.far.notify(subscribe, state, body, tag=tag, Content_Type=TYPE).status

    @property
    def box(self) -> MessageCounts:
        return self.boxes.get("6001@default")

    @property
    def keeper(self) -> Any:
        (found,) = self.keepers
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, CONF)


def test_it_subscribes_and_sets_the_mailbox(world: World) -> None:
    world.start()
    subscribe = world.far.subscribe()
    assert str(subscribe.uri) == "sip:1000@127.0.0.1:15270"
    assert str(subscribe.from_.uri) == "sip:us@example.test"
    assert str(subscribe.to.uri) == "sip:1000@127.0.0.1:15270"
    assert subscribe.contacts[0].uri.user == "us"
    assert (subscribe.get("Event"), subscribe.get("Expires"), subscribe.get("Accept")) == (
        "message-summary", "600", TYPE,
    )  # fmt: skip
    world.far.answer(subscribe, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'))
    subscribe = world.begin()
    assert 'username="1000"' in (subscribe.get("Authorization") or "")
    assert world.box == MessageCounts(2, 1)
    assert world.keeper.subscription.options == {"color": "red", "mailbox": "6001@default"}
    assert world.tell(subscribe, "0/3 (0/1)") == 200
    assert world.box == MessageCounts(0, 3, 0, 1)
    assert world.far.notify(subscribe, body="Messages-Waiting: no\r\n", Content_Type=TYPE).status == 200
    assert world.box == MessageCounts(0, 3, 0, 1), "nothing said of voice messages"


def test_the_counts_of_several_servers_are_added_up(world: World) -> None:
    world.start()
    subscribe = world.begin()
    world.tell(subscribe, "3/0", tag="second")
    assert world.box == MessageCounts(5, 1)
    world.tell(subscribe, "3/0", "terminated;reason=noresource", tag="second")
    assert world.box == MessageCounts(2, 1)


@pytest.mark.parametrize(
    ("state", "wait"),
    [("terminated;reason=deactivated", 0), ("terminated;reason=probation;retry-after=7", 7), ("terminated", 20)],
)
def test_it_is_tried_anew_when_the_last_notify_says(world: World, state: str, wait: int) -> None:
    world.start()
    subscribe = world.begin()
    world.tell(subscribe, "2/1", state)
    world.rig.advance(wait)
    again = world.far.subscribe()
    assert again.call_id != subscribe.call_id
    assert world.box == MessageCounts(2, 1)


def test_at_once_is_not_over_and_over(world: World) -> None:
    world.start()
    world.tell(world.begin(), "2/1", "terminated;reason=deactivated")
    world.rig.advance(0)
    world.tell(world.begin(), "2/1", "terminated;reason=deactivated")
    world.rig.advance(19)
    assert world.far.silent()
    world.rig.advance(1)
    world.far.subscribe()


@pytest.mark.parametrize("state", ["terminated;reason=noresource", "terminated;reason=rejected"])
def test_never_is_never_until_the_configuration_is_read_anew(world: World, state: str) -> None:
    world.start()
    world.tell(world.begin(), "2/1", state)
    world.rig.advance(3600)
    assert world.far.silent()
    assert world.keeper.given_up
    world.module.reload()
    world.rig.advance(0)
    world.far.subscribe()


@pytest.mark.parametrize("status", [403, 404, 489])
def test_a_fatal_refusal_is_tried_anew_where_the_option_says(tmp_path: Path, status: int) -> None:
    for name, more, silent in (("a", "", True), ("b", "[box](+)\nfatal_retry_interval=300\n", False)):
        (tmp_path / name).mkdir()
        world = World(tmp_path / name, CONF + more)
        world.start()
        world.far.answer(world.far.subscribe(), status)
        world.rig.advance(299)
        assert world.far.silent()
        world.rig.advance(1)
        assert world.far.silent() is silent


def test_passing_failures_are_counted(world: World) -> None:
    world.start()
    for _ in range(2):
        world.far.answer(world.far.subscribe(), 503, ("Retry-After", "5"))
        world.rig.advance(5)
    world.far.answer(world.far.subscribe(), 480)
    world.rig.advance(3600)
    assert world.far.silent()
    assert world.keeper.given_up


def test_what_fails_while_it_is_sent_is_tried_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world.rig.sip, "send", lambda _request, user, *_more: user.on_transport_error(None))
        world.start()
    assert world.keeper.subscription is None
    assert world.far.silent()
    world.rig.advance(20)
    world.begin()
    assert world.box == MessageCounts(2, 1)


def test_it_waits_for_a_module_that_reads_the_package(world: World) -> None:
    world.start(handler=False)
    assert world.far.silent()
    world.tables.register_subscriber(MwiSubscriber(world.tables, world.boxes))
    world.begin()
    assert world.box == MessageCounts(2, 1)


def test_names_proxy_and_transport(tmp_path: Path) -> None:
    more = "to_uri=sip:them@far.test\ncontact_user=here\noutbound_proxy=sip:127.0.0.1:15270\\;lr\ntransport=other\n"
    world = World(tmp_path, CONF.replace("server_uri=sip:1000@127.0.0.1", f"{more}server_uri=sip:1000@192.0.2.99"))
    asked: list[tuple[str, int]] = []

    def flow_to(host: str, port: int) -> Any:
        asked.append((host, port))
        return world.far.flow

    world.rig.transports.transports["other"] = SimpleNamespace(protocol="udp", flow_to=flow_to)
    world.start()
    subscribe = world.far.subscribe()
    assert asked == [("127.0.0.1", 15270)]
    assert subscribe.get("Route") == "<sip:127.0.0.1:15270;lr>"
    assert str(subscribe.to.uri) == "sip:them@far.test"
    assert subscribe.contacts[0].uri.user == "here"


def test_another_package_is_as_good(tmp_path: Path) -> None:
    world = World(tmp_path, CONF.replace("mailbox=6001@default", "event=presence"))
    watcher = Watcher()
    world.tables.register_subscriber(watcher)
    world.start(handler=False)
    subscribe = world.far.subscribe()
    assert subscribe.get("Event") == "presence"
    world.far.notify(subscribe, body="here")
    assert watcher.heard == [("ACTIVE", "here")]


def test_message_summary_needs_a_mailbox(tmp_path: Path) -> None:
    world = World(tmp_path, CONF.replace("mailbox=6001@default\n", ""))
    assert not list(world.rig.data.all(OutboundSubscription))


def test_a_changed_object_is_subscribed_anew_and_a_removed_one_counts_no_more(world: World) -> None:
    world.start()
    subscribe = world.begin()
    world.configure(CONF.replace("sip:us@", "sip:we@"))
    last = world.far.subscribe()
    assert (last.get("Expires"), last.call_id) == ("0", subscribe.call_id)
    world.far.answer(last, 200)
    world.tell(subscribe, "2/1", "terminated")
    world.rig.advance(0)
    second = world.begin()
    assert second.from_.uri.user == "we"
    assert second.call_id != subscribe.call_id
    world.configure("")
    world.far.answer(world.far.subscribe(), 200)
    world.tell(second, "2/1", "terminated")
    assert world.box == MessageCounts()
    assert not world.boxes.known()
    assert not len(world.tables.outgoing)


async def test_unloading_unsubscribes(world: World) -> None:
    world.start()
    subscribe = world.begin()
    world.tables.stopping = lambda: True
    left: list[bool] = []
    world.keepers.leave(lambda: left.append(True))
    world.far.answer(world.far.subscribe(), 200)
    assert not left
    world.tell(subscribe, "2/1", "terminated")
    assert left == [True]
    assert world.box == MessageCounts(2, 1), "the server stops: nobody is told that there are none"
