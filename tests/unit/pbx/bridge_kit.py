"""The recorded events, commands and actions of bridges, and ours in the same shape."""

from __future__ import annotations

import re
from difflib import unified_diff
from pathlib import Path
from typing import Any, NamedTuple

from fake_technology import FakeServer
from local_kit import FLOATING, short

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "bridges.txt"
_FIELD = re.compile(r"([\w-]+)=(.*?)(?= [\w-]+=|$)")
_SEQUENCE = re.compile(r"-[0-9a-f]{8}(?![0-9a-f-])")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STAMP = re.compile(r"\b\d{10}\.\d+\b")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d\b")


def section(title: str, number: int = 0, record: Path = RECORD) -> str:
    """What stands under the ``number``-th heading that begins with ``title``."""
    text = record.read_text(encoding="utf-8")
    found = list(re.finditer(rf"^### \[Asterisk 22\.10\] {re.escape(title)}[^\n]*\n", text, re.MULTILINE))
    assert len(found) > number, title
    return text[found[number].end() :].partition("\n### ")[0].strip("\n")


def plain(text: str) -> str:
    """A text without what differs between runs: ids, times, the sequence of channels."""
    text = _STAMP.sub("STAMP", _UUID.sub("UUID", _CLOCK.sub("TIME", text)))
    return _SEQUENCE.sub("-N", text)


class Told(NamedTuple):
    """One event: its name, the channels that it is of, and what else it says."""

    name: str
    who: str
    fields: dict[str, str]


def recorded(title: str, record: Path = RECORD) -> list[Told]:
    """The events of a section; of VarSet one for each variable."""
    found: list[Told] = []
    for block in section(f"AMI events: {title}", record=record).split("\n\n"):
        lines = block.strip().splitlines()
        if lines and lines[0].startswith("Event: "):
            rows = [line.partition(":") for line in lines[1:]]
            fields = {key: value.strip() for key, _, value in rows}
            found.append(_whole(lines[0][7:], fields))
            continue
        for line in lines:
            if line.startswith("~"):
                found += _line(line[1:])
    return found


def _line(line: str) -> list[Told]:
    name, _, rest = line.partition(" ")
    if name == "VarSet":
        who, _, sets = rest.partition(" ")
        return [
            Told(name, plain(who), {one.partition("=")[0].strip(): plain(one.partition("=")[2].strip())})
            for one in sets.split(" | ")
        ]
    end = rest.rfind("]") + 1
    who, rest = rest[:end], rest[end:].strip()
    if name == "Newexten":
        return [Told(name, plain(who), {"runs": plain(rest)})]
    return [Told(name, plain(who), {key: plain(value) for key, value in _FIELD.findall(rest)})]


def _whole(name: str, fields: dict[str, str]) -> Told:
    return Told(name, plain(short(fields)), {key: plain(value) for key, value in fields.items()})


def told(server: FakeServer) -> list[Told]:
    """Our events in the same shape, each with all of its fields."""
    found: list[Told] = []
    for kind, pairs in server.recorded:
        fields = {key: str(value) for key, value in pairs}
        if kind.name == "VarSet":
            found.append(Told("VarSet", plain(fields["Channel"]), {fields["Variable"]: plain(fields["Value"])}))
            continue
        fields["Privilege"] = fields.get("Privilege", "call,all")
        event = _whole(kind.name, fields)
        if kind.name == "Newexten":
            event.fields["runs"] = plain(f"{fields['Application']}({fields['AppData']})")
        found.append(event)
    return found


def compare(
    server: FakeServer,
    title: str,
    floating: tuple[str, ...] = (),
    skip: int = 0,
    record: Path = RECORD,
    without: tuple[str, ...] = (),
) -> None:
    """Our events against those of a section: their order, and of each whatever the record says of it.

    ``floating`` events stand anywhere: they come from another thread of the recorded server. Of VarSet each channel's
    values are compared, in order, told once however often the recorded server repeats them. ``skip`` is how many of our
    first events are not in the section. Events ``without`` are not compared.
    """
    ours, theirs = told(server)[skip:], recorded(title, record)
    apart = (*FLOATING, *floating, *without, "VarSet")
    mine = [event for event in ours if event.name not in apart]
    wanted = [event for event in theirs if event.name not in apart]
    order, other_order = ([f"{event.name} {event.who}" for event in events] for events in (mine, wanted))
    assert order == other_order, "\n".join(unified_diff(other_order, order, "recorded", "ours", lineterm=""))
    for name in floating:
        both = [sorted(each.who for each in events if each.name == name) for events in (ours, theirs)]
        assert both[0] == both[1], name
        mine += sorted((each for each in ours if each.name == name), key=lambda each: each.who)
        wanted += sorted((each for each in theirs if each.name == name), key=lambda each: each.who)
    for event, other in zip(mine, wanted, strict=True):
        ours_of_it = {key: event.fields.get(key) for key in other.fields}
        assert ours_of_it == other.fields, f"{event.name} {event.who}: {ours_of_it} instead of {other.fields}"
    assert variables(ours) == variables(theirs)


def variables(events: list[Told]) -> dict[tuple[str, str], list[str]]:
    """The values that each channel's variables had, one after the other."""
    result: dict[tuple[str, str], list[str]] = {}
    for event in events:
        if event.name == "VarSet" and event.who != "none":
            for key, value in event.fields.items():
                if key.endswith(("TIME", "TIME_MS")) or key == "BRIDGEPVTCALLID":
                    value = value and "some"
                values = result.setdefault((event.who, key), [])
                if values[-1:] != [value]:
                    values.append(value)
    return result


def answer_text(call: Any) -> str:
    """What the manager writes for a served action (see ``fake_manager``)."""
    response, message = call.answer
    blocks = [[f"Response: {response}", *(["EventList: start"] if call.items else []), f"Message: {message}"]]
    for event, fields in call.items:
        rows = [f"{key}: {value}" for key, value in fields.items()]
        last = event.endswith("Complete")
        done = ["EventList: Complete", f"ListItems: {len(call.items) - 1}"] if last else []
        blocks.append([f"Event: {event}", *done, *rows])
    return "\n\n".join("\n".join(block) for block in blocks)


def recorded_answer(title: str, number: int = 0, record: Path = RECORD) -> str:
    """The recorded answer to an action."""
    lines = section(f"AMI action {title}", number, record).splitlines()
    return "\n".join(line for line in lines if not line.startswith("--> ")).strip("\n")
