"""What a type checker sees of the public API (docs/development/public-api.md): checked by mypy, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, assert_type

import asterism
from asterism import Channel, Server, __version__
from asterism.applications.pubsub.api import (
    BodyGenerator,
    BodySupplement,
    Delivery,
    Notifier,
    PublicationHandler,
    PublishError,
    Subscriber,
)
from asterism.applications.pubsub.base import Subscription
from asterism.applications.pubsub.module import PubSubServer
from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
from asterism.applications.pubsub.packages.extension_state import ExtensionInfo
from asterism.applications.pubsub.publication import Publication
from asterism.applications.pubsub.registry import pubsub
from asterism.applications.session.identity import EndpointProfile
from asterism.applications.session.registry import Sessions, sessions
from asterism.applications.session.sdp_handler import MediaStream, SdpHandler
from asterism.applications.session.session import Session
from asterism.applications.session.supplement import SessionSupplement
from asterism.config.file import ConfigFile, Section
from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import (
    AsterismError,
    CommandError,
    ConfigError,
    DuplicateError,
    ModuleError,
    NotAsyncError,
    Position,
    UsageError,
)
from asterism.core.events import EventType, Fields
from asterism.core.module import Module
from asterism.data.data import Missing
from asterism.interception.replay import ReplayTable
from asterism.media.answering_machine import Rhythm, Verdict
from asterism.media.core import Media
from asterism.media.ports import PortPair
from asterism.media.soundfiles import SoundError
from asterism.media.stream import Frame
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.conference.conference import Conference, User
from asterism.pbx.calls.dialing import DialResult
from asterism.pbx.calls.fax.result import FaxResult
from asterism.pbx.calls.spying.spying import Mode, Spying
from asterism.pbx.channels.listening import Listening
from asterism.pbx.channels.playing import Playing
from asterism.pbx.channels.speaking import Mark, Speaker
from asterism.pbx.channels.transfer import Transferred
from asterism.pbx.records.record import CallRecord, ChannelRecord, Disposition
from asterism.pbx.vocabulary.controls import Control, DialStatus
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto, NotAnsweredError
from asterism.pbx.vocabulary.events import (
    BRIDGE_ENTER,
    BRIDGE_LEAVE,
    DEVICE_STATE_CHANGE,
    DIAL_BEGIN,
    DIAL_END,
    HANGUP,
    NEWCHANNEL,
    NEWEXTEN,
    NEWSTATE,
    VAR_SET,
)
from asterism.pbx.vocabulary.flow import EndDialplan, FunctionError
from asterism.pbx.vocabulary.marks import application, function, function_preparer, function_writer
from asterism.pbx.vocabulary.module import PbxModule
from asterism.sip.authentication import AuthenticationResult, Authenticator, DigestChallenge
from asterism.sip.core import SipCore
from asterism.sip.decision import Decision, Outcome
from asterism.sip.identification import EndpointIdentifier
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.rx import Rx
from asterism.sip.server import SipServer
from asterism.sip.service import InterceptionStep, Service
from asterism.sip.works import Work, current_work
from asterism.stack import Flow, Message, Request, Response, Uri, make_response, parse_message
from asterism.testing import (
    Phone,
    PhoneAudio,
    PhoneCall,
    PhoneError,
    PhoneSubscription,
    PhoneVideo,
    assert_idle,
    detect,
    free_port,
    idle_counts,
    level,
    make_tone,
    running_server,
    until,
)

assert_type(__version__, str)
assert_type(asterism.Server.from_config("etc"), Server)
server = Server.from_config("etc")
events: list[EventType] = [
    BRIDGE_ENTER, BRIDGE_LEAVE, DEVICE_STATE_CHANGE, DIAL_BEGIN, DIAL_END, HANGUP, NEWCHANNEL, NEWEXTEN, NEWSTATE,
    VAR_SET,
]  # fmt: skip
errors: list[type[AsterismError]] = [
    CommandError, ConfigError, DuplicateError, ModuleError, NotAsyncError, SoundError, UsageError, FunctionError,
    NotAnsweredError,
]  # fmt: skip


assert_type(server.pbx.channels.get("PJSIP/101-00000000"), Channel | None)


async def greet(channel: Channel, args: str) -> None:
    """An application that is registered by itself gets the channel of extensions, too."""


server.pbx.register_application("Greet", greet, Documentation("Greet."))


@server.pbx.extension("default", "100")
async def program(channel: Channel) -> None:
    """One call."""
    sent = await channel.send_fax("1.tif", "2.tif", fallback=False)
    assert_type(sent, FaxResult)
    assert_type((sent.success, sent.pages, sent.files), tuple[bool, int, tuple[Path, ...]])
    assert_type(await channel.receive_fax("in.tif", audio_only=True), FaxResult)
    assert_type(await channel.answer(), None)
    assert_type(await channel.play("hello-world", interrupt="#"), str)
    assert_type(channel.audio(), AsyncIterator[Frame])
    async for frame in channel.audio():
        assert_type(frame, Frame)
        assert_type(frame.payload, bytes)
        assert_type(await channel.write_audio(frame), None)
    assert_type(await channel.read_digits(4, timeout=5.0), str)
    result = await channel.dial("PJSIP/101&PJSIP/102", 20)
    assert_type(result, DialResult)
    assert_type(result.status, DialStatus)
    assert_type(channel.get_variable("DOOR"), str | None)
    assert_type(channel.variables, dict[str, str])
    assert_type(channel.exten, str)
    assert_type(channel.duration, int)
    assert_type(channel.caller.number, str)
    assert_type(channel.indicate(Control.RINGING), bool)
    try:
        assert_type(await channel.wait(0.5), None)
    except ChannelHangup:
        raise EndDialplan(16) from Goto("phones", "600")
    assert_type(await channel.hangup(), None)


async def together(channel: Channel, other: Channel) -> None:
    """Several tasks on one call."""
    playing = channel.start_play("hello-world")
    assert_type(playing, Playing)
    assert_type(playing.position, int)
    assert_type(playing.skip(-1000), None)
    assert_type(await playing.next_digit(), str)
    assert_type(channel.play_tone("busy"), bool)
    assert_type(await channel.wait_for_silence(0.5, 5), bool)
    assert_type(await channel.wait_for_noise(0.5), bool)
    assert_type(await channel.who_answered(Rhythm(greeting=900)), Verdict)
    assert_type(channel.send_text("hello", "text/html"), bool)
    assert_type(await channel.receive_text(5), str | None)
    playing = channel.start_play("hello-world", interrupt="#")
    assert_type(await playing.wait(), str)
    assert_type(playing.stop(), None)
    assert_type(playing.heard, int)
    assert_type(playing.finished, bool)
    async with channel.listen(rate=16000) as audio:
        assert_type(audio, Listening)
        async for frame in audio:
            assert_type(frame, Frame)
        assert_type(audio.stop(), None)
        assert_type(audio.dropped, int)
    async with channel.speaker(rate=24000, depth=100) as out:
        assert_type(out, Speaker)
        assert_type(await out.write(b""), None)
        assert_type(out.clear(), float)
        assert_type(await out.drain(), None)
        mark = out.mark("end")
        assert_type(mark, Mark)
        assert_type(await mark.wait(), bool)
        assert_type(mark.name, str)
        assert_type(mark.heard, bool | None)
        assert_type(out.pause(), None)
        assert_type(out.resume(), None)
        assert_type(out.queued, float)
        assert_type(out.heard, float)
    assert_type(await channel.wait_for_hangup(), None)
    assert_type(await channel.wait_for_media(5), bool)
    assert_type(channel.redirect(Goto("phones", "600")), None)
    assert_type(await channel.bridge_with(other), None)
    assert_type(await channel.blind_transfer("600", context="phones", keep=True, heard=print), Transferred)
    assert_type(await channel.attended_transfer(other), Transferred)
    async with channel.spy(other, "whisper", only_says=True, volume=1) as spying:
        assert_type(spying, Spying)
        assert_type(await spying.next_digit(), str)
        spying.mode = Mode.BARGE
        spying.volume = 2
        assert_type(spying.mode, Mode)
        assert_type(await spying.wait(), None)
    assert_type(spying.stop(), None)
    room = server.pbx.create_bridge("room")
    assert_type(room, Bridge)
    assert_type(await channel.join(room), None)
    assert_type(room.dismiss(), None)
    conference = server.pbx.conference("team")
    assert_type(conference, Conference)
    assert_type(await conference.join(channel, admin=True, marked=True, muted=True, waits=True), str)
    async for user in conference.joins():
        assert_type(user, User)
        assert_type(conference.mute(user, False), None)
        assert_type(conference.kick(user), None)
        assert_type(user.channel.name, str)
    conference.locked = conference.participants_muted = True
    assert_type(await conference.announce("hello-world", "beep"), bool)
    assert_type(conference.start_recording("team.wav"), Path)
    assert_type(conference.stop_recording(), bool)
    assert_type(conference.kick_last(), User | None)
    assert_type(conference.end(), None)
    try:
        assert_type(await server.originate("PJSIP/101", program, timeout=20, caller_id="<100>"), Channel)
        assert_type(await server.originate("PJSIP/101", context="phones", exten="600"), Channel)
    except NotAnsweredError as error:
        assert_type(error.cause, int)


async def serving() -> None:
    """A server in a loop of one's own."""
    assert_type(await server.serve(), None)
    assert_type(server.request_stop(graceful=True), None)
    assert_type(server.counts(), dict[str, int])
    assert_type(server.sip_address("udp"), tuple[str, int])
    async with server as same:
        assert_type(same, Server)
    server.subscribe(HANGUP, lambda _type, args: None)
    async for record in server.records():
        assert_type(record, CallRecord)
        assert_type(record.disposition, Disposition)
        assert_type(record.answer, float | None)
    async for event in server.records(channels=True):
        assert_type(event, ChannelRecord)
        assert_type(event.event, str)


