"""Publications on a virtual clock: what their handler hears of, and entity tags as RFC 3903 has them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sip_rig import MODULES, PHONES, Rig

from asterism.applications.pubsub import publication_stored
from asterism.applications.pubsub.api import PublicationHandler, PublishError
from asterism.applications.pubsub.module import PubSubModule
from asterism.applications.pubsub.publication import Part, Publication
from asterism.applications.pubsub.publication_stored import PublicationPart, PublicationPersistence
from asterism.applications.pubsub.publications import Publications
from asterism.applications.pubsub.registry import pubsub
from asterism.stack.message import Response

CONF = PHONES.partition("[open]")[0] + "\n[shop]\ntype=inbound-publication\nevent_test=x\n"


class Handler(PublicationHandler):
    """Notes what it hears."""

    event = "test"
    accept = ("text/plain",)
    default_expires = 500

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []
        self.status: Any = 200

    def new_publish(self, endpoint: Any, resource: str, configuration: str, rx: Any) -> Any:
        assert (resource, configuration) == ("shop", "x")
        return self.status

    def read(self, content_type: str, body: bytes) -> str:
        if body == b"bad":
            raise PublishError(499, "it is bad")
        if body == b"raise":
            raise KeyError("x")
        return body.decode()

    def part(self, state: str) -> str | None:
        if state == "raise in part":
            raise KeyError("x")
        name, equals, _ = state.partition("=")
        return None if name == "passing" else name if equals else ""

    def on_publish(self, publication: Publication) -> None:
        self.heard.append(("publish", publication.state))

    def on_changed(self, publication: Publication) -> None:
        self.heard.append(("changed", publication.state))
        if publication.state == "raise later":
            raise KeyError("x")

    def on_refreshed(self, publication: Publication) -> None:
        self.heard.append(("refreshed", publication.state))

    def on_expired(self, publication: Publication) -> None:
        self.heard.append(("expired", publication.state))

    def on_terminated(self, publication: Publication) -> None:
        self.heard.append(("terminated", publication.state))


class World:
    """A server that takes publications."""

    def __init__(self, folder: Path, conf: str = CONF) -> None:
        self.rig = Rig(folder, conf, modules=(*MODULES, PubSubModule))
        self.handler = Handler()
        self.tables = pubsub(self.rig)
        self.tables.publications.store.wall_clock = lambda: self.rig.wall
        self.tables.register_publication_handler(self.handler)
        self.rig.data.load()
        self.rig.modules[-1].start()
        self.rig.commit()

    @property
    def publications(self) -> Publications:
        return self.tables.publications

    def publish(self, body: str = "", tag: str = "", expires: int | None = None, *headers: str) -> Response:
        """One PUBLISH of alice."""
        lines = ["Event: test", *headers]
        if tag:
            lines.append(f"SIP-If-Match: {tag}")
        if expires is not None:
            lines.append(f"Expires: {expires}")
        if body and not any(line.startswith("Content-Type") for line in headers):
            lines.append("Content-Type: text/plain")
        return self.rig.ask("PUBLISH", *lines, uri="sip:shop@pbx.test", body=body)

    def stop(self) -> None:
        """The server stops, as far as this module goes."""
        module = self.rig.modules[-1]
        module.pubsub.stopping = lambda: True
        module.unload()

    def close(self) -> None:
        self.rig.owner.release()
        self.rig.store.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path / "etc")
    yield found
    found.close()


def tag_of(response: Response) -> str:
    assert response.status == 200
    return response.get("SIP-ETag") or ""


def test_exactly_what_a_handler_hears(world: World) -> None:
    tag = tag_of(world.publish("one", "", 100))
    tag = tag_of(world.publish("", tag, 100))
    tag = tag_of(world.publish("two", tag, 100))
    world.publish("", tag, 0)
    assert world.handler.heard == [
        ("publish", "one"), ("refreshed", "one"), ("changed", "two"), ("terminated", "two"),
    ]  # fmt: skip
    world.handler.heard.clear()
    world.publish("three", "", 100)
    world.rig.advance(99)
    assert len(world.publications) == 1
    world.rig.advance(2)
    assert world.handler.heard == [("publish", "three"), ("expired", "three"), ("terminated", "three")]
    assert not world.rig.data.all(PublicationPersistence)
    assert not world.rig.data.all(PublicationPart)


def test_time_begins_anew_with_each(world: World) -> None:
    response = world.publish("one")
    assert response.expires == 500
    tag = tag_of(response)
    for _ in range(5):
        world.rig.advance(90)
        tag = tag_of(world.publish("", tag, 100))
    world.rig.advance(99)
    assert len(world.publications) == 1
    tag = tag_of(world.publish("two", tag, 10))
    world.rig.advance(11)
    assert not len(world.publications)
    assert world.publish("", tag, 10).status == 412


def test_parts(world: World) -> None:
    tag = tag_of(world.publish("a=1"))
    for body in ("b=1", "a=2", "passing=1"):
        tag = tag_of(world.publish(body, tag))
    found = world.publications.of("shop", "test")[0]
    assert {name: part.state for name, part in found.parts.items()} == {"b": "b=1", "a": "a=2"}
    assert list(found.parts) == ["b", "a"]
    assert found.size == sum(part.size for part in found.parts.values())
    assert len(world.rig.data.all(PublicationPart)) == 2


def test_what_a_restart_finds(tmp_path: Path) -> None:
    first = World(tmp_path / "etc")
    tag = tag_of(first.publish("a=1", "", 100))
    tag = tag_of(first.publish("b=1", tag, 100))
    tag = tag_of(first.publish("a=2", tag, 100))
    heard = list(first.handler.heard)
    first.stop()
    assert first.handler.heard == heard, "it goes on: nobody is told of an end"
    first.close()
    second = World(tmp_path / "etc")
    assert second.handler.heard == [("publish", "b=1"), ("changed", "a=2")]
    assert second.publications.get(tag) is not None
    second.rig.advance(101)
    assert second.handler.heard[-2:] == [("expired", "a=2"), ("terminated", "a=2")]
    second.close()


@pytest.mark.parametrize(
    ("body", "headers", "status", "header"),
    [
        ("bad", (), 499, None),
        ("raise", (), 500, None),
        ("x", ("Content-Type: text/html",), 415, ("Accept", "text/plain")),
        ("x", ("Content-Type: TEXT/Plain;charset=utf-8",), 200, None),
        ("x", ("Content-Type: nonsense",), 400, None),
        ("x", ("Expires: soon",), 400, None),
        ("raise in part", (), 200, None),
    ],
)
def test_answers_to_bodies(
    world: World, body: str, headers: tuple[str, ...], status: int, header: tuple[str, str] | None
) -> None:
    answer = world.publish(body, "", None, *headers)
    assert answer.status == status
    if header is not None:
        assert answer.get(header[0]) == header[1]
    assert len(world.publications) == (status == 200)


def test_a_handler_that_raises_does_no_harm(world: World) -> None:
    tag = tag_of(world.publish("one"))
    tag = tag_of(world.publish("raise later", tag))
    assert world.publish("", tag, 0).status == 200


def test_an_overloaded_server_takes_none(world: World) -> None:
    world.rig.sip.state.overloaded = True
    answer = world.rig.only(
        world.rig.receive(world.rig.request("PUBLISH", "sip:shop@pbx.test", "alice", "Event: test"))
    )
    assert answer.status == 503


@pytest.mark.parametrize("status", [403, 489])
def test_a_handler_may_refuse(world: World, status: int) -> None:
    world.handler.status = status
    assert world.publish("one").status == status
    assert not len(world.publications)


@pytest.mark.parametrize("change", ["two", "", "end"])
def test_what_ends_while_a_database_is_waited_for_stays_ended(
    world: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    tag = tag_of(world.publish("one", "", 10))
    waiting: list[Any] = []
    store = world.publications.store
    monkeypatch.setattr(store, "settled", lambda _publication, committed, failed: waiting.append(committed))
    rig = world.rig
    body, seconds = ("", 0) if change == "end" else (change, 100)
    publication = world.publications.get(tag)
    assert publication is not None
    answered: list[object] = []

    def failed() -> None:
        answered.append("failed")

    if change == "end":
        world.publications.remove(publication, answered.append, failed)
    elif body:
        world.publications.modify(publication, seconds, Part("text/plain", b"two", "two"), answered.append, failed)
    else:
        world.publications.refresh(publication, seconds, answered.append, failed)
    rig.advance(11)
    assert world.handler.heard[-2:] == [("expired", "one"), ("terminated", "one")]
    waiting[0]()
    rig.commit()
    assert world.handler.heard[-2:] == [("expired", "one"), ("terminated", "one")]
    assert answered == (["2"] if change == "end" else ["failed"])
    assert not len(world.publications)
    assert not rig.data.all(PublicationPersistence)
    assert not rig.data.all(PublicationPart)


def test_a_handler_that_goes_ends_its_publications(world: World) -> None:
    world.publish("one")
    world.publications.handler_gone(world.handler)
    assert world.handler.heard[-1] == ("terminated", "one")
    assert not len(world.publications)


class Tags(RuleBasedStateMachine):
    """Any sequence of PUBLISH and of time: a tag is good once, for its own publication, as long as that lasts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="asterism-tags-"))
        self.ahead, publication_stored.AHEAD = publication_stored.AHEAD, 3
        self.world = World(self.folder / "etc")
        self.live: dict[str, tuple[float, str]] = {}
        self.spent: list[str] = []
        self.last = 0

    def teardown(self) -> None:
        self.world.close()
        publication_stored.AHEAD = self.ahead
        shutil.rmtree(self.folder)

    def _given(self, answer: Response) -> str:
        tag = tag_of(answer)
        assert int(tag) > self.last
        self.last = int(tag)
        return tag

    @rule(body=st.sampled_from(["a=1", "b=2", "whole"]), seconds=st.integers(1, 60))
    def begin(self, body: str, seconds: int) -> None:
        if len(self.live) < 50:
            tag = self._given(self.world.publish(body, "", seconds))
            self.live[tag] = (self.world.rig.now + seconds, body)

    @precondition(lambda self: self.live)
    @rule(pick=st.integers(0, 1000), body=st.sampled_from(["", "a=3", "other"]), seconds=st.integers(0, 60))
    def go_on(self, pick: int, body: str, seconds: int) -> None:
        tag = list(self.live)[pick % len(self.live)]
        _, before = self.live.pop(tag)
        self.spent.append(tag)
        answer = self.world.publish(body, tag, seconds)
        assert answer.expires == seconds
        new = self._given(answer)
        if seconds:
            self.live[new] = (self.world.rig.now + seconds, body or before)
        else:
            self.spent.append(new)

    @precondition(lambda self: self.spent)
    @rule(pick=st.integers(0, 1000), body=st.sampled_from(["", "a=4"]), seconds=st.integers(0, 60))
    def spent_tag(self, pick: int, body: str, seconds: int) -> None:
        assert self.world.publish(body, self.spent[pick % len(self.spent)], seconds).status == 412

    @rule(seconds=st.floats(0.1, 30))
    def time(self, seconds: float) -> None:
        self.world.rig.advance(seconds)
        now = self.world.rig.now
        for tag in [tag for tag, (end, _) in self.live.items() if end <= now]:
            del self.live[tag]
            self.spent.append(tag)

    @rule()
    def restart(self) -> None:
        now, wall = self.world.rig.now, self.world.rig.wall
        self.world.stop()
        self.world.close()
        self.world = World(self.folder / "etc")
        rig = self.world.rig
        # The clocks go on where they were; what is left is kept in whole seconds.
        rig.advance(wall - rig.wall)
        shift = rig.now - now
        self.live = {tag: (end + shift, body) for tag, (end, body) in self.live.items()}
        gone = [tag for tag in self.live if self.world.publications.get(tag) is None]
        for tag in gone:
            assert self.live[tag][0] - rig.now <= 2
            del self.live[tag]
            self.spent.append(tag)
        self.live = {tag: (rig.now + self._left(tag), body) for tag, (_, body) in self.live.items()}

    def _left(self, tag: str) -> float:
        found = self.world.publications.get(tag)
        assert found is not None
        return found.ends_at - self.world.rig.now

    @invariant()
    def as_the_model_says(self) -> None:
        publications = self.world.publications
        assert {one.tag: one.state for one in publications} == {tag: body for tag, (_, body) in self.live.items()}
        assert len(self.world.rig.data.all(PublicationPersistence)) == len(self.live)


Tags.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestTags = Tags.TestCase
