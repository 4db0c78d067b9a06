"""Calls that are sent elsewhere: who is told what in 181, Diversion and History-Info, and whom the caller sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from call_steps import dialing
from session_bench import Bench, Phone, on_bench, sdp
from test_session_endpoint_options import change

from asterism.applications.session.redirecting import told_redirecting
from asterism.pbx.calls.local import LocalTechnology
from asterism.pbx.vocabulary.controls import Control
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri


async def over(alice: Phone, phone: Phone) -> None:
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 9)
    phone.respond(await phone.next("BYE"), 200)


@pytest.mark.parametrize(
    ("extra", "forwarded", "reason"),
    [("", "6002", "unknown"), ("Diversion: <sip:usr@127.0.0.1>;reason=user-busy\r\n", "usr", "user-busy")],
)
def test_a_302_is_told_to_the_caller_in_all_further_responses(
    extra: str, forwarded: str, reason: str, tmp_path: Path
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", redirect_method="uri_core")
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        where = "Contact: <sip:low@127.0.0.1:5082>;q=0.3, <sip:carol@127.0.0.1:5083>;q=0.9\r\n"
        bob.respond(invite, 302, contact=False, extra=where + extra)
        await bob.next("ACK")
        told = await alice.next(181)
        expected = f"<sip:carol@127.0.0.1>;reason={reason}"
        assert (told.get("Diversion"), told.get("Supported"), told.body) == (expected, "histinfo", b"")
        carol = bench.phone(5083)
        again = await carol.next("INVITE")
        assert again.get("Diversion") == (
            f'"Bob Example" <sip:6002@127.0.0.1>;reason={reason}' if not extra else
            f"<sip:{forwarded}@127.0.0.1>;reason={reason}"
        )  # fmt: skip
        carol.respond(again, 180)
        assert (await alice.next(180)).get("Diversion") == expected
        carol.respond(again, 200, body=sdp())
        await carol.next("ACK")
        ok = await alice.next(200)
        assert (ok.get("Diversion"), "100rel" in ok.get("Supported")) == (expected, True)
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 9)
        carol.respond(await carol.next("BYE"), 200)

    test(tmp_path)


@on_bench
async def test_a_caller_that_does_not_want_diversions_gets_a_bare_181(bench: Bench) -> None:
    change(bench, "alice", send_diversion=False)
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 181, extra="Diversion: <sip:6002@x>;reason=user-busy\r\n")
    told = await alice.next(181)
    assert told.get("Diversion") is None
    bob.respond(invite, 200, body=sdp())
    await bob.next("ACK")
    await over(alice, bob)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ('Diversion: "Bob" <sip:6002@x>;reason=no-answer\r\n', '"Bob" <sip:6002@127.0.0.1>;reason=no-answer'),
        ("History-Info: <sip:6002@x?Reason=SIP%3Bcause%3D486>;index=1, <sip:6003@x>;index=1.1\r\n",
         "<sip:6002@127.0.0.1>;reason=user-busy"),
        ("Diversion: <sip:[>\r\n", None),
    ],
)  # fmt: skip
def test_a_181_of_the_called_phone_reaches_the_caller(header: str, expected: str | None, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 181, extra=header)
        assert (await alice.next(181)).get("Diversion") == expected
        bob.respond(invite, 200, body=sdp())
        await bob.next("ACK")
        await over(alice, bob)

    test(tmp_path)


@on_bench
async def test_the_history_of_an_incoming_call_is_its_diversion(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)
    seen: list[Any] = []

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        seen.append(channel.redirecting)
        await channel.dial("PJSIP/bob", 40)

    history = (
        'History-Info: "First" <sip:6010@x?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%22>;index=1,\r\n'
        " <sip:6011@x>;index=1.1, <sip:900@127.0.0.1;cause=408>;index=1.1.1\r\n"
    )
    alice.call("900", extra=history)
    invite = await bob.next("INVITE")
    assert invite.get_all("Diversion") == [
        "<sip:6011@127.0.0.1>;reason=no-answer", '"First" <sip:6010@127.0.0.1>;reason=user-busy',
    ]  # fmt: skip
    (told,) = seen
    assert (told.from_.number, told.original.number, told.count) == ("6011", "6010", 2)
    bob.respond(invite, 200, body=sdp())
    await bob.next("ACK")
    await over(alice, bob)


@pytest.mark.parametrize(
    "header",
    [
        "History-Info: <sip:6010@x>;index=1, <sip:900@x>;index=1.1",
        "History-Info: <sip:6010@x;cause=99999>;index=1",
        "History-Info: <sip:6010@x?Reason=%FF%zz>;index=1",
        "History-Info: <tel:[>",
        "History-Info: " + ", ".join(f"<sip:{n}@x>;index={n}" for n in range(200)),
    ],
)
def test_a_history_without_a_diversion_is_none(header: str) -> None:
    name, _, value = header.partition(": ")
    assert told_redirecting(Request("INVITE", Uri.parse("sip:900@x"), [(name, value)])) is None


@pytest.mark.parametrize(("connected", "after"), [(False, "6002"), (True, "6099")])
def test_an_endpoint_without_connected_line_keeps_who_it_was_shown_first(
    connected: bool, after: str, tmp_path: Path
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", send_pai=True, send_connected_line=connected)
        change(bench, "bob", trust_id_inbound=True)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 180)
        assert "6002@" in (await alice.next(180)).get("P-Asserted-Identity")
        bob.respond(invite, 200, body=sdp(), extra="P-Asserted-Identity: <sip:6099@x>\r\n")
        await bob.next("ACK")
        ok = await alice.next(200)
        assert f"{after}@" in ok.get("P-Asserted-Identity")
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 2)
        bob.respond(await bob.next("BYE"), 200)

    test(tmp_path)


@on_bench
async def test_a_180_after_the_description_was_shown_carries_it(bench: Bench) -> None:
    change(bench, "", allow_sending_180_after_183=True)
    alice = bench.phone(5071)
    go: list[int] = []

    @bench.server.pbx.extension("internal", "900")
    async def run(channel: Any) -> None:
        channel.indicate(Control.RINGING)
        channel.indicate(Control.PROGRESS)
        channel.indicate(Control.RINGING)
        await bench.until(lambda: go)
        await channel.answer()
        await channel.wait(60)

    alice.call("900")
    first, early, again = await alice.next(180), await alice.next(183), await alice.next(180)
    assert first.body == b""
    assert early.body == again.body != b""
    go.append(1)
    ok = await alice.next(200)
    assert ok.body == early.body
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)


def with_local_channels(bench: Bench) -> None:
    if bench.server.pbx.technologies.get("Local") is None:
        bench.server.pbx.register_technology(LocalTechnology(bench.server.pbx))


@on_bench
async def test_a_302_is_followed_through_the_dialplan(bench: Bench) -> None:
    """``redirect_method=user``: the extension of that name is called, whoever forwarded is told to whom it dials."""
    with_local_channels(bench)
    change(bench, "bob", redirect_method="user")
    phone = bench.phone(5083)

    @bench.server.pbx.extension("internal", "6003")
    async def forwarded(channel: Any) -> None:
        await channel.dial("PJSIP/bob/sip:6003@127.0.0.1:5083", 20)

    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 302, contact=False, extra="Contact: <sip:6003@127.0.0.1:5083>\r\n")
    await bob.next("ACK")
    told = await alice.next(181)
    assert told.get("Diversion") == "<sip:6003@127.0.0.1>;reason=unknown"
    again = await phone.next("INVITE")
    assert again.get("Diversion") == '"Bob Example" <sip:6002@127.0.0.1>;reason=unknown'
    phone.respond(again, 180)
    await alice.next(180)
    phone.respond(again, 200, body=sdp())
    await phone.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 9)
    phone.respond(await phone.next("BYE"), 200)


@on_bench
async def test_a_302_names_an_extension_and_nothing_more(bench: Bench) -> None:
    with_local_channels(bench)
    change(bench, "bob", redirect_method="user")
    ran = []

    @bench.server.pbx.extension("secret", "9")
    async def secret(channel: Any) -> None:
        ran.append(channel)

    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 302, contact=False, extra="Contact: <sip:9%40secret%2Fn@127.0.0.1>\r\n")
    await bob.next("ACK")
    await alice.next(603)
    assert ran == []


@pytest.mark.parametrize(
    ("method", "contacts", "leads"),
    [
        ("user", "<tel:+1-555(123)>", "+1555123"),
        ("user", "<mailto:bob@x>, <sips:6003@x>;q=0.1", "6003"),
        ("user", "<sip:low@x>;q=0.1, <tel:6003;phone-context=x>;q=0.2", "6003"),
        ("user", "<sip:6003@127.0.0.1:5060>", "6003"),
        ("user", "<mailto:bob@x>", ""),
        ("user", "<sip:[>", ""),
        ("uri_core", "<tel:+1555123>", ""),
        ("uri_pjsip", "<tel:+1555123>", ""),
    ],
)
def test_where_a_302_may_lead(method: str, contacts: str, leads: str, tmp_path: Path) -> None:
    """An extension of that name, also by ``tel``; what cannot be called refuses the call as any failure does."""

    @on_bench
    async def test(bench: Bench) -> None:
        with_local_channels(bench)
        change(bench, "bob", redirect_method=method)
        dialled = []

        for exten in ("6003", "+1555123"):

            @bench.server.pbx.extension("internal", exten)
            async def forwarded(channel: Any) -> None:
                dialled.append(channel.exten)
                await channel.hangup(17)

        alice, bob, invite, results = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 302, contact=False, extra=f"Contact: {contacts}\r\n")
        await bob.next("ACK")
        await bench.until(lambda: results)
        assert dialled == ([leads] if leads else [])
        told = [one.status for one in alice.messages() if isinstance(one, Response)]
        assert (181 in told) == bool(leads)
        alice.request("ACK", "sip:900@127.0.0.1", "alice", "<sip:900@127.0.0.1>", branch=alice.branch)

    test(tmp_path)


BOB = '"Bob" <sip:6002@127.0.0.1>'
HIDDEN = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@pytest.mark.parametrize(
    ("trusted", "header", "diversions", "history"),
    [
        (
            True,
            'Diversion: "Bob" <sip:6002@x>;reason=user-busy;privacy=full;counter=2',
            [f"{BOB};reason=user-busy;counter=2;privacy=full"],
            '"Bob" <sip:6002@127.0.0.1?Reason=SIP%3Bcause%3D486&Privacy=history>;index=1',
        ),
        (
            False,
            'Diversion: "Bob" <sip:6002@x>;reason=user-busy;privacy=full',
            [f"{HIDDEN};reason=user-busy;privacy=full"],
            '"Anonymous" <sip:anonymous@anonymous.invalid?Reason=SIP%3Bcause%3D486>;index=1',
        ),
        (
            False,
            'History-Info: "Bob" <sip:6002@x?Privacy=history&Reason=SIP%3Bcause%3D486>;index=1, <sip:900@x>;index=1.1',
            [f"{HIDDEN};reason=user-busy;privacy=full"],
            '"Anonymous" <sip:anonymous@anonymous.invalid?Reason=SIP%3Bcause%3D486>;index=1',
        ),
        (
            False,
            "Diversion: <sip:3@x>;reason=no-answer;counter=3, <sip:2@x>, <sip:1@x>;reason=user-busy;counter=x",
            ["<sip:3@127.0.0.1>;reason=no-answer;counter=4", "<sip:1@127.0.0.1>;reason=user-busy"],
            "<sip:1@127.0.0.1?Reason=SIP%3Bcause%3D486>;index=1",
        ),
    ],
)
def test_who_diverted_is_told_as_often_and_as_privately_as_it_came(
    trusted: bool, header: str, diversions: list[str], history: str, tmp_path: Path
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", send_history_info=True, trust_id_outbound=trusted)
        alice, bob = bench.phone(5071), bench.phone(5072)

        @bench.server.pbx.extension("internal", "900")
        async def dial(channel: Any) -> None:
            await channel.dial("PJSIP/bob", 40)

        alice.call("900", extra=f"{header}\r\n")
        invite = await bob.next("INVITE")
        assert invite.get_all("Diversion") == diversions
        assert invite.get_all("History-Info")[0] == history
        bob.respond(invite, 486)
        await alice.next(486)

    test(tmp_path)
