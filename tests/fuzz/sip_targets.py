"""SIP targets: conversations with a whole server, each a sequence of steps that the input's bytes say.

A NUL separates the steps. The first byte of a step is a verb (``VERBS``), the second a number, the rest is text: header
lines, then after an empty line a body. ``?N`` mutates the message of the step before it is sent, by the seed N.
"""

from __future__ import annotations

import hashlib
import random

from mutation import mutate_message
from whole_server import World, Worlds

from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId
from asterism.stack import ParseError, Request, Response, parse_message
from asterism.stack.digest import Challenge, ClientSession, ha1

EXTENSIONS = ("770", "771", "772", "773", "774", "775", "776", "777", "81", "nobody", "s", "m", "trunk", "carol")
PEERS = (
    ("alice", "127.0.0.1", 5071),
    ("bob", "127.0.0.2", 5072),
    ("trunk", "127.0.0.3", 5073),
    ("carol", "127.0.0.4", 5074),
    ("stranger", "127.0.0.5", 5075),
)
STATUSES = (
    100, 180, 181, 183, 199, 200, 202, 204, 300, 301, 302, 305, 380, 400, 401, 403, 404, 405, 407, 408, 410, 412, 413,
    415, 416, 420, 421, 422, 423, 433, 480, 481, 482, 483, 484, 486, 487, 488, 491, 493, 494, 500, 501, 503, 504, 513,
    600, 603, 604, 606, 699, 99, 700, 0,
)  # fmt: skip
METHODS = (
    "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER", "INFO", "UPDATE", "PRACK", "BYE", "ACK", "CANCEL",
    "REGISTER", "INVITE", "FOO", "invite",
)  # fmt: skip
SDP = (
    "v=0\r\no=ua 1000 {version} IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 31800 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na={direction}\r\n"
)
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


