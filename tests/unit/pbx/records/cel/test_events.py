"""The manager's event of a record, as Asterisk 22.10 was recorded."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from records_kit import event

from asterism.pbx.records.cel.events import CEL

RECORD = Path(__file__).resolve().parents[4] / "data" / "record" / "cel.txt"


def recorded() -> list[list[tuple[str, str]]]:
    block = RECORD.read_text().partition("### manager: ")[2]
    found = []
    for one in re.findall(r"(?ms)^Event: CEL\n.*?(?:\n\n|\Z)", block):
        pairs = (line.partition(":") for line in one.strip().splitlines()[2:])
        found.append([(name, value.strip()) for name, _, value in pairs])
    return found


def test_the_record_has_one_of_each_kind_of_a_call() -> None:
    assert len(recorded()) == 15


@pytest.mark.parametrize("fields", recorded())
def test_fields_are_the_recorded_ones_in_their_order(fields: list[tuple[str, str]]) -> None:
    value = dict(fields)
    record = event(
        event=value["EventName"],
        time=time.mktime(time.strptime(value["EventTime"], "%Y-%m-%d %H:%M:%S")) + 0.4,
        accountcode=value["AccountCode"],
        cid_num=value["CallerIDnum"],
        cid_name=value["CallerIDname"],
        cid_ani=value["CallerIDani"],
        cid_dnid=value["CallerIDdnid"],
        exten=value["Exten"],
        channame=value["Channel"],
        appname=value["Application"],
        appdata=value["AppData"],
        uniqueid=value["UniqueID"],
        linkedid=value["LinkedID"],
        peer=value["Peer"],
        peeraccount=value["PeerAccount"],
        extra=value["Extra"],
    )
    assert [(name, str(text)) for name, text in CEL.render(record, False)] == fields
    assert CEL.privilege == "call"


@pytest.mark.parametrize(("shown", "name", "own"), [(False, "myev", None), (True, "USER_DEFINED", "myev")])
def test_the_dialplans_own_event_is_named_as_the_option_says(shown: bool, name: str, own: str | None) -> None:
    fields = dict(CEL.render(event(event="USER_DEFINED", userdeftype="myev"), shown))
    assert (fields["EventName"], fields.get("UserDefType")) == (name, own)


def test_the_cause_of_a_stream_is_no_name_of_an_event() -> None:
    fields = dict(CEL.render(event(event="STREAM_BEGIN", userdeftype="MOH_STREAM_BEGIN"), True))
    assert fields["EventName"] == "STREAM_BEGIN"
    assert "UserDefType" not in fields


@pytest.mark.parametrize(("flag", "word"), [(1, "OMIT"), (2, "BILLING"), (3, "DOCUMENTATION"), (9, "Unknown")])
def test_flags_are_words(flag: int, word: str) -> None:
    assert dict(CEL.render(event(amaflags=flag), False))["AMAFlags"] == word
