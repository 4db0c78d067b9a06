"""What a console shows of calls and phones: the recorded lines in their order, and those that tell what went wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from call_kit import CONFIG
from console_kit import Console, comparable, console, recorded

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.stack.message import make_response
from asterism.testing import Phone, running_server, until
from asterism.testing.servers import free_port

PJSIP = """
[phone](!)
type=endpoint
context=internal
allow=!all,ulaw
direct_media=no
""" + "".join(
    f"[{name}](phone)\nauth={name}\naors={name}\n[{name}]\ntype=auth\nusername={name}\npassword=secret\n"
    f"[{name}]\ntype=aor\nmax_contacts=2\n"
    for name in ("alice", "bob", "carol", "dave")
)
EXTENSIONS = """
[internal]
exten => 6002,1,Dial(PJSIP/bob,20,Tt)
 same => n,NoOp(DIALSTATUS=${DIALSTATUS} HANGUPCAUSE=${HANGUPCAUSE})
 same => n,Hangup()
exten => 6003,1,Dial(PJSIP/carol,20)
exten => 6012,1,Dial(PJSIP/bob,20)
exten => 770,1,Answer()
 same => n,Wait(3600)
exten => 771,1,NoOp(over)
exten => 772,1,NoSuchApplication()
exten => 773,1,Goto(799,1)
exten => 774,1,Gosub(sub,s,1(x))
exten => 775,1,Answer()
 same => n,MusicOnHold()
exten => 7936,1,Dial(PJSIP/bob,10,b(sub^s^1(pre)))
exten => 7931,1,Dial(PJSIP/bob,10,U(sub^s^x))
[hangup]
exten => h,1,NoOp(hangup)
[sub]
exten => s,1,NoOp(sub on ${CHANNEL} ${ARG1})
 same => n,Return()
