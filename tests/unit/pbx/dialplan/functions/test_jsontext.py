"""JSON_DECODE."""

from __future__ import annotations

import pytest
from functions_kit import Functions, warnings

from asterism.pbx.dialplan.functions.jsontext import JsonFunction
from asterism.pbx.dialplan.language.foreign import foreign, is_foreign

TEXT = '{"city": "Anytown", "list": [1, {"k": "v"}, 2.5], "a": {"b": {"c": true, "d": null}}, "a,b": "x", "é": "ü"}'


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ("city", "Anytown"), ("a.b.c", "1"), ("a.b.d", ""), ("a/b/c,/", "1"), ("list.0", "1"), ("list.1.k", "v"),
        ("list.2", "2.5"), ("list.3", ""), ("list,,c", "3"), ("city,,c", "Anytown"), ("a.b", '{"c": true, "d": null}'),
        ("list", '[1, {"k": "v"}, 2.5]'), ("no", ""), ("city.no", ""), ('"a,b"', "x"), ("é", "ü"), ("list.-1", ""),
    ],
)  # fmt: skip
async def test_a_value_is_found(args: str, found: str) -> None:
    functions = Functions(JsonFunction())
    functions.channel.set_variable("json", TEXT)
    with warnings(functions) as lines:
        assert await functions.read(f"JSON_DECODE(json,{args})") == found
    assert lines == []


@pytest.mark.parametrize("text", ["", "{", "[" * 60000, '{"a": ' * 9000, "1" * 5000, "nonsense"])
async def test_what_is_no_json_is_one_line(text: str) -> None:
    functions = Functions(JsonFunction())
    functions.channel.set_variable("json", text)
    with warnings(functions) as lines:
        assert await functions.read("JSON_DECODE(json,a)") == ""
    assert len(lines) == 1


async def test_arguments_must_be_there() -> None:
    functions = Functions(JsonFunction())
    with warnings(functions) as lines:
        assert await functions.read("JSON_DECODE(json)") == await functions.read("JSON_DECODE(,a)") == ""
    assert len(lines) == 2


async def test_what_comes_of_text_from_outside_is_from_outside() -> None:
    functions = Functions(JsonFunction())
    functions.channel.set_variable("json", foreign('{"number": "1&Local/2"}'))
    assert is_foreign(await functions.read("JSON_DECODE(json,number)"))


@pytest.mark.parametrize("escape", [r"a\ud800\u0000b", r"a\udbffb", r"a\udfffb", r"a\udc00\ud800b"])
async def test_text_that_could_not_be_written_does_not_come_of_it(escape: str) -> None:
    functions = Functions(JsonFunction())
    functions.channel.set_variable("json", f'{{"a": "{escape}", "l": ["{escape}"], "smile": "\\ud83d\\ude00"}}')
    for item in ("a", "l", "l.0"):
        found = await functions.read(f"JSON_DECODE(json,{item})")
        assert "\ufffd" in found or "\udc00" in found
        assert "\0" not in found
        found.encode("utf-8", "surrogateescape")
    assert await functions.read("JSON_DECODE(json,smile)") == "\U0001f600"
