"""Text targets: manager connections, console lines, configuration files, dialplan text, expressions and patterns."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from contextlib import suppress
from typing import Any

from whole_server import World, Worlds

from asterism.command import check
from asterism.command.checking import registries
from asterism.config import ConfigFile
from asterism.config.writer import EditableFile, EditError
from asterism.core.errors import ConfigError
from asterism.core.regex import RegexError, compile_regex
from asterism.data.errors import DataError
from asterism.interfaces.console import protocol
from asterism.interfaces.manager.session import ManagerSession
from asterism.pbx.dialplan.language import expression, loader, patterns
from asterism.pbx.dialplan.language.foreign import foreign
from asterism.pbx.dialplan.language.timing import parse_time_spec
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.party import PartyId

FILES = (
    "pjsip.conf", "extensions.conf", "manager.conf", "logger.conf", "rtp.conf", "http.conf", "modules.conf",
    "asterisk.conf", "acl.conf", "cli.conf", "cli_aliases.conf", "pjsip_wizard.conf", "sorcery.conf", "extconfig.conf",
    "res_config_sqlalchemy.conf", "resolver_unbound.conf",
)  # fmt: skip
CANARY = "CANARY"
"""A function that foreign text tries to call."""


class Wire(asyncio.Transport):
    """A connection that keeps what is written."""

    def __init__(self, peer: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 40000), "sockname": ("127.0.0.1", 5038)})
        self.peer = peer
        self.written = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data
        assert len(self.written) < 64 << 20, "an answer of more than 64 MB"

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.peer.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """No limits."""

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""


async def connected(world: World, protocol: asyncio.Protocol, pieces: list[bytes]) -> bytes:
    """Feed a protocol, let what it began run a while, hang up; what it wrote."""
    wire = Wire(protocol)
    protocol.connection_made(wire)
    for piece in pieces:
        if wire.closed:
            break
        protocol.data_received(piece)
        await world.loop.turn()
    for _ in range(3):
        await world.loop.advance(1)
    wire.close()
    await world.loop.turn()
    await world.settle()
    return bytes(wire.written)


def clients(worlds: Worlds, data: bytes) -> None:
    """What a manager client sends, in the pieces that a NUL separates; a first byte of A logs in beforehand."""
    world = worlds.get()
    found = world.server.modules.find("manager")
    assert found is not None
    instance = found.instance
    pieces = data[1:].split(b"\0")[:8]
    if data[:1] == b"A":
        pieces.insert(0, b"Action: Login\r\nUsername: admin\r\nSecret: secret\r\nEvents: on\r\n\r\n")
    elif data[:1] == b"S":
        pieces.insert(0, b"Action: Login\r\nUsername: small\r\nSecret: secret\r\n\r\n")
    session = ManagerSession(instance)  # type: ignore[arg-type]
    written = world.wait(
        connected(world, session, [piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for piece in pieces])
    )
    text = written.decode("utf-8")
    _, _, rest = text.partition("\r\n")
    for line in rest.split("\r\n"):
        assert line.isprintable() or not set(line) & {chr(code) for code in (*range(9), *range(10, 32))}, repr(line)
        assert not line or ":" in line, f"no field: {line!r}"
    instance._failures.clear()  # type: ignore[attr-defined]


def console(worlds: Worlds, data: bytes) -> None:
    """Lines of the console, run and completed; a first byte of NUL is the control socket's own protocol."""
    world = worlds.get()
    found = world.server.modules.find("console")
    assert found is not None
    instance: Any = found.instance
    if data[:1] == b"\0":
        from asterism.interfaces.console.module import _Connection

        world.wait(connected(world, _Connection(instance), [data[1:]]))
        return
    pieces = []
    for line in data.decode("utf-8", "replace").split("\n")[:6]:
        pieces.append(protocol.encode(protocol.RUN, json.dumps({"command": line}).encode()))
        pieces.append(protocol.encode(protocol.COMPLETE, line.encode()))
    from asterism.interfaces.console.module import _Connection

    world.wait(connected(world, _Connection(instance), pieces))


@functools.cache
def _known() -> registries.Registries:
    return registries.read_registries([])


def config(worlds: Worlds, data: bytes) -> None:
    """A configuration file, checked as ``asterism check`` does; the first byte names it, a high bit reloads a server.

    Two files are divided by a NUL.
    """
    world = worlds.get()
    folder = world.folder / "checked"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()
    reloaded = []
    for piece in data.split(b"\0")[:3]:
        number = piece[0] if piece else 0
        name = FILES[(number & 0x7F) % len(FILES)]
        (folder / name).write_bytes(piece[1:])
        text = piece[1:].decode("utf-8", "surrogateescape")
        try:
            file = ConfigFile.parse(text, name)
        except ConfigError as error:
            str(error)
        else:
            for section in file.sections:
                for option in section:
                    assert "\n" not in option.value
        with suppress(EditError):
            str(EditableFile(text))
        if number & 0x80 and name in ("pjsip.conf", "extensions.conf", "rtp.conf", "acl.conf", "pjsip_wizard.conf"):
            reloaded.append((name, piece[1:]))
    _known()
    real, registries.read_registries = registries.read_registries, lambda files, **_: _known()
    try:
        problems, notes = check.check(folder)
    finally:
        registries.read_registries = real
    for problem in (*problems, *notes):
        str(problem)
    if reloaded:
        world.wait(_reload(world, reloaded))


