"""SIPp scenarios of offers and answers, written from a few words a step; SIPp fails on any message not expected."""

from __future__ import annotations

_SDP = """v=0
o=sipp 1 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio {port} RTP/AVP {formats}
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
"""
_VIA = "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]"
_FROM = "From: <sip:[service]@[remote_ip]>;tag=[pid]S[call_number]"
_CONTACT = "Contact: <sip:[service]@[local_ip]:[local_port]>"


class Flow:
    """One scenario, step by step.

    ``formats`` of a step is the m-line's payload types of the description it carries, empty for none.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._steps: list[str] = []
        self._version = 0
        self._variables = 0
        self._call_id = "Call-ID: [call_id]"
        self._number = "[number]"
        self._to = "[last_To:]"

    def _message(self, lines: list[str], formats: str, retrans: bool = True) -> None:
        body = ""
        if formats:
            self._version += 1
            body = _SDP.format(version=self._version, port=30000 + 2 * self._version, formats=formats)
            lines = [*lines, "Content-Type: application/sdp"]
        text = "\n".join([*lines, "Content-Length: [len]", "", body])
        again = ' retrans="500"' if retrans else ""
        self._steps.append(f"<send{again}><![CDATA[\n{text}\n]]></send>")

    # The phone calls.

    def dialog(self, name: str, number: str, tag: str = "") -> Flow:
        """Requests are in another dialog from here on: with ``name`` in its Call-ID, or the first one if it is empty.

        It is a call to ``number``. ``tag``: the variable with the tag of the other side, see :meth:`recv_tag`; without
        it that of the last message is taken.
        """
        self._call_id = f"Call-ID: {name}///[call_id]" if name else "Call-ID: [call_id]"
        self._number = number
        self._to = f"To: <sip:{number}@[remote_ip]>;tag=[${tag}]" if tag else "[last_To:]"
        return self

    def recv_tag(self, status: int, tag: str, *, routes: bool = False) -> Flow:
        """A response whose To tag becomes the variable ``tag``."""
        ereg = f'<ereg regexp="tag=(.*)" search_in="hdr" header="To:" check_it="true" assign_to="{tag}To,{tag}"/>'
        routing = str(routes).lower()
        self._steps.append(f'<recv response="{status}" rrs="{routing}"><action>{ereg}</action></recv>')
        self._steps.append(f'<Reference variables="{tag}To,{tag}"/>')
        return self

    def invite(self, number: int, formats: str = "0 8", *headers: str, plain: bool = False) -> Flow:
        """The first INVITE, without and with ``[authentication]``; its CSeq is ``number`` and one more.

        ``plain``: without only.
        """
        for each in (number,) if plain else (number, number + 1):
            self._message(
                [f"INVITE sip:{self._number}@[remote_ip]:[remote_port] SIP/2.0", _VIA, _FROM,
                 f"To: <sip:{self._number}@[remote_ip]>",
                 self._call_id, f"CSeq: {each} INVITE", _CONTACT, "Max-Forwards: 70", *headers,
                 *(["[authentication]"] if each > number else [])],
                formats,
            )  # fmt: skip
            if each == number and not plain:
                self._steps.append('<recv response="100" optional="true"/><recv response="401" auth="true"/>')
                self._message(
                    ["ACK sip:[number]@[remote_ip]:[remote_port] SIP/2.0", "[last_Via:]", _FROM, "[last_To:]",
                     self._call_id, f"CSeq: {number} ACK", "Max-Forwards: 70"],
                    "", retrans=False,
                )  # fmt: skip
        self._steps.append('<recv response="100" optional="true"/>')
        return self

    def request(self, method: str, number: int, formats: str = "", *headers: str) -> Flow:
        """A request within the dialog."""
        contact = [_CONTACT] if method in ("INVITE", "UPDATE") else []
        self._message(
            [f"{method} [next_url] SIP/2.0", _VIA, _FROM, self._to, self._call_id,
             f"CSeq: {number} {method}", *contact, "Max-Forwards: 70", *headers],
            formats, retrans=method != "ACK",
        )  # fmt: skip
        return self

    def recv(self, status: int, formats: str = "", *, header: str = "", routes: bool = False, keep: str = "") -> Flow:
        """A response that carries a description with ``formats``, or none; ``keep``: a header whose number is kept."""
        actions = [self._check("body", f"m=audio [1-9][0-9]* RTP/AVP {formats}" if formats else "^$")]
        if header:
            actions.append(self._check("hdr", "[0-9]+", header))
        if keep:
            actions.append(
                f'<ereg regexp="[0-9]+" search_in="hdr" header="{keep}:" check_it="true" assign_to="{keep}"/>'
            )
        self._steps.append(
            f'<recv response="{status}" rrs="{str(routes).lower()}"><action>{"".join(actions)}</action></recv>'
        )
        if keep:
            self._steps.append(f'<Reference variables="{keep}"/>')
        return self

    def _check(self, where: str, pattern: str, header: str = "") -> str:
        self._variables += 1
        found = f' header="{header}:"' if header else ""
        return f'<ereg regexp="{pattern}" search_in="{where}"{found} check_it="true" assign_to="v{self._variables}"/>'

    def trying(self) -> Flow:
        """A 100, perhaps."""
        self._steps.append('<recv response="100" optional="true"/>')
        return self

    def pause(self, milliseconds: int) -> Flow:
        """Wait; nothing may come meanwhile."""
        self._steps.append(f'<pause milliseconds="{milliseconds}"/>')
        return self

    def bye(self, number: int) -> Flow:
        """Hang up."""
        self.request("BYE", number)
        self._steps.append('<recv response="200"/>')
        return self

    def key(self, number: int, digit: str) -> Flow:
        """One key by INFO."""
        lines = ["INFO [next_url] SIP/2.0", _VIA, _FROM, self._to, self._call_id, f"CSeq: {number} INFO"]
        lines += ["Max-Forwards: 70", "Content-Type: application/dtmf-relay", "Content-Length: [len]"]
        text = "\n".join([*lines, "", f"Signal={digit}", "Duration=100"])
        self._steps.append(f'<send retrans="500"><![CDATA[\n{text}\n]]></send><recv response="200" rrs="false"/>')
        return self

    def refused(self, status: int, number: int) -> Flow:
        """The INVITE's final response, and the ACK to it."""
        self._steps.append(f'<recv response="{status}"/>')
        self._message(
            [f"ACK sip:{self._number}@[remote_ip]:[remote_port] SIP/2.0", "[last_Via:]", _FROM, "[last_To:]",
             "[last_Call-ID:]", f"CSeq: {number} ACK", "Max-Forwards: 70"],
            "", retrans=False,
        )  # fmt: skip
        return self

    # The phone is called.

    def called(self) -> Flow:
        """The server's INVITE; its Via and CSeq are kept for a response after other requests."""
        kept = "".join(
            f'<ereg regexp=".*" search_in="hdr" header="{name}:" check_it="true" assign_to="{name}"/>'
            for name in ("Via", "CSeq")
        )
        self._steps.append(f'<recv request="INVITE" crlf="true" rrs="true"><action>{kept}</action></recv>')
        self._steps.append('<Reference variables="Via,CSeq"/>')
        return self

    def finish(self, status: int) -> Flow:
        """The final response to the INVITE, after a PRACK has come."""
        self._message(
            [f"SIP/2.0 {status} x", "Via: [$Via]", "[last_From:]", "[last_To:]", "[last_Call-ID:]",
             "CSeq: [$CSeq]", "Contact: <sip:[local_ip]:[local_port]>"],
            "", retrans=False,
        )  # fmt: skip
        return self

    def respond(self, status: int, formats: str = "", *headers: str, to: str = "INVITE") -> Flow:
        """A response to the request that came last."""
        tag = "" if to != "INVITE" else ";tag=[pid]T[call_number]"
        self._message(
            [f"SIP/2.0 {status} x", "[last_Via:]", "[last_From:]", f"[last_To:]{tag}", "[last_Call-ID:]",
             "[last_CSeq:]", "Contact: <sip:[local_ip]:[local_port]>", *headers],
            formats, retrans=False,
        )  # fmt: skip
        return self

    def asked(self, method: str, body: str = "") -> Flow:
        """A request of the server's, its body beginning so; an ACK is not answered, anything else with 200."""
        check = f"<action>{self._check('body', body)}</action>" if body else ""
        self._steps.append(f'<recv request="{method}">{check}</recv>')
        if method not in ("ACK", "INVITE"):
            self.respond(200, to=method)
        return self

    def step(self, text: str) -> Flow:
        """Any other step, as SIPp writes it."""
        self._steps.append(text)
        return self

    def text(self) -> str:
        """The scenario as SIPp reads it."""
        used = ",".join(f"v{number + 1}" for number in range(self._variables))
        reference = f'<Reference variables="{used}"/>' if used else ""
        steps = "\n".join(self._steps)
        head = f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{self.name}">'
        return f"{head}\n{steps}\n{reference}\n</scenario>\n"
