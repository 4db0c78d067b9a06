"""The table of applications and functions: each of Asterisk's is there, or left out for a reason."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "tests" / "data" / "record"
KINDS = ("applications", "functions")
_PENDING = """
    AMD AttendedTransfer Authenticate BackGround BackgroundDetect BlindTransfer Broadcast ChanIsAvail
    ChannelRedirect ChanSpy ClearHash ControlPlayback DateTime Dictate DISA Else ElseIf EndIf ExitIf ExtenSpy
    FollowMe HangupCauseClear If Incomplete Morsecode MP3Player Originate Page PrivacyManager RaiseException
    ReadExten ReceiveText Reload RetryDial SayAlpha SayAlphaCase SayDigits SayMoney SayNumber SayOrdinal
    SayPhonetic SayUnixTime SendText Signal SoftHangup StoreDTMF StreamEcho ToneScan WaitForCondition
    WaitForNoise WaitForRing WaitForSignal WaitForSilence WaitForTone Zapateller ABS AES_DECRYPT AES_ENCRYPT
    AGC AMI_CLIENT AST_CONFIG AST_SORCERY BASENAME BLACKLIST CHANNELS CHANNEL_EXISTS CURL CURLOPT DELETE
    DENOISE DIALGROUP DIGIT_SUM DIRNAME ENUMLOOKUP ENUMQUERY ENUMRESULT EVAL_EXTEN EVAL_SUB EXCEPTION EXPORT
    FILE FILE_COUNT_LINE FILE_FORMAT FRAME_DROP FRAME_TRACE GEOLOC_PROFILE GLOBAL_DELETE GLOBAL_EXISTS GROUP
    GROUP_COUNT GROUP_LIST GROUP_MATCH_COUNT ICONV IFMODULE JSON_DECODE LOCK LOG_GROUP MASTER_CHANNEL MAX MIN
    PITCH_SHIFT PJSIP_HEADER_PARAM PJSIP_TRANSFER_HANDLING REALTIME REALTIME_DESTROY REALTIME_FIELD
    REALTIME_HASH REALTIME_STORE RECORDING_INFO SAYFILES SCRAMBLE SHELL SRVQUERY SRVRESULT STAT STIR_SHAKEN
    STIR_SHAKEN_ATTESTATION STRBETWEEN SYSINFO TESTTIME TONE_DETECT TRYLOCK TXTCIDNAME UNLOCK UUID
    VARIABLE_EXISTS
"""
PENDING = frozenset(_PENDING.split())
"""Names that are about to be added."""


@pytest.fixture(scope="module")
def table() -> Any:
    """``docs/generate_table.py``, imported."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import generate_table
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return generate_table


@pytest.fixture(scope="module")
def registered(table: Any) -> dict[str, list[Any]]:
    """What the registries hold."""
    return asyncio.run(table.collect())


def recorded() -> dict[str, list[str]]:
    """The names of Asterisk's applications and functions."""
    blocks = (RECORD / "dialplan_names.txt").read_text().split("\n\n")[1:]
    return {kind: names.split() for kind, _, names in (block.partition("\n") for block in blocks)}


@pytest.mark.parametrize("kind", KINDS)
def test_each_name_is_there_or_left_out_for_a_reason(table: Any, registered: dict[str, list[Any]], kind: str) -> None:
    names, left_out = recorded()[kind], table.left_out()[kind]
    there = {entry.name.lower() for entry in registered[kind]}
    assert [name for name in names if name.lower() not in there and name not in left_out and name not in PENDING] == []
    assert [name for name in left_out if name.lower() in there] == [], "registered, and left out as well"
    assert [name for name in left_out if name not in names] == [], "not a name of Asterisk's"
    assert [name for name, why in left_out.items() if len(why) < 10] == []


def test_the_pages_name_everything(table: Any, registered: dict[str, list[Any]]) -> None:
    pages = table.pages(registered)
    for kind in KINDS:
        there, _, missing = pages[f"{kind}.md"].partition("## Left out")
        for entry in registered[kind]:
            assert f"\n| `{entry.name}` | " in there
        for name in table.left_out()[kind]:
            assert f"\n| `{name}` | " in missing