async def _reload(world: World, files: list[tuple[str, bytes]]) -> None:
    from whole_server import FILES as OWN

    for name, text in files:
        (world.folder / name).write_bytes(text)
    modules = ("acl", "res_pjsip", "pbx_config", "rtp", "pjsip_wizard", "outbound_registration", "qualify")
    for _ in range(2):
        for name in modules:
            if world.server.modules.is_loaded(name):
                with suppress(ConfigError, DataError):
                    await world.server.modules.reload(name)
        await world.loop.advance(1)
        for name, _ in files:
            if name in OWN:
                (world.folder / name).write_text(OWN[name])
            else:
                (world.folder / name).unlink(missing_ok=True)
    await world.settle()


class Technology:
    """Channels that do nothing by themselves."""

    name = "Fuzz"
    description = "scripted"

    def device_state(self, resource: str) -> DeviceState:
        return DeviceState.NOT_INUSE


class Driver:
    """Takes everything."""

    streams: Any = ()

    def call(self, timeout: float | None) -> None:
        """Nobody is called."""

    def answer(self) -> None:
        """Nobody is told."""

    def indicate(self, condition: Control, data: object = None) -> bool:
        return True

    def hangup(self, cause: int) -> None:
        """Nobody is told."""

    @property
    def call_id(self) -> str:
        return "x"

    def channel_item(self, name: str) -> str | None:
        return "x"

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Nobody is told."""

    def send_text(self, text: str, content_type: str = "text/plain") -> bool:
        return True

    def transfer(self, order: object) -> None:
        """Nobody is told."""


def _channel(world: World, texts: list[str], exten: str = "100") -> Any:
    name = foreign(texts[0]) if texts else ""
    number = foreign(texts[1]) if len(texts) > 1 else "6001"
    channel = world.server.pbx.create_channel(
        Technology(), "Fuzz/x", Driver(), state=ChannelState.RING, caller=PartyId(number, name),  # type: ignore[arg-type]
        context="default", exten=foreign(exten),
    )  # fmt: skip
    for at, text in enumerate(texts[2:6]):
        channel.set_variable(f"X{at}", foreign(text))
    return channel


def substitution(worlds: Worlds, data: bytes) -> None:
    """Substitution and expressions: the template first, then after NULs name, number and values from outside."""
    world = worlds.get()
    template, *texts = [piece.decode("utf-8", "surrogateescape") for piece in data.split(b"\0")[:7]]
    called: list[str] = []
    environment = world.server.pbx.dialplan.environment
    real, in_expression = environment.function, environment.function_in_expression

    def function(channel: Any, name: str, args: str) -> str | None:
        if name.upper() == CANARY:
            called.append(args)
        return real(channel, name, args)

    def within(channel: Any, name: str, args: str) -> str | None:
        if name.upper() == CANARY:
            called.append(args)
        return in_expression(channel, name, args)

    async def body(channel: Any) -> None:
        dialplan = world.server.pbx.dialplan
        for text in (template, f"$[{template}]", f'$["{template}" = "${{CALLERID(name)}}" | ${{X0}}]'):
            found = dialplan.expand(text, channel)
            assert len(found) <= 70_000
        environment.assign(channel, f"V{template[:40]}", template)

    async def main() -> None:
        await world.server.pbx.start(_channel(world, texts), body)
        await world.settle()

    environment.function = function
    environment.function_in_expression = within
    try:
        world.wait(main())
    finally:
        environment.function, environment.function_in_expression = real, in_expression
    assert not called or CANARY in template.upper() or "EVAL" in template.upper(), called
    expression.evaluate(template)
    for text in texts:
        expression.evaluate_pieces(
            (('"', True), (foreign(text), False), ('" = "', True), (template, False), ('"', True))
        )
        with suppress(RegexError):
            compile_regex(text).search(template)


def pattern(worlds: Worlds, data: bytes) -> None:
    """Extension patterns, times of includes and MessageSend-like addresses; a NUL divides pattern and digits."""
    text, _, digits = data.decode("utf-8", "surrogateescape").partition("\0")
    patterns.order(text)
    patterns.compile_pattern(text)
    patterns.matches(text, digits)
    patterns.matches(digits, text)
    with suppress(ValueError):
        parse_time_spec(text)


def dialplan(worlds: Worlds, data: bytes) -> None:
    """An extensions.conf whose extension 100 is called, by a caller whose name and number stand behind NULs."""
    world = worlds.get()
    text, *texts = [piece.decode("utf-8", "surrogateescape") for piece in data.split(b"\0")[:7]]
    plan = world.server.pbx.dialplan
    try:
        loaded = loader.read(ConfigFile.parse(text, "extensions.conf"), plan.expand_with)
    except ConfigError:
        return
    before = dict(plan.globals)
    plan.globals.update(loaded.globals)
    plan.replace(loader.REGISTRAR, loaded.table)

    async def main() -> None:
        for exten in ("100", *texts[6:7]):
            channel = _channel(world, texts, exten)
            task = world.server.pbx.start(channel)
            began = time.monotonic()
            for seconds in (0.2, 0.2, 0.2, 3):
                await world.loop.advance(seconds)
                channel.queue_digit("5", 100)
                if time.monotonic() > began + 0.5:  # a dialplan without end, which is its author's affair
                    break
            channel.soft_hangup()
            await world.loop.advance(3)
            assert task.done() or not texts, "a call does not end"
        await world.settle()

    try:
        world.wait(main())
    finally:
        own = loader.load(world.folder / "extensions.conf", plan.expand_with)
        plan.replace(loader.REGISTRAR, own.table)
        plan.globals.clear()
        plan.globals.update(before)
