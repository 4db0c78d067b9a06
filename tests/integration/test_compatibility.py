"""What the page on compatibility says, tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests import option_effects

from asterism.config.asterisk_conf import Options
from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.calls.conference.options import BRIDGE_OPTIONS
from asterism.pbx.channels.music.classes import GENERAL as MUSIC_GENERAL
from asterism.pbx.dialplan.language.loader import LoadedDialplan
from asterism.server.server import Server
from asterism.testing import Phone, running_server

PAGE = (Path(__file__).parents[2] / "docs/compatibility.md").read_text()
PJSIP = """
[101]
type=endpoint
context=phones
allow=alaw,ulaw
auth=101
aors=101
[101]
type=auth
username=101
password=a secret
[101]
type=aor
max_contacts=1
minimum_expiration=60
maximum_expiration=600
[102]
type=endpoint
context=phones
aors=102
[102]
type=aor
max_contacts=0
"""
EXTENSIONS = """
[phones]
exten => 600,1,Answer()
 same => n,Wait(5)
exten => 601,1,NoOp()
"""
CONFIG = {"pjsip.conf": PJSIP, "extensions.conf": EXTENSIONS}


async def console(server: Server, line: str) -> str:
    printed: list[str] = []
    assert await CommandRunner(server).run(line, printed.append) == 0
    return "".join(printed)


def test_the_options_of_the_page_exist() -> None:
    page = PAGE.partition("\n## Endpoints of sip.conf\n")[0]  # the tables there have no column of that kind
    restoring = [row.rsplit("|", 2)[1] for row in re.findall(r"^\| .*\|$", page, re.MULTILINE)]
    names = {name for cell in restoring for name in re.findall(r"`([a-z_]+)(?: = \w+)?`", cell)}
    assert {"show_secrets", "ignore_unknown_require", "allow_without_authenticator", "user_agent"} <= names
    of_objects = {option.partition(".")[2] for option in option_effects.options()}
    for name in names:
        assert (
            name in of_objects
            or hasattr(Options, name)
            or name in MUSIC_GENERAL
            or name in BRIDGE_OPTIONS
            or hasattr(LoadedDialplan(), name)
        ), name


@pytest.mark.parametrize("ignore", [False, True])
async def test_an_unknown_require(ignore: bool) -> None:
    extra = "[global]\ntype=global\nignore_unknown_require=yes\n" if ignore else ""
    config = {**CONFIG, "pjsip.conf": PJSIP + extra}
    async with running_server(config) as server, Phone("101", server, "a secret") as phone:
        request = phone.create_request("OPTIONS", phone.uri())
        request.add_header("Require", "bogus-ext")
        response = await phone.request(request)
        assert (response.status, response.get("Unsupported")) == ((200, None) if ignore else (420, "bogus-ext"))


@pytest.mark.parametrize("show", [False, True])
async def test_secrets_in_listings(show: bool, tmp_path: Path) -> None:
    conf = f"[directories]\nastdbdir=.\nastrundir=.\nastlogdir=.\n[options]\nshow_secrets={'yes' if show else 'no'}\n"
    async with running_server({**CONFIG, "asterisk.conf": conf}, tmp_path) as server:
        text = await console(server, "pjsip show auth 101")
        assert ("a secret" in text, "<hidden>" in text) == (show, not show)


async def test_registration_as_recorded() -> None:
    async with running_server(CONFIG) as server:
        async with Phone("101", server, "wrong") as phone:
            assert [(await phone.try_register()).status for _ in range(3)] == [401, 401, 401]
        async with Phone("101", server, "a secret") as phone, Phone("101", server, "a secret") as second:
            challenge = await phone.exchange(phone.create_request("REGISTER", phone.uri(), phone.uri("101")))
            assert challenge.to.tag == challenge.via.branch
            assert str(challenge.to.uri) == str(phone.uri("101"))
            phone.take_challenge(challenge)
            for asked, given in ((10, 60), (99999, 600)):
                response = await phone.try_register(asked)
                assert response.status == 200
                assert response.get("Expires") == str(given)
                assert (response.get("Contact") or "").endswith(f";expires={given - 1}")
            assert (await second.try_register()).status == 403
            assert (await phone.try_register(aor="102")).status == 404
        async with Phone("102", server) as phone:
            assert (await phone.try_register()).status == 403


async def test_a_replayed_request_is_challenged() -> None:
    async with running_server(CONFIG) as server, Phone("101", server, "a secret") as phone:
        await phone.register()
        request = phone.create_request("REGISTER", phone.uri(), phone.uri("101"))
        assert (await phone.exchange(request)).status == 200
        replayed = request.copy()
        replayed.remove_header("Via")
        replayed.set_header("CSeq", "4711 REGISTER")
        response = await phone.exchange(replayed)
        assert response.status == 401
        assert "stale=true" in (response.get("WWW-Authenticate") or "")


async def test_calls_as_recorded_and_in_dialog_requests() -> None:
    async with running_server(CONFIG) as server:
        async with Phone("102", server) as phone:
            call = await phone.dial("600")
            assert await call.refused() == 488
        async with Phone("101", server, "a secret") as phone:
            call = await phone.dial("601")
            assert await call.refused() == 603
            phone.codecs = [0, 8]
            call = await phone.dial("600")
            await call.answered()
            assert call.remote_description is not None
            assert call.remote_description.codecs[0] == 8
            assert (await call.send("INFO", b"x", "application/unknown")).status == 415
            assert (await call.send("NOTIFY")).status == 481
            assert (await call.send("MESSAGE", b"hello", "text/plain")).status == 480
            await call.hangup()


async def test_failures_of_one_address_are_dropped_at_last() -> None:
    async with running_server(CONFIG) as server, Phone("nobody", server, "wrong") as phone:
        step = next(step for step in server.sip.steps if step.name == "failure limit")
        limits = step._limits  # type: ignore[attr-defined]
        assert (limits.count, limits.period) == (500, 10.0)
        await phone.try_register()
        assert list(limits.sources.values())[0][0] == 1  # noqa: RUF015
