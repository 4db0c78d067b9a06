"""What ``[general]`` says of the server as a whole."""

from __future__ import annotations

import pytest
from general_kit import Written, objects

from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.objects.system import SystemSettings


def test_an_empty_file_changes_nothing() -> None:
    assert not objects(GlobalSettings, "")
    assert not objects(SystemSettings, "")


def test_global() -> None:
    text = (
        "useragent=My PBX\nrealm=example.org\nmaxforwards=20\ncallerid=operator\nlegacy_useroption_parsing=yes\n"
        "sipdebug=yes\nregcontext=phones&others\n"
    )
    (made,) = objects(GlobalSettings, text).values()
    assert (made.user_agent, made.default_realm, made.max_forwards) == ("My PBX", "example.org", 20)
    assert (made.default_from_user, made.ignore_uri_user_options, made.debug) == ("operator", True, "no")
    # Extensions of registered peers are made in another way here, and traces have their own form.
    assert made.regcontext == ""
    (made,) = objects(GlobalSettings, f"{text}match_auth_username=yes", Written()).values()
    assert (made.regcontext, made.debug) == ("phones", "yes")
    assert made.endpoint_identifier_order[0] == "auth_username"


@pytest.mark.parametrize(
    ("text", "t1", "timer_b"),
    [
        ("timert1=200", 200, 12800),
        ("timert1=200\ntimerb=9000", 200, 9000),
        ("timerb=9000", 500, 9000),
        ("timert1=50\nt1min=100", 100, 6400),
        ("t1min=700", 700, 44800),
    ],
)
def test_timers(text: str, t1: int, timer_b: int) -> None:
    (made,) = objects(SystemSettings, text).values()
    assert (made.timer_t1, made.timer_b) == (t1, timer_b)


def test_short_names() -> None:
    (made,) = objects(SystemSettings, "compactheaders=yes").values()
    assert made.compact_headers
