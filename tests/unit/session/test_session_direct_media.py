"""Direct media, the session's side: what phones are told, as recorded; refusals, glare, hang-ups in between."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from session_bench import Bench, MemoryFlow, Phone, on_bench
from test_session_endpoint_options import change

from asterism.applications.session import direct_media
from asterism.core.log import VERBOSE
from asterism.media.taps import Direction, Tap
from asterism.sip.objects.codecs import CodecList
from asterism.stack.message import Request, Response
from asterism.stack.parser import parse_message

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "sip_wire_direct_media.txt"
PORTS = {"alice": 5071, "bob": 5072}
MEDIA = {"alice": 31806, "bob": 31814}
ULAW_ONLY = CodecList(("ulaw",))
BOTH_LAWS = CodecList(("ulaw", "alaw"))
HOST = "192.0.2.2"
"""The host's own address, as in the record."""


class Seen(NamedTuple):
    """What is compared of a message."""

    phone: str
    what: str
    """Method, or status and the method it answers."""
    version: int | None = None
    """Of ``o=``, counted from the first that the phone saw."""
    origin: str = ""
    address: str = ""
    place: str = ""
    """Whose port stands in ``m=``: a phone's, or ``server``."""
    direction: str = ""


class Step(NamedTuple):
    sent: bool
    phone: str
    start: str
    method: str
    body: tuple[str, ...]


