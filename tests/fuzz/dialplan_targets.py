"""What is fuzzed of the dialplan's language: what its author writes, and what a caller sends."""

from __future__ import annotations

import logging
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "pbx" / "dialplan"))

from dialplan_world import World

from asterism.config import ConfigFile
from asterism.core.errors import ConfigError
from asterism.pbx.dialplan.applications.dial.options import parse_options
from asterism.pbx.dialplan.language import loader
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.dialplan.language.foreign import foreign, joined, shadow

MARK = "HACKED"
WRAPPED = (
    '$["${NAME}" = "x"]',
    "$[${NAME} = 1]",
    "$[0${NAME}+1 | ${NAME}]",
    '$["a" =~ "${NAME}"]',
    "${${NAME}}",
    "${${NAME}:1}",
    "${EVAL(${NAME})}",
    "${CUT(NAME,x,1)}${CUT(${NAME},x,1)}",
    '${IF($["${NAME}" = "x"]?${NAME}:no)}',
    "${TOUPPER(${NAME})}${QUOTE(${NAME})}",
    '${REGEX("${NAME}" ${NAME})}',
    "${MATH(${NAME}+1)}${SORT(a:${NAME})}",
)


@cache
def _world() -> World:
    found = World()
    found.log.setLevel(logging.CRITICAL + 1)
    return found


def expression(data: bytes) -> None:
    """A text of the dialplan's author, before a NUL; behind it what a caller sends."""
    written, _, sent = data.decode("utf-8", "surrogateescape").partition("\0")
    world = _world()
    variables = world.dialplan.globals
    variables.clear()
    variables["NAME"] = name = foreign(sent)
    for text in WRAPPED:
        # Nothing that a caller sends sets a variable, and a text is no longer than it may be.
        assert len(world.dialplan.expand(text)) <= 65536
        assert set(variables) == {"NAME"}, (text, sent)
    args = joined(("PJSIP/", name, "&PJSIP/b,20,o(", name, ")"))
    destinations, timeout, options = split_arguments(args, limit=3)
    assert timeout == "20"
    assert destinations.split("&") == [f"PJSIP/{sent}", "PJSIP/b"]
    assert parse_options(options).letters == {"o"}
    assert len(shadow(args)) == len(args)
    world.dialplan.expand(written)


def extensions(data: bytes) -> None:
    """A file of the dialplan: read, or refused with the places that are wrong."""
    world = _world()
    try:
        loaded = loader.read(
            ConfigFile.parse(data.decode("utf-8", "surrogateescape"), "extensions.conf"), world.dialplan.expand_with
        )
    except ConfigError:
        return
    world.dialplan.replace(loader.REGISTRAR, loaded.table)
    for context in list(loaded.table.contexts):
        world.dialplan.find_hint(context, "1${SET(X=1)}&PJSIP/2")


EXPRESSIONS = (
    b'${LEN(${A:1:2})}$["1" + ${B}]\0x" | SET(GLOBAL(HACKED)=1) & "',
    b"$[(1 + 2) * POW(2,3) : 1]\0${SET(HACKED=1)}",
    b'$[5 > 3 ? a :: b]$[!"" ~~ x]\0SET(HACKED=1)',
    b"${FILTER(a-z,Xa)}${STRREPLACE(A,b,c)}${SPRINTF(%5.2f %s,1,x)}\0(x+x+)+$",
    b"${HASH(a,${B})}${CUT(A,\\,,1-2)}\0GLOBAL(HACKED)",
    b"${EVAL(${A})}${IFTIME(*,*,*,*?1:2)}${STRFTIME(0,UTC,%F %3q)}\01&PJSIP/102,60,i",
)
FILES = (
    (
        b"[general]\nautofallthrough=yes\n[globals]\nA=1\nB=${A}\n[x]\nexten => _X!,1,Dial(PJSIP/${EXTEN},20)\n"
        b" same => n(l),GotoIf($[1 = 1]?l)\nexten => _X!,hint,PJSIP/${EXTEN}&Custom:a,b\n"
        b"include => y,08:00-18:00,mon,*,*\n"
    ),
    b"[x](!)\nexten = 1,1,NoOp()\n[y](x)\nexten => [1-9]/2,n+2(z),Set(A=\\;b) ; c\n",
)