async def testing() -> None:
    """A test of calls."""
    async with running_server({"pjsip.conf": ""}) as running, Phone("101", running, "secret") as phone:
        assert_type(running, Server)
        assert_type(await phone.register(), Response)
        call = await phone.dial("100")
        assert_type(call, PhoneCall)
        watch = await phone.subscribe("102", "dialog")
        assert_type(watch, PhoneSubscription)
        assert_type(call.video, PhoneVideo)
        assert_type(await watch.next(), Request)
        assert_type(await phone.incoming(), PhoneCall)
        assert_type(await call.refused(), int)
        assert_type(await call.ended(), str)
        assert_type(call.audio, PhoneAudio)
        assert_type(await call.hears(440), None)
        assert_type(call.video.show("101"), None)
        assert_type(await call.video.sees("102"), None)
        assert_type(await until(lambda: running.booted), None)
        assert_type(idle_counts(running), dict[str, int])
        assert_type(await assert_idle(running), None)
    assert_type(free_port(), int)
    assert_type(detect(make_tone(440.0), [440.0]), list[float])
    assert_type(level(make_tone(440.0), 440.0), float)
    assert issubclass(PhoneError, AssertionError)


def configuration(error: ConfigError) -> None:
    """A configuration file, and what is wrong with one."""
    file = ConfigFile.parse("[a]\nb = 1\n", "a.conf")
    assert_type(file, ConfigFile)
    assert_type(file.section("a"), Section | None)
    assert_type(file.options("a").get("b"), str)
    assert_type(file.options("a").integer("b", 5), int)
    assert_type(file.options("a").flag("b"), bool)
    assert_type(error.position, Position | None)