def sections(*words: str) -> list[tuple[str, list[Step]]]:
    """The sections of the record whose titles have all these words, in order."""
    found: list[tuple[str, list[Step]]] = []
    for part in re.split(r"^### ", RECORD.read_text(), flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        if not all(word in title for word in words):
            continue
        steps: list[Step] = []
        for line in rest.splitlines():
            if line.startswith("    "):
                steps[-1] = steps[-1]._replace(body=(*steps[-1].body, line.strip()))
            elif line:
                phone, way, rest_of = line.split(" ", 2)
                start, _, cseq = rest_of.partition(" | ")
                steps.append(Step(way == "-->", phone, start, cseq.split()[-1], ()))
        found.append((title, steps))
    assert found, words
    return found


def description(body: tuple[str, ...] | list[str]) -> tuple[int, str, str, int, str]:
    """Version, origin, address, port and direction."""
    lines = {line[0]: line for line in body if line[:2] in ("o=", "c=", "m=")}
    direction = next(line[2:] for line in body if line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive"))
    origin = lines["o"].split()
    return int(origin[2]), origin[5], lines["c"].split()[2], int(lines["m"].split()[1]), direction


class Reader:
    """Makes messages to the phones comparable: versions and ports by what they mean."""

    def __init__(self, media: dict[int, str]) -> None:
        self._first: dict[str, int] = {}
        self._media = media

    def seen(self, phone: str, what: str, body: tuple[str, ...] | list[str]) -> Seen:
        if not body:
            return Seen(phone, what)
        version, origin, address, port, direction = description(body)
        first = self._first.setdefault(phone, version)
        return Seen(phone, what, version - first, origin, address, self._media.get(port, "server"), direction)


def recorded(steps: list[Step], reader: Reader) -> list[Seen]:
    found = []
    for step in steps:
        if step.sent:
            continue
        words = step.start.split()
        what = f"{words[1]} {step.method}" if words[0].startswith("SIP/") else words[0]
        found.append(reader.seen(step.phone, what, step.body))
    return without_order(found)


def without_order(found: list[Seen]) -> list[Seen]:
    """ACK and 100 come at their own time."""
    return [one for one in found if one.what != "ACK" and not one.what.startswith("100")]


def recorded_reader(title: str) -> Reader:
    """That of a call: the media ports of its two phones."""
    steps = next(steps for name, steps in sections("call set up") if name == title)
    ports: dict[int, str] = {}
    for step in steps:
        if step.sent and step.body:
            ports[description(step.body)[3]] = step.phone
    return Reader(ports)


class NotedFlow(MemoryFlow):
    """Writes down what is sent by it, on one list with that of others."""

    __slots__ = ("phone", "wire")

    def __init__(self, phone: str, wire: list[tuple[str, bytes]]) -> None:
        super().__init__(PORTS[phone])
        self.phone, self.wire = phone, wire

    def send(self, data: bytes) -> None:
        self.wire.append((self.phone, data))
        super().send(data)


class Handset(Phone):
    """A phone that does what is recorded, or what the test says; it answers by itself."""

    def __init__(self, bench: Bench, name: str, wire: list[tuple[str, bytes]]) -> None:
        bench.transports.flows[PORTS[name]] = NotedFlow(name, wire)
        super().__init__(bench, PORTS[name])
        self.name = name
        self.version = 1
        self.media = MEDIA[name]
        self.direction = "sendrecv"
        self.refuses: list[int] = []
        """Final statuses for the next requests, instead of 200."""
        self.silent = False
        self.formats = "0 101"
        self.done = 0
        self.number = 1
        self.branches: set[str | None] = set()
        """Of the requests answered: what comes again is no other request."""
        self.dialog: Request | Response | None = None

    def sdp(self, direction: str = "") -> str:
        self.version += 1
        return (
            f"v=0\r\no=ua 1000 {self.version} IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.media} RTP/AVP {self.formats}\r\na=rtpmap:101 telephone-event/8000\r\n"
            f"a=fmtp:101 0-15\r\na={direction or self.direction}\r\n"
        )

    def answer_all(self) -> bool:
        """Answer every request that has come since the last time; whether there was one."""
        found = False
        messages = [parse_message(data) for data in self.flow.sent[self.done :]]
        self.done += len(messages)
        for one in messages:
            if isinstance(one, Response):
                if one.status == 200 and one.cseq.method == "INVITE":
                    self.dialog = self.dialog or one
                    self.ack(one)
                    found = True
                elif one.status >= 300 and one.cseq.method == "INVITE":
                    self.ack(one)
            elif one.method in ("INVITE", "UPDATE", "BYE") and not self.silent and one.via.branch not in self.branches:
                self.branches.add(one.via.branch)
                begins = self.dialog is None
                if begins:
                    self.dialog = one
                status = 200 if begins or one.method == "BYE" or not self.refuses else self.refuses.pop(0)
                body = self.sdp() if status == 200 and one.method != "BYE" else ""
                self.respond(one, status, body=body, tag="b1")
                found = True
        return found

    def send(self, method: str, direction: str = "", body: str | None = None) -> None:
        """A request within the dialog."""
        self.number += 1
        known = self.dialog
        assert known is not None
        text = (self.sdp(direction) if direction else "") if body is None else body
        if isinstance(known, Response):
            self.in_dialog(method, known, self.number, text)
        else:
            self.request(
                method, "sip:asterisk@127.0.0.1:5060", "bob", str(known.from_), text, number=self.number,
                call=known.call_id, tag="b1",
            )  # fmt: skip

    def ack(self, response: Response) -> None:
        known = self.dialog
        number = response.cseq.number
        if isinstance(known, Response):
            self.in_dialog("ACK", response, number)
        elif known is not None:
            self.request(
                "ACK", "sip:asterisk@127.0.0.1:5060", "bob", str(known.from_), number=number, call=known.call_id,
                tag="b1",
            )  # fmt: skip


class Call:
    """Alice and Bob on the bench, and all that the server sends them, in its order."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.wire: list[tuple[str, bytes]] = []
        self.alice = Handset(bench, "alice", self.wire)
        self.bob = Handset(bench, "bob", self.wire)
        self.reader = Reader({port: name for name, port in MEDIA.items()})
        self.looked = 0
        self.before = 0
        """How much Bob had been sent before he fell silent."""

    @property
    def phones(self) -> tuple[Handset, Handset]:
        return self.alice, self.bob

    async def set_up(self, options: str = "") -> None:
        """Alice calls Bob, by a Dial with these options."""

        @self.bench.server.pbx.extension("internal", "6002")
        async def dial(channel: Any) -> None:
            await channel.dial("PJSIP/bob", 20, options)

        self.alice.call("6002", body=self.alice.sdp())
        invite = await self.bob.next("INVITE")
        assert isinstance(invite, Request)
        self.bob.respond(invite, 180)
        await self.alice.next(180)
        await self.calm()

    async def set_up_but_bob(self) -> None:
        """Bob answers the first INVITE and nothing after it."""

        @self.bench.server.pbx.extension("internal", "6002")
        async def dial(channel: Any) -> None:
            await channel.dial("PJSIP/bob", 20)

        self.bob.silent = True
        self.alice.call("6002", body=self.alice.sdp())
        invite = await self.bob.next("INVITE")
        assert isinstance(invite, Request)
        self.bob.dialog = invite
        self.before = len(self.bob.flow.sent)
        self.bob.respond(invite, 200, body=self.bob.sdp(), tag="b1")
        await self.calm()

    async def calm(self) -> None:
        """Go on until nobody has anything to say, all without time passing."""
        for _ in range(50):
            await self.bench.turn()
            if not [one for one in self.phones if one.answer_all()]:
                return
        raise AssertionError("it goes on and on")

    def told(self) -> list[Seen]:
        """What the server has sent since the last time."""
        found = []
        for phone, data in self.wire[self.looked :]:
            one = parse_message(data)
            what = f"{one.status} {one.cseq.method}" if isinstance(one, Response) else one.method
            found.append(self.reader.seen(phone, what, one.body.decode().split("\r\n") if one.body else []))
        self.looked = len(self.wire)
        return without_order(found)

    def session(self, name: str) -> Any:
        return next(one for one in self.bench.sessions.live if one.endpoint.id == name)

    def channel(self, name: str) -> Any:
        return next(one for one in self.bench.server.pbx.channels if one.device == f"PJSIP/{name}")

    def places(self) -> dict[str, str]:
        """Where each phone was told to send, by the description that holds."""
        return {name: self.channel(name).driver.channel_item("rtp,direct") for name in PORTS}


def direct(
    test: Callable[[Call], Awaitable[None]], set_up: bool = True, /, **options: object
) -> Callable[[Path], None]:
    @on_bench
    async def run(bench: Bench) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(direct_media, "address_towards", lambda *_: HOST)
            for name in PORTS:
                change(bench, name, **{"direct_media": True, "allow": ULAW_ONLY, **options})
            call = Call(bench)
            if set_up:
                await call.set_up()
            await test(call)
            for phone in call.phones:
                phone.silent = False
            for channel in list(bench.server.pbx.channels):
                channel.soft_hangup()
            await call.calm()

    return run


def by_phone(found: list[Seen]) -> dict[str, list[Seen]]:
    return {name: [one for one in found if one.phone == name] for name in PORTS}


class Lines(logging.Handler):
    """What the server has logged of refusals."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(VERBOSE)
        self.found: list[str] = []
        bench.server.log.setLevel(VERBOSE)
        bench.server.log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if "sending media" in (text := record.getMessage()) or "given up" in text:
            self.found.append(text)


class Changing(Tap):
    """Stands for a recording: with it the bridge is a simple one."""

    shows_simple = True
    changes = True


def test_by_invite_as_recorded_from_set_up_to_hang_up(tmp_path: Path) -> None:
    """Each message in the recorded order, also of one phone's to the other's."""

    async def test(call: Call) -> None:
        titles = sections("SIP method invite")
        reader = recorded_reader(titles[0][0])
        tap = Changing()
        for title, steps in titles:
            if "hold" in title:
                call.alice.send("INVITE", "sendonly" if "sendonly" in title else "sendrecv")
            elif "StopMixMonitor" in title:
                call.channel("alice").detach(tap)
            elif "MixMonitor" in title:
                call.channel("alice").attach(tap, Direction.IN)
            elif "hangs up" in title:
                call.alice.send("BYE")
            else:
                await call.set_up()
            await call.calm()
            assert call.told() == recorded(steps, reader), title

    direct(test, False)(tmp_path)


@pytest.mark.parametrize("title", ["SIP method update: call set up", "SIP one side direct_media=yes", "SIP Dial(PJSIP"])
def test_set_up_as_recorded(title: str, tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        if "one side" in title:
            change(call.bench, "bob", direct_media=False)
        await call.set_up("Tt" if "Dial(" in title else "")
        found = sections(title)[0]
        reader = recorded_reader(found[0]) if "set up" in title else one_call_reader(found[1])
        assert by_phone(call.told()) == by_phone(recorded(found[1], reader))

    direct(test, False, direct_media_method="update" if "update" in title else "invite")(tmp_path)


def one_call_reader(steps: list[Step]) -> Reader:
    return Reader({description(step.body)[3]: step.phone for step in steps if step.sent and step.body})


@pytest.mark.parametrize("leg", ["outgoing", "incoming"])
def test_glare_mitigation_as_recorded(leg: str, tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        (first, set_up), (_, hang_up) = sections("glare mitigation", leg)
        reader = recorded_reader(first)
        await call.set_up()
        assert call.told() == recorded(set_up, reader)
        call.alice.send("BYE")
        await call.calm()
        assert by_phone(call.told()) == by_phone(recorded(hang_up, reader))

    direct(test, False, direct_media_glare_mitigation=leg)(tmp_path)


BOTH = {"alice": f"127.0.0.1:{MEDIA['bob']}", "bob": f"127.0.0.1:{MEDIA['alice']}"}
HERE = {"alice": "", "bob": ""}


def test_where_media_goes_is_an_item_of_the_channel(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        assert call.places() == BOTH
        call.channel("alice").attach(tap := Changing(), Direction.IN)
        await call.calm()
        assert call.places() == HERE
        call.channel("alice").detach(tap)
        await call.calm()
        assert call.places() == BOTH

    direct(test)(tmp_path)


@pytest.mark.parametrize("refuser", ["alice", "bob"])
@pytest.mark.parametrize("status", [488, 500, 603, 408])
def test_a_refusal_brings_both_back_for_good(refuser: str, status: int, tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        lines = Lines(call.bench)
        getattr(call, refuser).refuses = [status]
        await call.set_up()
        assert call.places() == HERE
        assert lines.found == [f"{refuser} goes on sending media as before ({status})"]
        other = "bob" if refuser == "alice" else "alice"
        found = by_phone(call.told())
        assert [one.place for one in found[other] if one.what == "INVITE"][-1] == "server"
        call.bench.server.pbx.bridges[next(iter(call.bench.server.pbx.bridges))].connect_media()
        await call.calm()
        assert not call.told(), "it is not asked again"
        assert call.session(refuser).confirmed

    direct(test, False)(tmp_path)


@pytest.mark.parametrize("silent", ["alice", "bob"])
def test_no_answer_to_the_move_brings_both_back_and_the_call_goes_on(silent: str, tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        phone = getattr(call, silent)
        phone.refuses = []
        call.channel("alice").attach(tap := Changing(), Direction.IN)
        await call.calm()
        phone.silent = True
        call.channel("alice").detach(tap)
        await call.calm()
        assert call.places() == {silent: "", **{k: v for k, v in BOTH.items() if k != silent}}
        call.bench.advance(33)
        await call.calm()
        assert call.places() == HERE
        assert call.session(silent).confirmed

    direct(test)(tmp_path)


def test_no_answer_when_it_is_to_come_back_ends_the_call(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.bob.silent = True
        call.channel("alice").attach(Changing(), Direction.IN)
        await call.calm()
        call.bench.advance(33)
        call.bob.silent = False
        await call.calm()
        assert not call.bench.server.pbx.channels

    direct(test)(tmp_path)


def test_491_is_tried_again_and_then_given_up(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        lines = Lines(call.bench)
        call.bob.refuses = [491] * 6
        await call.set_up()
        assert call.places() == {"alice": BOTH["alice"], "bob": ""}
        for _ in range(4):
            call.bench.advance(4)
            await call.calm()
        assert call.places() == {"alice": BOTH["alice"], "bob": ""}
        for _ in range(4):
            call.bench.advance(4)
            await call.calm()
        assert call.places() == HERE
        assert lines.found == ["bob goes on sending media as before (491 again and again)"]

    direct(test, False)(tmp_path)


def test_491_once_goes_through_the_second_time(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.alice.refuses, call.bob.refuses = [491], [491]
        await call.set_up()
        call.bench.advance(4)
        await call.calm()
        assert call.places() == BOTH

    direct(test, False)(tmp_path)


def test_a_reinvite_of_the_phone_in_the_middle_of_ours(tmp_path: Path) -> None:
    """Glare: it gets 491, and so do we; its next one is answered with where media goes, and needs none of ours."""

    async def test(call: Call) -> None:
        await call.set_up_but_bob()
        ours = [one for one in call.bob.messages() if isinstance(one, Request) and one.method == "INVITE"][-1]
        call.bob.send("INVITE", "sendrecv")
        await call.bench.turn()
        assert [one.status for one in call.bob.messages() if isinstance(one, Response)][-1] == 491
        call.bob.respond(ours, 491)
        await call.bench.turn()
        call.told()
        call.bob.done = len(call.bob.flow.sent)
        call.bob.silent = False
        call.bob.send("INVITE", "sendrecv")
        await call.calm()
        assert call.places() == BOTH
        call.bench.advance(5)
        await call.calm()
        told = [(one.phone, one.what, one.place) for one in call.told() if one.what != "491 INVITE"]
        assert told == [("bob", "200 INVITE", "alice")]

    direct(test, False)(tmp_path)


def test_a_phone_that_moves_is_told_to_the_other(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.told()
        call.alice.media = 31900
        call.reader._media[31900] = "alice elsewhere"
        call.alice.send("INVITE", "sendrecv")
        await call.calm()
        assert [(one.phone, one.what, one.place) for one in call.told()] == [
            ("alice", "200 INVITE", "bob"),
            ("bob", "INVITE", "alice elsewhere"),
        ]

    direct(test)(tmp_path)


def test_another_codec_brings_both_back(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.told()
        call.alice.formats = "8 101"
        call.alice.send("INVITE", "sendrecv")
        await call.calm()
        assert [(one.phone, one.what, one.place) for one in call.told()] == [
            ("alice", "200 INVITE", "server"),
            ("bob", "INVITE", "server"),
        ]
        assert call.places() == HERE

    direct(test, allow=BOTH_LAWS)(tmp_path)


@pytest.mark.parametrize(
    ("alice", "bob", "moves"),
    [
        ("0 101", "0 101", True),
        ("0 8 101", "0 101", True),
        ("0", "0 101", False),  # keys that do not fit
        ("0", "0", True),
        ("0 101", "8 101", False),
    ],
)
def test_what_has_to_fit(alice: str, bob: str, moves: bool, tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.alice.formats, call.bob.formats = alice, bob
        await call.set_up()
        assert call.places() == (BOTH if moves else HERE)
        offered = [data for phone, data in call.wire if phone == "alice" and data.startswith(b"INVITE")]
        if alice == "0 8 101":
            assert f"m=audio {MEDIA['bob']} RTP/AVP 0 101\r\n".encode() in offered[0], "only what Bob understands"

    direct(test, False, allow=BOTH_LAWS)(tmp_path)


@pytest.mark.parametrize(
    ("options", "moves"),
    [
        ({"direct_media": False}, False),
        ({"disable_direct_media_on_nat": True}, False),
        ({}, True),
    ],
)
def test_options_that_keep_media_here(options: dict[str, object], moves: bool, tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        change(call.bench, "bob", **options)
        await call.set_up()
        assert call.places() == (BOTH if moves else HERE)

    direct(test, False)(tmp_path)


@pytest.mark.parametrize("both", [True, False])
def test_video_goes_with_the_audio(both: bool, tmp_path: Path) -> None:
    """Each stream of the offer has the place of the other's; one that the other has not stays here."""

    def with_video(phone: Handset, port: int) -> None:
        plain = phone.sdp

        def sdp(direction: str = "") -> str:
            return f"{plain(direction)}m=video {port} RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"

        phone.sdp = sdp

    async def test(call: Call) -> None:
        with_video(call.alice, 31850)
        with_video(call.bob, 31860 if both else 0)
        await call.set_up()
        assert call.places() == BOTH
        moved = [one for phone, one in call.wire if phone == "alice" and one.startswith(b"INVITE")][-1].decode()
        _, audio, video = re.split(r"^m=", moved, flags=re.MULTILINE)
        assert audio.startswith(f"audio {MEDIA['bob']} ")
        assert video.startswith("video 31860 ") == both
        call.channel("alice").attach(Changing(), Direction.IN)
        await call.calm()
        assert call.places() == HERE
        back = [one for phone, one in call.wire if phone == "alice" and one.startswith(b"INVITE")][-1].decode()
        ours = {one.rtp.local[1] for one in call.session("alice").media.streams}
        assert {int(port) for port in re.findall(r"^m=\w+ (\d+)", back, re.MULTILINE)} == ours

    direct(test, False, allow=CodecList(("ulaw", "h264")))(tmp_path)


def test_hold_without_an_address_and_back(tmp_path: Path) -> None:
    """c=0.0.0.0 (RFC 2543): nothing can be sent to it, so that the other one is here, with music or without."""

    async def test(call: Call) -> None:
        held = call.alice.sdp("sendonly").replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0")
        call.alice.send("INVITE", body=held)
        await call.calm()
        assert call.places()["bob"] == ""
        call.alice.send("INVITE", "sendrecv")
        await call.calm()
        assert call.places() == BOTH

    direct(test)(tmp_path)


def test_hang_up_while_the_other_one_is_still_told_to_move(tmp_path: Path) -> None:
    """Its answer is awaited, it is told to come back, and only then the call ends."""

    async def test(call: Call) -> None:
        await call.set_up_but_bob()
        call.told()
        call.alice.send("BYE")
        await call.bench.turn()
        assert [one.what for one in call.told()] == ["200 BYE"]
        call.bob.silent = False
        call.bob.done = call.before
        await call.calm()
        found = [(one.what, one.place) for one in call.told() if one.phone == "bob"]
        assert found == [("INVITE", "server"), ("BYE", "")]

    direct(test, False)(tmp_path)


def test_a_bye_waits_two_seconds_at_most(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.bob.silent = True
        call.alice.send("BYE")
        await call.bench.turn()
        call.bench.advance(1.9)
        assert "BYE" not in [one.what for one in call.told()]
        call.bench.advance(0.2)
        assert [one.what for one in call.told()] == ["BYE"]

    direct(test)(tmp_path)


def test_every_phone_gets_its_bye_when_the_module_goes(tmp_path: Path) -> None:
    """A BYE that waits for the answer of a phone waits no more."""

    async def test(call: Call) -> None:
        call.told()
        module: Any = call.bench.server.modules.find("session")
        module.instance.unload()
        found = by_phone(call.told())
        assert found["alice"][-1].what == found["bob"][-1].what == "BYE"
        assert not call.bench.sessions.live

    direct(test)(tmp_path)


def test_both_hang_up_at_once(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.bob.silent = True
        call.alice.send("BYE")
        call.bob.send("BYE")
        await call.bench.turn()
        assert not call.bench.sessions.live

    direct(test)(tmp_path)


def test_a_call_ended_by_the_server_tells_bye_at_once_to_who_is_hung_up(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.told()
        call.channel("alice").soft_hangup()
        await call.calm()
        found = by_phone(call.told())
        assert [one.what for one in found["alice"]] == ["BYE"]
        assert [one.what for one in found["bob"]] == ["INVITE", "BYE"]

    direct(test)(tmp_path)


def test_a_call_that_ends_on_hold_has_nobody_to_bring_back(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.alice.send("INVITE", "sendonly")
        await call.calm()
        call.told()
        call.alice.send("BYE")
        await call.calm()
        assert [one.what for one in call.told() if one.phone == "bob"] == ["BYE"]

    direct(test)(tmp_path)


def test_a_refresh_of_the_session_keeps_where_media_goes(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        before = [one for one in call.told() if one.phone == "bob"][-1]
        assert call.session("bob").refresh("INVITE")
        await call.calm()
        assert call.told() == [before]

    direct(test)(tmp_path)


def test_who_has_no_update_stays_here(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        call.bob.refuses = [501]
        await call.set_up()
        assert call.places() == HERE

    direct(test, False, direct_media_method="update")(tmp_path)


@pytest.mark.parametrize("seconds", [5, 0])
def test_silence_here_ends_no_call_whose_media_goes_elsewhere(seconds: int, tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        await call.set_up()
        rtp = call.session("alice").media.streams[0].rtp
        assert rtp.away
        assert (rtp._inactivity is None, rtp._keep_alive is None) == (True, True)
        call.channel("alice").attach(Changing(), Direction.IN)
        await call.calm()
        assert not rtp.away
        assert (rtp._inactivity is None, rtp._keep_alive is None) == (not seconds, not seconds)

    direct(test, False, rtp_timeout=seconds, rtp_timeout_hold=seconds, rtp_keepalive=seconds)(tmp_path)
