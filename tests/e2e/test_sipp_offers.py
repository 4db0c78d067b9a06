"""Every row of the table of offers and answers that SIPp can play, against the server as a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers import finish_sipp, own_host, server_process, sipp, start_sipp
from sipp_flows import Flow

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,10)
 same => n,Hangup()
exten => 600,1,Answer()
 same => n,Echo()
exten => 610,1,Progress()
 same => n,Wait(0.4)
 same => n,Answer()
 same => n,Echo()
exten => 611,1,Ringing()
 same => n,Wait(0.6)
 same => n,Answer()
 same => n,Echo()
"""
PORT = "5066"
RELIABLE = "Require: 100rel"
RACK = "RAck: [$RSeq] 2 INVITE"

CALLS: dict[str, tuple[str, Flow]] = {
    "offer in ACK": (
        "600", Flow("a").invite(1, "").recv(200, "0 8", routes=True).request("ACK", 2, "8").pause(200).bye(3),
    ),
    "answer in a reliable 183": (
        "610",
        Flow("b").invite(1, "0 8", RELIABLE).recv(183, "0 8", routes=True, keep="RSeq").request("PRACK", 3, "", RACK)
        .recv(200).recv(200, routes=True).request("ACK", 2).bye(4),
    ),
    "offer in a reliable 183, answer in PRACK": (
        "610",
        Flow("c").invite(1, "", RELIABLE).recv(183, "0 8", routes=True, keep="RSeq").request("PRACK", 3, "8", RACK)
        .recv(200).recv(200, routes=True).request("ACK", 2).bye(4),
    ),
    "offer in PRACK": (
        "610",
        Flow("d").invite(1, "0 8", RELIABLE).recv(183, "0 8", routes=True, keep="RSeq").request("PRACK", 3, "8", RACK)
        .recv(200, "8").recv(200, routes=True).request("ACK", 2).bye(4),
    ),
    "unusable offer in PRACK": (
        "610",
        Flow("e").invite(1, "0 8", RELIABLE).recv(183, "0 8", routes=True, keep="RSeq").request("PRACK", 3, "18", RACK)
        .recv(488).recv(200, routes=True).request("ACK", 2).bye(4),
    ),
    "PRACK for nothing": (
        "610",
        Flow("f").invite(1, "0 8").recv(183, "0 8", routes=True).request("PRACK", 3, "", "RAck: 1 2 INVITE").recv(481)
        .recv(200, "0 8", routes=True).request("ACK", 2).bye(4),
    ),
    "UPDATE after an unreliable 183": (
        "610",
        Flow("g").invite(1, "0 8").recv(183, "0 8", routes=True).request("UPDATE", 3, "8").recv(200, "8")
        .recv(200, "8", routes=True).request("ACK", 2).bye(4),
    ),
    "UPDATE before the answer": (
        "611",
        Flow("h").invite(1, "0 8").recv(180, routes=True).request("UPDATE", 3, "8").recv(500, header="Retry-After")
        .request("UPDATE", 4).recv(200).recv(200, "0 8", routes=True).request("ACK", 2).bye(5),
    ),
    "re-INVITE and UPDATE": (
        "600",
        Flow("i").invite(1, "0 8").recv(200, "0 8", routes=True).request("ACK", 2)
        .request("INVITE", 3, "8").trying().recv(200, "8", routes=True).request("ACK", 3)
        .request("UPDATE", 4, "0").recv(200, "0").request("UPDATE", 5).recv(200)
        .request("INVITE", 6).trying().recv(200, "0", routes=True).request("ACK", 6, "0").pause(200).bye(7),
    ),
    "a re-INVITE that nothing can be taken from": (
        "600",
        Flow("j").invite(1, "0 8").recv(200, "0 8", routes=True).request("ACK", 2)
        .request("INVITE", 3, "18").recv(488).request("ACK", 3).pause(200).bye(4),
    ),
    "a second re-INVITE before the ACK": (
        "600",
        Flow("k").invite(1, "0 8").recv(200, "0 8", routes=True).request("ACK", 2)
        .request("INVITE", 3, "8").recv(200, "8", routes=True).request("INVITE", 4, "0")
        .recv(500, header="Retry-After").request("ACK", 4).request("ACK", 3).pause(200).bye(5),
    ),
}  # fmt: skip

ANSWERS: dict[str, Flow] = {
    "a reliable 183": (
        Flow("l").called().respond(183, "0", RELIABLE, "RSeq: 7").asked("PRACK").finish(200).asked("ACK").asked("BYE")
    ),
    "422": Flow("m").called().respond(422, "", "Min-SE: 4000").asked("ACK").called().respond(486).asked("ACK"),
    "no description": Flow("n").called().respond(180).respond(200).asked("ACK").asked("BYE"),
    "no usable description": Flow("o").called().respond(200, "18").asked("ACK").asked("BYE"),
}  # fmt: skip


def write(flow: Flow, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{flow.name}.xml").write_text(
        flow.text().replace('recv response="100" rrs="false"', 'recv response="100"')
    )
    return str(folder / flow.name)


def account(user: str, number: str = "") -> list[str]:
    found = ["-s", user, "-au", user, "-ap", f"secret{user}", "-m", "1", "-p", PORT]
    return [*found, "-key", "number", number] if number else found


@pytest.mark.parametrize("row", CALLS)
async def test_a_phone_that_calls(row: str, tmp_path: Path) -> None:
    host = own_host()
    number, flow = CALLS[row]
    async with server_process(tmp_path / "server", host, EXTENSIONS):
        scenario = write(flow, tmp_path / "phone")
        await sipp(scenario, f"{host}:5060", own_host(), *account("101", number), folder=tmp_path / "phone")


@pytest.mark.parametrize("row", ANSWERS)
async def test_a_phone_that_is_called(row: str, tmp_path: Path) -> None:
    host, callee = own_host(), own_host()
    flow = ANSWERS[row]
    async with server_process(tmp_path / "server", host, EXTENSIONS) as server:
        await sipp("register", f"{host}:5060", callee, *account("102"), folder=tmp_path / "register")
        scenario = write(flow, tmp_path / "callee")
        called = await start_sipp(scenario, f"{host}:5060", callee, "-m", "1", "-p", PORT, folder=tmp_path / "callee")
        server.rx("channel originate PJSIP/102 application Wait 1")
        await finish_sipp(called, tmp_path / "callee", scenario)
