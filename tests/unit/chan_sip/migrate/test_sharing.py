"""Templates: whatever they are, what is written says what was said."""

from __future__ import annotations

import random
from pathlib import Path

from asterism.chan_sip.migrate.names import PlainNames
from asterism.chan_sip.migrate.sharing import Templates, difference, group_of, usable
from asterism.chan_sip.reading import read
from asterism.chan_sip.translation.translate import translate
from asterism.config.file import ConfigFile, Option
from asterism.core.errors import Position
from asterism.sip.objects.endpoint import Endpoint

HERE = Position("sip.conf", 1)


def options(*lines: tuple[str, str]) -> list[Option]:
    return [Option(name, value, HERE) for name, value in lines]


def texts(lines: list[Option] | None) -> list[tuple[str, str]] | None:
    return None if lines is None else [(line.name, line.value) for line in lines]


def test_a_single_value_is_written_where_it_differs() -> None:
    had = options(("context", "a"), ("dtmf_mode", "info"))
    assert texts(difference("endpoint", had, options(("context", "a")))) == [("dtmf_mode", "rfc4733")]
    assert texts(difference("endpoint", had, options(("context", "b"), ("dtmf_mode", "info")))) == [("context", "b")]


def test_every_type_that_sip_conf_makes_is_known(tmp_path: Path) -> None:
    """``mwi`` makes an object of a type that is not one of the SIP stack's own."""
    text = "[general]\nregister => u:p@192.0.2.1\nmwi => u:p@192.0.2.1/1\n[a]\ntype=friend\n"
    (tmp_path / "sip.conf").write_text(text)
    kinds = translate(read(ConfigFile.load(tmp_path / "sip.conf")), PlainNames()).sections
    assert {"outbound-subscription", "registration", "endpoint", "auth", "aor"} <= set(kinds)
    for kind in kinds:
        assert group_of(kind, "no_such_option", "3") == ("no_such_option", False)


def test_codecs_begin_anew() -> None:
    had = options(("allow", "ulaw,alaw"))
    assert texts(difference("endpoint", had, had)) == []
    assert texts(difference("endpoint", had, options(("allow", "alaw")))) == [("disallow", "all"), ("allow", "alaw")]


def test_lines_that_add_up_cannot_be_taken_back() -> None:
    had = options(("set_var", "A=1"))
    assert texts(difference("endpoint", had, options(("set_var", "A=1"), ("set_var", "B=2")))) == [("set_var", "B=2")]
    assert difference("endpoint", had, []) is None


WORDS = {
    "context": ("a", "b"), "dtmfmode": ("info", "rfc2833", "inband"), "allow": ("ulaw", "alaw", "g722", "all"),
    "disallow": ("all", "ulaw"), "host": ("dynamic", "192.0.2.1"), "secret": ("x", "y"), "setvar": ("A=1", "B=2"),
    "nat": ("no", "yes", "comedia"), "callgroup": ("1", "2"), "permit": ("192.0.2.0/24",), "deny": ("0.0.0.0/0",),
    "type": ("friend", "peer", "user"), "language": ("de", "en"), "qualify": ("yes", "no"),
}  # fmt: skip


def made_up(chance: random.Random) -> str:
    """A sip.conf of templates that build on one another, and sections that use them."""
    lines = ["[general]", *some(chance)]
    names: list[str] = []
    for number in range(6):
        bases = chance.sample(names, min(len(names), chance.randrange(3)))
        lines += [f"[t{number}]({','.join(['!', *bases])})", *some(chance)]
        names.append(f"t{number}")
    for number in range(4):
        bases = chance.sample(names, chance.randrange(4))
        lines += [f"[p{number}]({','.join(bases)})" if bases else f"[p{number}]", *some(chance), "type=friend"]
    return "\n".join(lines)


def some(chance: random.Random) -> list[str]:
    return [f"{name}={chance.choice(WORDS[name])}" for name in chance.choices(list(WORDS), k=chance.randrange(5))]


def test_templates_of_any_kind_say_the_same() -> None:
    chance = random.Random(15)
    names = PlainNames()
    for _ in range(60):
        text = made_up(chance)
        file = ConfigFile.parse(text)
        every = [each for sections in translate(read(file), names).sections.values() for each in sections]
        inherits = {section.position.line: section.inherits for section in file.sections}
        templates = Templates(file, names, {section.name for section in every})
        written = [(section, templates.write(section, inherits.get(section.position.line, ()))) for section in every]
        lines: list[str] = []
        for template in [each for some in templates.written.values() for each in some]:
            lines += render(template)
        for _, one in written:
            lines += render(one)
        again = ConfigFile.parse("\n".join(lines))
        assert len(again.sections) == len(every)
        for section, read_back in zip([section for section, _ in written], again.sections, strict=True):
            if section.get("type") == "endpoint":
                wanted = Endpoint.from_options(section.name, usable(section), None)
                found = Endpoint.from_options(section.name, [o for o in read_back if o.name != "type"], None)
                assert values(found) == values(wanted), "\n".join([text, "---", *lines])


def values(endpoint: Endpoint) -> dict[str, object]:
    return {name: getattr(endpoint, name) for name in Endpoint.defaults()}


def render(written: object) -> list[str]:
    words = [*(["!"] if written.template else []), *written.bases]  # type: ignore[attr-defined]
    header = f"[{written.name}]" + (f"({','.join(words)})" if words else "")  # type: ignore[attr-defined]
    lines = [f"{option.name}={option.value}" for option in written.options]  # type: ignore[attr-defined]
    lines.sort(key=lambda line: line != "disallow=all")
    return [header, f"type={written.kind}", *lines]  # type: ignore[attr-defined]


def test_networks_add_up() -> None:
    nets = options(("local_net", "10.0.0.0/8"), ("local_net", "192.168.0.0/16"))
    assert texts(difference("transport", [], nets)) == [("local_net", "10.0.0.0/8"), ("local_net", "192.168.0.0/16")]
