"""Rewriting the text of a dialplan line: references, applications and destinations of chan_sip."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from asterism.chan_sip.migrate.destinations import Changed, Destinations
from asterism.chan_sip.migrate.items import VARIABLES, WRITTEN, channel_item, peer_item
from asterism.chan_sip.migrate.report import Outcome
from asterism.chan_sip.migrate.scanning import arguments, closing, reach

_DEVICE = re.compile(r"(?<![A-Za-z0-9_./@-])SIP/(?!2\.0)", re.IGNORECASE)
_APPLICATION = re.compile(r"(?<![\w$])(SIPAddHeader|SIPRemoveHeader|SIPDtmfMode|SIPSendCustomINFO)\(", re.IGNORECASE)
_SET = re.compile(r"(?<![\w$])(M?Set)\(", re.IGNORECASE)
_HEADER_VARIABLE = re.compile(r"_*SIPADDHEADER\d*\Z")
_REACHABLE = re.compile(
    r'"\$\{SIPPEER\((?P<peer>[^(),]*(?:\$\{\w+\})?),status\)(?::0:2)?\}" *(?P<sign>!?=) *"OK"', re.IGNORECASE
)
_NAMES = "CHANNEL|DIALEDPEERNAME|BRIDGEPEER|BLINDTRANSFER|DIALEDPEERCHANNEL|CDR\\((?:dst)?channel\\)"
_OFFSET = re.compile(rf"\$\{{({_NAMES}):(\d+)(:\d+)?\}}")
_TECHNOLOGY = re.compile(
    r"CHANNEL\(channeltype\)|CUT\((?:CHANNEL|DIALEDPEERNAME|BRIDGEPEER|BLINDTRANSFER),/,1\)|\$\{\w+:0:3\}"
)
_END = "&,)]\"' \t|^?<>"
"""What ends a destination in a line."""


@dataclass
class World:
    """What the lines mean: the peers, and what the variables of the dialplan hold.

    ``trunks`` are variables that hold ``SIP/peer``, ``prefixes`` those that hold ``SIP/peer/``; ``handlers`` the
    contexts that run on channels that are about to be called; ``domains`` are those of ``domain=``; ``constants`` what
    sip.conf says of a peer's item.
    """

    destinations: Destinations
    trunks: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    handlers: set[str] = field(default_factory=set)
    domains: tuple[str, ...] = ()
    constants: dict[tuple[str, str], str] = field(default_factory=dict)

    def constant(self, peer: str, item: str) -> str | None:
        """What sip.conf says."""
        return self.constants.get((peer.lower(), item))


class Rewriter:
    """Rewrites one text; what there is to say about it is in ``notes``."""

    def __init__(self, world: World, *, handler: bool = False) -> None:
        self._world = world
        self._header = "PJSIP_HEADER" if handler else "PJSIP_INHERITABLE_HEADER"
        self.notes: list[tuple[Outcome, str]] = []

    @property
    def outcome(self) -> Outcome:
        """The worst of the notes."""
        found = {outcome for outcome, _ in self.notes}
        return next((each for each in (Outcome.UNTRANSLATED, Outcome.CHANGED) if each in found), Outcome.TRANSLATED)

    @property
    def why(self) -> str:
        """What there is to say, once each."""
        return "; ".join(dict.fromkeys(why for _, why in self.notes if why))

    def _take(self, changed: Changed) -> str:
        self.notes.append((changed.outcome, changed.why))
        return changed.text

    def rewrite(self, text: str) -> str:
        """The text with everything translated."""
        text = _REACHABLE.sub(self._reachable, text)
        if _TECHNOLOGY.search(text):
            text = self._technology(text)
        return self._walk(_OFFSET.sub(self._offset, text))

    # Comparisons of names

    def _reachable(self, found: re.Match[str]) -> str:
        peer = self._world.destinations.endpoint(found["peer"].strip())
        self.notes.append((Outcome.TRANSLATED, ""))
        contact = f"${{PJSIP_CONTACT(${{PJSIP_AOR({peer},contact)}},status)}}"
        return f'"{contact}" {found["sign"]} "Reachable"'

    def _technology(self, text: str) -> str:
        changed = re.sub(r"(?<![\w/.])SIP(?![\w/])", "PJSIP", text)
        if changed != text:
            self.notes.append((Outcome.TRANSLATED, ""))
            changed = re.sub(r"(\$\{\w+):0:3\}", r"\1:0:5}", changed)
        return changed

    def _offset(self, found: re.Match[str]) -> str:
        name, start, length = found[1], int(found[2]), found[3] or ""
        if start != 4:
            return found[0]
        self.notes.append((Outcome.CHANGED, "PJSIP/ is two characters longer than SIP/"))
        return f"${{{name}:{start + 2}{length}}}"

    # The text from left to right

    def _walk(self, text: str) -> str:
        done: list[str] = []
        index = 0
        while index < len(text):
            if text.startswith("${", index):
                end = closing(text, index + 1)
                name = text[index + 2 : end]
                trunk = self._trunk(name, text, end + 1)
                if trunk is not None:
                    piece, index = trunk
                else:
                    piece, index = self._reference(name, end < len(text)), end + 1
                done.append(piece)
                continue
            application = _APPLICATION.match(text, index)
            if application is not None:
                end = closing(text, application.end() - 1)
                done.append(self._application(application[1].lower(), text[application.end() : end]))
                index = end + 1
                continue
            setting = _SET.match(text, index)
            if setting is not None:
                end = closing(text, setting.end() - 1)
                done.append(self._setting(setting[1], text[setting.end() : end]) + text[end : end + 1])
                index = end + 1
                continue
            device = _DEVICE.match(text, index)
            if device is not None:
                end = self._end_of_destination(text, device.end())
                done.append(self._destination(text[device.end() : end]))
                index = end
                continue
            done.append(text[index])
            index += 1
        return "".join(done)

    def _end_of_destination(self, text: str, start: int) -> int:
        """Where a destination ends: a colon ends it too, unless a port or a password follows."""
        end = reach(text, start, _END)
        found = text[start:end]
        colon = reach(found, 0, ":")
        if colon < len(found):
            rest = found[colon + 1 :]
            if "@" not in rest and not rest.isdecimal():
                return start + colon
        return end

    def _destination(self, resource: str) -> str:
        return self._take(self._world.destinations.translate(self._walk(resource)))

    # References

    def _reference(self, inner: str, closed: bool) -> str:
        name, parenthesis, _ = inner.partition("(")
        if parenthesis and "$" not in name:
            end = closing(inner, len(name))
            text = self._function(name.strip(), inner[len(name) + 1 : end], inner[end + 1 :])
        elif "$" in inner:
            text = f"${{{self._walk(inner)}"
        else:
            name, colon, offset = inner.partition(":")
            text = self._variable(name.strip(), colon + offset)
        return text + "}" if closed and text.startswith("${") else text

    def _variable(self, name: str, offset: str) -> str:
        found = VARIABLES.get("SIP_CODEC" if name == "SIP_CODEC_INBOUND" else name)
        if found is None:
            if _HEADER_VARIABLE.match(name):
                self.notes.append((Outcome.UNTRANSLATED, "headers to be added are no variables"))
            return f"${{{name}{offset}"
        text = self._take(found)
        return f"${{{text}{offset}" if text else f"${{{name}{offset}"

    def _function(self, name: str, args: str, tail: str) -> str:
        """``${name(args)tail`` without its brace, or a text that needs no braces."""
        found: Changed | None = None
        if name in ("CHANNEL", "SIPCHANINFO"):
            found = channel_item(args)
            if found is None and name == "SIPCHANINFO":
                found = Changed("", Outcome.UNTRANSLATED, "SIPCHANINFO has no counterpart")
        elif name == "SIPPEER":
            found = peer_item(self._walk(args), self._world.destinations.endpoint, self._world.constant)
            if found.outcome is Outcome.CHANGED and found.why.startswith("what sip.conf") and not tail:
                return self._take(found)
        elif name == "SIP_HEADER":
            found = Changed(f"PJSIP_HEADER(read,{self._walk(args)})")
        elif name == "SIP_HEADERS":
            found = Changed(f"PJSIP_HEADERS({self._walk(args)})")
        elif name == "CHECKSIPDOMAIN":
            return self._domain(self._walk(args).strip())
        if found is None:
            return f"${{{name}({self._walk(args)}){tail}"
        text = self._take(found)
        return f"${{{text}{tail}" if text else f"${{{name}({args}){tail}"

    def _domain(self, name: str) -> str:
        domains = self._world.domains
        if "$" not in name:
            self.notes.append((Outcome.CHANGED, "the domains of sip.conf are written into the line"))
            return next((each for each in domains if each.lower() == name.lower()), "")
        self.notes.append((Outcome.CHANGED, "the domains of sip.conf are written into the line"))
        tests = " | ".join(f'"${{TOLOWER({name})}}" = "{each.lower()}"' for each in domains) or "0"
        return f"${{IF($[{tests}]?{name})"

    # Trunks in variables

    def _trunk(self, name: str, text: str, end: int) -> tuple[str, int] | None:
        """``${TRUNK}/number`` or ``${TRUNK}number``, where the variable holds a peer: the new text, and its end."""
        kind = self._kind(name)
        if kind is None or end >= len(text):
            return None
        slash = text[end] == "/"
        if kind == "prefix" and not slash and text[end] in _END + ":}":
            return None
        if kind == "device" and not slash:
            return None
        stop = self._end_of_destination(text, end + slash)
        number = self._walk(text[end + slash : stop])
        if not number:
            return None
        if kind == "mixed":
            why = f"'${{{name}}}' may be of another technology than SIP: PJSIP/number@${{{name}:6}} is needed for SIP"
            self.notes.append((Outcome.UNTRANSLATED, why))
            return text[end - len(name) - 3 : stop], stop
        self.notes.append((Outcome.TRANSLATED, ""))
        inner = self._walk(name) if "$" in name else name
        return f"PJSIP/{number}@${{{inner}:6}}", stop

    def _kind(self, name: str) -> str | None:
        """What a variable holds: a peer (``device``), a peer and a slash (``prefix``), or more than SIP (``mixed``)."""
        world = self._world
        if "(" in name.partition("$")[0] or ":" in name.partition("$")[0]:
            return None
        pattern = re.compile(re.sub(r"\\\$\\\{.*\\\}", ".+", re.escape(name)) + r"\Z")
        devices, prefixes, others = (
            any(map(pattern.match, names)) for names in (world.trunks, world.prefixes, world.others)
        )
        if not devices and not prefixes:
            return None
        if others or (devices and prefixes):
            return "mixed"
        return "device" if devices else "prefix"

    # Applications

    def _setting(self, application: str, args: str) -> str:
        """The arguments of Set, with the variables that chan_sip looks at."""
        if application.lower() == "mset":
            return f"{application}({','.join(self._assignment(one) for one in arguments(args))}"
        return f"{application}({self._assignment(args)}"

    def _assignment(self, text: str) -> str:
        name, equals, value = text.partition("=")
        plain = name.strip().lstrip("_")
        if not equals or "(" in name or "$" in name:
            return self._walk(text)
        if _HEADER_VARIABLE.match(plain):
            return self._added(value)
        if plain in ("SIP_CODEC", "SIP_CODEC_INBOUND"):
            why = "before the answer; SIP_CODEC also had effect on the called phone"
            self.notes.append((Outcome.CHANGED, why if plain == "SIP_CODEC" else "before the answer"))
            return f"PJSIP_MEDIA_OFFER(audio)=!all,{self._walk(value)}"
        if plain in WRITTEN:
            self.notes.append((Outcome.UNTRANSLATED, WRITTEN[plain]))
        return f"{name}={self._walk(value)}"

    def _application(self, name: str, args: str) -> str:
        if name == "sipaddheader":
            return f"Set({self._added(args)})"
        if name == "sipremoveheader":
            self.notes.append((Outcome.TRANSLATED, ""))
            header = self._walk(args).strip()
            wanted = header[:-1] if header.endswith(":") else f"{header}*"
            return f"Set({self._header}(remove,{wanted})=)"
        if name == "sipdtmfmode":
            mode = args.strip().lower()
            modes = {"rfc2833": "rfc4733", "shortinfo": "info"}
            self.notes.append((Outcome.TRANSLATED, ""))
            return f"Set(PJSIP_DTMF_MODE()={modes.get(mode, self._walk(args.strip()))})"
        self.notes.append((Outcome.UNTRANSLATED, "INFO with a text of one's own cannot be sent"))
        return f"NoOp(SIPSendCustomINFO {args})"

    def _added(self, header: str) -> str:
        """An assignment that adds a header, given as ``Name: value``."""
        header = self._walk(header)
        end = reach(header, 0, ":")
        name, value = header[:end].strip(), header[end + 1 :].strip()
        if end < len(header):
            self.notes.append((Outcome.TRANSLATED, ""))
            return f"{self._header}(add,{name})={value}"
        variable = re.fullmatch(r"\$\{(\w+)\}", name)
        if variable is None:
            self.notes.append((Outcome.UNTRANSLATED, "the name of the header cannot be told from its value"))
            return f"{self._header}(add,{name})="
        self.notes.append((Outcome.CHANGED, "name and value are taken apart at the colon"))
        return f"{self._header}(add,${{CUT({variable[1]},:,1)}})=${{CUT({variable[1]},:,2-)}}"


def variables_in(text: str) -> tuple[set[str], set[str], set[str]]:
    """The variables that a text gives a peer of chan_sip, a peer and a slash, and another technology."""
    devices: set[str] = set()
    prefixes: set[str] = set()
    others: set[str] = set()
    for found in re.finditer(r"(?<![\w$])_{0,2}(\w+)\s*=>?\s*([A-Za-z0-9]+)/([^&,)\s\"]*)", text):
        name, technology, rest = found.groups()
        if technology.upper() != "SIP":
            if technology.isupper() or technology in ("Local", "Console", "Dongle"):
                others.add(name)
        elif rest.endswith("/"):
            prefixes.add(name)
        elif "/" not in rest and "@" not in rest:
            devices.add(name)
    return devices, prefixes, others


def handlers_in(texts: Collection[str]) -> set[str]:
    """The contexts that Dial runs on the channels it is about to call (option b)."""
    found: set[str] = set()
    for text in texts:
        if re.search(r"(?i)\bDial\(", text):
            found.update(match.lower() for match in re.findall(r"(?<![\w$])\w*b\(([\w.-]+)\^", text))
    return found
