"""The items of SIPPEER, each as recorded of Asterisk 16.28 for the peer ``alice``."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.chan_sip.objects import SipGeneral, SipPeer
from asterism.chan_sip.peer_items import ITEMS, View, value
from asterism.sip.objects.codecs import CodecList
from asterism.sip.objects.kinds import CallerId


class _Peers:
    def __init__(self, *, here: bool = True) -> None:
        self._here = here

    def address(self, peer: SipPeer) -> tuple[str, int] | None:
        return ("127.0.0.1", 15091) if self._here else None

    def registration(self, peer: SipPeer) -> Any:
        return SimpleNamespace(expiration_time=1795259405.7) if self._here else None

    def status(self, peer: SipPeer) -> str:
        return "OK (1 ms)"

    def useragent(self, peer: SipPeer) -> str:
        return "AlicePhone/2.1" if self._here else ""

    def calls(self, peer: SipPeer, channels: Any) -> int:
        return len(channels)


def _alice() -> SipPeer:
    alice = SipPeer("alice")
    alice.context, alice.mailbox, alice.callgroup, alice.pickupgroup = (
        "internal",
        ("6001@default", "6099@x"),
        (1,),
        (1, 2),
    )
    alice.callerid = CallerId("Alice Example", "6001")
    alice.allow = CodecList(("ulaw", "alaw", "gsm"))
    alice.call_limit, alice.busylevel, alice.language, alice.accountcode = 4, 2, "en", "acct-alice"
    alice.setvar = (("DEPT", "sales"), ("FLOOR", "3"), ("DEPT", "late"))
    alice.namedcallgroup = ("a", "b")
    return alice


def _view(*, here: bool = True, channels: int = 1) -> View:
    general = SipGeneral("general")
    return View(_Peers(here=here), ["channel"] * channels, general)  # type: ignore[arg-type]


RECORDED = {
    "ip": "127.0.0.1", "port": "15091", "mailbox": "6001@default,6099@x", "context": "internal", "dynamic": "yes",
    "callerid_name": "Alice Example", "callerid_num": "6001", "callgroup": "1", "pickupgroup": "1, 2",
    "namedcallgroup": "a,b", "namedpickupgroup": "", "codecs": "(ulaw|alaw|gsm)", "codec[0]": "ulaw",
    "codec[1]": "alaw", "codec[9]": "", "status": "OK (1 ms)", "regexten": "", "limit": "4", "busylevel": "2",
    "curcalls": "1", "language": "en", "accountcode": "acct-alice", "useragent": "AlicePhone/2.1", "maxforwards": "0",
    "chanvar[DEPT]": "late", "chanvar[FLOOR]": "3", "chanvar[NONE]": "", "expire": "1795259405",
}  # fmt: skip


@pytest.mark.parametrize(("item", "text"), RECORDED.items())
def test_an_item(item: str, text: str) -> None:
    assert value(_view(), _alice(), item) == text


def test_every_item_is_compared() -> None:
    assert {name for name in RECORDED if "[" not in name} == set(ITEMS)


@pytest.mark.parametrize(
    "item", ["", "bogus", "codec", "codec[", "codec[x]", "codec[-1]", "codec[1", "chanvar", "chanvar[]", "[0]"]
)
def test_what_is_no_item_is_empty(item: str) -> None:
    assert value(_view(), _alice(), item) == ""


def test_a_peer_that_is_nowhere() -> None:
    found = {item: value(_view(here=False), _alice(), item) for item in ("ip", "port", "expire", "useragent")}
    assert found == {"ip": "", "port": "0", "expire": "-1", "useragent": ""}


def test_calls_are_counted_where_they_are_limited_or_counted() -> None:
    peer = SipPeer("carol")
    assert [value(_view(), peer, item) for item in ("limit", "curcalls")] == ["0", "0"]
    peer.callcounter = True
    assert [value(_view(channels=0), peer, item) for item in ("limit", "curcalls")] == ["2147483647", "0"]
    peer.maxforwards = 20
    assert value(_view(), peer, "maxforwards") == "20"
