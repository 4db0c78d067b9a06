"""Re-INVITEs to T.38 and back as they were recorded from Asterisk 22.10, message by message."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from session_bench import Bench, Phone, on_bench, set_options
from t38_steps import Machine, bridged, called, described, version_of

from asterism.pbx.calls.fax.module import FaxModule
from asterism.pbx.channels.t38 import T38State, t38_of
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.message import Request, Response

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "sip_wire_t38.txt"
OPTIONS: dict[str, dict[str, Any]] = {
    "t38": {"t38_udptl": True},
    "t38red": {"t38_udptl": True, "t38_udptl_ec": "redundancy", "t38_udptl_maxdatagram": 400},
    "t38fec": {"t38_udptl": True, "t38_udptl_ec": "fec"},
    "p30": {},
    "bob": {"t38_udptl": True, "t38_udptl_ec": "redundancy"},
}
"""The endpoints of the record: ``alice`` is the first of the call here."""


class Step(NamedTuple):
    sent: bool
    who: str
    start: str
    method: str
    headers: tuple[str, ...]
    body: tuple[str, ...]

    @property
    def kind(self) -> int | str:
        words = self.start.split()
        return int(words[1]) if words[0].startswith("SIP/") else words[0]

    @property
    def sections(self) -> list[str]:
        lines = [re.sub(r"^(m=\w+) [1-9]\d*", r"\1 PORT", line) for line in self.body]
        return [line for line in lines if line[:2] != "o="]

    @property
    def text(self) -> str:
        """The description in whole, of a phone's message."""
        if not self.body:
            return ""
        lines = ["v=0", self.body[0], "s=call", "c=IN IP4 127.0.0.1", "t=0 0", *self.body[1:]]
        return "".join(f"{line}\r\n" for line in lines)