"""
SERVED = {**CONFIG, "pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}


class World:
    def __init__(self, server: Server, shown: Console, *phones: Phone) -> None:
        self.server, self.console = server, shown
        self.alice, self.bob, self.carol, self.dave = phones


@asynccontextmanager
async def world(level: int = 5, **files: str) -> AsyncIterator[World]:
    async with running_server({**SERVED, **files}) as server:
        phones = [Phone(name, server, "secret") for name in ("alice", "bob", "carol", "dave")]
        for phone in phones:
            await phone.register()
        async with console(server, level) as shown:
            yield World(server, shown, *phones)
        for phone in phones:
            phone.close()


def told(line: str) -> bool:
    """Call completion says more of itself here, and otherwise."""
    return not line.startswith("Not accepting call completion")


def expected(title: str) -> list[str]:
    return [line for line in recorded(title) if told(line)]


def in_order(lines: list[str], *texts: str) -> None:
    """Each text is in a line after that of the text before it."""
    place = 0
    for text in texts:
        found = [index for index, line in enumerate(lines) if index >= place and text in line]
        assert found, f"no '{text}' from line {place} on: {lines}"
        place = found[0] + 1


async def test_a_busy_phone_as_recorded() -> None:
    async with world(4) as found:
        call = await found.alice.dial("6002")
        (await found.bob.incoming()).reject(486)
        assert await call.refused() == 486
        await found.console.shows("Spawn extension")
        assert comparable(found.console.take(), told) == expected("busy")


async def test_a_call_that_is_answered_here_and_hung_up_by_the_phone_as_recorded() -> None:
    async with world(4) as found:
        call = await found.dave.dial("770")
        await call.answered()
        await found.console.shows("Wait(")
        await call.hangup()
        await found.console.shows("Spawn extension")
        shown = comparable(found.console.take(), lambda line: "switching to RTP" not in line)
        lines = expected("answered here, hung up by the phone")
        # The peer's address is taken from the offer in the INVITE, before the dialplan runs.
        assert sorted(shown) == sorted(lines)
        assert [line for line in shown if "RTP" not in line] == [line for line in lines if "RTP" not in line]


async def test_a_forwarded_call_as_recorded() -> None:
    """Both halves of the Local channel run in tasks of their own: the order is compared for each channel."""
    async with world(4) as found:
        call = await found.alice.dial("6002")
        forwarding = await found.bob.incoming()
        response = make_response(forwarding.request, 302, "", found.bob.tag_of(forwarding))
        response.add_header("Contact", "<sip:6003@127.0.0.1>")
        assert forwarding.server_transaction is not None
        forwarding.server_transaction.respond(response)
        found.bob.wire.arm()
        incoming = await found.carol.incoming()
        incoming.ring()
        incoming.answer()
        await call.answered()
        await found.console.shows("Channel PJSIP/alice-00000000 joined", "swapped with")
        await call.hangup()
        await found.console.shows("(internal, 6002, 1) exited")
        shown, lines = comparable(found.console.take(), told), expected("forwarded by 302")
        joined = shown[: 1 + max(n for n, line in enumerate(shown) if " joined " in line)]
        lines = [line for line in lines if not line.startswith("Spawn") and " left " not in line]
        for name in ("PJSIP/alice", "PJSIP/carol", "6003@internal-1;1", "6003@internal-1;2"):
            assert [line for line in joined if name in line] == [line for line in lines if name in line]
        # In the record the Local channel stayed, for nobody spoke.
        in_order(
            shown,
            "Channel PJSIP/alice-1 swapped with Local/6003@internal-1;2 into 'simple_bridge' basic-bridge <",
            "Channel PJSIP/alice-1 left 'native_rtp' basic-bridge <",
            "Spawn extension (internal, 6002, 1) exited non-zero on 'PJSIP/alice-1'",
        )


async def test_a_relayed_call() -> None:
    async with world(5) as found:
        call = await found.alice.dial("6012")
        incoming = await found.bob.incoming()
        incoming.answer()
        await call.answered()
        await found.console.shows("Locally RTP bridged")
        await call.hangup()
        await found.console.shows("Spawn extension")
        lines = found.console.take()
        in_order(
            lines,
            '    -- Executing [6012@internal:1] Dial("PJSIP/alice-00000000", "PJSIP/bob,20") in new stack',
            "    -- Channel PJSIP/bob-00000001 joined 'simple_bridge' basic-bridge <",
            "    -- Channel PJSIP/alice-00000000 joined 'simple_bridge' basic-bridge <",
            ": switching from simple_bridge technology to native_rtp",
            "       > Locally RTP bridged 'PJSIP/alice-00000000' and 'PJSIP/bob-00000001' in stack",
            "    -- Channel PJSIP/alice-00000000 left 'native_rtp' basic-bridge <",
            "    -- Channel PJSIP/bob-00000001 left 'native_rtp' basic-bridge <",
            "  == Spawn extension (internal, 6012, 1) exited non-zero on 'PJSIP/alice-00000000'",
        )
        assert sum("Strict RTP learning after remote address set to: 127.0.0.1:" in line for line in lines) == 2


@pytest.mark.parametrize("title", ["Dial(PJSIP/bob,10,b(sub^s^1(pre)))", "Dial(PJSIP/bob,10,U(sub^s^x))"])
async def test_a_subroutine_of_dial_as_recorded(title: str) -> None:
    extensions = EXTENSIONS.replace("[hangup]\n", "")
    async with world(3, **{"extensions.conf": extensions}) as found:
        call = await found.alice.dial("7936" if "b(sub" in title else "7931")
        incoming = await found.bob.incoming()
        incoming.ring()
        await call.ringing()
        incoming.answer()
        await call.answered()
        await found.console.shows("Internal Gosub(sub,s,1", "complete", "joined")
        await call.hangup()
        await found.console.shows("[h@internal:1]")
        # The record leaves out the bridge, and the end of what Dial ran.
        left_out = ("Channel ", "Spawn extension (internal, 7936, 1) exited non-zero on 'PJSIP/alice", "X -- ")
        shown = comparable(found.console.take(), lambda line: told(line) and not line.startswith(left_out))
        shown = [
            line for line in shown if line != "Spawn extension (internal, 7931, 1) exited non-zero on 'PJSIP/alice-1'"
        ]
        assert shown == expected(title)


async def test_a_dialplan_that_ends_by_itself_or_cannot_go_on() -> None:
    async with world(3) as found:
        for exten, text in (
            ("771", "    -- Auto fallthrough, channel 'PJSIP/alice-00000000' status is 'UNKNOWN'"),
            ("772", "No application 'NoSuchApplication' for extension (internal, 772, 1)"),
            (
                "773",
                "' sent to invalid extension but no invalid handler: context,exten,priority=internal,799,1",
            ),
        ):
            call = await found.alice.dial(exten)
            await call.refused()
            await found.console.shows(text)
            spawned = [line for line in found.console.take() if "Spawn extension" in line]
            assert bool(spawned) is (exten == "772"), spawned


async def test_a_gosub_of_the_dialplan_has_no_lines_of_its_own() -> None:
    async with world(3) as found:
        call = await found.alice.dial("774")
        await call.refused()
        await found.console.shows("Auto fallthrough")
        assert not [line for line in found.console.take() if "Internal Gosub" in line or "Spawn" in line]


async def test_music_on_hold() -> None:
    async with world(3) as found:
        call = await found.alice.dial("775")
        await call.answered()
        await found.console.shows("    -- Started music on hold, class 'default', on channel 'PJSIP/alice-00000000'")
        await call.hangup()
        await found.console.shows("    -- Stopped music on hold on PJSIP/alice-00000000", "Spawn extension")


async def test_consoles_come_and_go_as_recorded() -> None:
    async with world(3) as found:
        async with console(found.server, 0):
            pass
        await found.console.shows("Remote UNIX connection disconnected")
        assert comparable(found.console.take()) == recorded("remote console")


# -- what goes wrong ------------------------------------------------------------------------------------------


async def test_an_unknown_extension_as_recorded() -> None:
    async with world(0) as found:
        call = await found.alice.dial("5")
        assert await call.refused() == 404
        await found.console.shows("rejected")
        shown = comparable(found.console.take())
        assert shown == recorded("extension not found")


async def test_a_wrong_password() -> None:
    async with world(0) as found:
        with pytest.raises(AssertionError):
            await Phone("alice", found.server, "wrong").register()
        await found.console.shows("Request 'REGISTER' from '<sip:alice@127.0.0.1>' failed for '127.0.0.1:")
        assert "Failed to authenticate" in "".join(found.console.take())


VIDEO = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 4000 {profile} 9 0 107 96
a=rtpmap:0 PCMU/8000
a=rtpmap:107 opus/48000/2
a=rtpmap:96 telephone-event/8000
m=application 4002 UDP wb
"""


