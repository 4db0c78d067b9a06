"""Bytes that are no UTF-8 stand in texts as surrogates, and whatever needs bytes again gets the same ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

from asterism.interfaces.manager.session import Call, ManagerSession
from asterism.interfaces.manager.wire import Fields
from asterism.pbx.dialplan.functions.encoding import EncodingFunctions
from asterism.pbx.states.presence import Presence
from asterism.stack.digest import AuthenticationInfo, Challenge, ClientSession

LATIN_1 = b"caf\xe9".decode("utf-8", "surrogateescape")


def test_decoding_of_uris() -> None:
    assert EncodingFunctions().uri_decode(None, f"{LATIN_1}%20%e9") == f"{LATIN_1} \udce9"


def test_presence_in_base64() -> None:
    assert str(Presence("away", LATIN_1, "", True)) == "away,Y2Fm6Q==,,e"


def test_a_proof_of_a_server_that_is_no_text() -> None:
    client = ClientSession(Challenge.parse('Digest realm="r", nonce="n", qop="auth"'), "u", "0" * 32, "c")
    sent = client.authorize("INVITE", "sip:x")
    assert not client.check_server(AuthenticationInfo.parse(f'rspauth="{LATIN_1}", qop=auth'), sent)


def test_a_secret_of_the_manager_in_another_encoding() -> None:
    manager = SimpleNamespace(is_throttled=lambda host: False, security=Mock())
    session = ManagerSession(cast(Any, manager))
    session.challenge = "1"
    user = cast(Any, SimpleNamespace(name="u", secret=LATIN_1))
    for fields in ([("Secret", LATIN_1)], [("Secret", "caf")], [("AuthType", "md5"), ("Key", LATIN_1)]):
        assert session._proved(user, Call(session, Fields(fields))) == (fields == [("Secret", LATIN_1)])
