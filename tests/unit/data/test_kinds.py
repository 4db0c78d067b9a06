"""Option types of the data layer."""

from __future__ import annotations

from typing import Any

import pytest

from asterism.data.kinds import Bool, Choice, Choices, Decimal, Integer, Kind, Lines, Names, Text, Variables
from asterism.data.network import AccessRule, NetworkList, Rules, SocketAddressKind


@pytest.mark.parametrize(
    ("kind", "text", "value", "shown"),
    [
        (Text(blank_becomes="-"), "a b", "a-b", "a-b"),
        (Bool(), "on", True, "true"),
        (Bool(("no", "yes")), "off", False, "no"),
        (Integer(), "0x10", 16, "16"),
        (Integer(-5, 5), "-5", -5, "-5"),
        (Decimal(), "3", 3.0, "3.000000"),
        (Choice("a", "b", aliases={"c": "a"}), "C", "a", "a"),
        (Choice("a", fallback="a"), "zzz", "a", "a"),
        (Choice("a", shown={"a": "A"}), "a", "a", "A"),
        (Names(), "x, y,,z", ("x", "y", "z"), "x,y,z"),
        (Choices("MD5", "SHA-256"), "sha-256,md5", ("SHA-256", "MD5"), "SHA-256,MD5"),
        (SocketAddressKind(), "[::1]:5061", None, "[::1]:5061"),
        (SocketAddressKind(), "0.0.0.0", None, "0.0.0.0"),
    ],
)
def test_accepted(kind: Kind[Any], text: str, value: object, shown: str) -> None:
    read = kind.parse(text, None)
    if value is not None:
        assert read == value
    assert kind.show(read) == shown
    assert kind.from_column(kind.to_column(read), read) == read


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Text(refused=" @"), "a@b"), (Integer(), ""), (Integer(), "-1"), (Integer(0, 7), "8"), (Integer(), "1.5"),
        (Decimal(), "nan"), (Decimal(), "x"), (Choice("a"), "b"), (Choices("a"), "a,b"), (Variables(), "A"),
        (SocketAddressKind(), "::"), (SocketAddressKind(), "1.2.3"), (SocketAddressKind(), "1.2.3.4:99999"),
        (SocketAddressKind(), "[1.2.3.4]"), (SocketAddressKind(), "[::1"), (AccessRule(True), "1.2.3.4/99"),
        (NetworkList(), "local"),
    ],
)  # fmt: skip
def test_refused(kind: Kind[Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        kind.parse(text, ())


def test_accumulating_kinds() -> None:
    assert Lines().parse("a,b", ("x",)) == ("x", "a,b")
    assert Names(accumulates=True).parse("a,b", ("x",)) == ("x", "a", "b")
    assert Names(accumulates=True).lines("n", ("a", "b")) == [("n", "a"), ("n", "b")]
    assert Variables().parse("A=1=2", (("B", ""),)) == (("B", ""), ("A", "1=2"))
    assert [str(net) for net in NetworkList().parse("10.0.0.0/255.0.0.0", ())] == ["10.0.0.0/8"]


def test_the_last_matching_rule_wins() -> None:
    rules = AccessRule(False).parse("0.0.0.0/0.0.0.0", Rules())
    rules = AccessRule(True).parse("10.0.0.0/8,!10.1.0.0/16", rules)
    assert rules.allows("10.2.0.1")
    assert rules.allows("::ffff:10.2.0.1")
    assert not rules.allows("10.1.0.1")
    assert not rules.allows("192.0.2.1")
    assert rules.allows("2001:db8::1"), "IPv4 rules say nothing about IPv6"
    assert not rules.allows("not an address")
    assert Rules().allows("anything")
    kind = AccessRule(True)
    assert kind.from_column(kind.to_column(rules), Rules()) == rules