OTHER = "there is no support for application"


@pytest.mark.parametrize(
    ("profile", "allow", "why"),
    [
        ("RTP/AVP", "alaw", f"audio: offered g722, ulaw, opus; allowed alaw; {OTHER}"),
        (
            "RTP/SAVP",
            "alaw",
            "its audio goes over RTP/SAVP, but media_encryption is no; there is no support for application",
        ),
    ],
)
async def test_an_offer_that_is_refused_says_what_was_offered_and_what_is_allowed(
    profile: str, allow: str, why: str
) -> None:
    files = {"pjsip.conf": PJSIP.replace("allow=!all,ulaw", f"allow=!all,{allow}")}
    async with world(0, **files) as found:
        request = found.alice.create_request("INVITE", found.alice.uri("770"))
        request.set_body(VIDEO.format(profile=profile).replace("\n", "\r\n").encode(), "application/sdp")
        response = await found.alice.request(request)
        assert response.status == 488, found.console.lines
        await found.console.shows("WARNING")
        [line] = found.console.take()
        assert line.endswith(f"to extension '770' refused: no stream of its offer can be taken: {why}"), line


# -- phones ---------------------------------------------------------------------------------------------------


QUALIFIED = """
[global]
type=global
contact_expiration_check_interval=0
[alice]
type=aor
max_contacts=1
remove_existing=yes
qualify_frequency=1
qualify_timeout=0.2
minimum_expiration=1
"""


async def test_a_phone_that_registers_answers_no_more_and_leaves() -> None:
    pjsip = PJSIP.replace("[alice]\ntype=aor\nmax_contacts=2\n", QUALIFIED)
    async with running_server({**SERVED, "pjsip.conf": pjsip}) as server, console(server, 4) as shown:
        alice, second = Phone("alice", server, "secret"), Phone("alice", server, "secret")
        await alice.register(expires=600)
        contact = f"sip:alice@127.0.0.1:{alice.port}"
        await shown.shows("is now Reachable.  RTT")
        in_order(
            shown.take(),
            f"    -- Added contact '{contact}' to AOR 'alice' with expiration of 600 seconds",
            "  == Endpoint alice is now Reachable",
            f"    -- Contact alice/{contact} is now Reachable.  RTT: ",
        )
        await alice.register(expires=300)
        await shown.shows(f"       > Refreshed contact '{contact}' on AOR 'alice' with new expiration of 300 seconds")
        alice.close()
        await shown.shows("Endpoint alice is now Unreachable")
        in_order(
            shown.take(), "  == Endpoint alice is now Unreachable", f"    -- Contact alice/{contact} is now Unreachable"
        )
        await second.register(expires=600)
        await shown.shows("due to remove_existing", "is now Reachable.  RTT")
        await second.unregister()
        contact = f"sip:alice@127.0.0.1:{second.port}"
        await shown.shows("due to request")
        in_order(
            shown.take(),
            f"    -- Added contact '{contact}'",
            f"    -- Removed contact '{contact}' from AOR 'alice' due to request",
            f"  == Contact alice/{contact} has been deleted",
            "  == Endpoint alice is now Unreachable",
        )
        await second.register(expires=1)
        await shown.shows("due to expiration")
        second.close()


