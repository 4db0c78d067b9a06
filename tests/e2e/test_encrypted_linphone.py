"""Linphone with SDES and DTLS-SRTP: another implementation than baresip's, as caller and as called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from linphone import Linphone
from peers import LIMIT, Baresip, own_host, seconds_of, server_process, write_wav
from server_process import ServerProcess

from asterism.testing import until

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 101,1,Dial(PJSIP/101,30,U(called))
exten => 102,1,Answer()
 same => n,Set(GLOBAL(CALLING)=${CHANNEL(rtp,secure,audio)})
 same => n,Dial(PJSIP/102,30)
[called]
exten => s,1,Set(GLOBAL(CALLED)=${CHANNEL(rtp,secure,audio)})
 same => n,Return()
"""
SDES = "media_encryption=sdes\n"
# It answers offers of DTLS only where it may choose its part, and then begins.
DTLS = "media_encryption=dtls\ndtls_auto_generate_cert=yes\ndtls_setup=actpass\n"
OPTIMISTIC = "media_encryption_optimistic=yes\n"
HAS_SDES, HAS_DTLS = "media_encryption=srtp\n", "media_encryption=dtls\n"
ONLY = "media_encryption_mandatory=1\n"


def _sent(server: ServerProcess) -> int:
    """Packets that went to linphone in this call."""
    found = re.search(r" 101-.*? \S+ +\d+ +\d+ +\d+ +\S+ +(\d+)", server.rx("pjsip show channelstats").stdout)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(
    ("ours", "theirs", "calling", "called"),
    [
        pytest.param(SDES, HAS_SDES + ONLY, True, True, id="SDES-both force it"),
        pytest.param(SDES, HAS_SDES, True, True, id="SDES-we force it", marks=pytest.mark.long),
        # A key that is offered beside RTP/AVP it does not take.
        pytest.param(SDES + OPTIMISTIC, HAS_SDES, True, False, id="SDES-nobody forces it", marks=pytest.mark.long),
        pytest.param(SDES + OPTIMISTIC, "", False, False, id="SDES-it never offers it", marks=pytest.mark.long),
        pytest.param(DTLS, HAS_DTLS + ONLY, True, True, id="DTLS-both force it", marks=pytest.mark.long),
        pytest.param(DTLS + OPTIMISTIC, HAS_DTLS, True, True, id="DTLS-nobody forces it"),
        # What it does not offer it takes all the same.
        pytest.param(DTLS + OPTIMISTIC, "", False, True, id="DTLS-it never offers it", marks=pytest.mark.long),
    ],
)
async def test_it_calls_and_is_called(tmp_path: Path, ours: str, theirs: str, calling: bool, called: bool) -> None:
    """A phone in the clear hears linphone and is heard by it, both ways of calling."""
    host = own_host()
    write_wav(tmp_path / "said.wav", 440)
    phone = Linphone(
        tmp_path / "phone", "101", f"{host}:5060", "udp", password="secret101", auto_answer=True, options=theirs
    )
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS, options={"101": f"direct_media=no\n{ours}"}) as server,
        phone,
        Baresip(tmp_path / "bob", "102", host, 660, auto_answer=True) as bob,
    ):
        await bob.registered()
        await until(lambda: "sip:101@" in server.rx("pjsip show contacts").stdout, LIMIT)
        phone.say(f"play {tmp_path}/said.wav")
        for turn in (1, 2):
            heard = tmp_path / f"heard-{turn}.wav"
            phone.say(f"record {heard}")
            if turn == 1:
                phone.say(f"call sip:102@{host}")
            else:
                bob.command("dial", f"sip:101@{host}")
            await bob.event("CALL_ESTABLISHED", turn)
            await bob.hears_in_call(440)
            await until(lambda: _sent(server) > 100, LIMIT)
            bob.command("hangup")
            await until(lambda: sum(" ended (" in line for line in phone.said) == turn, LIMIT)  # noqa: B023
            await bob.event("CALL_CLOSED", turn)
            # It writes what it heard when the call is over.
            assert seconds_of(heard, 660) >= 0.5
        if ours.startswith(SDES):  # of which linphone says nothing
            told = server.rx("dialplan show globals").stdout
            assert re.findall(r"CALL(?:ING|ED)=\d", told) == [f"CALLED={called:d}", f"CALLING={calling:d}"]
        else:
            told = "".join(phone.said)
            assert re.findall(r"Call (\d) is fully encrypted", told) == ["1"] * calling + ["2"] * called


async def test_it_begins_the_handshake_of_its_own_call(tmp_path: Path) -> None:
    host = own_host()
    write_wav(tmp_path / "said.wav", 440)
    phone = Linphone(tmp_path / "phone", "101", f"{host}:5060", "udp", password="secret101", options=HAS_DTLS + ONLY)
    options = {"101": DTLS.replace("actpass", "passive")}
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS, options=options) as server,
        phone,
        Baresip(tmp_path / "bob", "102", host, 660, auto_answer=True) as bob,
    ):
        await bob.registered()
        await until(lambda: "sip:101@" in server.rx("pjsip show contacts").stdout, LIMIT)
        phone.say(f"play {tmp_path}/said.wav")
        phone.say(f"call sip:102@{host}")
        await bob.event("CALL_ESTABLISHED")
        await bob.hears_in_call(440)
        await phone.tells("Call 1 is fully encrypted")
        bob.command("hangup")
        await phone.tells("ended")


@pytest.mark.parametrize("ours", [pytest.param(SDES, id="SDES"), pytest.param(DTLS, id="DTLS", marks=pytest.mark.long)])
async def test_its_call_in_the_clear_is_refused(tmp_path: Path, ours: str) -> None:
    """Where encryption is forced."""
    host = own_host()
    phone = Linphone(tmp_path / "phone", "101", f"{host}:5060", "udp", password="secret101")
    async with server_process(tmp_path / "server", host, EXTENSIONS, options={"101": ours}) as server, phone:
        await until(lambda: "sip:101@" in server.rx("pjsip show contacts").stdout, LIMIT)
        phone.say(f"call sip:102@{host}")
        await phone.tells("error")
        assert "0 calls processed" in server.rx("core show channels count").stdout.replace("call ", "calls ")