class Hello(PbxModule):
    """A module with one of each mark."""

    name = "hello"
    description = "Says hello"

    @command("hello show", Documentation("Show it", "More.", arguments=(Argument("who", "Whom"),)))
    def show(self, call: CommandCall) -> str:
        """A console command."""
        assert_type(call.args, list[str])
        return ""

    @action("Hello", "system", Documentation("Say it", "More."))
    def act(self, call: ActionCall) -> None:
        """A manager action."""
        assert_type(call.get("Who"), str)
        fields: Fields = [("Who", "x")]
        assert_type(call.success("done", fields), None)

    @application("Hello", Documentation("Say it", "More."))
    async def run(self, channel: Channel, args: str) -> None:
        """An application."""

    @function("HELLO", Documentation("Read it", "More."))
    def read(self, channel: Channel | None, args: str) -> str:
        """A function."""
        return ""

    @function_writer("HELLO")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Write the function."""

    @function_preparer("HELLO")
    async def fetch(self, args: str) -> None:
        """What is awaited before the function is read."""


class Greeter(Service):
    """A service."""

    name = "greeter"
    methods = frozenset(("GREET",))

    def evaluate(self, rx: Rx) -> Decision | None:
        """Decide."""
        assert_type(rx.request, Request)
        assert_type(rx.endpoint, Endpoint | None)
        return Decision(Outcome.TAKE, "greeted")

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Answer."""
        assert_type(rx.respond(200), Response)


class Closing(InterceptionStep):
    """An interception step."""

    name = "closing"
    priority = 10

    def evaluate(self, rx: Rx) -> Decision | None:
        """Let all pass."""
        return None


class Digest:
    """An authenticator."""

    def requires_authentication(self, endpoint: Endpoint, rx: Rx) -> bool:
        """Always."""
        return True

    async def authenticate_request(self, endpoint: Endpoint, rx: Rx) -> AuthenticationResult:
        """Never."""
        return AuthenticationResult.FAILED

    def get_authentication_credentials(self, endpoint: Endpoint, rx: Rx) -> Sequence[DigestChallenge]:
        """One challenge."""
        return [DigestChallenge("realm")]