def record() -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {}
    for part in re.split(r"^### ", RECORD.read_text(), flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        steps = found[title] = []
        for line in rest.splitlines():
            if line.startswith("    "):
                steps[-1] = steps[-1]._replace(body=(*steps[-1].body, line.strip()))
            elif line.startswith("  "):
                steps[-1] = steps[-1]._replace(headers=(*steps[-1].headers, line.strip()))
            elif line:
                who, way, rest_of = line.split(" ", 2)
                start, _, method = rest_of.partition(" | ")
                steps.append(Step(way == "-->", who, start, method, (), ()))
    return found


SECTIONS = record()
ANSWERED = [title for title in SECTIONS if ": re-INVITE" in title]


def test_the_record_is_there() -> None:
    assert len(ANSWERED) == 16
    assert len(SECTIONS) == 22


def headers_of(message: Request | Response) -> tuple[str, ...]:
    return tuple(f"{name}: {value}" for name, value in message.headers if name in ("Warning", "Reason"))


def setup(bench: Bench, steps: list[Step]) -> None:
    set_options(bench.server.data.get(Endpoint, "alice"), **OPTIONS[steps[0].who])
    set_options(bench.server.data.get(Endpoint, "bob"), **OPTIONS["bob"])


async def expect(phone: Phone, step: Step) -> Any:
    """The next message to a phone, which is to be the recorded one."""
    message = await phone.next(step.kind)
    if step.body:
        assert described(message) == step.sections
    if step.method != "BYE":
        # Of a bridged call Asterisk tells the cause that its channel has had since the answer.
        assert headers_of(message) == tuple(one.replace("cause=16", "cause=0") for one in step.headers)
    return message


@pytest.mark.parametrize("title", ANSWERED)
def test_a_re_invite_is_answered_as_recorded(tmp_path: Path, title: str) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        steps = SECTIONS[title]
        setup(bench, steps)
        machine = Machine() if "ReceiveFAX" in title else None
        phone, ok, _ = await called(bench, machine)
        number, versions = 1, [version_of(ok)]
        for step in steps:
            if not step.sent:
                message = await expect(phone, step)
                if step.body:
                    versions.append(version_of(message))
            elif step.method == "INVITE":
                number += 1
                phone.in_dialog("INVITE", ok, number, step.text)
            elif step.kind == "ACK" and step.body == ():
                phone.in_dialog("ACK", ok, number)
                await bench.turn()
        assert versions == list(range(versions[0], versions[0] + len(versions)))
        if machine is not None and machine.asked:
            assert machine.states[0] == "negotiated"
        elif machine is not None:
            assert machine.states == []

    scenario(tmp_path)


@pytest.mark.parametrize("title", [title for title in SECTIONS if title.startswith("ReceiveFAX on endpoint")])
def test_our_re_invite_is_as_recorded(tmp_path: Path, title: str) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        steps = SECTIONS[title]
        setup(bench, steps)
        phone, answers = bench.phone(5071), []

        @bench.server.pbx.extension("internal", "740")
        async def receive(channel: Any) -> None:
            await channel.answer()
            answers.append(await Machine().use(channel).request())
            await channel.wait_for_hangup()

        phone.call("740")
        ok = await phone.next(200)
        phone.in_dialog("ACK", ok, 1)
        invite = await expect(phone, steps[0])
        assert version_of(invite) == version_of(ok) + 1
        status = steps[1].kind
        assert isinstance(status, int)
        phone.respond(invite, status, body=steps[1].text)
        await phone.next("ACK")
        await bench.until(lambda: answers)
        if status == 200:
            assert answers[0].max_ifp == 79
        else:
            assert answers == [None]
            bye = bench.server.pbx.channels
            next(iter(bye)).soft_hangup()  # the application's end, as in the record
            phone.respond(await phone.next("BYE"), 200)

    scenario(tmp_path)


@pytest.mark.parametrize("how", ["t38 re-INVITEs, callee t38bob accepts", "callee refuses 488"])
def test_what_is_passed_through_is_as_recorded(tmp_path: Path, how: str) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        steps = SECTIONS[f"T.38 passed through: {how}"]
        setup(bench, steps)
        alice, bob, ok, _ = await bridged(bench)
        phones = {"t38": alice, "bob": bob}
        asked: Any = None
        for step in steps:
            phone = phones[step.who]
            if not step.sent:
                message = await expect(phone, step)
                asked = message if step.kind == "INVITE" else asked
            elif step.kind == "INVITE":
                alice.in_dialog("INVITE", ok, 2, step.text)
            elif isinstance(step.kind, int):
                bob.respond(asked, step.kind, body=step.text)
            else:
                alice.in_dialog("ACK", ok, 2)
        await bench.turn()

    scenario(tmp_path)


def test_a_callee_that_answers_audio_is_taken_back_to_audio_where_the_record_leaves_the_caller_waiting(
    tmp_path: Path,
) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        steps = SECTIONS["T.38 passed through: callee answers audio instead"]
        setup(bench, steps)
        alice, bob, ok, _ = await bridged(bench)
        alice.in_dialog("INVITE", ok, 2, steps[0].text)
        invite = await expect(bob, steps[1])
        bob.respond(invite, 200, body=steps[2].text)
        await expect(bob, steps[3])
        refused = await alice.next(488)
        assert headers_of(refused)[0] == 'Warning: 390 SIP "No SDP answer"'
        again = await bob.next("INVITE")
        assert described(again)[0] == "m=audio PORT RTP/AVP 0 8 101"
        bob.respond(again, 200, body=steps[2].text)
        await bob.next("ACK")
        assert len(bench.server.pbx.channels) == 2

    scenario(tmp_path)


def test_the_gateway_answers_as_recorded(tmp_path: Path) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        steps = next(steps for title, steps in SECTIONS.items() if "gateway" in title)
        setup(bench, steps)
        set_options(bench.server.data.get(Endpoint, "bob"), t38_udptl=False)
        bench.server.modules.add(FaxModule)
        await bench.server.modules.load("res_fax")
        found: Any = bench.server.modules.find("res_fax")
        alice, bob, ok, _ = await bridged(bench, lambda channel: found.instance._gateways.set(channel, True))
        alice.in_dialog("INVITE", ok, 2, steps[0].text)
        await expect(alice, steps[1])
        alice.in_dialog("ACK", ok, 2)
        assert [one.method for one in bob.messages() if isinstance(one, Request)] == []
        channels = list(bench.server.pbx.channels)
        assert [t38_of(each).state for each in channels] == [T38State.NEGOTIATED, T38State.UNAVAILABLE]

    scenario(tmp_path)