# -- levels ---------------------------------------------------------------------------------------------------


async def test_each_console_and_each_file_has_a_verbosity_of_its_own(tmp_path: Path) -> None:
    logger = "[logfiles]\ntwo => verbose(2)\nserver => verbose\nnone => notice\n"
    async with running_server({**SERVED, "logger.conf": logger}, tmp_path) as server:
        assert server.log.verbosity == 2
        alice = Phone("alice", server, "secret")
        await alice.register()
        async with console(server, 0) as silent, console(server, 3) as three, console(server, 5) as all_:
            assert server.log.verbosity == 5
            assert "was OFF and is now 2" in await silent.run("core set verbose 2")
            assert "was 5 and is now 4" in await all_.run("core set verbose 4")
            assert server.log.verbosity == 4
            assert "still 4" in await all_.run("core set verbose atleast 3")
            for each in (silent, three, all_):
                each.take()
            call = await alice.dial("770")
            await call.answered()
            await three.shows("Wait(")
            await call.hangup()
            for each in (silent, three, all_):
                await each.shows("Spawn extension")
            levels = [
                {line[:7] for line in each.take() if "UNIX" not in line and "contact" not in line}
                for each in (silent, three, all_)
            ]
            assert levels == [{"  == Sp"}, {"    -- ", "  == Sp"}, {"    -- ", "  == Sp", "       "}]
            await three.run("core set verbose off")
            await all_.follow(5, mute=True)
            assert server.log.verbosity == 2
        alice.close()
        logs = tmp_path / "var/log"
        assert "Spawn extension" in (logs / "two").read_text()
        assert "Executing" not in (logs / "two").read_text()
        assert (logs / "server").read_text() == "", "the server's own level is 0"
        assert "Spawn" not in (logs / "none").read_text()


async def test_a_file_follows_the_level_of_the_server(tmp_path: Path) -> None:
    async with running_server({**SERVED, "logger.conf": "[logfiles]\nserver => verbose\n"}, tmp_path) as server:
        assert server.log.verbosity == 0
        await CommandRunner(server).run("core set verbose 3", lambda _text: None)
        assert server.log.verbosity == 3
        alice = Phone("alice", server, "secret")
        await alice.register()
        await until(lambda: "Added contact" in (tmp_path / "var/log/server").read_text())
        alice.close()


# -- peers of sip.conf ----------------------------------------------------------------------------------------

SIP = """
[general]
bindport={port}
bindaddr=127.0.0.1
context=internal
directmedia=no
[alice]
type=friend
host=dynamic
secret=secret
qualify=yes
[trunk1]
type=friend
host=dynamic
secret=secret
"""
TRUNK = """
[internal]
exten => 710,1,SIPAddHeader(X-One: first)
 same => n,SIPAddHeader(X-Two: second\\;param=1)
 same => n,SIPAddHeader(Alert-Info: <http://127.0.0.1/ring>)
 same => n,NoOp(SIPADDHEADER01=${SIPADDHEADER01} SIPADDHEADER02=${SIPADDHEADER02} SIPADDHEADER03=${SIPADDHEADER03})
 same => n,Dial(SIP/5551212@trunk1,20)
"""


async def test_peers_and_a_call_to_a_trunk_as_recorded() -> None:
    files = {**CONFIG, "pjsip.conf": "", "sip.conf": SIP.format(port=free_port()), "extensions.conf": TRUNK}
    async with running_server(files) as server, console(server, 4) as shown:
        alice, trunk = Phone("alice", server, "secret"), Phone("trunk1", server, "secret")
        await alice.register()
        await trunk.register()
        await shown.shows(
            f"    -- Registered SIP 'trunk1' at 127.0.0.1:{trunk.port}", "Peer 'alice' is now Reachable. ("
        )
        assert not [line for line in shown.take() if "Added contact" in line or "Endpoint" in line]
        call = await alice.dial("710")
        incoming = await trunk.incoming()
        incoming.ring()
        await call.ringing()
        incoming.answer()
        await call.answered()
        await shown.shows("Locally RTP bridged")
        await call.hangup()
        await shown.shows("Spawn extension")
        # Left out: marks of packets, hints (the record's server has some), and where RTP comes from.
        apart = ("Using SIP RTP", "Extension Changed", "X -- Strict RTP")
        lines = [line for line in recorded("call to a trunk") if not line.startswith(apart)]
        assert comparable(shown.take(), lambda line: not line.startswith(apart)) == lines
        await trunk.unregister()
        await shown.shows("    -- Unregistered SIP 'trunk1'")
        alice.close()
        trunk.close()