class ByDomain:
    """An endpoint identifier."""

    def identify_endpoint(self, rx: Rx) -> Endpoint | Awaitable[Endpoint | None] | None:
        """Nobody."""
        return None


class Account(SessionSupplement):
    """A session supplement."""

    name = "account"

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Look at the endpoint."""
        assert_type(session.endpoint, Endpoint)
        return False


class Text(SdpHandler):
    """An SDP handler."""

    name = "text"
    media = "text"


async def sip(core: SipCore, bound: SipServer, flow: Flow, profile: EndpointProfile, endpoint: Endpoint) -> None:
    """The SIP core."""
    assert_type(bound.sip, SipCore)
    core.register_service(Greeter())
    core.register_step(Closing())
    authenticator: Authenticator = Digest()
    core.register_authenticator(authenticator)
    identifier: EndpointIdentifier = ByDomain()
    core.register_endpoint_identifier(identifier, "domain")
    work = core.create_work("hello")
    assert_type(work, Work)
    assert_type(core.push_task(work, print, "x"), bool)
    assert_type(current_work(), Work | None)
    assert_type(await core.send_request("OPTIONS", endpoint), Response)
    assert_type(await core.send_request("OPTIONS", "sip:101@127.0.0.1"), Response)
    registry = sessions(bound)
    assert_type(registry, Sessions)
    registry.register_supplement(Account())
    registry.register_sdp_handler(Text())
    assert_type(MediaStream(Text()).close(), None)
    assert_type(ReplayTable().fresh("nonce", 1, 0.0), bool)
    missing: list[Missing] = [Missing.ABSENT, Missing.NOT_LOADED]
    assert missing


class Doors(Notifier):
    """An event package."""

    event = "door"
    delivery = Delivery.EACH

    def new_subscribe(self, endpoint: Endpoint, resource: str, rx: Rx) -> int:
        """Decide."""
        return 200

    def on_subscribe(self, subscription: Subscription) -> None:
        """The first state."""
        assert_type(subscription.resource, str)
        assert_type(subscription.endpoint, Endpoint)
        assert_type(subscription.notify("open"), None)
        assert_type(subscription.end("noresource"), None)


class DoorText(BodyGenerator):
    """A content type."""

    content_type = "text/plain"
    states = ExtensionInfo

    def body(self, subscription: Subscription, state: ExtensionInfo) -> list[str]:
        """What supplements add to."""
        return [state.exten]


class DoorNote(BodySupplement):
    """An addition."""

    def supplement(self, body: list[str], subscription: Subscription, state: ExtensionInfo) -> None:
        """Add to it."""
        body.append(state.presence.message)


class DoorReader(Subscriber):
    """What others tell."""

    def on_notify(self, subscription: OutgoingSubscription, notify: Request) -> int | None:
        """Read it."""
        assert_type(notify.body, bytes)
        return None


class DoorTaker(PublicationHandler):
    """What others publish."""

    def read(self, content_type: str, body: bytes) -> DeviceState:
        """Read it."""
        raise PublishError(400, "no door")

    def on_publish(self, publication: Publication) -> None:
        """Take it."""
        assert_type(publication.resource, str)


def subscriptions(server: PubSubServer, endpoint: Endpoint) -> None:
    """Events."""
    found = pubsub(server)
    found.register_notifier(Doors())
    found.register_body_generator(DoorText())
    found.register_body_supplement(DoorNote())
    found.register_publication_handler(DoorTaker())
    reader = DoorReader()
    found.register_subscriber(reader)
    assert_type(found.subscribe(reader, "sip:front@host", endpoint), OutgoingSubscription)
    server.pbx.device_states.register_provider(server.owner, "Door", lambda name: DeviceState.INUSE)


def ports(media: Media) -> None:
    """Ports for a stream of one's own."""
    pair = media.open_ports()
    assert_type(pair, PortPair)
    assert_type(pair.port, int)
    assert_type(pair.close(), None)


def stack(data: bytes) -> None:
    """Messages."""
    message = parse_message(data)
    assert_type(message, Request | Response)
    assert isinstance(message, Message)
    if isinstance(message, Request):
        assert_type(make_response(message, 200), Response)
        assert_type(message.uri, Uri)
    assert_type(message.get("Subject"), str | None)
    assert_type(message.to_bytes(), bytes)


def run_it(one: Server) -> None:
    """A program that is nothing but a server."""
    assert_type(one.run(), None)
    assert_type(one.run(ready=lambda same: same.log.info("ready")), None)


modules: list[type[Module]] = [Hello]
hook: Callable[[Any], Any] = application("Other", Documentation("x", "y"))