class Conversation:
    """What the peers of one input know of what was said so far."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.seen = len(world.transport.sent)
        self.serial = 0
        self.name = f"{number}"
        self.peer = 0
        self.cseq = 1
        self.branch = "z9hG4bK0"
        self.to_tag = ""
        self.invite_cseq = 1
        self.exten = "770"
        self.rseq = "1"
        self.in_call = False
        self.last: tuple[bytes, int] = (b"", 0)
        self.mutation: random.Random | None = None
        self.asked: list[tuple[int, Request]] = []
        self.challenge: Challenge | None = None

    # -- what the server said ---------------------------------------------------------------------------------

    def read(self) -> None:
        """Take note of what was sent: requests to answer, tags, RSeq, challenges.

        A refusal repeats the headers of a request that may be wrong in them; a request of our own is right in all.
        """
        sent = self.world.transport.sent
        for flow, data in sent:
            try:
                message = parse_message(data)
            except ParseError:
                assert data.startswith(b"SIP/2.0 4"), data
                continue
            if isinstance(message, Request):
                if message.method != "ACK":  # its To is that of the response, whatever that said
                    message.validate()
                peer = next((i for i, each in enumerate(PEERS) if each[1] == flow.remote[0]), 0)
                self.asked.append((peer, message))
                del self.asked[:-20]
                continue
            self.take_response(message)
        sent.clear()

    def take_response(self, response: Response) -> None:
        to = response.get("To") or ""
        if ";tag=" in to and response.status < 300:
            self.to_tag = to.partition(";tag=")[2]
            self.in_call = True
        self.rseq = response.get("RSeq") or self.rseq
        for name in ("WWW-Authenticate", "Proxy-Authenticate"):
            if (text := response.get(name)) is not None:
                self.challenge = Challenge.parse(text)

    # -- what is said to it -----------------------------------------------------------------------------------

    def send(self, text: str, peer: int) -> None:
        data = text.encode("utf-8", "surrogateescape")
        if self.mutation is not None:
            data = mutate_message(data, self.mutation)
            self.mutation = None
        self.last = data, peer
        self.again()

    def again(self) -> None:
        data, peer = self.last
        self.world.receive(data, PEERS[peer][1], PEERS[peer][2])

    @staticmethod
    def content(head: str, body: str) -> str:
        """The end of a message: Content-Type unless ``head`` has one, Content-Length, the body."""
        kind = "" if not body or "content-type" in head.lower() else "Content-Type: application/sdp\r\n"
        return f"{kind}Content-Length: {len(body.encode('utf-8', 'surrogateescape'))}\r\n\r\n{body}"

    def request(self, method: str, head: str, body: str, *, within: bool, new_branch: bool = True) -> None:
        """A request of the peer at hand, ``within`` its dialog or not."""
        user, host, port = PEERS[self.peer]
        if new_branch:
            self.serial += 1
            self.branch = f"z9hG4bK{self.name}.{self.serial}"
        if method not in ("ACK", "CANCEL"):
            self.cseq += 1
        number = self.invite_cseq if method in ("ACK", "CANCEL") else self.cseq
        if method == "INVITE":
            self.invite_cseq = self.cseq
        tag = f";tag={self.to_tag}" if within and self.to_tag else ""
        uri = "sip:127.0.0.1:5060" if within else f"sip:{self.exten}@127.0.0.1"
        contact = "" if "contact:" in head.lower() else f"Contact: <sip:{user}@{host}:{port}>\r\n"
        self.send(
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};rport;branch={self.branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@127.0.0.1>;tag=f{self.name}\r\n"
            f"To: <sip:{self.exten}@127.0.0.1>{tag}\r\nCall-ID: c{self.name}\r\nCSeq: {number} {method}\r\n"
            f"{contact}{head}{self.credentials(method, uri)}{self.content(head, body)}",
            self.peer,
        )

    def credentials(self, method: str, uri: str) -> str:
        """An Authorization when the peer was challenged."""
        challenge, self.challenge = self.challenge, None
        if challenge is None or PEERS[self.peer][0] not in ("carol", "trunk"):
            return ""
        user = PEERS[self.peer][0]
        try:
            secret = ha1(user, challenge.realm or "", "secret", challenge.algorithm or "MD5")
            return f"Authorization: {ClientSession(challenge, user, secret, 'c').authorize(method, uri)}\r\n"
        except (ParseError, ValueError):
            return ""

    def respond(self, status: int, head: str, body: str, at: int) -> None:
        """A response to one of the latest requests of the server."""
        if not self.asked:
            return
        peer, request = self.asked[-1 - at % len(self.asked)]
        to = request.get("To") or ""
        if ";tag=" not in to and status > 100:
            to += f";tag=b{self.name}"
        vias = "".join(f"Via: {via}\r\n" for via in request.get_all("Via"))
        contact = (
            ""
            if "contact:" in head.lower()
            else f"Contact: <sip:{PEERS[peer][0]}@{PEERS[peer][1]}:{PEERS[peer][2]}>\r\n"
        )
        self.send(
            f"SIP/2.0 {status} x\r\n{vias}From: {request.get('From')}\r\nTo: {to}\r\nCall-ID: {request.call_id}\r\n"
            f"CSeq: {request.get('CSeq')}\r\n{contact}{head}{self.content(head, body)}",
            peer,
        )

    def toward(self, method: str, head: str, body: str, at: int) -> None:
        """A request of a called peer within the dialog that the server's INVITE made."""
        invites = [each for each in self.asked if each[1].method == "INVITE"]
        if not invites:
            return
        peer, invite = invites[-1 - at % len(invites)]
        self.serial += 1
        user, host, port = PEERS[peer]
        self.send(
            f"{method} sip:127.0.0.1:5060 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKt{self.name}.{self.serial}\r\n"
            f"Max-Forwards: 70\r\nFrom: {invite.get('To')};tag=b{self.name}\r\nTo: {invite.get('From')}\r\n"
            f"Call-ID: {invite.call_id}\r\nCSeq: {self.serial} {method}\r\nContact: <sip:{user}@{host}:{port}>\r\n"
            f"{head}{self.content(head, body)}",
            peer,
        )

    def server_does(self, number: int) -> None:
        """The server's own side of a call acts."""
        channels = list(self.world.server.pbx.channels)
        if not channels:
            return
        channel = channels[number // 16 % len(channels)]
        action = number % 16
        if action == 0:
            channel.soft_hangup()
        elif action == 1:
            channel.driver.answer()
        elif action == 2:
            channel.driver.indicate(Control.HOLD)
        elif action == 3:
            channel.driver.indicate(Control.UNHOLD)
        elif action == 4:
            channel.driver.indicate(Control.RINGING)
        elif action == 5:
            channel.driver.indicate(Control.PROGRESS)
        elif action == 6:
            channel.driver.indicate(Control.CONGESTION)
        elif action == 7:
            channel.driver.indicate(Control.BUSY)
        elif action < 12:
            channel.connected = PartyId(f"60{number}", "Nobody")
            channel.driver.indicate(Control.CONNECTED_LINE, channel.connected)
        else:
            channel.queue_control(tuple(Control)[number % len(Control)])


def split(rest: bytes) -> tuple[str, str]:
    """Header lines and body of a step."""
    text = rest.decode("utf-8", "surrogateescape")
    head, empty, body = text.replace("\r\n", "\n").partition("\n\n")
    if text.startswith("v="):
        head, empty, body = "", "\n", text.replace("\r\n", "\n")
    lines = "".join(f"{line}\r\n" for line in head.split("\n") if line)
    return lines, body.replace("\n", "\r\n") if empty else ""


async def step(talk: Conversation, piece: bytes) -> None:
    """Do one step."""
    verb, number, rest = piece[:1], piece[1] if len(piece) > 1 else 0, piece[2:]
    talk.read()
    head, body = split(rest)
    if not body and number & 0x80:
        body = SDP.format(version=number & 7, direction=DIRECTIONS[number >> 3 & 3])
    if verb == b"p":
        talk.peer = number % len(PEERS)
        return
    if verb == b"e":
        talk.exten = EXTENSIONS[number % len(EXTENSIONS)]
        return
    if verb == b"?":
        talk.mutation = random.Random(f"{number} {rest!r}")
        return
    if verb == b"I":
        talk.exten, talk.to_tag = EXTENSIONS[number % len(EXTENSIONS)], ""
        talk.request("INVITE", head, body or SDP.format(version=1, direction="sendrecv"), within=False)
    elif verb == b"i":
        talk.request("INVITE", head, body, within=True)
    elif verb == b"A":
        talk.request("ACK", head, body, within=True, new_branch=number & 1 == 0)
    elif verb == b"C":
        talk.request("CANCEL", head, "", within=False, new_branch=False)
    elif verb == b"B":
        talk.request("BYE", head, body, within=True)
    elif verb == b"U":
        talk.request("UPDATE", head, body, within=True)
    elif verb == b"P":
        more = f"RAck: {talk.rseq} {talk.invite_cseq} INVITE\r\n" if "rack" not in head.lower() else ""
        talk.request("PRACK", more + head, body, within=True)
    elif verb == b"N":
        kind = "" if "content-type" in head.lower() else "Content-Type: application/dtmf-relay\r\n"
        talk.request("INFO", head + kind, body or "Signal=5\r\nDuration=160\r\n", within=True)
    elif verb == b"M":
        kind = "" if "content-type" in head.lower() else "Content-Type: text/plain\r\n"
        talk.request("MESSAGE", head + kind, body or "hello", within=number & 1 == 1)
    elif verb == b"G":
        talk.request("REGISTER", head, "", within=False)
    elif verb == b"R":
        talk.request(METHODS[number % len(METHODS)], head, body, within=number & 0x40 == 0x40)
    elif verb == b"r":
        talk.respond(STATUSES[number % len(STATUSES)], head, body, 0)
    elif verb == b"2":  # an answer with a description, as it should be
        talk.respond(200, head, body or SDP.format(version=1, direction="sendrecv"), number)
    elif verb == b"o":
        talk.respond(STATUSES[number % len(STATUSES)], head, body, 1 + number // 64)
    elif verb == b"T":
        talk.toward(METHODS[number % len(METHODS)], head, body, number // 64)
    elif verb == b"=":
        if talk.last[0]:
            talk.again()
    elif verb == b"d":
        talk.server_does(number)
    elif verb == b"t":
        await talk.world.loop.advance((0.1, 0.5, 1, 2, 5, 10, 20, 33)[number % 8])
    elif verb == b"X":
        talk.world.receive(rest, PEERS[talk.peer][1], PEERS[talk.peer][2])
    else:
        talk.world.receive(piece, PEERS[talk.peer][1], PEERS[talk.peer][2])
    await talk.world.loop.turn()


async def converse(world: World, data: bytes) -> None:
    """All steps of an input, and the end of all that they began."""
    world.uses += 1
    world.transport.sent.clear()
    name = hashlib.sha1(data).hexdigest()[:8]
    talk = Conversation(world, int(name, 16))
    talk.name = f"{name}{world.uses}"
    for piece in data.split(b"\0")[:24]:
        await step(talk, piece)
    talk.read()
    await world.settle()
    talk.read()


def dialogs(worlds: Worlds, data: bytes) -> None:
    """Requests and responses within and outside of dialogs."""
    world = worlds.get()
    world.wait(converse(world, data))


def bindings(worlds: Worlds, data: bytes) -> None:
    """REGISTERs of a peer with credentials: as many as there are pieces, the Contacts are theirs."""
    world = worlds.get()
    steps = [b"p\x03"]
    for piece in data.split(b"\0")[:8]:
        steps += [b"e\x0d", b"G\x02" + piece, b"G\x02" + piece]
    world.wait(converse(world, b"\0".join(steps)))


def answers(worlds: Worlds, data: bytes) -> None:
    """Responses to requests of our own: an INVITE to a peer, whose answers are the pieces, and its own requests."""
    world = worlds.get()
    first = data[0] if data else 0
    start = (b"I\x02", b"I\x03", b"I\x06", b"e\x0b\0M\x02", b"t\x07\0t\x07\0t\x07")[first % 5]
    steps = [b"p\x05", start, *data[1:].split(b"\0")[:16]]
    world.wait(converse(world, b"\0".join(steps)))
