"""What ``sip show channels`` and ``sip show history`` know of a dialog, from its messages alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from asterism.chan_sip import dialogs as module
from asterism.chan_sip.dialogs import SipDialogs

FLOW: Any = SimpleNamespace(remote=("127.0.0.1", 15091), transport="udp")


def request(method: str, call_id: str = "c1", cseq: int = 1, to_tag: str = "", more: str = "") -> bytes:
    return (
        f"{method} sip:6002@127.0.0.1:15060 SIP/2.0\r\nTo: <sip:6002@127.0.0.1>{to_tag}\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {cseq} {method}\r\n{more}\r\n"
    ).encode()


def response(status: str, method: str, call_id: str = "c1", cseq: int = 1) -> bytes:
    return f"SIP/2.0 {status}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\r\n".encode()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def table() -> tuple[SipDialogs, Clock]:
    clock = Clock()
    return SipDialogs(clock), clock


def test_the_last_request_is_told_not_the_last_response() -> None:
    seen, _ = table()
    seen.see("out", request("INVITE"), FLOW)
    seen.see("in", response("180 Ringing", "INVITE"), FLOW)
    found = seen.get("c1")
    assert found is not None
    assert (found.last, found.to_user, found.incoming) == ("Init: INVITE", "6002", False)
    seen.see("in", response("200 OK", "INVITE"), FLOW)
    seen.see("out", request("ACK", to_tag=";tag=x"), FLOW)
    assert found.last == "Tx: ACK"
    seen.see("in", request("BYE", to_tag=";tag=x"), FLOW)
    assert found.last == "Rx: BYE"


def test_a_registration_is_listed_for_32_seconds_and_a_challenge_for_less() -> None:
    seen, clock = table()
    seen.see("in", request("REGISTER", "r1"), FLOW)
    seen.see("out", response("401 Unauthorized", "REGISTER", "r1"), FLOW)
    clock.now = 6.3
    assert len(list(seen)) == 1
    seen.see("in", request("REGISTER", "r1", 2), FLOW)
    seen.see("out", response("200 OK", "REGISTER", "r1", 2), FLOW)
    clock.now = 38.2
    assert [one.last for one in seen] == ["Rx: REGISTER"]
    clock.now = 38.4
    assert list(seen) == []


def test_a_request_of_ours_is_over_with_its_answer() -> None:
    seen, _ = table()
    seen.see("out", request("OPTIONS", "q"), FLOW)
    assert [one.last for one in seen] == ["Init: OPTIONS"]
    seen.see("in", response("401 Unauthorized", "OPTIONS", "q"), FLOW)
    assert len(list(seen)) == 1
    seen.see("in", response("200 OK", "OPTIONS", "q"), FLOW)
    assert list(seen) == []


def test_what_a_call_holds_is_not_forgotten() -> None:
    clock = Clock()
    held = {"c1"}
    seen = SipDialogs(clock, SimpleNamespace(held=lambda: held, told=lambda _: None))
    seen.see("in", request("INVITE"), FLOW)
    clock.now = 3600.0
    assert len(list(seen)) == 1
    held.clear()
    assert list(seen) == []


def test_history_is_kept_while_it_is_on_and_cut_like_the_recorded_one() -> None:
    seen, _ = table()
    seen.see("in", request("INVITE"), FLOW)
    found = seen.get("c1")
    assert found is not None
    assert found.lines == []
    seen.recording = True
    seen.see("out", response("401 Unauthorized", "INVITE"), FLOW)
    seen.see("in", request("ACK"), FLOW)
    seen.see("in", request("INVITE", cseq=2, more="Authorization: Digest x\r\n"), FLOW)
    seen.see("out", response("100 Trying", "INVITE", cseq=2), FLOW)
    seen.see("out", response("180 Ringing", "INVITE", cseq=2), FLOW)
    seen.see("out", response("200 OK", "INVITE", cseq=2), FLOW)
    assert found.lines == [
        "AuthChal        Auth challenge sent for  - nc 0",
        "TxRespRel       SIP/2.0 / 1 INVITE - 401 Unauthorized",
        "SchedDestroy    6400 ms",
        "Rx              ACK / 1 ACK / sip:6002@127.0.0.1:15060",
        "Rx              INVITE / 2 INVITE / sip:6002@127.0.0.1:15060",
        "TxResp          SIP/2.0 / 2 INVITE - 100 Trying",
        "CancelDestroy   ",
        "TxResp          SIP/2.0 / 2 INVITE - 180 Ringing",
        "TxRespRel       SIP/2.0 / 2 INVITE - 200 OK",
    ]
    seen.note(found, "NewChan", "x" * 200)
    assert len(found.lines[-1]) == 79


def test_history_is_bounded_for_each_dialog_and_for_all(monkeypatch: Any) -> None:
    seen, _ = table()
    seen.recording = True
    for number in range(200):
        seen.see("in", request("INFO", cseq=number), FLOW)
    found = seen.get("c1")
    assert found is not None
    assert len(found.lines) == module.MOST_LINES
    assert found.lines[-1].startswith("Rx              INFO / 199 INFO")
    monkeypatch.setattr(module, "MOST_BYTES", 20_000)
    for number in range(300):
        seen.see("in", request("OPTIONS", f"o{number}"), FLOW)
    assert sum(one.size for one in seen) <= 20_000
    assert found.lines == [], "those that began first lose theirs first"
    last = seen.get("o299")
    assert last is not None
    assert last.lines


def test_the_table_is_bounded_and_takes_no_endless_call_ids(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST_DIALOGS", 400)
    seen, clock = table()
    for number in range(1000):
        seen.see("in", request("OPTIONS", f"o{number}"), FLOW)
    assert len(seen) == 400
    clock.now = 33.0
    seen.see("in", request("OPTIONS", "later"), FLOW)
    assert [one.call_id for one in seen] == ["later"]
    seen.see("in", request("OPTIONS", "x" * 300), FLOW)
    assert len(seen) == 1


def test_what_is_no_message_changes_nothing() -> None:
    seen, _ = table()
    for data in (b"", b"\r\n\r\n", b"\x00" * 50, b"SIP/2.0 200 OK\r\n\r\n", b"SIP/2.0 \r\nCall-ID: c1\r\n\r\n",
                 b"\nCall-ID: z\r\n", request("ACK"), request("BYE"), request("CANCEL")):  # fmt: skip
        seen.recording = True
        seen.see("in", data, FLOW)
    assert [one.call_id for one in seen] in ([], ["z"])
    seen.see("in", "INVITE sip:x SIP/2.0\r\nCall-ID: \udce4\r\nCSeq: 1 INVITE\r\n\r\n".encode("utf-8", "replace"), FLOW)
    assert all(line.isprintable() for one in seen for line in one.lines)
