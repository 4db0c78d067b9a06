"""The call flows of the RFCs as files, and one party of a flow played by a transaction layer.

The messages stand in ``flows/``, as the RFCs' examples have them, over UDP, Content-Length last.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transaction_kit import Net, RecordingClient, RecordingFlow

from asterism.stack import Message, Request, Response, parse_message
from asterism.stack.dialog import Dialog, DialogSet, received_request_id
from asterism.stack.transactions import InviteServerTransaction, ServerTransaction

FOLDER = Path(__file__).parent / "flows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))

HOSTS = {
    "alice": ("client.atlanta.example.com", "192.0.2.101"),
    "bob": ("client.biloxi.example.com", "192.0.2.201"),
    "carol": ("client.chicago.example.com", "192.0.2.203"),
    "ss1": ("ss1.atlanta.example.com", "192.0.2.111"),
    "ss2": ("ss2.biloxi.example.com", "192.0.2.222"),
    "ss3": ("ss1.a.example.com", "192.0.2.211"),
    "gw": ("ngw1.a.example.com", "192.0.2.231"),
}
PROXIES = ("ss1", "ss2", "ss3")


@dataclass
class Step:
    label: str
    sender: str
    receiver: str
    data: bytes


def load(name: str) -> list[Step]:
    """The messages of a flow, in order."""
    steps = []
    _, *pieces = (FOLDER / f"{name}.txt").read_text().split("=== ")
    for piece in pieces:
        line, _, text = piece.partition("\n")
        label, sender, _, receiver = line.split()
        steps.append(Step(label, sender, receiver, text.replace("\n", "\r\n").encode()))
    return steps


def roles(name: str) -> list[str]:
    """The user agents of a flow; proxies are not made with transactions alone."""
    found = {party for step in load(name) for party in (step.sender, step.receiver)}
    if name.startswith("rfc3665-2."):
        return ["bob", "ss2"]
    return sorted(found - set(PROXIES))


class Party:
    """Plays one party of a flow: gets what is sent to it, and sends, by transactions and dialogs, what it is to send.

    What leaves must be the flow's own bytes.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.net = Net(trying=1000.0)
        self.net.layer.sent_by = lambda flow: f"{HOSTS[name][0]}:5060"
        self.net.layer.ask_rport = False
        self.flows = {other: RecordingFlow(remote=(address, 5060)) for other, (_, address) in HOSTS.items()}
        self.client = RecordingClient()
        self.servers: dict[tuple[str, str], ServerTransaction] = {}
        self.clients: dict[str, object] = {}
        self.sets: dict[tuple[str, str], DialogSet] = {}
        self.dialogs: dict[tuple[str, str, str], Dialog] = {}
        self.unmade = 0

    # What arrives.

    def receive(self, step: Step) -> None:
        user, flow = self.net.user, self.flows[step.sender]
        before = len(user.requests)
        self.net.receive(step.data, flow)
        message = parse_message(step.data)
        if isinstance(message, Response):
            self._received_response(message)
            return
        assert "malformed" not in user.kinds()
        if message.method == "CANCEL":
            assert user.kinds()[-1] == "cancel"
        elif message.method == "ACK":
            # To a 2xx it is the user's, to anything else the transaction's.
            assert (user.kinds()[-1] == "ack") == (self.last_invite_status() < 300)
        else:
            assert len(user.requests) == before + 1
            request = user.requests[-1]
            self.servers[step.sender, self._key(request)] = self.net.layer.create_server_transaction(request)
            dialog = self.dialogs.get(received_request_id(request))
            if request.to.tag:
                assert dialog is not None
                assert dialog.receive_request(request) == 0
                if request.method == "INVITE":
                    dialog.update_target(request)

    def _received_response(self, response: Response) -> None:
        assert self.client.events[-1:] == [response.status] or response.cseq.method == "CANCEL"
        if response.cseq.method != "INVITE":
            return
        known = self.sets.get((response.call_id, response.get("CSeq") or ""))
        assert known is not None
        in_dialog = self.dialogs.get((response.call_id, response.from_.tag or "", response.to.tag or ""))
        if in_dialog is not None:
            in_dialog.receive_response(response)
            return
        dialog = known.receive_response(response)
        if dialog is not None:
            self.dialogs[dialog.id] = dialog

    def last_invite_status(self) -> int:
        return [server.status for server in self.servers.values() if isinstance(server, InviteServerTransaction)][-1]

    # What is sent.

    def send(self, step: Step) -> None:
        wanted = parse_message(step.data)
        flow = self.flows[step.receiver]
        if isinstance(wanted, Response):
            self._respond(wanted, step, flow)
        else:
            self._request(wanted, flow)
        assert flow.sent, f"{step.label} was not sent"
        sent = flow.sent.pop()
        assert flow.sent == []
        if wanted.cseq.method in ("ACK", "CANCEL"):
            # The machines write these themselves: in an order of their own, with a tag of their own.
            assert sorted(_lines(sent)) == sorted(_lines(step.data))
        else:
            assert sent.decode() == step.data.decode()

    def _respond(self, wanted: Response, step: Step, flow: RecordingFlow) -> None:
        if wanted.cseq.method == "CANCEL":
            return  # the layer has answered
        server = self.servers[step.receiver, self._key(wanted)]
        assert server.respond(wanted)
        if wanted.cseq.method not in ("INVITE", "SUBSCRIBE") or not 100 < wanted.status < 300:
            return
        identity = (wanted.call_id, wanted.to.tag or "", wanted.from_.tag or "")
        if identity not in self.dialogs:
            dialog = Dialog.uas(server.request, wanted.to.tag or "", wanted.get("Contact") or "")
            self.dialogs[dialog.id] = dialog
        if wanted.status >= 200:
            self.dialogs[identity].confirm()

    def _request(self, wanted: Request, flow: RecordingFlow) -> None:
        branch = (wanted.branch or "").removeprefix("z9hG4bK")
        layer = self.net.layer
        if flow.sent:
            return  # the ACK to a refusal, which is the transaction's own
        if wanted.method == "CANCEL":
            assert self.clients[branch].cancel()  # type: ignore[attr-defined]
            return
        layer.new_token = lambda: branch
        request = self._made(wanted)
        if wanted.method == "ACK":
            layer.send_ack(request, flow)
            return
        if wanted.method == "INVITE":
            self.sets[wanted.call_id, wanted.get("CSeq") or ""] = DialogSet(request)
        self.clients[branch] = layer.send_request(request, flow, self.client)

    def _made(self, wanted: Request) -> Request:
        """The request that the dialog makes; a first one, which the user writes, is copied without its Via."""
        dialog = self.dialogs.get((wanted.call_id, wanted.from_.tag or "", wanted.to.tag or ""))
        if dialog is None:
            request = wanted.copy()
            request.pop_via()
            return request
        if wanted.method == "ACK":
            made = dialog.create_ack(self.sets[wanted.call_id, f"{wanted.cseq.number} INVITE"].request)
        else:
            if dialog.local_seq is None:
                dialog.local_seq = wanted.cseq.number - 1
            made = dialog.create_request(wanted.method)
        for name in ("Contact", "Call-ID", "CSeq", "Max-Forwards"):
            assert made.get(name) == wanted.get(name), name
        # We write display names in quotes; the RFCs' examples mostly do not.
        assert (made.from_, made.to) == (wanted.from_, wanted.to)
        for name in ("From", "To"):
            made.set_header(name, wanted.get(name) or "")
        assert (str(made.uri), made.get_all("Route")) == (str(wanted.uri), wanted.get_all("Route"))
        done = {name for name, _ in made.headers}
        for name, value in wanted.headers:
            if name not in done and name not in ("Via", "Content-Length"):
                made.add_header(name, value)
        # What a user adds stands where the RFC has it.
        order = [name for name, _ in wanted.headers]
        made.headers.sort(key=lambda line: order.index(line[0]))
        made.body = wanted.body
        return made

    @staticmethod
    def _key(message: Message) -> str:
        return f"{message.branch} {message.get('CSeq')}"


def _lines(data: bytes) -> list[str]:
    lines = data.decode().split("\r\n")
    if lines[0].startswith("SIP/2.0"):
        lines = [line.partition(";tag=")[0] if line.startswith("To:") else line for line in lines]
    return lines
