"""Headers that called channels inherit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asterism.applications.session.inherited_headers import MOST, InheritedHeaders, add_inherited, inherited
from asterism.pbx.channels.variables import ChannelVariables
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.stack.message import Request
from asterism.stack.uri import Uri


class Bus:
    listeners: dict[Any, bool]

    def __init__(self) -> None:
        from collections import defaultdict

        self.listeners = defaultdict(bool)


class Host:
    def __init__(self) -> None:
        self.bus = Bus()


class FakeChannel(ChannelVariables):
    def __init__(self) -> None:
        self.pbx = Host()  # type: ignore[assignment]
        self._variables = {}
        self._deferred = []
        self.inheritance = None

    def get_variable(self, name: str) -> str | None:
        return self._variables.get(name)


def headers(channel: Any) -> list[tuple[str, str]]:
    request = Request("INVITE", Uri("sip", "a", "b"), [])
    add_inherited(request, channel)
    return list(request.headers)


def write(channel: Any, args: str, value: str = "") -> None:
    InheritedHeaders().write(channel, args, value)


def test_add_update_and_remove() -> None:
    channel: Any = FakeChannel()
    write(channel, "add,X-One", "1")
    write(channel, "add,X-Two", "a: b")
    write(channel, "add,x-one", "2")
    write(channel, "update,X-One,2", "3")
    called: Any = FakeChannel()
    called.inherit_variables(channel)
    once_more: Any = FakeChannel()
    once_more.inherit_variables(called)
    assert headers(once_more) == [("X-One", "1"), ("X-Two", "a: b"), ("X-One", "3")]
    write(channel, "remove,X-T*")
    write(channel, "add,X-New", "4")
    assert [name for _, name, _ in inherited(channel)] == ["X-One", "X-One", "X-New"]
    write(channel, "remove,X-One")
    write(channel, "remove,*")
    assert headers(channel) == []


@pytest.mark.parametrize(
    ("args", "value"),
    [("add,X y", "1"), ("add,X", "a\r\nEvil: 1"), ("update,X", "1"), ("add", "1"), ("what,X", "1"), ("add,", "1")],
)
def test_wrong_uses(args: str, value: str) -> None:
    channel: Any = FakeChannel()
    with pytest.raises(FunctionError):
        write(channel, args, value)
    assert headers(channel) == []


def test_there_is_an_end() -> None:
    channel: Any = FakeChannel()
    for _ in range(MOST):
        write(channel, "add,X", "1")
    with pytest.raises(FunctionError):
        write(channel, "add,X", "1")
    with pytest.raises(FunctionError):
        InheritedHeaders().read(channel, "read,X")


def test_what_others_put_into_the_variables_is_no_header() -> None:
    channel: Any = FakeChannel()
    channel.set_variable("__PJSIP_INHERITED_HEADER_1", "X: a\r\nEvil: 1")
    channel.set_variable("__PJSIP_INHERITED_HEADER_2", "no header")
    channel.set_variable("__PJSIP_INHERITED_HEADER_3", "Via: SIP/2.0/UDP evil")
    channel.set_variable("__PJSIP_INHERITED_HEADER_x", "X: 1")
    assert headers(channel) == []


def test_it_is_carried_to_the_phone_that_is_called() -> None:
    from asterism.testing import Phone, running_server

    pjsip = "[{0}]\ntype=endpoint\ncontext=x\nallow=ulaw\naors={0}\n[{0}]\ntype=aor\nmax_contacts=1\n"
    lines = """[x]
exten => 2,1,Set(PJSIP_INHERITABLE_HEADER(add,X-Colour)=blue)
 same => n,Dial(Local/3@x/n)
exten => 3,1,Dial(PJSIP/two)
"""

    async def scenario() -> None:
        config = {"pjsip.conf": pjsip.format("one") + pjsip.format("two"), "extensions.conf": lines}
        async with running_server(config) as server, Phone("one", server) as one, Phone("two", server) as two:
            await one.register()
            await two.register()
            call = await one.dial("2")
            incoming = await two.incoming()
            assert incoming.request.get("X-Colour") == "blue"
            incoming.reject()
            await call.refused()

    asyncio.run(scenario())
